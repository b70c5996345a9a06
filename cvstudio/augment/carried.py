"""Objects on their way through a pipeline: moved with the pixels, cut, hidden, kept or lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.fields import Points as How
from cvstudio.augment.fields import Transform, Values
from cvstudio.augment.moves import mover, size_after
from cvstudio.augment.outlines import Move, clipped, corners, densified, hull, moved_all
from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox

LabelMap = NDArray[Any]
"""Shape (h, w), whole numbers."""

_SMALLEST = 1.0
"""A box with a side under that many pixels is degenerate."""


class Outcome(StrEnum):
    """What became of an object."""

    WHOLE = "whole"
    CUT = "cut"
    LOST = "lost"
    DEGENERATE = "degenerate"


@dataclass
class Carried:
    """A shape on its way through the pipeline; `ring` is None once it is lost."""

    shape: Shape
    ring: Polygon | None
    share: float = 1.0
    hidden: float = 0.0
    layer: int = -1
    points: Points | None = None
    """Where keypoints that have a place are by now."""
    mirrored: bool = False
    """Whether it is seen in a mirror by now: what was left is right then."""


def carried(shape: Shape) -> Carried:
    """A shape at the start of its way."""
    points = shape.placed() if isinstance(shape, Keypoints) else None
    return Carried(shape, _ring(shape), points=points)


def _ring(shape: Shape) -> Polygon | None:
    match shape:
        case Box():
            return corners(shape) if shape.area > 0 else None
        case Polygon():
            return shape if shape.parts and shape.area > 0 else None
        case RotatedBox():
            return shape.polygon() if shape.area > 0 else None
        case Keypoints():
            return _ring_of_keypoints(shape)
        case Mask():
            return hull(shape)
        case None:
            return None


def _ring_of_keypoints(shape: Keypoints) -> Polygon | None:
    """What stands for their area: a pixel more where they lie on one point or line."""
    box = shape.box
    if box.area > 0:
        return corners(box)
    if not len(shape.placed()):
        return None
    return corners(Box(box.x - 0.5, box.y - 0.5, box.w + 1, box.h + 1))


def painted(objects: Sequence[Carried], height: int, width: int) -> list[LabelMap]:
    """Masks as label maps of object numbers; masks that overlap go to different maps."""
    layers: list[LabelMap] = []
    for index, item in enumerate(objects):
        if not isinstance(item.shape, Mask):
            continue
        full = item.shape.full(height, width)
        inside = full > 0
        free = (n for n, layer in enumerate(layers) if not np.any(layer[inside]))
        item.layer = next(free, len(layers))
        if item.layer == len(layers):
            layers.append(np.zeros((height, width), np.uint16))
        layers[item.layer][inside] = index + 1
    return layers


def carry(
    record: Transform,
    values: Values,
    drawn: Mapping[str, Any],
    objects: Sequence[Carried],
    size: tuple[int, int],
) -> None:
    """Move every object with the pixels, cut it at the border, drop what is too small.

    `size` is the image's height and width before the transform, `drawn` what it drew.
    """
    if record.hides:
        _hide(values, drawn, objects, size)
    if record.points is None or not objects:
        return
    move = mover(record.points, drawn)
    bends = record.points in (How.MAP, How.MESH)
    height, width = size_after(record.points, drawn)
    keep = values.get("keep", 0) / 100
    posed = [item for item in objects if item.points is not None]
    mirrors = bool(posed) and _turns_over(move, size)
    for item in posed:
        if item.points is not None and len(item.points):
            item.points = move(item.points)
        item.mirrored ^= mirrors
    there = [(item, item.ring) for item in objects if item.ring is not None]
    rings = [densified(ring, at_most=8) if bends else ring for _, ring in there]
    for (item, _), ring in zip(there, moved_all(rings, move), strict=True):
        item.ring = clipped(ring, width, height)
        if item.ring is ring:
            continue  # nothing was cut
        before, after = ring.area, item.ring.area if item.ring else 0.0
        item.share *= min(after / before, 1.0) if before > 0 else 0.0
        if item.share <= 0 or item.share < keep:
            item.ring = None


def _turns_over(move: Move, size: tuple[int, int]) -> bool:
    """Whether a movement shows an image of (height, width) in a mirror: whether it turns a large
    triangle over."""
    y, x = size[0] / 4, size[1] / 4
    a, b, c = move(np.array([(x, y), (3 * x, y), (x, 3 * y)]))
    return bool((b[0] - a[0]) * (c[1] - a[1]) < (b[1] - a[1]) * (c[0] - a[0]))


def _hide(
    values: Values, drawn: Mapping[str, Any], objects: Sequence[Carried], size: tuple[int, int]
) -> None:
    height, width = size
    covered = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in np.asarray(drawn["holes"], int):
        covered[y0:y1, x0:x1] = 1
    total = cv2.integral(covered)  # (height + 1, width + 1)
    keep = values["keep"] / 100
    for item in objects:
        if item.ring is None:
            continue
        box = item.ring.box.clipped(width, height)
        x0, y0 = int(box.x), int(box.y)
        x1, y1 = max(round(box.right), x0 + 1), max(round(box.bottom), y0 + 1)
        hidden = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
        item.hidden = max(item.hidden, hidden / ((x1 - x0) * (y1 - y0)))
        if 1 - item.hidden < keep:
            item.ring, item.share = None, 0.0


def shape_of(item: Carried, index: int, layers: Sequence[LabelMap], size: tuple[int, int]) -> Shape:
    """The shape at the end of its way, on an image of (width, height); None where it is lost.

    `index` is its place among the objects, which is how the layers know its pixels.
    """
    if item.ring is None:
        return None
    match item.shape:
        case Box():
            return item.ring.box
        case Polygon():
            return item.ring
        case RotatedBox():
            ring = item.ring.parts[0].outer
            whole = len(ring) == 4
            return RotatedBox.from_corners(ring) if whole else RotatedBox.around(ring)
        case Keypoints():
            return _keypoints(item, item.shape, item.ring.box, size)
        case Mask():
            layer = layers[item.layer]
            x0, y0, x1, y1 = _window(item.ring.box, layer)
            patch = np.ascontiguousarray(layer[y0:y1, x0:x1] == index + 1).astype(np.uint8)
            return Mask.from_patch(patch, x0, y0)
        case None:
            return None


def _keypoints(item: Carried, shape: Keypoints, box: Box, size: tuple[int, int]) -> Shape:
    """Keypoints where the pixels went; those that went out of the image are absent."""
    if item.points is None:
        return None
    width, height = size
    found = shape.changed(item.points, box if shape.frame is not None else None)
    return found.clipped(width, height)


def _window(box: Box, layer: LabelMap) -> tuple[int, int, int, int]:
    """A box in whole pixels with two to spare, inside the image."""
    height, width = layer.shape
    return (
        max(int(box.x) - 2, 0),
        max(int(box.y) - 2, 0),
        min(int(np.ceil(box.right)) + 2, width),
        min(int(np.ceil(box.bottom)) + 2, height),
    )


def outcome_of(item: Carried, there: bool) -> Outcome:
    """What became of an object; `there` says whether anything of its shape is left."""
    if item.shape is None:
        return Outcome.WHOLE
    if isinstance(item.shape, Box) and item.shape.area <= 0:
        return Outcome.DEGENERATE
    if item.ring is None or not there:
        return Outcome.LOST
    box = item.ring.box
    if box.w < _SMALLEST or box.h < _SMALLEST:
        return Outcome.DEGENERATE
    return Outcome.WHOLE if item.share > 0.999 else Outcome.CUT
