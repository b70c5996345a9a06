"""Outlines ready for the painter: thinned copies of polygons, built from numpy in one copy each."""

from __future__ import annotations

from typing import Any

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainterPath, QPolygonF

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box, Part, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch, outline_of
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.label.mask_picture import MaskPictures

STEPS = (1, 4, 16)
"""Every how many points an outline keeps, from close by to far away."""

_FEWEST = 8  # points that a thinned ring keeps
_LONGEST = 12.0  # screen pixels (|dx| + |dy|) that a thinned outline may leave between points
_LARGEST_TRACED = 1_000_000  # pixels of a patch that is traced as it is


def qpolygon(points: Points) -> QPolygonF:
    """A QPolygonF of (n, 2) points, about ten times faster than from a list of QPointF."""
    polygon = QPolygonF()
    polygon.resize(len(points))
    if len(points):
        # PySide types data() as one QPointF; it is where the array of them begins.
        memory: Any = shiboken6.VoidPtr(polygon.data(), len(points) * 16, True)  # type: ignore
        np.frombuffer(memory, np.float64)[:] = np.ascontiguousarray(points, np.float64).ravel()
    return polygon


def path_of(polygon: Polygon) -> QPainterPath:
    """A fillable path with its holes left out."""
    return path_of_rings([qpolygon(ring) for ring in polygon.rings()])


def path_of_rings(rings: list[QPolygonF]) -> QPainterPath:
    """A fillable path of rings that may lie in each other: what lies in two is a hole."""
    path = QPainterPath()
    for ring in rings:
        path.addPolygon(ring)
        path.closeSubpath()
    return path


def rect_of(box: Box) -> QRectF:
    """A box as Qt wants it."""
    return QRectF(box.x, box.y, box.w, box.h)


class Outline:
    """The rings of one polygon or mask at each step of thinning, each made when first wanted."""

    __slots__ = ("_rings", "_thinned", "spacing")

    def __init__(self, rings: list[Points], *, spacing: float | None = None) -> None:
        self._rings = rings
        self._thinned: dict[int, list[QPolygonF]] = {}
        self.spacing = _spacing(rings) if spacing is None else spacing
        """The distance in image pixels that a step of thinning is counted in: the mean one between
        points, unless it was given."""

    def polygons(self, step: int) -> list[QPolygonF]:
        found = self._thinned.get(step)
        if found is None:
            far = step * self.spacing if step > 1 else 0.0
            found = [qpolygon(_thin(ring, far)) for ring in self._rings]
            self._thinned[step] = found
        return found


def outline(shape: Shape, pictures: MaskPictures) -> Outline:
    """The outline of a polygon, rotated box or mask; of anything else one without rings."""
    match shape:
        case Polygon():
            return Outline(shape.rings())
        case RotatedBox():
            return Outline([shape.corners()], spacing=max(shape.w, shape.h, 1.0))
        case Mask():
            return Outline(trace(shape, pictures.patch(shape)).rings(), spacing=1.0)
        case Box() | Keypoints() | None:
            return Outline([])


def trace(mask: Mask, patch: Patch) -> Polygon:
    """The outline of a mask with its holes; of a very large one to two pixels or so, since it is
    traced on a reduced patch to be there at once."""
    step = 1
    while patch.size > _LARGEST_TRACED:
        patch = np.ascontiguousarray(patch[::2, ::2])
        step *= 2
    small = Mask.from_patch(np.ascontiguousarray(patch))
    if small is None:
        return Polygon(())
    outlined = outline_of(small)
    if step == 1:
        return outlined.moved(mask.x, mask.y)
    corner = np.array([mask.x, mask.y], np.float64)
    return Polygon(
        tuple(
            Part(p.outer * step + corner, tuple(h * step + corner for h in p.holes))
            for p in outlined.parts
        )
    )


def steps_for(spacing: NDArray[np.float64], scale: float) -> NDArray[np.int64]:
    """The step of thinning for each outline at a zoom, given its points' mean distance."""
    wanted = np.ones(len(spacing), np.int64)
    for step in STEPS[1:]:
        wanted[spacing * scale * step <= _LONGEST] = step
    return wanted


def _thin(ring: Points, far: float) -> Points:
    """The ring with a point about every `far` image pixels along its way.

    Both ends of what is straight for longer stay: along the border of an image there are few
    points, and where one of them were left out, the line would run across the shape.
    """
    lengths = np.abs(np.roll(ring, -1, axis=0) - ring).sum(axis=1)
    along = np.cumsum(lengths)
    far = min(far, float(along[-1]) / _FEWEST) if len(ring) else 0.0
    if far <= 0:
        return ring
    stretch = np.floor((along - lengths) / far)
    kept = np.diff(stretch, prepend=-1) > 0
    long = lengths > far / 2
    return ring[kept | long | np.roll(long, 1)]


def _spacing(rings: list[Points]) -> float:
    around = sum(float(np.abs(np.diff(ring, axis=0)).sum()) for ring in rings)
    return around / max(sum(len(ring) for ring in rings), 1)
