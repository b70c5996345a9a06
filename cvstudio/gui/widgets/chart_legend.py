"""What the lines of a chart look like, and the row of their names above it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from cvstudio.gui import theme

STYLES: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("chart1", ()),
    ("chart2", (5, 3)),
    ("chart3", (2, 3)),
    ("chart4", (6, 3, 1, 3)),
)
"""Colour role and dash pattern by order: readable in print and without colour."""


def line_pen(place: int, dashed: bool | None = None) -> QPen:
    """The pen of the line at a place: 1.5 px, cosmetic; its dashes are the place's unless told."""
    role, dashes = STYLES[place % len(STYLES)]
    if dashed is not None:
        dashes = STYLES[1][1] if dashed else ()
    pen = QPen(theme.colour(role), 1.5)
    pen.setCosmetic(True)
    if dashes:
        pen.setDashPattern([length / 1.5 for length in dashes])
    return pen


class Legend(QWidget):
    """Names of lines with a piece of each line."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[tuple[str, int, bool | None], ...] = ()
        self.setFixedHeight(16)

    def set_entries(self, entries: Sequence[tuple[str, int, bool | None]]) -> None:
        """Names with the place of each line's style, and whether it is dashed if not by that."""
        if tuple(entries) != self._entries:
            self._entries = tuple(entries)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        metrics = painter.fontMetrics()
        names = sum(metrics.horizontalAdvance(name) for name, _, _ in self._entries)
        wide = names + 40 * len(self._entries) - 16 <= self.width()
        piece, after = (18, 16) if wide else (12, 8)
        x = 0.0
        for name, place, dashed in self._entries:
            painter.setPen(line_pen(place, dashed))
            painter.drawLine(QPointF(x, 8), QPointF(x + piece, 8))
            painter.setPen(theme.colour("text"))
            width = metrics.horizontalAdvance(name)
            at = x + piece + 6
            painter.drawText(QRectF(at, 0, width + 2, 16), Qt.AlignmentFlag.AlignVCenter, name)
            x = at + width + after
