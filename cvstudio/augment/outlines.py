"""Shapes as rings of points: moved, densified and clipped without a loss of precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box, Part, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox

Move = Callable[[Points], Points]
"""Where points (n, 2) of the image lie after a transform."""


def corners(box: Box) -> Polygon:
    """A box as a polygon of its four corners."""
    return Polygon.simple(
        [(box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom)]
    )


def hull(mask: Mask) -> Polygon:
    """The convex hull of a mask's pixels, in pixel corners."""
    patch = mask.patch() > 0
    rows = np.flatnonzero(patch.any(axis=1))
    # The first and last pixel of each row say it all; their corners give a single pixel an area.
    first = patch[rows].argmax(axis=1)
    last = patch.shape[1] - patch[rows, ::-1].argmax(axis=1)
    x = np.concatenate([first, last, first, last])
    y = np.concatenate([rows, rows, rows + 1, rows + 1])
    points = np.stack([x, y], axis=1).astype(np.int32)
    ring = cv2.convexHull(points).reshape(-1, 2).astype(np.float64)
    return Polygon.simple(ring).moved(mask.x, mask.y)


def moved(polygon: Polygon, move: Move) -> Polygon:
    """A polygon with every ring moved."""
    return moved_all([polygon], move)[0]


def moved_all(polygons: Sequence[Polygon], move: Move) -> list[Polygon]:
    """Polygons with every ring moved; all points go in one call."""
    rings = [ring for polygon in polygons for part in polygon.parts for ring in part.rings()]
    if not rings:
        return list(polygons)
    points = move(np.concatenate(rings))
    pieces = []
    start = 0
    for ring in rings:
        pieces.append(points[start : start + len(ring)])
        start += len(ring)
    piece = iter(pieces)
    return [
        Polygon(
            tuple(Part(next(piece), tuple(next(piece) for _ in p.holes)) for p in polygon.parts)
        )
        for polygon in polygons
    ]


def densified(polygon: Polygon, *, at_most: float) -> Polygon:
    """A polygon whose edges are no longer than `at_most` pixels, so that bending can show."""

    def dense(ring: Points) -> Points:
        following = np.roll(ring, -1, axis=0)
        lengths = np.hypot(*(following - ring).T)
        counts = np.maximum(np.ceil(lengths / at_most).astype(int), 1)
        if counts.max() == 1:
            return ring
        which = np.repeat(np.arange(len(ring)), counts)
        nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        share = (nth / counts[which])[:, None]
        points: Points = ring[which] * (1 - share) + following[which] * share
        return points

    return Polygon(
        tuple(Part(dense(p.outer), tuple(dense(h) for h in p.holes)) for p in polygon.parts)
    )


def clipped(polygon: Polygon, width: float, height: float) -> Polygon | None:
    """The part of a polygon inside (0, 0, width, height); None when nothing is left.

    A polygon that lies inside comes back itself.
    """
    if all(_inside(part.outer, width, height) for part in polygon.parts):
        return polygon
    parts = []
    for part in polygon.parts:
        outer = _clip_ring(part.outer, width, height)
        if len(outer) < 3:
            continue
        holes = (_clip_ring(hole, width, height) for hole in part.holes)
        parts.append(Part(outer, tuple(hole for hole in holes if len(hole) >= 3)))
    return Polygon(tuple(parts)) if parts else None


def _inside(ring: Points, width: float, height: float) -> bool:
    x, y = ring[:, 0], ring[:, 1]
    return bool(x.min() >= 0 and y.min() >= 0 and x.max() <= width and y.max() <= height)


def _clip_ring(ring: Points, width: float, height: float) -> Points:
    """Sutherland and Hodgman's clipping, one side of the rectangle after the other."""
    if _inside(ring, width, height):
        return ring
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        if len(ring) == 0:
            break
        ring = _clip_side(ring, axis, limit, sign)
    return ring


def _clip_side(ring: Points, axis: int, limit: float, sign: int) -> Points:
    distance = sign * (ring[:, axis] - limit)
    inside = distance >= 0
    if inside.all():
        return ring
    following = np.roll(ring, -1, axis=0)
    after = np.roll(distance, -1)
    crosses = inside != np.roll(inside, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = distance / (distance - after)
    cuts = ring + (following - ring) * np.where(crosses, share, 0)[:, None]
    cuts[:, axis] = limit
    # Each point that is inside, then the cut on its way to the next one, in order.
    both = np.stack([ring, cuts], axis=1).reshape(-1, 2)
    keep = np.stack([inside, crosses], axis=1).ravel()
    kept: Points = both[keep]
    return kept


def scale_shape(shape: Shape, x: float, y: float) -> Shape:
    """A shape on an image that is x times as wide and y times as high."""
    if x == 1 and y == 1:
        return shape
    match shape:
        case Box():
            return Box(shape.x * x, shape.y * y, shape.w * x, shape.h * y)
        case Polygon():
            return moved(shape, lambda points: points * (x, y))
        case RotatedBox() | Keypoints():
            return shape.scaled(x, y)
        case Mask():
            return _scale_mask(shape, x, y)
        case None:
            return None


def _scale_mask(mask: Mask, x: float, y: float) -> Mask | None:
    left, top = int(np.floor(mask.x * x)), int(np.floor(mask.y * y))
    right, bottom = int(np.ceil((mask.x + mask.w) * x)), int(np.ceil((mask.y + mask.h) * y))
    # Where the centre of each new pixel lies in the old patch; no pixel is invented or shifted.
    columns = np.floor((np.arange(left, right) + 0.5) / x).astype(int) - mask.x
    rows = np.floor((np.arange(top, bottom) + 0.5) / y).astype(int) - mask.y
    patch = np.pad(mask.patch(), 1)
    rows = np.clip(rows + 1, 0, mask.h + 1)
    columns = np.clip(columns + 1, 0, mask.w + 1)
    return Mask.from_patch(np.ascontiguousarray(patch[rows[:, None], columns]), left, top)


def clip_shape(shape: Shape, *, x: int, y: int, size: tuple[int, int]) -> Shape:
    """What is left of a shape in a window of (width, height) at x, y; None when nothing is."""
    width, height = size
    match shape:
        case Box():
            inside = shape.moved(-x, -y).clipped(width, height)
            return inside if inside.area > 0 else None
        case Polygon():
            return clipped(shape.moved(-x, -y), width, height)
        case RotatedBox() | Keypoints():
            return shape.moved(-x, -y).clipped(width, height)
        case Mask():
            return Mask.from_patch(shape.moved(-x, -y).full(height, width))
        case None:
            return None
