"""Small marks that the lists of the page share: key caps, names of colours, words."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cvstudio.gui import keys, theme
from cvstudio.gui.widgets.section import label


def key_width(key: str) -> int:
    """How wide a key cap with this key is, px; a digit's is as wide as it is high."""
    words = QFontMetrics(theme.font("small")).horizontalAdvance(keys.words(key))
    return max(20, words + 10)


def paint_key(painter: QPainter, rect: QRect, key: str, role: str) -> None:
    """A key cap, as wide as `key_width` says from the left side of the rectangle."""
    rect = QRect(rect.left(), rect.top(), key_width(key), rect.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(theme.colour("selectionMuted" if role == "selectionText" else "borderControl"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.setFont(theme.font("small"))
    painter.setPen(theme.colour(role))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, keys.words(key))
    painter.restore()


class EmptyWords(QWidget):
    """One sentence and the button that fills the place, small enough for a panel."""

    def __init__(self, text: str, button: QPushButton | None = None) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 16, 8)
        column.setSpacing(8)
        self.words: QLabel = label(text, "muted", wrap=True)
        column.addWidget(self.words)
        if button is not None:
            row = QHBoxLayout()
            row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
