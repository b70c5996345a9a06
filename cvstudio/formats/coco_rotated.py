"""Rotated boxes in COCO files, which have no word for them: ours, and those of CVAT."""

from __future__ import annotations

from typing import Any

import numpy as np

from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.numbers import numbers_of

ROTATED_KEY = "rotated_box"
"""The key of an annotation under which we write [cx, cy, width, height, clockwise degrees], beside
a segmentation of its four corners for everybody else."""

_NEAR = 0.01  # pixels from which the corners beside it say that the shape was changed elsewhere


def rotated_of(item: dict[str, Any]) -> RotatedBox | None:
    """The rotated box that an annotation is, None when it is none.

    Ours counts as long as the segmentation beside it says the same. CVAT writes the box as it is
    before it is turned, and the angle among the attributes.
    """
    told = item.get(ROTATED_KEY)
    if told is not None:
        return _ours(told, item.get("segmentation"))
    attributes = item.get("attributes")
    angle = attributes.get("rotation") if isinstance(attributes, dict) else None
    if not angle or item.get("segmentation"):
        return None
    told, degrees = numbers_of(item.get("bbox"), 4), numbers_of([angle], 1)
    if told is None or degrees is None:
        return None
    x, y, w, h = told
    return RotatedBox(x + w / 2, y + h / 2, w, h, *degrees)


def _ours(told: Any, segmentation: Any) -> RotatedBox | None:
    numbers = numbers_of(told, 5)
    if numbers is None:
        return None
    shape = RotatedBox(*numbers)
    if not isinstance(segmentation, list) or len(segmentation) != 1:
        return None
    ring = numbers_of(segmentation[0], 8)
    if ring is None or np.abs(np.array(ring) - shape.corners().ravel()).max() > _NEAR:
        return None
    return shape
