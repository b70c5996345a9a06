"""Rows of lists about queries: what may be written, and in quieter letters what it means."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cvstudio.gui import theme

ABOUT = Qt.ItemDataRole.UserRole + 1
"""The role of what a row means."""
_NARROW = 88

Index = QModelIndex | QPersistentModelIndex


class QueryRows(QStyledItemDelegate):
    """`column`: where the meanings begin at least, in pixels from the left."""

    def __init__(self, parent: QObject, column: int = _NARROW) -> None:
        super().__init__(parent)
        self._column = column

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, theme.size("row"))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        rect: QRect = option.rect
        painter.fillRect(rect, theme.colour("selection" if chosen else "raised"))
        inside = rect.adjusted(12, 0, -12, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("body"))
        text = str(index.data())
        painter.setPen(theme.colour("selectionText" if chosen else "text"))
        painter.drawText(inside, middle, painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, inside.width()
        ))  # fmt: skip
        if about := str(index.data(ABOUT) or ""):
            left = max(painter.fontMetrics().horizontalAdvance(text) + 16, self._column)
            painter.setPen(theme.colour("selectionMuted" if chosen else "muted"))
            rest = inside.adjusted(left, 0, 0, 0)
            painter.drawText(rest, middle, painter.fontMetrics().elidedText(
                about, Qt.TextElideMode.ElideRight, rest.width()
            ))  # fmt: skip
