"""Which pieces of an image go through a network, and how many, for what foretells the time."""

from __future__ import annotations

from cvstudio.core.annotation import Task
from cvstudio.core.recipe import Fit

Area = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of an image, in pixels."""

MOST_CROPS = 64
"""Crops that one image gives to an epoch at most."""

_LARGE, _TILED = 2048 * 2048, 1.5
"""Above so many pixels an image is judged in tiles, which see so much more than its own area: each
looks beyond its edges (ml/tiles.py)."""
_MOST_A_SIDE = 8
"""Windows beside each other at most: MOST_CROPS on a whole image."""


def crops(width: int, height: int, size: int) -> int:
    """How many crops of `size` x `size` px cover an image: so many of it are in an epoch."""
    return min(max(round(width * height / size**2), 1), MOST_CROPS)


def judged_squares(width: int, height: int, size: int) -> float:
    """How many squares of `size` px a whole image is when it is judged at its own scale."""
    beyond = _TILED if width * height > _LARGE else 1.0
    return max(width * height / size**2 * beyond, 1.0)


def in_windows(task: Task, fit: Fit) -> bool:
    """Whether an image is classified by windows of the network's size.

    A network that has learned the class of crops says little about a picture of another size.
    """
    return task is Task.CLASSIFY and fit is Fit.CROP


def windows(width: int, height: int, size: int) -> tuple[Area, ...]:
    """The windows of `size` x `size` px, less where the image ends, by whose mean probabilities an
    image is classified: row by row, evenly spread from edge to edge.

    Neighbours share at least half a window, in images of more than 4.5 `size` a side less, and in
    still larger ones nothing: there are 64 at most, as crops in training.
    """
    return tuple(
        (left, top, min(left + size, width), min(top + size, height))
        for top in _starts(height, size)
        for left in _starts(width, size)
    )


def _starts(side: int, size: int) -> tuple[int, ...]:
    beyond = max(side - size, 0)
    steps = min(-(-2 * beyond // size), _MOST_A_SIDE - 1)
    return tuple(round(beyond * step / steps) for step in range(steps + 1)) if steps else (0,)


def window_rules(size: int) -> dict[str, int | str]:
    """The same in plain JSON, for another program that is to do it like this one."""
    return {
        "size": size,
        "most_a_side": _MOST_A_SIDE,
        "rule": "along each side of the image 1 + ceil(2 * (side - size) / size) windows of size"
        " px, at most most_a_side, one where the side is no longer than size, evenly spread from"
        " edge to edge and their starts rounded; a smaller image is padded to size at its right and"
        " bottom; the answer is the mean of the windows' probabilities",
    }
