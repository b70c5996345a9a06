"""The catalogue of transforms: a searchable list in groups, from which a step is added."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.augment.catalogue import GROUPS, TRANSFORMS
from cvstudio.augment.fields import Transform
from cvstudio.core.annotation import Task
from cvstudio.gui import theme

_RECORD = Qt.ItemDataRole.UserRole
_SIZE = QSize(380, 480)
_GROUP_HEIGHT = 32
_Index = QModelIndex | QPersistentModelIndex


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        record = index.data(_RECORD)
        return QSize(100, theme.size("row_two_lines") if record else _GROUP_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        record = index.data(_RECORD)
        area = option.rect
        upright = Qt.AlignmentFlag.AlignVCenter
        if record is None:
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.colour("muted"))
            text = index.data(Qt.ItemDataRole.DisplayRole)
            painter.drawText(area.adjusted(12, 6, -12, 0), upright, text)
            return
        view = option.widget
        view.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, view
        )
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.colour("selectionText" if selected else "text"))
        row = QRect(area.x() + 12, area.y() + 3, area.width() - 24, 20)
        painter.drawText(row, upright, record.title)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("selectionMuted" if selected else "muted"))
        row.translate(0, 19)
        text = painter.fontMetrics().elidedText(
            record.description, Qt.TextElideMode.ElideRight, row.width()
        )
        painter.drawText(row, upright, text)


class CataloguePopup(QFrame):
    """Opens under a button; Enter or a click adds, Esc closes."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget, *, task: Task) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        theme.mark(self, toast=True)
        self._task = task
        self.resize(_SIZE)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 8, 1, 1)
        column.setSpacing(8)
        self.search = QLineEdit()
        theme.mark(self.search, search=True)
        self.search.setPlaceholderText(f"Search {len(TRANSFORMS)} transforms")
        self.search.setAccessibleName("Search transforms")
        self.search.textChanged.connect(self.filter)
        self.search.installEventFilter(self)
        holder = QVBoxLayout()
        holder.setContentsMargins(8, 0, 8, 0)
        holder.addWidget(self.search)
        column.addLayout(holder)
        self.list = QListWidget()
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Transforms")
        self.list.itemClicked.connect(self._choose)
        column.addWidget(self.list, 1)
        self.filter("")

    def open_at(self, corner: QPoint) -> None:
        """Show the catalogue with its top left corner there."""
        self.search.clear()
        self.move(corner)
        self.show()
        self.search.setFocus()

    def filter(self, text: str) -> None:
        """Show the transforms whose words hold every word of the text."""
        words = text.casefold().split()
        self.list.clear()
        for group in GROUPS:
            found = [
                record
                for record in TRANSFORMS
                if record.group == group and self._task in record.tasks and _fits(record, words)
            ]
            if found:
                head = QListWidgetItem(group)
                head.setFlags(Qt.ItemFlag.NoItemFlags)
                self.list.addItem(head)
            for record in found:
                item = QListWidgetItem(record.title)
                item.setData(_RECORD, record)
                item.setToolTip(f"{record.description} {record.warning}".strip())
                self.list.addItem(item)
        if not self.list.count():
            nothing = QListWidgetItem(f"No transform has “{text}”.")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(nothing)
        self._go(1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.search and event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self._go(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                item = self.list.currentItem()
                if item is not None:
                    self._choose(item)
                return True
        return super().eventFilter(watched, event)

    def _go(self, step: int) -> None:
        """Select the next row that is a transform."""
        row = self.list.currentRow() + step
        while 0 <= row < self.list.count():
            if self.list.item(row).data(_RECORD) is not None:
                self.list.setCurrentRow(row)
                return
            row += step

    def _choose(self, item: QListWidgetItem) -> None:
        record = item.data(_RECORD)
        if record is not None:
            self.hide()
            self.chosen.emit(record.name)


def _fits(record: Transform, words: list[str]) -> bool:
    text = f"{record.title} {record.description} {record.group} {record.name}".casefold()
    return all(word in text for word in words)
