"""Two lines through the pointer across the whole canvas, to line things up with far edges."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QPainter

from cvstudio.gui.label.overlay import INK, Layer, View

_DARK = QColor(0, 0, 0, 120)
_GAP = 10  # px around the pointer that stay free


class Crosshair(Layer):
    """`at` is the pointer in pixels of the viewport, None while it is elsewhere."""

    name = "crosshair"

    def __init__(self) -> None:
        self.at: QPointF | None = None

    def move(self, at: QPointF | None, view: View) -> None:
        """The pointer is somewhere else: only the strips of the two crosses are drawn again."""
        for place in (self.at, at):
            if place is not None and self.shown:
                for strip in _strips(place, view):
                    view.viewport().update(strip)
        self.at = at

    def paint(self, painter: QPainter, view: View) -> None:
        if self.at is None:
            return
        x, y = round(self.at.x()), round(self.at.y())
        width, height = view.viewport().width(), view.viewport().height()
        for shift, colour in ((1, _DARK), (0, INK)):
            painter.setPen(colour)
            painter.drawLine(0, y + shift, x - _GAP, y + shift)
            painter.drawLine(x + _GAP, y + shift, width, y + shift)
            painter.drawLine(x + shift, 0, x + shift, y - _GAP)
            painter.drawLine(x + shift, y + _GAP, x + shift, height)


def _strips(place: QPointF, view: View) -> tuple[QRect, QRect]:
    x, y = round(place.x()), round(place.y())
    return QRect(0, y - 1, view.viewport().width(), 4), QRect(x - 1, 0, 4, view.viewport().height())
