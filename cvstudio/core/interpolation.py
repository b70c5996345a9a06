"""The shape between two shapes of one object: boxes, outlines and masks, at any time in between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.convert import to_mask, to_polygon
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox, turned

_SAMPLES = 128  # places on a ring at which two outlines are laid against each other
_TOLERANCE = 0.5  # pixels, of an outline that had to go through a mask
_DIGITS = 9  # shares of a ring's length that agree so far are one place


def between(a: Shape, b: Shape, t: float) -> Shape:
    """The shape at time t, 0 being `a` and 1 being `b`.

    Two boxes: each side on its own, so a box that moves evenly is met exactly. Two outlines of one
    ring: points that belong together move on straight lines. Masks, and outlines with holes or
    several parts: the signed distance to the border is blended, over the way of their middles.
    Two rotated boxes turn the shorter way. Keypoints: those that both have. A box and something
    else, and keypoints and something else: the boxes around them. None when either is None or
    nothing is left.
    """
    if t <= 0:
        return a
    if t >= 1:
        return b
    if a is None or b is None:
        return None
    match a, b:
        case RotatedBox(), RotatedBox():
            return _rotated_between(a, b, t)
        case Keypoints(), Keypoints() if len(a.points) == len(b.points):
            return _keypoints_between(a, b, t)
        case (Box() | Keypoints(), _) | (_, Box() | Keypoints()):
            return _box_between(box_of(a), box_of(b), t)
        case Polygon(), Polygon() if _plain(a) and _plain(b):
            return Polygon.simple(_ring_between(a.parts[0].outer, b.parts[0].outer, t))
        case Polygon(), Polygon():
            blended = _mask_between(to_mask(a), to_mask(b), t)
            return None if blended is None else to_polygon(blended, tolerance=_TOLERANCE)
        case _:
            return _mask_between(to_mask(a), to_mask(b), t)


def _rotated_between(a: RotatedBox, b: RotatedBox, t: float) -> RotatedBox:
    ends = zip((a.cx, a.cy, a.w, a.h), (b.cx, b.cy, b.w, b.h), strict=True)
    cx, cy, w, h = (p + (q - p) * t for p, q in ends)
    return RotatedBox(cx, cy, w, h, a.angle + turned(b.angle - a.angle) * t)


def _keypoints_between(a: Keypoints, b: Keypoints, t: float) -> Keypoints:
    points = a.points + (b.points - a.points) * t
    points[:, 2] = np.minimum(a.points[:, 2], b.points[:, 2])
    points[points[:, 2] == 0] = 0.0
    framed = a.frame is not None and b.frame is not None
    return Keypoints(points, _box_between(a.box, b.box, t) if framed else None)


def _box_between(a: Box, b: Box, t: float) -> Box:
    return Box(*(p + (q - p) * t for p, q in zip(_sides(a), _sides(b), strict=True)))


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.w, box.h


def _plain(polygon: Polygon) -> bool:
    return len(polygon.parts) == 1 and not polygon.parts[0].holes


def _ring_between(a: Points, b: Points, t: float) -> Points:
    """Rings with as many points keep their points; others get those of both."""
    if _turn(a) * _turn(b) < 0:
        b = b[::-1]
    if len(a) == len(b):
        return np.asarray(a + (np.roll(b, -_best_shift(a, b), axis=0) - a) * t)
    even = np.arange(_SAMPLES) / _SAMPLES
    offset = _best_shift(_at(a, even), _at(b, even)) / _SAMPLES
    places = np.concatenate([_shares(a), (_shares(b) - offset) % 1.0])
    places = np.unique(np.round(places, _DIGITS))
    start, end = _at(a, places), _at(b, (places + offset) % 1.0)
    return np.asarray(start + (end - start) * t)


def _turn(ring: Points) -> float:
    """The signed area of a ring: its sign says which way round it goes."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _best_shift(a: Points, b: Points) -> int:
    """By how many places `b` must be turned to lie on `a`, both about their middles: the largest
    correlation, found for all turns at once."""
    p = (a - a.mean(axis=0)) @ np.array([1, 1j])
    q = (b - b.mean(axis=0)) @ np.array([1, 1j])
    alike = np.fft.ifft(np.conj(np.fft.fft(p)) * np.fft.fft(q)).real
    return int(np.argmax(np.round(alike, 6)))


def _shares(ring: Points) -> NDArray[np.float64]:
    """Where the points of a ring lie on its length, from 0 to below 1."""
    steps = np.hypot(*(np.roll(ring, -1, axis=0) - ring).T)
    total = steps.sum()
    if total <= 0:
        return np.arange(len(ring)) / len(ring)
    return np.asarray((np.cumsum(steps) - steps) / total)


def _at(ring: Points, places: NDArray[np.float64]) -> Points:
    """The points of a ring at shares of its length."""
    shares = np.append(_shares(ring), 1.0)
    closed = np.vstack([ring, ring[:1]])
    return np.column_stack([np.interp(places, shares, closed[:, axis]) for axis in (0, 1)])


def _mask_between(a: Mask | None, b: Mask | None, t: float) -> Mask | None:
    if a is None or b is None:
        return None
    first, second = a.patch(), b.patch()
    way = np.round(_middle(b, second) - _middle(a, first)).astype(int)
    # `b` is laid over `a`; the blend then goes its share of the way.
    x, y = b.x - int(way[0]), b.y - int(way[1])
    left, top = min(a.x, x) - 1, min(a.y, y) - 1
    width = max(a.x + a.w, x + b.w) + 1 - left
    height = max(a.y + a.h, y + b.h) + 1 - top
    near = _signed(first, a.x - left, a.y - top, width, height)
    far = _signed(second, x - left, y - top, width, height)
    inside = (near * (1 - t) + far * t > 0).astype(np.uint8)
    gone = np.round(way * t).astype(int)
    return Mask.from_patch(inside, left + int(gone[0]), top + int(gone[1]))


def _middle(mask: Mask, patch: Patch) -> NDArray[np.float64]:
    rows, columns = np.nonzero(patch)
    return np.array([mask.x + columns.mean(), mask.y + rows.mean()])


def _signed(patch: Patch, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
    """Distance to the border in pixels, positive inside, of a patch on a larger field."""
    field = np.zeros((height, width), np.uint8)
    field[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    inside = cv2.distanceTransform(field, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - field, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.where(field > 0, inside - 0.5, 0.5 - outside).astype(np.float32)
