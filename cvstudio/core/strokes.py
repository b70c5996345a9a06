"""Shapes as lines: how rotated boxes and keypoints are drawn where there is no canvas."""

from __future__ import annotations

from cvstudio.core.annotation import Shape
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton

Stroke = tuple[tuple[float, float], ...]
"""A line through points; one point is a dot."""


def strokes_of(shape: Shape, skeleton: Skeleton | None = None) -> tuple[Stroke, ...]:
    """The lines of a rotated box or of keypoints, in image pixels; () for other shapes.

    Keypoints have a line for each edge of the skeleton whose ends have a place, and a dot for each
    point that has one.
    """
    match shape:
        case RotatedBox():
            corners = [(x, y) for x, y in shape.corners().tolist()]
            return ((*corners, corners[0]),)
        case Keypoints():
            places = [(x, y) for x, y, _ in shape.points.tolist()]
            edges = skeleton.edges_of(shape) if _fits(skeleton, shape) and skeleton else ()
            lines = [(places[a], places[b]) for a, b in edges]
            return (*lines, *(((x, y),) for x, y in shape.placed().tolist()))
        case _:
            return ()


def _fits(skeleton: Skeleton | None, shape: Keypoints) -> bool:
    return skeleton is not None and len(skeleton.names) == len(shape.points)
