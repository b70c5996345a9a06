"""A box followed by the looks of what is in it: for objects that blur, bend or show no texture.

OpenCV's MIL (Babenko, Yang and Belongie 2009) learns from picture to picture what the object looks
like beside what surrounds it, and looks for that nearby. It never says that an object is gone and
knows no scale: the box keeps its size, and this module compares each place with the looks so far.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.imaging.tracking.values import (
    LOST,
    Followed,
    Gone,
    Picture,
    Rgb,
    missing,
    refuse_size,
)

_SIDE = 48  # pixels of the longer side as MIL gets it: its steps and its haste are made for that
_VIEW = 16  # pixels a side of the looks that are compared
_LEARNT = 0.2  # how much each picture adds to the looks of late
_FEWEST = 4  # pixels a side below which there is nothing to be told apart

Appearance = NDArray[np.float32]
"""Shape (_VIEW, _VIEW, 3): how the colours differ from the picture's mean."""


class AppearanceFollower:
    """Follows one box; it keeps its size."""

    def __init__(self, box: Box, first: Picture) -> None:
        refuse_size(box)
        height, width = first.size
        inside = box.clipped(width, height)
        if min(inside.w, inside.h) < _FEWEST:
            raise ImageError("The box is too small to be followed by its appearance.")
        self._size, self._box = first.size, box
        self._scale = min(1.0, _SIDE / max(box.w, box.h))
        small = self._small(first.rgb)
        left, top, right, bottom = self._inner(box, small)
        self._tracker = cv2.TrackerMIL.create()
        self._tracker.init(small, (left, top, right - left, bottom - top))
        self._off = (box.x - left / self._scale, box.y - top / self._scale)
        self._first, _ = _looks(first, box)
        self._late = self._first.copy()

    def step(self, picture: Picture) -> Followed | Gone:
        """Where the box is on the next picture."""
        if picture.size != self._size:
            return Gone.OTHER_SIZE
        _, (x, y, _, _) = self._tracker.update(self._small(picture.rgb))
        there = (x / self._scale + self._off[0], y / self._scale + self._off[1])
        box = Box(float(there[0]), float(there[1]), self._box.w, self._box.h)
        looks, seen = _looks(picture, box)
        score = max(_likeness(looks, each, seen) for each in (self._first, self._late))
        if score < LOST:
            return missing(self._box, picture.size)
        self._late[seen] += _LEARNT * (looks - self._late)[seen]
        self._box = box
        return Followed(box, score)

    def _small(self, rgb: Rgb) -> Rgb:
        if self._scale == 1:
            return rgb
        height, width = self._size
        size = max(round(width * self._scale), 1), max(round(height * self._scale), 1)
        return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _inner(self, box: Box, small: Rgb) -> tuple[int, int, int, int]:
        """The box on the small picture, inside of it: left, top, right, bottom."""
        height, width = small.shape[:2]
        left, top = (round(max(v, 0) * self._scale) for v in (box.x, box.y))
        right, bottom = (round(v * self._scale) for v in (box.right, box.bottom))
        left, top = min(left, width - _FEWEST), min(top, height - _FEWEST)
        right = min(max(right, left + _FEWEST), width)
        return left, top, right, min(max(bottom, top + _FEWEST), height)


def _looks(picture: Picture, box: Box) -> tuple[Appearance, NDArray[np.bool_]]:
    """What a box shows, and which parts of it lie in the picture, (_VIEW, _VIEW)."""
    height, width = picture.size
    left, top = round(box.x), round(box.y)
    columns, rows = max(round(box.w), 1), max(round(box.h), 1)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + columns, width), min(top + rows, height)
    looks = np.zeros((_VIEW, _VIEW, 3), np.float32)
    seen = np.zeros((_VIEW, _VIEW), bool)
    if x1 <= x0 or y1 <= y0:
        return looks, seen
    # The cells of the view that lie in the picture, and what they show.
    a, b = (int(np.ceil((x0 - left) / columns * _VIEW)), int((x1 - left) / columns * _VIEW))
    c, d = (int(np.ceil((y0 - top) / rows * _VIEW)), int((y1 - top) / rows * _VIEW))
    if b <= a or d <= c:
        return looks, seen
    part = picture.rgb[y0:y1, x0:x1]
    shrunk = np.asarray(cv2.resize(part, (b - a, d - c), interpolation=cv2.INTER_AREA), np.float32)
    looks[c:d, a:b] = cv2.GaussianBlur(shrunk - picture.mean, (0, 0), 1.0)
    seen[c:d, a:b] = True
    return looks, seen


def _likeness(a: Appearance, b: Appearance, seen: NDArray[np.bool_]) -> float:
    """From -1 to 1, whatever the light: the cosine between two looks, where both are seen."""
    p, q = a[seen].ravel(), b[seen].ravel()
    lengths = float(np.linalg.norm(p) * np.linalg.norm(q))
    return float(p @ q) / lengths if lengths > 0 else 0.0
