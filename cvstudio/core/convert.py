"""One kind of shape as another: box, polygon and mask.

Exact where it can be: a box on whole pixels and the outline of a mask (tolerance 0) cover the
same pixels as the mask made of them. Otherwise a mask follows COCO's rule of rasterisation, and
the border of a polygon stays within the tolerance.
"""

from __future__ import annotations

from cvstudio.core import outlines
from cvstudio.core.annotation import Kind, Shape
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask, mask_of, outline_of


def converted(shape: Shape, kind: Kind, *, tolerance: float = 0.0) -> Shape:
    """A shape as another kind; None when nothing would be left (a polygon that covers no pixel).

    The tolerance in pixels is for the outline of a mask. A shape of that kind stays as it is.
    """
    if shape is None or kind is Kind.IMAGE:
        return shape
    if kind is Kind.BOX:
        return shape if isinstance(shape, Box) else shape.box
    if kind is Kind.MASK:
        return to_mask(shape)
    return to_polygon(shape, tolerance=tolerance)


def to_polygon(shape: Box | Polygon | Mask, *, tolerance: float = 0.0) -> Polygon:
    """The outline of a shape; that of a mask may stray by the tolerance from the pixels' edges."""
    match shape:
        case Polygon():
            return shape
        case Box():
            x0, y0, x1, y1 = shape.x, shape.y, shape.right, shape.bottom
            return Polygon.simple([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        case Mask():
            return outlines.simplify(outline_of(shape), tolerance)


def to_mask(shape: Box | Polygon | Mask) -> Mask | None:
    """The pixels of a shape; None when it covers none."""
    return shape if isinstance(shape, Mask) else mask_of(to_polygon(shape))
