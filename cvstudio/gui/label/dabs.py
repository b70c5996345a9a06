"""Brush strokes on uint8 patches: round and square dabs, the ways between them, closing holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvstudio.core.masks import Patch
from cvstudio.core.opencv import cv2

_SHIFT = 4  # cv2 draws with 1/16 of a pixel
_ONE = 1 << _SHIFT
_EXACT_UP_TO = 20_000  # pixels; cv2 is faster above, but its small circles are not round


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in whole pixels: left, top, and right and bottom just outside."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def empty(self) -> bool:
        return self.x0 >= self.x1 or self.y0 >= self.y1

    def joined(self, other: Rect) -> Rect:
        """The smallest rectangle around both; an empty one adds nothing."""
        if self.empty or other.empty:
            return other if self.empty else self
        return Rect(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def within(self, width: int, height: int) -> Rect:
        """The part on an image of that size."""
        return Rect(max(self.x0, 0), max(self.y0, 0), min(self.x1, width), min(self.y1, height))


NOTHING = Rect(0, 0, 0, 0)


def dab(
    patch: Patch, start: tuple[float, float], end: tuple[float, float], *, size: float, value: int,
    square: bool = False,
) -> Rect:  # fmt: skip
    """Draw the way of a round or square brush from one point to another into a patch, in place.

    Points are in pixels from the patch's top left corner, so (0.5, 0.5) is the middle of the first
    pixel; `size` is the brush's diameter or side. Returns the rectangle that may have changed.
    """
    height, width = patch.shape
    reach = size / 2
    touched = Rect(
        int(np.floor(min(start[0], end[0]) - reach)) - 1,
        int(np.floor(min(start[1], end[1]) - reach)) - 1,
        int(np.ceil(max(start[0], end[0]) + reach)) + 2,
        int(np.ceil(max(start[1], end[1]) + reach)) + 2,
    ).within(width, height)
    if touched.empty:
        return NOTHING
    # A view of the touched rectangle keeps cv2's fixed-point coordinates small on any image.
    view = patch[touched.y0 : touched.y1, touched.x0 : touched.x1]
    first = (start[0] - touched.x0, start[1] - touched.y0)
    last = (end[0] - touched.x0, end[1] - touched.y0)
    if size < 2:
        cv2.line(view, _pixel(first), _pixel(last), value, 1)
        return touched
    if square:
        _swept_square(view, first, last, reach, value)
        return touched
    if view.size <= _EXACT_UP_TO:
        _capsule(view, first, last, reach, value)
        return touched
    radius = round((reach - 0.5) * _ONE)
    for point in {first, last}:
        cv2.circle(view, _fixed(point), radius, value, -1, cv2.LINE_8, _SHIFT)
    if first != last:
        along = np.subtract(last, first)
        across = np.array([-along[1], along[0]]) * (reach - 0.5) / np.hypot(*along)
        corners = (first + across, last + across, last - across, first - across)
        points = np.array([_fixed((float(x), float(y))) for x, y in corners], np.int32)
        cv2.fillConvexPoly(view, points, value, cv2.LINE_8, _SHIFT)
    return touched


def _capsule(
    view: Patch, first: tuple[float, float], last: tuple[float, float], reach: float, value: int
) -> None:
    """Set every pixel whose middle is within reach of the way from first to last."""
    height, width = view.shape
    x = (np.arange(width) + 0.5 - first[0])[None, :]
    y = (np.arange(height) + 0.5 - first[1])[:, None]
    dx, dy = last[0] - first[0], last[1] - first[1]
    length = dx * dx + dy * dy
    share = np.clip((x * dx + y * dy) / length, 0, 1) if length else 0.0
    away = (x - share * dx) ** 2 + (y - share * dy) ** 2
    view[away <= reach * reach] = value


def _swept_square(
    view: Patch, first: tuple[float, float], last: tuple[float, float], reach: float, value: int
) -> None:
    """Set the pixels of both squares, and those that the square passes over between them."""
    for x, y in {first, last}:
        rows = slice(max(round(y - reach), 0), max(round(y + reach), 0))
        view[rows, max(round(x - reach), 0) : max(round(x + reach), 0)] = value
    if first[0] == last[0] or first[1] == last[1]:
        x0, x1 = sorted((first[0], last[0]))
        y0, y1 = sorted((first[1], last[1]))
        rows = slice(max(round(y0 - reach), 0), max(round(y1 + reach), 0))
        view[rows, max(round(x0 - reach), 0) : max(round(x1 + reach), 0)] = value
        return
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (reach - 0.5)
    corners = [_fixed((x + dx, y + dy)) for x, y in (first, last) for dx, dy in signs]
    hull = cv2.convexHull(np.array(corners, np.int32))
    cv2.fillConvexPoly(view, hull, value, cv2.LINE_8, _SHIFT)


def fill_new_holes(patch: Patch, before: Patch, taken: Patch | None = None) -> bool:
    """Fill, in place, the holes that a stroke has closed; holes that were there before stay, and
    so do the pixels of them that are `taken`. Whether some were.

    The patches show the same rectangle, after and before the stroke.
    """
    new = (_holes(patch) > 0) & (_holes(before) == 0)
    free = new if taken is None else new & (taken == 0)
    patch[free] = 1
    return free is not new and bool((new & ~free).any())


def _holes(patch: Patch) -> Patch:
    """The pixels that are not set and cannot be reached from outside."""
    padded = cv2.copyMakeBorder(patch, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(padded, None, (0, 0), 1, flags=4)
    return np.asarray(1 - padded[1:-1, 1:-1], np.uint8)


def _pixel(point: tuple[float, float]) -> tuple[int, int]:
    return int(np.floor(point[0])), int(np.floor(point[1]))


def _fixed(point: tuple[float, float]) -> tuple[int, int]:
    """cv2 puts (0, 0) in the middle of the first pixel."""
    return round((point[0] - 0.5) * _ONE), round((point[1] - 0.5) * _ONE)
