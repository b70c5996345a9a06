"""The colour of a label class as a small rounded square, wherever a class is named."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

_RATIO = 2  # drawn finer than most screens, so that the corners are round on all of them


def paint_swatch(painter: QPainter, rect: QRect, colour: QColor | str) -> None:
    """The colour of a class."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(rect, 2, 2)
    painter.restore()


def swatch(colour: str, side: int = 12, *, margin: int = 0) -> QPixmap:
    """A picture of a colour for a label."""
    whole = side + 2 * margin
    pixmap = QPixmap(_RATIO * whole, _RATIO * whole)
    pixmap.setDevicePixelRatio(_RATIO)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_swatch(painter, QRect(margin, margin, side, side), colour)
    painter.end()
    return pixmap


def swatch_icon(colour: str, side: int = 12) -> QIcon:
    """An icon of 16 px for a menu, a button or a table, with the swatch in its middle."""
    picture = swatch(colour, side, margin=(16 - side) // 2)
    icon = QIcon(picture)
    # In a selected row Qt would mix the colour of the class with that of the selection.
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon
