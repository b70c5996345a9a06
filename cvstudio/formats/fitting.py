"""Boxes of label files held against the image that they are drawn in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cvstudio.core.geometry import Box, Points
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.base import Problem, ProblemKind


def fitted(
    box: Box, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[Box | None, Problem | None]:
    """A box brought inside its image. Up to a pixel over the edge is kept as it is (rounding).

    Returns (box, None) when all is well, (cut box, problem) when it reached outside, and
    (None, problem) when nothing of it can be used.
    """
    numbers = (box.x, box.y, box.w, box.h)
    if not all(-1e9 < number < 1e9 for number in numbers):
        return None, Problem(ProblemKind.MALFORMED, f"{who} has no usable numbers.", file, line)
    if box.w <= 0 or box.h <= 0:
        return None, Problem(
            ProblemKind.NO_AREA, f"{who} is a box without area: left out.", file, line
        )
    if not width or not height:
        return box, None
    if box.x >= -1 and box.y >= -1 and box.right <= width + 1 and box.bottom <= height + 1:
        return box, None
    cut = box.clipped(width, height)
    if cut.area <= 0:
        text = f"{who} lies outside the image and was left out."
        return None, Problem(ProblemKind.OUTSIDE, text, file, line)
    text = f"{who} reached outside the image and was cut at its edge."
    return cut, Problem(ProblemKind.OUTSIDE, text, file, line)


def turned_inside(
    corners: Points, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[RotatedBox | None, Problem | None]:
    """The rotated box of four corners (4, 2) in pixels, whose corners may stand out of the image.

    (None, problem) when nothing of it can be used.
    """
    if not np.isfinite(corners).all() or np.abs(corners).max() > 1e9:
        return None, Problem(ProblemKind.MALFORMED, f"{who} has no usable numbers.", file, line)
    shape = RotatedBox.from_corners(corners)
    return usable_turned(shape, width, height, who=who, file=file, line=line)


def usable_turned(
    shape: RotatedBox, width: float, height: float, *, who: str, file: Path, line: int | None = None
) -> tuple[RotatedBox | None, Problem | None]:
    """The rotated box itself, or (None, problem) when it has no area or lies outside."""
    if min(shape.w, shape.h) <= 0:
        text = f"{who} is a box without area: left out."
        return None, Problem(ProblemKind.NO_AREA, text, file, line)
    if width and height and shape.clipped(width, height) is None:
        text = f"{who} lies outside the image and was left out."
        return None, Problem(ProblemKind.OUTSIDE, text, file, line)
    return shape, None
