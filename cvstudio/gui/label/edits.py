"""How shapes change under the hand: moving, resizing, points of polygons, staying on the image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.geometry import Box, Part, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.label.hit import Place


def moved(shape: Shape, dx: float, dy: float) -> Shape:
    """A shape somewhere else; masks move by whole pixels."""
    match shape:
        case Box() | RotatedBox() | Polygon() | Keypoints():
            return shape.moved(dx, dy)
        case Mask():
            return shape.moved(round(dx), round(dy))
        case None:
            return None


def step_inside(box: Box, dx: float, dy: float, *, width: int, height: int) -> tuple[float, float]:
    """The part of a step that keeps a box on the image; a box that sticks out may come back."""
    low_x, high_x = min(-box.x, 0.0), max(width - box.right, 0.0)
    low_y, high_y = min(-box.y, 0.0), max(height - box.bottom, 0.0)
    return min(max(dx, low_x), high_x), min(max(dy, low_y), high_y)


def dragged(box: Box, handle: str, x: float, y: float, *, square: bool = False) -> Box:
    """A box after one of its handles came to a point; `square` keeps the proportions (corners)."""
    left, top, right, bottom = box.x, box.y, box.right, box.bottom
    if "w" in handle:
        left = x
    if "e" in handle:
        right = x
    if "n" in handle:
        top = y
    if "s" in handle:
        bottom = y
    if square and len(handle) == 2 and box.w > 0 and box.h > 0:
        factor = max(abs(right - left) / box.w, abs(bottom - top) / box.h)
        width, height = box.w * factor, box.h * factor
        left = right - width if "w" in handle else left
        right = left + width
        top = bottom - height if "n" in handle else top
        bottom = top + height
    return Box.from_corners(left, top, right, bottom)


def fitted(shape: Shape, new: Box) -> Shape:
    """A shape stretched from its own box to another one. A mask keeps whole pixels."""
    if shape is None or isinstance(shape, Box):
        return None if shape is None else new
    old = box_of(shape)
    if isinstance(shape, Mask):
        x, y = round(new.x), round(new.y)
        width, height = max(round(new.right) - x, 1), max(round(new.bottom) - y, 1)
        patch = cv2.resize(shape.patch(), (width, height), interpolation=cv2.INTER_NEAREST)
        return Mask.from_patch(np.asarray(patch, np.uint8), x, y) or shape
    scale = np.array([new.w / old.w if old.w else 1.0, new.h / old.h if old.h else 1.0])

    if isinstance(shape, RotatedBox):
        return RotatedBox.from_corners((shape.corners() - (old.x, old.y)) * scale + (new.x, new.y))

    def stretched(ring: Points) -> Points:
        return (ring - (old.x, old.y)) * scale + (new.x, new.y)

    if isinstance(shape, Keypoints):
        return shape.changed(stretched(shape.placed()), new if shape.frame else None)
    return map_rings(shape, stretched)


def point_moved(polygon: Polygon, place: Place, x: float, y: float) -> Polygon:
    """A polygon with one point somewhere else."""
    ring = polygon.parts[place.part].rings()[place.ring].copy()
    ring[place.index] = (x, y)
    return _with_ring(polygon, place, ring)


def edge_ends(polygon: Polygon, place: Place) -> Points:
    """Both ends, (2, 2), of the edge that `hit.edge_at` found."""
    ring = polygon.parts[place.part].rings()[place.ring]
    return ring[[place.index - 1, place.index % len(ring)]]


def edge_moved(polygon: Polygon, place: Place, ends: Points) -> Polygon:
    """A polygon with both ends, (2, 2), of an edge somewhere else; as `edge_ends` gives them."""
    ring = polygon.parts[place.part].rings()[place.ring].copy()
    ring[[place.index - 1, place.index % len(ring)]] = ends
    return _with_ring(polygon, place, ring)


def point_added(polygon: Polygon, place: Place, x: float, y: float) -> Polygon:
    """A polygon with one more point at a place."""
    ring = polygon.parts[place.part].rings()[place.ring]
    return _with_ring(polygon, place, np.insert(ring, place.index, (x, y), axis=0))


def point_removed(polygon: Polygon, place: Place) -> Polygon | None:
    """A polygon without one of its points.

    A hole or a part that would be left with two points goes altogether; None when that was all.
    """
    ring = polygon.parts[place.part].rings()[place.ring]
    if len(ring) > 3:
        return _with_ring(polygon, place, np.delete(ring, place.index, axis=0))
    parts = list(polygon.parts)
    if place.ring == 0:
        del parts[place.part]
    else:
        holes = list(parts[place.part].holes)
        del holes[place.ring - 1]
        parts[place.part] = Part(parts[place.part].outer, tuple(holes))
    return Polygon(tuple(parts)) if parts else None


def _with_ring(polygon: Polygon, place: Place, ring: Points) -> Polygon:
    parts = list(polygon.parts)
    rings = list(parts[place.part].rings())
    rings[place.ring] = ring
    parts[place.part] = Part(rings[0], tuple(rings[1:]))
    return Polygon(tuple(parts))


def map_rings(polygon: Polygon, change: Callable[[Points], Points]) -> Polygon:
    """A polygon with every ring changed."""
    return Polygon(
        tuple(Part(change(p.outer), tuple(change(hole) for hole in p.holes)) for p in polygon.parts)
    )
