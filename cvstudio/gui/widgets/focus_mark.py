"""The ring around the row that has the keys, for lists whose rows are painted by hand."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from cvstudio.gui import theme


def paint_focus(painter: QPainter, option: QStyleOptionViewItem, row: QRect) -> None:
    """Mark a row that has the keys, once a key was used: a ring inside `row`, two pixels wide,
    with a line of the ground around it, so that it shows on the selection's colour too."""
    wanted = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange
    if option.state & wanted != wanted:
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for inset, role in ((1.0, "focus"), (2.5, "surface")):
        painter.setPen(QPen(theme.colour(role), 2 if role == "focus" else 1))
        painter.drawRect(QRectF(row).adjusted(inset, inset, -inset, -inset))
