"""A stroke over the image that tells a tool what belongs where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.geometry import Box
from cvstudio.core.masks import Patch
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.outlines import qpolygon
from cvstudio.gui.label.pens import cosmetic
from cvstudio.imaging.regions.view import Place

WIDTH = 8.0
"""Screen pixels of a stroke."""


@dataclass(frozen=True, eq=False)
class Stroke:
    """A way over the image, in its pixels, and the number of what it says: a class, or 0."""

    points: list[tuple[float, float]]
    width: float
    number: int

    def paint(self, painter: QPainter, colour: QColor) -> None:
        """Draw it in image coordinates."""
        pen = cosmetic(colour)
        pen.setCosmetic(False)
        pen.setWidthF(self.width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(qpolygon(np.array(self.points * (1 if len(self.points) > 1 else 2))))

    @property
    def box(self) -> Box:
        """The rectangle around it."""
        points, half = np.array(self.points), self.width / 2
        (x0, y0), (x1, y1) = points.min(axis=0) - half, points.max(axis=0) + half
        return Box.from_corners(x0, y0, x1, y1)

    def draw(self, patch: Patch, place: Place, value: int = 1) -> None:
        """Set the stroke's pixels of a view, in place."""
        way = (np.array(self.points) - (place.x, place.y)) / place.step - 0.5
        width = max(1, round(self.width / place.step))
        cv2.polylines(patch, [way.round().astype(np.int32)], False, value, width)
