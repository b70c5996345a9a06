"""One kind of shape as another: box, rotated box, polygon and mask. Keypoints stay what they are.

Exact where it can be: a box on whole pixels and the outline of a mask (tolerance 0) cover the
same pixels as the mask made of them. Otherwise a mask follows COCO's rule of rasterisation, and
the border of a polygon stays within the tolerance. A rotated box becomes a box by the box around
it; of anything else, the smallest rotated box around it is taken.
"""

from __future__ import annotations

import numpy as np

from cvstudio.core import outlines
from cvstudio.core.annotation import Kind, Shape, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, mask_of, outline_of
from cvstudio.core.rotated import RotatedBox

Area = Box | RotatedBox | Polygon | Mask
"""A shape that has an area."""


def converted(shape: Shape, kind: Kind, *, tolerance: float = 0.0) -> Shape:
    """A shape as another kind; None when nothing would be left (a polygon that covers no pixel).

    The tolerance in pixels is for the outline of a mask. A shape of that kind stays as it is, and
    so do keypoints, which are points and no area.
    """
    if shape is None or isinstance(shape, Keypoints):
        return shape
    match kind:
        case Kind.BOX:
            return box_of(shape)
        case Kind.ROTATED_BOX:
            return to_rotated(shape)
        case Kind.POLYGON:
            return to_polygon(shape, tolerance=tolerance)
        case Kind.MASK:
            return to_mask(shape)
        case Kind.IMAGE | Kind.KEYPOINTS:
            return shape


def to_rotated(shape: Area) -> RotatedBox:
    """The smallest rotated box around a shape; a box is one that is not turned."""
    match shape:
        case RotatedBox():
            return shape
        case Box():
            return RotatedBox.of_box(shape)
        case Polygon():
            return RotatedBox.around(np.concatenate([part.outer for part in shape.parts]))
        case Mask():
            rings = [part.outer for part in outline_of(shape).parts]
            return RotatedBox.around(np.concatenate(rings))


def to_polygon(shape: Area, *, tolerance: float = 0.0) -> Polygon:
    """The outline of a shape; that of a mask may stray by the tolerance from the pixels' edges."""
    match shape:
        case Polygon():
            return shape
        case Box():
            x0, y0, x1, y1 = shape.x, shape.y, shape.right, shape.bottom
            return Polygon.simple([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        case RotatedBox():
            return shape.polygon()
        case Mask():
            return outlines.simplify(outline_of(shape), tolerance)


def to_mask(shape: Area) -> Mask | None:
    """The pixels of a shape; None when it covers none."""
    return shape if isinstance(shape, Mask) else mask_of(to_polygon(shape))
