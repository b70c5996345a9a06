"""A short list to choose from: icon, words, a figure at the right; as high as its rows.

views = NavList(); views.show_rows([NavRow("all", "All images", "view-grid-outline", "364")])
views.chosen.connect(f)              # key
views.choose("all")                  # shows a choice without telling; "" shows none
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.gui.widgets.verbatim import tip


@dataclass(frozen=True)
class NavRow:
    """One row; `tip` is the whole of what may be cut off."""

    key: str
    text: str
    icon: str
    figure: str = ""
    tip: str = ""
    enabled: bool = True


class _Delegate(QStyledItemDelegate):
    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(100, theme.row_height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:  # fmt: skip
        row: NavRow = index.data(Qt.ItemDataRole.UserRole)
        option.widget.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        on = bool(option.state & QStyle.StateFlag.State_Selected)
        on = on and option.widget.isActiveWindow()
        quiet = "selectionMuted" if on else "muted" if row.enabled else "disabled"
        loud = "selectionText" if on else "text" if row.enabled else "disabled"
        area = option.rect.adjusted(16, 0, -12, 0)
        paint_icon(painter, row.icon, QRect(area.x(), area.y(), 16, area.height()), quiet)
        painter.setPen(theme.colour(quiet))
        painter.drawText(
            area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, row.figure
        )
        painter.setPen(theme.colour(loud))
        metrics = painter.fontMetrics()
        room = area.width() - 24 - metrics.horizontalAdvance(row.figure) - 8
        text = metrics.elidedText(row.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(area.adjusted(24, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
        focus = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange
        if option.state & focus == focus:
            option.widget.style().drawPrimitive(
                QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, option.widget
            )


class NavList(QListWidget):
    """See the module."""

    chosen = Signal(str)
    removed = Signal(str)
    """Del was pressed on a row."""

    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(_Delegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.itemSelectionChanged.connect(self._tell)
        self._quiet = False

    def show_rows(self, rows: Sequence[NavRow]) -> None:
        """Show these rows; the choice stays when its key is still there."""
        key = self.key
        self._quiet = True
        self.clear()
        for row in rows:
            item = QListWidgetItem(row.text)
            item.setData(Qt.ItemDataRole.UserRole, row)
            item.setToolTip(tip(row.tip or row.text))
            if not row.enabled:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.addItem(item)
        self.setFixedHeight(theme.row_height() * len(rows))
        self._quiet = False
        self.choose(key)

    @property
    def key(self) -> str:
        """The key of the chosen row, "" for none."""
        items = self.selectedItems()
        return items[0].data(Qt.ItemDataRole.UserRole).key if items else ""

    def choose(self, key: str) -> None:
        """Show a choice without telling."""
        self._quiet = True
        self.clearSelection()
        for place in range(self.count()):
            item = self.item(place)
            if item.data(Qt.ItemDataRole.UserRole).key == key and key:
                self.setCurrentItem(item)
        self._quiet = False

    def _tell(self) -> None:
        if not self._quiet and self.key:
            self.chosen.emit(self.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.key:
            self.removed.emit(self.key)
            return
        super().keyPressEvent(event)
