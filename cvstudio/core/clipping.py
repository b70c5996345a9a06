"""What of a shape lies on an image."""

from __future__ import annotations

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox


def clipped(shape: Shape, *, width: int, height: int) -> Shape:
    """The part of a shape on an image of that size; None when nothing is left.

    A polygon's points outside are drawn to the edge, which keeps their number and order. A rotated
    box keeps its angle: a corner of it may stand out. Keypoints outside become absent.
    """
    match shape:
        case Box():
            inside = shape.clipped(width, height)
            return inside if inside.area > 0 else None
        case RotatedBox() | Keypoints():
            return shape.clipped(width, height)
        case Polygon():
            limit = np.array([width, height], np.float64)
            inside_polygon = Polygon(
                tuple(
                    Part(np.clip(p.outer, 0, limit), tuple(np.clip(h, 0, limit) for h in p.holes))
                    for p in shape.parts
                )
            )
            return inside_polygon if inside_polygon.area > 0 else None
        case Mask():
            x0, y0 = max(shape.x, 0), max(shape.y, 0)
            x1, y1 = min(shape.x + shape.w, width), min(shape.y + shape.h, height)
            if x0 >= x1 or y0 >= y1:
                return None
            if (x0, y0, x1 - x0, y1 - y0) == (shape.x, shape.y, shape.w, shape.h):
                return shape
            patch = shape.patch()[y0 - shape.y : y1 - shape.y, x0 - shape.x : x1 - shape.x]
            return Mask.from_patch(np.ascontiguousarray(patch), x0, y0)
        case None:
            return None
