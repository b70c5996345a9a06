"""Rulers along the upper and left edge, and a scale bar, in units of the world where known."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from cvstudio.gui import theme
from cvstudio.gui.label.layers.scale import Unit, units
from cvstudio.gui.label.overlay import GROUND, INK, Layer, View

THICK = 20  # px of a ruler
_APART = 84  # screen pixels between two figures, at least
_BAR = 80  # screen pixels of the scale bar, at least
_TICKS = 5  # parts between two figures
_PAD = 8


class Rulers(Layer):
    """Figures count from the image's upper left corner."""

    name = "rulers"

    def paint(self, painter: QPainter, view: View) -> None:
        if not all(view.document.size):
            return
        across, down = units(view)
        painter.setFont(theme.font("small"))
        room = view.viewport()
        painter.fillRect(0, 0, room.width(), THICK, theme.colour("surface"))
        painter.fillRect(0, 0, THICK, room.height(), theme.colour("surface"))
        painter.setPen(theme.colour("border"))
        painter.drawLine(THICK, THICK, room.width(), THICK)
        painter.drawLine(THICK, THICK, THICK, room.height())
        self._along(painter, view, across, upright=False)
        self._along(painter, view, down, upright=True)
        painter.fillRect(0, 0, THICK, THICK, theme.colour("surface"))
        self._bar(painter, view)

    def _along(self, painter: QPainter, view: View, unit: Unit, *, upright: bool) -> None:
        """Ticks and figures of one ruler; the upright one is written from below."""
        step = unit.step(view.scale, _APART)[0]
        seen = view.visible()
        first, last = (seen.top(), seen.bottom()) if upright else (seen.left(), seen.right())
        part = step / _TICKS
        for index in range(math.floor(first / part), math.ceil(last / part) + 1):
            screen = view.to_screen(index * part, index * part)
            at = round(screen.y() if upright else screen.x())
            if at <= THICK:
                continue
            whole = index % _TICKS == 0
            start = 4 if whole else THICK - 4
            painter.setPen(theme.colour("borderControl" if whole else "border"))
            if upright:
                painter.drawLine(start, at, THICK - 1, at)
            else:
                painter.drawLine(at, start, at, THICK - 1)
            if whole:
                painter.setPen(theme.colour("muted"))
                self._figure(painter, unit.words(index * part), at, upright=upright)

    def _figure(self, painter: QPainter, words: str, at: int, *, upright: bool) -> None:
        area = QRectF(3, 0, _APART, THICK - 4)
        painter.save()
        if upright:
            painter.translate(0, at)
            painter.rotate(-90)
        else:
            painter.translate(at, 0)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, flags, words)
        painter.restore()

    def _bar(self, painter: QPainter, view: View) -> None:
        """The scale bar in the lower left corner."""
        pixels, words = scale_bar(view)
        length, ground = round(pixels * view.scale), self.bar_area(view)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(GROUND)
        painter.drawRoundedRect(ground, 4, 4)
        painter.setPen(INK)
        words_area = ground.adjusted(0, 3, 0, -10)
        painter.drawText(words_area, Qt.AlignmentFlag.AlignCenter, words)
        left = round(ground.center().x() - length / 2)
        painter.fillRect(QRectF(left, ground.bottom() - 9, length, 3), INK)

    def bar_area(self, view: View) -> QRectF:
        """Where the scale bar lies in the viewport; nowhere while the rulers are not shown."""
        if not self.shown or not all(view.document.size):
            return QRectF()
        pixels, words = scale_bar(view)
        metrics = QFontMetrics(theme.font("small"))
        width = max(round(pixels * view.scale), metrics.horizontalAdvance(words)) + 2 * _PAD
        height = metrics.height() + 16
        return QRectF(THICK + 12, view.viewport().height() - height - 12, width, height)


def scale_bar(view: View) -> tuple[float, str]:
    """How long the scale bar is, in pixels of the image, and what it says: "50 µm" or "200 px"."""
    return units(view)[0].step(view.scale, _BAR)
