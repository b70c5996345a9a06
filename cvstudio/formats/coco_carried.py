"""What is carried with an annotation of a COCO file, so that an export writes the same numbers."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from cvstudio.core.annotation import Shape, pack_shape
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox


def carried_of(item: dict[str, Any], shape: Shape, *, whole: bool) -> dict[str, Any]:
    """What an export needs to write the same numbers again; of a shape that was cut, its id."""
    kept: dict[str, Any] = {"id": item["id"]} if "id" in item else {}
    if not whole:
        return kept
    area = item.get("area")
    if isinstance(shape, RotatedBox):  # others' bbox is that of the box before it was turned
        return kept
    if isinstance(shape, Box):
        if area is not None and area != shape.w * shape.h:
            kept["area"] = area
            kept["shape"] = fingerprint(shape)
        return kept
    if area is not None or "area" in item:
        kept["area"] = area
    if "bbox" in item:
        kept["bbox"] = item["bbox"]
    kept["shape"] = fingerprint(shape)
    if isinstance(shape, Mask) and isinstance(item["segmentation"].get("counts"), list):
        kept["runs"] = True
    return kept


def fingerprint(shape: Shape) -> float:
    """A number that changes when a shape does."""
    if isinstance(shape, Box):
        return shape.x + 3 * shape.y + 5 * shape.w + 7 * shape.h
    if isinstance(shape, Polygon):
        code = 0
        for ring in shape.rings():
            code = zlib.crc32(np.ascontiguousarray(ring).data, code)
        return code
    return zlib.crc32(pack_shape(shape))
