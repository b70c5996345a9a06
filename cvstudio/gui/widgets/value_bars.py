"""Bars of a few figures with their names: shares, or figures with how far they spread.

bars = ValueBars(); bars.show_bars([Bar("Fold 1", 0.61, "0.610")], mean=0.6, sd=0.02)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cvstudio.gui import theme

_ROW = 26


@dataclass(frozen=True)
class Bar:
    """A named figure of 0 or more, the words for it, and how far it spreads (sd) to each side."""

    name: str
    value: float
    words: str
    sd: float | None = None


class ValueBars(QWidget):
    """One row per figure. `pressed(index)` when `pressable` and a row is clicked or entered."""

    pressed = Signal(int)

    def __init__(self, *, pressable: bool = False, tip: str = "") -> None:
        super().__init__()
        self.bars: tuple[Bar, ...] = ()
        self._mean: float | None = None
        self._sd: float | None = None
        self._top: float | None = None
        self._pressable, self._at = pressable, 0
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if pressable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_bars(
        self, bars: Sequence[Bar], *, mean: float | None = None, sd: float | None = None,
        top: float | None = None,
    ) -> None:  # fmt: skip
        """Show figures; a dashed line at their mean, and a band of one sd around it.

        `top` is the figure at the right end, else the largest one is.
        """
        self.bars, self._mean, self._sd, self._top = tuple(bars), mean, sd, top
        self.setAccessibleName(", ".join(f"{bar.name}: {bar.words}" for bar in bars))
        self.setVisible(bool(bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, _ROW * len(self.bars) + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, _ROW * len(self.bars) + 4)

    def _plot(self) -> QRectF:
        metrics = QFontMetrics(self.font())
        names = max((metrics.horizontalAdvance(bar.name) for bar in self.bars), default=0) + 14
        figures = max((metrics.horizontalAdvance(bar.words) for bar in self.bars), default=0) + 12
        left = min(float(names), self.width() * 0.42)
        return QRectF(left, 2, max(self.width() - left - figures, 10.0), _ROW * len(self.bars))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.bars:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        highest = max(bar.value + (bar.sd or 0.0) for bar in self.bars)
        scale = plot.width() / max(self._top or highest, 1e-9)
        self._paint_mean(painter, plot, scale)
        for place, bar in enumerate(self.bars):
            self._paint_bar(painter, plot, scale, place, bar)
        if self._pressable and self.hasFocus():
            painter.setPen(QPen(theme.colour("focus"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            row = QRectF(0.5, plot.y() + self._at * _ROW + 0.5, self.width() - 1.0, _ROW - 1.0)
            painter.drawRoundedRect(row, 3, 3)

    def _paint_mean(self, painter: QPainter, plot: QRectF, scale: float) -> None:
        if self._mean is None:
            return
        middle = plot.x() + self._mean * scale
        if self._sd:
            band = theme.colour("muted")
            band.setAlpha(46)
            wide = self._sd * scale
            painter.fillRect(QRectF(middle - wide, plot.y(), 2 * wide, plot.height()), band)
        pen = QPen(theme.colour("text"), 1, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawLine(QPointF(middle, plot.y()), QPointF(middle, plot.bottom()))

    def _paint_bar(
        self, painter: QPainter, plot: QRectF, scale: float, place: int, bar: Bar
    ) -> None:  # fmt: skip
        y = plot.y() + place * _ROW
        line = QRect(0, round(y), self.width(), _ROW)
        painter.setPen(theme.colour("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        name = painter.fontMetrics().elidedText(
            bar.name, Qt.TextElideMode.ElideRight, int(plot.x()) - 10
        )
        painter.drawText(line, middle, name)
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, bar.words)
        fill = theme.colour("chart1")
        fill.setAlpha(190)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        width = max(min(bar.value * scale, plot.width()), 1.5)
        painter.drawRoundedRect(QRectF(plot.x(), y + 7, width, _ROW - 14), 2, 2)
        if bar.sd:
            painter.setPen(QPen(theme.colour("text"), 1.2))
            x, half = plot.x() + bar.value * scale, bar.sd * scale
            ends = (max(x - half, plot.x()), min(x + half, plot.right()))
            painter.drawLine(QPointF(ends[0], y + _ROW / 2), QPointF(ends[1], y + _ROW / 2))
            for end in ends:
                painter.drawLine(QPointF(end, y + 9), QPointF(end, y + _ROW - 9))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place = int((event.position().y() - 2) // _ROW)
        if self._pressable and 0 <= place < len(self.bars):
            self._at = place
            self.pressed.emit(place)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        key = Qt.Key(event.key())
        if self._pressable and key in steps and self.bars:
            self._at = max(0, min(self._at + steps[key], len(self.bars) - 1))
            self.update()
        elif self._pressable and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.pressed.emit(self._at)
        else:
            super().keyPressEvent(event)
