"""Keypoints on the canvas: edges in the colour of the class, points, hidden ones hollow."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.skeleton import Edges
from cvstudio.gui.label.pens import cosmetic

_RADIUS, _STRONG = 3.0, 4.5  # screen pixels
_CASING = QColor(0, 0, 0, 120)


def paint_keypoints(
    painter: QPainter, shape: Keypoints, edges: Edges, colour: QColor, scale: float, *,
    strong: bool = False, dashes: list[float] | None = None,
) -> None:  # fmt: skip
    """Paint in image coordinates, `scale` screen pixels to one of the image."""
    points = shape.points.tolist()
    lines = [QLineF(*points[a][:2], *points[b][:2]) for a, b in edges]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    width = 2 if strong else 1
    painter.setPen(cosmetic(_CASING, width=width + 2))
    painter.drawLines(lines)
    painter.setPen(cosmetic(colour, width=width, dashes=dashes))
    painter.drawLines(lines)
    radius = (_STRONG if strong else _RADIUS) / scale
    for x, y, known in points:
        if known <= 0:
            continue
        hollow = known == Visibility.HIDDEN
        painter.setBrush(Qt.BrushStyle.NoBrush if hollow else colour)
        painter.setPen(cosmetic(_CASING, width=4 if hollow else 2))
        painter.drawEllipse(QPointF(x, y), radius, radius)
        if hollow:
            painter.setPen(cosmetic(colour, width=2))
            painter.drawEllipse(QPointF(x, y), radius, radius)
    painter.restore()
