"""The title of a card that lies over the canvas, by which it is dragged to another corner."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionFocusRect, QWidget

from cvstudio.gui import keys, theme
from cvstudio.gui.widgets.icons import paint_icon

_NAME = "Progress"
_TURN = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
_FAR = 6
"""Pixels up to which a press is a click and no drag."""


class CornerHandle(QWidget):
    """`dragged(QPoint)` by how much, `dropped` at the end; `turned` by a click, Enter or Space."""

    dragged = Signal(QPoint)
    dropped = Signal()
    turned = Signal()

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self._from: QPoint | None = None
        self._moved = False
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Move the progress card")
        self.setToolTip("Drag it to any corner; a click or Enter takes the next one")
        self.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from, self._moved = event.globalPosition().toPoint(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is None:
            return
        now = event.globalPosition().toPoint()
        by = now - self._from
        if self._moved or by.manhattanLength() > _FAR:
            self._moved, self._from = True, now
            self.dragged.emit(by)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._from is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self._from = None
        (self.dropped if self._moved else self.turned).emit()

    def event(self, event: QEvent) -> bool:
        """Enter is for the card here, before it is for the page."""
        return keys.claimed(event, _TURN) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _TURN:
            self.turned.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("muted"))
        area = self.rect().adjusted(11, 4, -11, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, _NAME)
        area.setLeft(area.right() - 15)
        paint_icon(painter, "cursor-move", area, "muted")
        if self.hasFocus():
            option = QStyleOptionFocusRect()
            option.initFrom(self)
            option.rect = self.rect().adjusted(2, 2, -2, -2)
            self.style().drawPrimitive(
                QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self
            )
