"""What the colours of a heat map mean."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QFontMetrics, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cvstudio.gui import theme
from cvstudio.imaging.heat import colours

_SHORTEST_BAR = 32
_BAR = 8
"""Pixels that the bar of colours is high."""
_WIDEST = 124


class Scale(QWidget):
    """The legend of the heat map: little … much, at least as wide as these words."""

    def __init__(self) -> None:
        super().__init__()
        metrics = QFontMetrics(theme.font("small"))
        self.setMinimumWidth(sum(_advances(metrics)))
        self.setMaximumWidth(_WIDEST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("How much a place speaks for the class: dark little, bright much")

    def sizeHint(self) -> QSize:
        return QSize(self.minimumWidth(), theme.size("row_compact"))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("muted"))
        metrics = painter.fontMetrics()
        left, right = _advances(metrics)
        words, middle = self.rect(), self.height() // 2
        beside = self.width() >= left + right + _SHORTEST_BAR
        if not beside:  # the ends stand below the bar, where they have room
            left = right = 0
            words.setTop(middle)
            middle //= 2
        painter.drawText(words, 0x0081, "little")
        painter.drawText(words, 0x0082, "much")
        bar = QRect(left, middle - _BAR // 2, self.width() - left - right, _BAR)
        shades = colours(np.linspace(0, 1, 6, dtype=np.float32)[None])[0]
        gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for place, (r, g, b) in enumerate(shades.tolist()):
            gradient.setColorAt(place / 5, f"#{r:02X}{g:02X}{b:02X}")
        painter.fillRect(bar, gradient)


def _advances(metrics: QFontMetrics) -> tuple[int, int]:
    """What the words of the two ends take, with a gap to what stands beside them."""
    return metrics.horizontalAdvance("little") + 4, metrics.horizontalAdvance("much") + 4
