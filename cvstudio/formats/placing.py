"""Shapes that a reader has made, brought inside their image or told why they cannot be used."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.clipping import clipped
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.base import Problem, ProblemKind
from cvstudio.formats.fitting import fitted, usable_turned

ROUND = 0.1
"""How far, in pixels, the polygon that stands for a circle or an ellipse may be from its line."""
_FEWEST, _MOST = 12, 1440


def ellipse(cx: float, cy: float, rx: float, ry: float, *, angle: float = 0.0) -> Polygon:
    """The polygon that stands for an ellipse: its corners lie on the line, its sides are at most
    ROUND pixels inside. `angle` turns it clockwise on the screen, in degrees."""
    radius = max(rx, ry, ROUND)
    step = math.acos(max(0.0, 1.0 - ROUND / radius))
    count = min(max(_FEWEST, math.ceil(math.pi / step)), _MOST)
    at = np.arange(count) * (2.0 * math.pi / count)
    ring = np.stack([rx * np.cos(at), ry * np.sin(at)], axis=1)
    return Polygon.simple(RotatedBox(cx, cy, 0.0, 0.0, angle).at(ring))


def points_of(values: object, *, least: int) -> Points | None:
    """Points (n, 2) from pairs of numbers, at least so many; None for anything else."""
    try:
        points = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < least:
        return None
    if not np.isfinite(points).all() or np.abs(points).max() > 1e9:
        return None
    return points


def placed(
    shape: Shape, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[Shape, Problem | None]:
    """The shape inside its image: (itself, None), (what is left of it, problem) or (None, problem).

    Up to a pixel over the edge it stays as it is (rounding), and so does a rotated box that lies
    partly outside, whose corners may stand out. `width` and `height` are 0 when nobody knows them.
    """
    match shape:
        case Box():
            return fitted(shape, width, height, who=who, file=file, line=line)
        case RotatedBox():
            return usable_turned(shape, width, height, who=who, file=file, line=line)
        case None:
            return None, None
    if shape.area <= 0 and not isinstance(shape, Keypoints):
        text = f"{who} covers no area: left out."
        return None, Problem(ProblemKind.NO_AREA, text, file, line)
    box = shape.box
    known = width > 0 and height > 0
    if not known or (
        box.x >= -1 and box.y >= -1 and box.right <= width + 1 and box.bottom <= height + 1
    ):
        return shape, None
    left = clipped(shape, width=int(width), height=int(height))
    if left is None:
        text = f"{who} lies outside the image and was left out."
    else:
        text = f"{who} reached outside the image and was cut at its edge."
    return left, Problem(ProblemKind.OUTSIDE, text, file, line)
