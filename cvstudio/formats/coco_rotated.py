"""Rotated boxes in COCO files, which have no word for them: ours, and those of CVAT."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cvstudio.core.rotated import RotatedBox

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
    numbers = _numbers([*_listed(item.get("bbox"), 4), angle])
    if numbers is None:
        return None
    x, y, w, h, degrees = numbers
    return RotatedBox(x + w / 2, y + h / 2, w, h, degrees)


def _ours(told: Any, segmentation: Any) -> RotatedBox | None:
    numbers = _numbers(_listed(told, 5))
    if numbers is None:
        return None
    shape = RotatedBox(*numbers)
    if not isinstance(segmentation, list) or len(segmentation) != 1:
        return None
    ring = _numbers(_listed(segmentation[0], 8))
    if ring is None or np.abs(np.array(ring) - shape.corners().ravel()).max() > _NEAR:
        return None
    return shape


def _listed(value: Any, count: int) -> list[Any]:
    return value if isinstance(value, list) and len(value) == count else []


def _numbers(values: list[Any]) -> list[float] | None:
    """Finite numbers, or None."""
    if not values or not all(isinstance(v, int | float) for v in values):
        return None
    return [float(v) for v in values] if all(map(math.isfinite, values)) else None
