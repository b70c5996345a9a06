"""Projects that segment: a pixel has one class, also where shapes lie over each other."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import COUNTING, Annotation, Shape, State, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask, Patch, pixels_of
from cvstudio.gui.label.layer import ShapeLayer

_MOST = 4_000_000
"""Pixels that are looked at; of a larger image every second, third… row and column."""


class Regions:
    """Which share of an image each class has. Shapes that stay the same are decoded once."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Shape, int, Mask | None, NDArray[np.bool_]]] = {}

    def shares(self, layer: ShapeLayer, width: int, height: int) -> dict[int, float]:
        """Percent of the image by class id; accepted shapes, the one on top wins."""
        if not width or not height:
            return {}
        step = max(1, math.ceil(math.sqrt(width * height / _MOST)))
        free = np.ones((-(-height // step), -(-width // step)), np.bool_)
        counted: dict[int, int] = {}
        seen = {}
        for annotation in reversed(layer.annotations):
            if annotation.state != State.ACCEPTED:
                continue
            seen[annotation.id] = kept = self._sample(annotation, step)
            _, _, mask, inside = kept
            if mask is None:
                continue
            top, left = max(-(-mask.y // step), 0), max(-(-mask.x // step), 0)
            place = free[top : top + inside.shape[0], left : left + inside.shape[1]]
            won = inside[: place.shape[0], : place.shape[1]] & place
            place &= ~won
            number = int(np.count_nonzero(won))
            counted[annotation.class_id] = counted.get(annotation.class_id, 0) + number
        self._seen = seen
        return {id: 100 * number / free.size for id, number in counted.items()}

    def _sample(
        self, annotation: Annotation, step: int
    ) -> tuple[Shape, int, Mask | None, NDArray[np.bool_]]:
        found = self._seen.get(annotation.id)
        if found is not None and found[0] is annotation.shape and found[1] == step:
            return found
        mask = pixels_of(annotation.shape)
        if mask is None:
            return annotation.shape, step, None, np.zeros((0, 0), np.bool_)
        # The first row and column of the image's own grid of samples that lie on the mask.
        y0 = -mask.y if mask.y < 0 else -mask.y % step
        x0 = -mask.x if mask.x < 0 else -mask.x % step
        return annotation.shape, step, mask, mask.patch()[y0::step, x0::step] > 0


def of_other_classes(layer: ShapeLayer, box: Box, *, class_id: int, id: int) -> list[Annotation]:
    """What of other classes than that of annotation `id` (0: a new one) may lie in a box, in z
    order; only what counts where pixels have classes."""
    beside = (layer.annotations[row] for row in layer.touching(box).tolist())
    return [
        other
        for other in beside
        if other.id != id
        and other.class_id != class_id
        and other.state == State.ACCEPTED
        and other.kind in COUNTING[Task.SEGMENT]
    ]


def painted_over(shapes: Iterable[Annotation], x: int, y: int, width: int, height: int) -> Patch:
    """1 where one of them lies, in a rectangle of the image."""
    patch = np.zeros((height, width), np.uint8)
    for each in shapes:
        mask = pixels_of(each.shape)
        if mask is not None:
            mask.moved(-x, -y).paint(patch, 1)
    return patch


def without(
    layer: ShapeLayer, painted: Patch, x: int, y: int, *, target: Annotation | None
) -> dict[int, Shape]:
    """What is left of the other shapes once these pixels are painted in another class.

    `painted` is 1 where a stroke gave new pixels to `target` (None: to a new mask on top), with
    its corner at x, y of the image. Masks lose these pixels. A polygon below stays one, since
    what is on top wins; a polygon above turns into a mask. None means that nothing is left.
    """
    height, width = painted.shape
    above = layer.row_of[target.id] if target is not None and target.id in layer.row_of else None
    result: dict[int, Shape] = {}
    for row, other in enumerate(layer.annotations):
        if (target is not None and other.id == target.id) or other.state != State.ACCEPTED:
            continue
        if isinstance(other.shape, Polygon) and (above is None or row < above):
            continue
        box = other.box
        if box.x >= x + width or box.y >= y + height or box.right <= x or box.bottom <= y:
            continue
        mask = pixels_of(other.shape)
        if mask is None:
            continue
        left, top = max(mask.x, x), max(mask.y, y)
        right, bottom = min(mask.x + mask.w, x + width), min(mask.y + mask.h, y + height)
        if left >= right or top >= bottom:
            continue
        patch = mask.patch()
        inside = patch[top - mask.y : bottom - mask.y, left - mask.x : right - mask.x]
        taken = painted[top - y : bottom - y, left - x : right - x] & inside
        if taken.any():
            inside[taken > 0] = 0
            result[other.id] = Mask.from_patch(patch, mask.x, mask.y)
    return result
