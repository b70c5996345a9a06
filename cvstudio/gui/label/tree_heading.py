"""The class of the topmost rows of a tree, over them, while its own row is scrolled away."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QTreeView, QWidget

from cvstudio.gui import theme

Index = QModelIndex | QPersistentModelIndex
Paint = Callable[[QPainter, QRect, Index, QTreeView], None]


class TreeHeading(QWidget):
    """Lies over the first row of a tree of two levels. A click does what one on the row does."""

    def __init__(self, tree: QTreeView, paint: Paint, pressed: Callable[[Index], None]) -> None:
        super().__init__(tree)
        self._tree, self._paint, self._pressed = tree, paint, pressed
        self._index = QPersistentModelIndex()
        self.setFixedHeight(theme.size("row_compact"))
        tree.verticalScrollBar().valueChanged.connect(lambda _value: self.follow())
        tree.verticalScrollBar().rangeChanged.connect(lambda _low, _high: self.follow())
        tree.expanded.connect(lambda _index: self.follow())
        tree.collapsed.connect(lambda _index: self.follow())
        self.hide()

    @property
    def text(self) -> str:
        """What it says; "" while it is hidden."""
        return "" if self.isHidden() else str(self._index.data())

    def follow(self) -> None:
        """The rows lie elsewhere, or are other ones."""
        top = self._tree.indexAt(QPoint(4, 0))
        self._index = QPersistentModelIndex(top.parent())
        viewport = self._tree.viewport().geometry()
        self.setGeometry(viewport.x(), viewport.y(), viewport.width(), self.height())
        self.setVisible(self._index.isValid())
        self.setAccessibleName(self.text)
        self.update()

    def covers(self, index: Index) -> bool:
        """Whether a row lies below it."""
        row = self._tree.visualRect(index)
        return not self.isHidden() and row.isValid() and row.top() < self.height()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._index.isValid():
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("surface"))
        painter.setFont(theme.font("body"))
        self._paint(painter, self.rect(), self._index, self._tree)
        painter.setPen(theme.colour("border"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index
        if index.isValid():
            self._pressed(index)
            self._tree.scrollTo(index)
            self.follow()

    def wheelEvent(self, event: QWheelEvent) -> None:
        QApplication.sendEvent(self._tree.viewport(), event)
