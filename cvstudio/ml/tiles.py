"""Images that are too large for a network in one piece: which tiles it is shown, what is kept.

Only networks that take images at their own scale (Fit.CROP) need that: all others are shown a
square. The tiles lie on multiples of 32, the step of every network's deepest layer, so that a
network sees the same grid in a tile as in the whole image; what it sees around the kept part makes
tiles and whole agree wherever MARGIN is more than the network looks far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

WHOLE = 2048 * 2048
"""Pixels of input that go through a network at once, over all images of a batch."""
SIDE = 1024
"""The side of the part of a tile's answer that is kept."""
MARGIN = 128
"""Pixels that a network sees around that part."""
OBJECT_MARGIN = 256
"""The same for objects: those of twice that size are seen whole by the tile with their centre."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of an image, in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def contains(self, x: float, y: float) -> bool:
        return self.left <= x < self.right and self.top <= y < self.bottom

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, for an array (h, w, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, other: Area) -> Area:
        """The same part, seen from the left top corner of another one."""
        return Area(
            self.left - other.left, self.top - other.top,
            self.right - other.left, self.bottom - other.top,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tile:
    """One piece: the network is shown `seen`, and its answer counts in `kept`."""

    seen: Area
    kept: Area


def rules(*, objects: bool = False) -> dict[str, int | str]:
    """The same in plain JSON, for another program that is to do it like this one."""
    if objects:
        return {
            "above_pixels": WHOLE,
            "side": SIDE,
            "margin": OBJECT_MARGIN,
            "rule": "answer squares of side px from the left top corner one by one, each seen with"
            " margin px around it as far as the image reaches; keep the objects whose centre lies"
            " in the square, and of those of one class that overlap the best",
        }
    return {
        "above_pixels": WHOLE,
        "side": SIDE,
        "margin": MARGIN,
        "rule": "answer squares of side px from the left top corner one by one, each seen with"
        " margin px around it as far as the image reaches, and keep the square's own answer",
    }


def is_large(width: int, height: int) -> bool:
    """Whether an image goes through a network in tiles."""
    return width * height > WHOLE


def tiles_of(width: int, height: int, *, margin: int | None = None) -> Iterator[Tile]:
    """The tiles of an image, row by row, with MARGIN or another; their kept parts cover it once."""
    margin = MARGIN if margin is None else margin
    for top in range(0, height, SIDE):
        for left in range(0, width, SIDE):
            kept = Area(left, top, min(left + SIDE, width), min(top + SIDE, height))
            seen = Area(
                max(left - margin, 0), max(top - margin, 0),
                min(left + SIDE + margin, width), min(top + SIDE + margin, height),
            )  # fmt: skip
            yield Tile(seen, kept)


def most_at_once(width: int, height: int) -> int:
    """How many images of an input size go through a network together."""
    return max(WHOLE // max(width * height, 1), 1)


def pieces_of(width: int, height: int, size: int) -> Iterator[Tile]:
    """Pieces of an image that are all `size` large, as far as it reaches, for a network that would
    be shown the whole one shrunk; at least a quarter of each overlaps the next, and what both see
    is divided between them."""
    for top, bottom, first_row, last_row in _spans(height, size):
        for left, right, first, last in _spans(width, size):
            yield Tile(Area(left, top, right, bottom), Area(first, first_row, last, last_row))


def _spans(length: int, size: int) -> list[tuple[int, int, int, int]]:
    """Along one side: where each piece begins and ends, and the part of it that counts."""
    if length <= size:
        return [(0, length, 0, length)]
    count = -(-(length - size) // (size - size // 4)) + 1
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    edges = [0, *((a + size + b) // 2 for a, b in pairwise(starts)), length]
    return [(s, s + size, edges[i], edges[i + 1]) for i, s in enumerate(starts)]
