"""A grid over the image whose lines keep a round distance; single pixels when close by."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF
from PySide6.QtGui import QColor, QPainter

from cvstudio.gui.label.layers.scale import units
from cvstudio.gui.label.overlay import Layer, View

_APART = 64  # screen pixels between two lines, at least
_LIGHT, _DARK = QColor(255, 255, 255, 70), QColor(0, 0, 0, 70)


class Grid(Layer):
    """Lines at multiples of the rulers' step, inside the image only."""

    name = "grid"

    def paint(self, painter: QPainter, view: View) -> None:
        lines = self.lines(view)
        painter.setPen(_DARK)
        painter.drawLines([line.translated(1, 1) for line in lines])
        painter.setPen(_LIGHT)
        painter.drawLines(lines)

    def lines(self, view: View) -> list[QLineF]:
        """Those in sight, in pixels of the viewport."""
        width, height = view.document.size
        seen = view.visible()
        across, down = units(view)
        left, right = max(seen.left(), 0.0), min(seen.right(), float(width))
        top, bottom = max(seen.top(), 0.0), min(seen.bottom(), float(height))
        if right <= left or bottom <= top:
            return []
        corner, end = view.to_screen(left, top), view.to_screen(right, bottom)
        lines = []
        step = across.step(view.scale, _APART)[0]
        for index in range(math.ceil(left / step), math.floor(right / step) + 1):
            x = round(view.to_screen(index * step, 0).x())
            lines.append(QLineF(x, corner.y(), x, end.y()))
        step = down.step(view.scale, _APART)[0]
        for index in range(math.ceil(top / step), math.floor(bottom / step) + 1):
            y = round(view.to_screen(0, index * step).y())
            lines.append(QLineF(corner.x(), y, end.x(), y))
        return lines
