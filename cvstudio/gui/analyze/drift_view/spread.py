"""Two spreads of one figure, one above the other on one axis: what is usual, and what is new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cvstudio.gui import theme

_BINS = 40
_NAMES = 92
"""Room for the names of the rows, in px."""
_HEIGHT = 132
_FOOT = 22


class Spread(QWidget):
    """`axis` says what the figure is. The dashed line is the end of what is usual."""

    def __init__(self, axis: str) -> None:
        super().__init__()
        self._axis = axis
        self._shares: tuple[NDArray[np.float64], ...] = ()
        self._range = (0.0, 1.0)
        self._limit = 0.0
        self.setFixedHeight(_HEIGHT)
        self.setMinimumWidth(220)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_values(
        self, usual: NDArray[np.float32], new: NDArray[np.float32], limit: float
    ) -> None:
        """Show the values of the run's own images and of the new ones, one an image."""
        most = max(usual.max(initial=0.0), new.max(initial=0.0), limit)
        low, high = 0.0, float(most) * 1.02 or 1.0
        self._range, self._limit = (low, high), limit
        self._shares = tuple(
            np.histogram(values, _BINS, (low, high))[0] / max(len(values), 1)
            for values in (usual, new)
        )
        beyond = int((new > limit).sum())
        said = f"{self._axis}: {beyond} of {len(new)} new images beyond what is usual"
        self.setAccessibleName(said)
        self.setToolTip(f"{said}; 95 of 100 of the run's own images lie left of the dashed line")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._shares:
            return
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        row = (self.height() - _FOOT) / 2
        colours = (theme.colour("muted"), theme.colour("accent"))
        for place, (name, colour) in enumerate(zip(("Its own", "New"), colours, strict=True)):
            area = QRectF(_NAMES, place * row + 4, self.width() - _NAMES - 8, row - 8)
            painter.setPen(theme.colour("text"))
            names = QRectF(0, area.y(), _NAMES - 12, area.height())
            painter.drawText(names, Qt.AlignmentFlag.AlignVCenter, name)
            self._paint_bars(painter, area, self._shares[place], colour)
        self._paint_foot(painter)

    def _paint_bars(
        self, painter: QPainter, area: QRectF, shares: NDArray[np.float64], colour: QColor
    ) -> None:
        """A spread; its highest bar fills the row, for the two may hold very different counts."""
        most = float(shares.max()) or 1.0
        width = area.width() / _BINS
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for place, share in enumerate(shares.tolist()):
            if share:
                height = max(area.height() * share / most, 1.5)
                painter.drawRect(
                    QRectF(
                        area.x() + place * width, area.bottom() - height, max(width - 1, 1), height
                    )
                )
        painter.setPen(QPen(theme.colour("borderControl"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())

    def _paint_foot(self, painter: QPainter) -> None:
        low, high = self._range
        wide = self.width() - _NAMES - 8
        x = _NAMES + wide * (self._limit - low) / (high - low)
        painter.setPen(QPen(theme.colour("text"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(round(x), 0, round(x), self.height() - _FOOT)
        painter.setPen(theme.colour("muted"))
        foot = QRectF(_NAMES, self.height() - _FOOT, wide, _FOOT)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(foot, centre, f"{low:g}")
        painter.drawText(foot, centre | Qt.AlignmentFlag.AlignHCenter, self._axis)
        painter.drawText(foot, centre | Qt.AlignmentFlag.AlignRight, f"{high:.2g}")
