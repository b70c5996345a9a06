"""Rows of a list to choose from: a name, in quieter letters what it means, keys at the right."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cvstudio.gui import theme

ABOUT = Qt.ItemDataRole.UserRole + 1
"""The role of what a row means."""
AT_RIGHT = Qt.ItemDataRole.UserRole + 2
"""The role of what stands at the right: a page, keys."""
GREY = Qt.ItemDataRole.UserRole + 3
"""The role of whether it is not possible now."""

_NARROW, _AROUND, _APART = 88, 12, 16
_ICON = 18

Index = QModelIndex | QPersistentModelIndex


class ToldRows(QStyledItemDelegate):
    """`column`: where the meanings begin at least, in pixels from the left."""

    def __init__(self, parent: QObject, column: int = _NARROW) -> None:
        super().__init__(parent)
        self._column = column

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, theme.size("row"))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        quiet = theme.colour("selectionMuted" if chosen else "muted")
        strong = theme.colour("selectionText" if chosen else "text")
        rect: QRect = option.rect
        painter.fillRect(rect, theme.colour("selection" if chosen else "raised"))
        inside = rect.adjusted(_AROUND, 0, -_AROUND, 0)
        painter.setFont(theme.font("body"))
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QIcon):
            top = rect.center().y() - _ICON // 2
            icon.paint(painter, QRect(inside.left(), top, _ICON, _ICON))
            inside.setLeft(inside.left() + _ICON + 8)
        at_right = str(index.data(AT_RIGHT) or "")
        if at_right:
            painter.setPen(quiet)
            painter.drawText(
                inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, at_right
            )
            width = painter.fontMetrics().horizontalAdvance(at_right)
            inside.setRight(inside.right() - width - _APART)
        painter.setPen(quiet if index.data(GREY) else strong)
        text = str(index.data())
        _draw(painter, inside, text)
        if about := str(index.data(ABOUT) or ""):
            advance = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(quiet)
            _draw(painter, inside.adjusted(max(advance + _APART, self._column), 0, 0, 0), about)


def _draw(painter: QPainter, area: QRect, text: str) -> None:
    """One line, cut with dots where there is no room."""
    shown = painter.fontMetrics().elidedText(
        text, Qt.TextElideMode.ElideRight, max(area.width(), 0)
    )
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, shown)
