"""Small charts drawn with QPainter: bars by class, and a histogram.

bars = ClassBars(); bars.show_counts([("RBC", "#F73C62", 4155), ...])
bars.pressed.connect(f)       # index of the row that was clicked
hist = Histogram("box side, px"); hist.show_values(sides)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.verbatim import tip

_ROW = 28


class ClassBars(QWidget):
    """One row per class: name, a bar in the class colour, the figure."""

    pressed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, str, int]] = []
        self._hover = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def show_counts(self, rows: Sequence[tuple[str, str, int]]) -> None:
        """Rows of (name, "#RRGGBB", count)."""
        self._rows = list(rows)
        self.setAccessibleName(", ".join(f"{name}: {count:,}" for name, _, count in rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, _ROW * len(self._rows))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _ROW * len(self._rows))

    def _columns(self) -> tuple[int, int]:
        """The widths of the names and of the figures."""
        metrics = QFontMetrics(self.font())
        # Two pixels more: the printed width may be a rounding larger than the measured one.
        names = max((metrics.horizontalAdvance(name) for name, *_ in self._rows), default=0) + 2
        figures = max((metrics.horizontalAdvance(f"{n:,}") for *_, n in self._rows), default=0)
        return min(names + 12, round(self.width() * 0.42)), figures

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        names, figures = self._columns()
        metrics = painter.fontMetrics()
        most = max((count for *_, count in self._rows), default=0)
        room = self.width() - names - figures - 12
        for place, (name, colour, count) in enumerate(self._rows):
            line = QRect(0, place * _ROW, self.width(), _ROW)
            if place == self._hover:
                painter.fillRect(line, theme.colour("hover"))
            painter.setPen(theme.colour("text"))
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names - 12)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, shown)
            painter.drawText(
                line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{count:,}"
            )
            if count and room > 0:
                width = max(2.0, room * count / most)
                painter.save()
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(colour))
                painter.drawRoundedRect(QRectF(names, line.y() + 6, width, 16), 2, 2)
                painter.restore()

    def _row_at(self, y: float) -> int:
        row = int(y) // _ROW
        return row if 0 <= row < len(self._rows) else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if row != self._hover:
            self._hover = row
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if row >= 0:
            self.pressed.emit(row)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self._row_at(event.pos().y())
            if row >= 0:
                name, _, count = self._rows[row]
                words = tip(f"{name}: {count:,}. Click shows the images.")
                QToolTip.showText(event.globalPos(), words)
                return True
        return super().event(event)


def round_step(span: float, parts: int) -> float:
    """A round step (1, 2, 3, 5 times a power of ten) that divides a span into about that many."""
    raw = max(span, 1e-9) / parts
    power = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 3, 5, 10) if factor * power >= raw)


class Histogram(QWidget):
    """How often values occur, in bins of a round width from 0; the last bin holds the rest."""

    def __init__(self, axis: str) -> None:
        super().__init__()
        self._axis = axis
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._bin = 1.0
        self._clipped = False
        self.setFixedHeight(148)
        self.setMouseTracking(True)

    def show_values(self, values: NDArray[np.float64], *, bins: int = 13) -> None:
        """Show the distribution of values >= 0; at most one in a hundred is put into the end."""
        if len(values):
            high = max(float(np.percentile(values, 99)), 1.0)
            self._bin = max(round_step(high, bins), 1.0)
            edges = np.arange(0, high + self._bin, self._bin)
            self._clipped = bool(values.max() >= edges[-1])
            clipped = np.minimum(values, edges[-1] - 1e-6)
            self._counts = np.histogram(clipped, edges)[0]
        else:
            self._counts = np.zeros(0, np.int64)
        total = f"{len(values):,} values"
        self.setAccessibleName(f"Histogram of {self._axis}, {total}")
        self.update()

    def _plot(self) -> QRectF:
        metrics = QFontMetrics(theme.font("small"))
        most = int(self._counts.max()) if len(self._counts) else 0
        left = metrics.horizontalAdvance(f"{most:,}") + 10
        below = 48 + 14 * (len(self._axis_words()) - 1)
        return QRectF(left, 8, self.width() - left - 4, self.height() - below)

    def _axis_words(self) -> list[str]:
        """The words under the axis, in as many lines as they need."""
        if not self._clipped:
            return [self._axis]
        more = "larger ones in the last bar"
        whole = f"{self._axis}, {more}"
        wide = QFontMetrics(theme.font("small")).horizontalAdvance(whole) > self.width()
        return [self._axis, more] if wide else [whole]

    def _scale(self) -> tuple[float, float]:
        """The step between the lines of the grid, and the count at its top."""
        most = int(self._counts.max())
        step = max(round_step(most, 3), 1.0)  # there are no half boxes
        return step, max(math.ceil(most / step - 0.2) * step, most)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        if not len(self._counts):
            painter.setPen(theme.colour("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No shapes yet")
            return
        plot = self._plot()
        step, top = self._scale()
        self._paint_grid(painter, plot, step, top)
        width = plot.width() / len(self._counts)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("muted"))
        for place, count in enumerate(self._counts.tolist()):
            if count:
                height = max(plot.height() * count / top, 1.5)
                painter.drawRect(
                    QRectF(plot.x() + place * width + 1, plot.bottom() - height, width - 2, height)
                )
        self._paint_axis(painter, plot, width)

    def _paint_grid(self, painter: QPainter, plot: QRectF, step: float, top: float) -> None:
        value = 0.0
        while value <= top + step / 100:
            y = round(plot.bottom() - plot.height() * value / top) + 0.5
            painter.setPen(QPen(theme.colour("chartGrid" if value else "borderControl"), 1))
            painter.drawLine(QPointF(plot.x(), y), QPointF(plot.right(), y))
            painter.setPen(theme.colour("chartAxis"))
            painter.drawText(
                QRectF(0, y - 8, plot.x() - 6, 16),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                f"{value:,.0f}",
            )
            value += step

    def _paint_axis(self, painter: QPainter, plot: QRectF, width: float) -> None:
        painter.setPen(theme.colour("chartAxis"))
        every = max(1, round(len(self._counts) / 4))
        for place in range(0, len(self._counts) + 1, every):
            x = plot.x() + place * width
            text = f"{place * self._bin:,.0f}"
            half = painter.fontMetrics().horizontalAdvance(text) / 2 + 1
            x = min(x, self.width() - half)
            painter.drawText(
                QRectF(x - 30, plot.bottom() + 4, 60, 16), Qt.AlignmentFlag.AlignHCenter, text
            )
        for line, words in enumerate(self._axis_words()):
            area = QRectF(0, plot.bottom() + 22 + 14 * line, self.width(), 16)
            painter.drawText(area, Qt.AlignmentFlag.AlignHCenter, words)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            plot = self._plot()
            if len(self._counts) and plot.width() > 0:
                place = int((event.pos().x() - plot.x()) / plot.width() * len(self._counts))
                if 0 <= place < len(self._counts):
                    low, high = place * self._bin, (place + 1) * self._bin
                    words = f"{low:,.0f} to {high:,.0f}: {self._counts[place]:,}"
                    QToolTip.showText(event.globalPos(), words)
                    return True
        return super().event(event)
