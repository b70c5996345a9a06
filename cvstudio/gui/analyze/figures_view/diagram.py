"""The reliability diagram: how often answers of a sureness are right, and how many there are."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cvstudio.core.metrics.calibration import Bin, Reliability
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.analyze.figures_view.titles import said

_LEFT, _TOP, _BOTTOM = 40, 8, 34


class ReliabilityDiagram(QWidget):
    """Bars of the share right against the diagonal; each is as opaque as its answers are many."""

    def __init__(self) -> None:
        super().__init__()
        self.reliability: Reliability | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        return QSize(360, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 240)

    def show_reliability(self, found: Reliability | None) -> None:
        """Show a diagram; None leaves it empty."""
        self.reliability = found
        if found is not None:
            told = ", ".join(_words(each) for each in found.bins if each.count)
            self.setAccessibleName(f"Reliability diagram: {told or 'no answers'}")
        self.update()

    def _plot(self) -> QRectF:
        height = self.height() - _TOP - _BOTTOM
        return QRectF(_LEFT, _TOP, max(self.width() - _LEFT - 12, 40), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        self._paint_frame(painter, plot)
        if self.reliability is None:
            return
        most = max((each.count for each in self.reliability.bins), default=0)
        for each in self.reliability.bins:
            if each.count:
                self._paint_bin(painter, plot, each, most)
        painter.setPen(QPen(theme.colour("text"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(plot.bottomLeft(), plot.topRight())

    def _paint_frame(self, painter: QPainter, plot: QRectF) -> None:
        painter.setFont(theme.font("small"))
        for step in range(6):
            share = step / 5
            x, y = plot.x() + share * plot.width(), plot.bottom() - share * plot.height()
            painter.setPen(theme.colour("border"))
            painter.drawLine(QPointF(plot.x(), y), QPointF(plot.right(), y))
            painter.setPen(theme.colour("muted"))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, y - 8, _LEFT - 6, 16), right, f"{100 * share:.0f} %")
            middle = Qt.AlignmentFlag.AlignHCenter
            painter.drawText(QRectF(x - 20, plot.bottom() + 2, 40, 16), middle, f"{share:.1f}")
        where = QRectF(plot.x(), plot.bottom() + 16, plot.width(), 16)
        painter.drawText(where, Qt.AlignmentFlag.AlignHCenter, "how sure, against how often right")

    def _paint_bin(self, painter: QPainter, plot: QRectF, each: Bin, most: int) -> None:
        x = plot.x() + each.low * plot.width()
        wide = (each.high - each.low) * plot.width()
        high = each.right.value * plot.height()
        shade = 0.3 + 0.6 * math.sqrt(each.count / most)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("chart1", shade))
        painter.drawRect(QRectF(x + 2, plot.bottom() - high, wide - 4, max(high, 1)))
        if (between := each.right.interval) is not None:
            painter.setPen(QPen(theme.colour("text"), 1.2))
            low, top = (plot.bottom() - end * plot.height() for end in between)
            middle = x + wide / 2
            painter.drawLine(QPointF(middle, low), QPointF(middle, top))
            for end in (low, top):
                painter.drawLine(QPointF(middle - 3, end), QPointF(middle + 3, end))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self.reliability is not None:
            plot = self._plot()
            place = int((event.pos().x() - plot.x()) / plot.width() * len(self.reliability.bins))
            if 0 <= place < len(self.reliability.bins):
                QToolTip.showText(event.globalPos(), _words(self.reliability.bins[place]), self)
                return True
        return super().event(event)


def _words(each: Bin) -> str:
    if not each.count:
        return f"No answers from {each.low:.1f} to {each.high:.1f}"
    return (
        f"{counted(each.count, 'answer')} from {each.low:.1f} to {each.high:.1f}:"
        f" {100 * each.right.value:.0f} % right, sure by {said(each.sureness)} on average"
    )
