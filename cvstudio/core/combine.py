"""Shapes made from shapes of any kind: join, subtract, intersect, slice, smooth, fill holes.

Masks with masks are counted pixel by pixel. Where a mask meets a box or polygon, that one is
turned into pixels first. Boxes and polygons among themselves give polygons (core/outlines.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

import numpy as np

from cvstudio.core import outlines
from cvstudio.core.annotation import Shape
from cvstudio.core.convert import Area, to_mask, to_polygon
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.masks import Mask, outline_of, together
from cvstudio.core.opencv import cv2


class How(StrEnum):
    """What becomes of several shapes."""

    JOIN = "join"
    SUBTRACT = "subtract"
    INTERSECT = "intersect"


def combined(shapes: Sequence[Area], how: How) -> Area | None:
    """One shape from several; SUBTRACT takes the others from the first. None: nothing is left."""
    if any(isinstance(shape, Mask) for shape in shapes):
        masks = [to_mask(shape) for shape in shapes]
        return _of_masks(masks, how)
    polygons = [to_polygon(shape) for shape in shapes]
    if how is How.JOIN:
        result = outlines.union(polygons)
    elif how is How.SUBTRACT:
        result = outlines.subtract(polygons[0], polygons[1:])
    else:
        result = outlines.intersect(polygons)
    return result if result.parts else None


def _of_masks(masks: Sequence[Mask | None], how: How) -> Mask | None:
    present = [mask for mask in masks if mask is not None]
    first = masks[0]
    if how is How.JOIN:
        if not present:
            return None
        return Mask.from_patch(*together([(mask.patch(), mask.x, mask.y) for mask in present]))
    if first is None or (how is How.INTERSECT and len(present) < len(masks)):
        return None
    patch = first.patch()
    for other in masks[1:]:
        if other is None:
            continue
        there = np.zeros_like(patch)
        other.moved(-first.x, -first.y).paint(there, 1)
        patch[(there > 0) if how is How.SUBTRACT else (there == 0)] = 0
    return Mask.from_patch(patch, first.x, first.y)


def sliced(shape: Area, line: Points) -> list[Area]:
    """The pieces into which a line (n, 2) cuts a shape, the largest first; see
    outlines.slice_by. A box cut square to its sides gives boxes. Every pixel of a mask goes to
    just one piece: the one in which its middle lies."""
    if isinstance(shape, Mask):
        return list(_sliced_mask(shape, line))
    pieces = outlines.slice_by(to_polygon(shape), line)
    if len(pieces) < 2:
        return [shape]
    if isinstance(shape, Box) and all(_is_box(piece) for piece in pieces):
        return [piece.box for piece in pieces]
    return list(pieces)


def _is_box(piece: Polygon) -> bool:
    return abs(piece.box.area - piece.area) <= 1e-6 * max(piece.box.area, 1)


def _sliced_mask(mask: Mask, line: Points) -> list[Mask]:
    pieces = outlines.slice_by(outline_of(mask), line)
    if len(pieces) < 2:
        return [mask]
    patch = mask.patch()
    rows, columns = np.nonzero(patch)
    middles = np.stack([columns + mask.x + 0.5, rows + mask.y + 0.5], axis=1)
    owner = np.full(len(middles), -1)
    for number, piece in enumerate(pieces):
        free = owner < 0
        inside = outlines.contains_points(piece, middles[free])
        owner[np.flatnonzero(free)[inside]] = number
    if (owner < 0).any():  # middles that a sliver between two pieces has swallowed
        lost = middles[owner < 0]
        away = np.stack([outlines.distance_to(piece, lost) for piece in pieces])
        owner[owner < 0] = away.argmin(axis=0)
    found = []
    for number in range(len(pieces)):
        mine = np.zeros_like(patch)
        mine[rows[owner == number], columns[owner == number]] = 1
        found.append(Mask.from_patch(mine, mask.x, mask.y))
    return [piece for piece in found if piece is not None]


def simplified(shape: Shape, tolerance: float) -> Shape:
    """A polygon with fewer points; other shapes stay as they are."""
    return outlines.simplify(shape, tolerance) if isinstance(shape, Polygon) else shape


def smoothed(shape: Shape, strength: float) -> Shape:
    """A polygon or mask with rounder borders (`strength` in pixels); a box stays as it is."""
    if isinstance(shape, Polygon):
        result = outlines.smooth(shape, strength)
        return result if result.parts else shape
    if not isinstance(shape, Mask) or strength <= 0:
        return shape
    room = int(np.ceil(strength)) + 1
    hard = np.pad(shape.patch(), room).astype(np.float32)
    soft = cv2.GaussianBlur(hard, (0, 0), strength, borderType=cv2.BORDER_CONSTANT)
    patch = (soft > 0.5).astype(np.uint8)
    return Mask.from_patch(patch, shape.x - room, shape.y - room) or shape


def without_holes(shape: Shape) -> Shape:
    """A polygon or mask whose holes are filled; the same object when it has none."""
    if isinstance(shape, Polygon):
        return outlines.without_holes(shape)
    if not isinstance(shape, Mask):
        return shape
    rings, _ = cv2.findContours(shape.patch(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros((shape.h, shape.w), np.uint8)
    cv2.drawContours(filled, rings, -1, 1, cv2.FILLED)
    made = Mask.from_patch(filled, shape.x, shape.y)
    return shape if made is None or made.area == shape.area else made


def without_free_holes(shape: Area, others: Sequence[Area]) -> Area:
    """As without_holes, but what `others` have of the holes stays theirs; the same object when
    nothing of the holes is free."""
    filled = without_holes(shape)
    if filled is shape or not others:
        return cast(Area, filled)
    holes = combined([cast(Area, filled), shape], How.SUBTRACT)
    if holes is None or all(combined([holes, o], How.INTERSECT) is None for o in others):
        return cast(Area, filled)
    free = combined([holes, *others], How.SUBTRACT)
    return shape if free is None else combined([shape, free], How.JOIN) or shape
