"""The catalogue of transforms: a searchable list in groups, from which a step is added."""

from __future__ import annotations

from collections.abc import Sequence

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

from cvstudio.augment.catalogue import GROUPS, TRANSFORMS, make_step
from cvstudio.augment.fields import Transform
from cvstudio.augment.item_form import OFFERS, Offer
from cvstudio.augment.left_out import LEFT_OUT
from cvstudio.augment.unable import cannot_run
from cvstudio.core.annotation import Task
from cvstudio.gui import theme
from cvstudio.gui.widgets.verbatim import tip as plain_tip

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
        offered = "text" if record.name else "muted"
        painter.setPen(theme.colour("selectionText" if selected else offered))
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
        self._add_rows("Several at once", [o for o in OFFERS if _fits(_words_of(o), words)])
        for group in GROUPS:
            records = [t for t in TRANSFORMS if t.group == group and self._task in t.tasks]
            self._add_rows(group, [t for t in records if _fits(_words_of(t), words)])
        if words:
            self._add_rows("Not offered, and why", self._not_offered(words))
        if not self.list.count():
            nothing = QListWidgetItem(f"No transform has “{text}”.")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(nothing)
        self._go(1)

    def _not_offered(self, words: Sequence[str]) -> list[Offer]:
        """What the task cannot use, and what albumentations has besides, where the words fit."""
        other = [t for t in TRANSFORMS if self._task not in t.tasks and _fits(_words_of(t), words)]
        return [
            *(Offer("", t.title, cannot_run(make_step(t.name), task=self._task)) for t in other),
            *(
                Offer("", name, reason)
                for name, reason in LEFT_OUT.items()
                if _fits(name.casefold(), words)
            ),
        ]

    def _add_rows(self, title: str, found: Sequence[Transform | Offer]) -> None:
        """A heading, and a row for each; those without a name cannot be chosen."""
        if not found:
            return
        head = QListWidgetItem(title)
        head.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(head)
        for record in found:
            item = QListWidgetItem(record.title)
            item.setData(_RECORD, record)
            item.setToolTip(_tip(record))
            if not record.name:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)

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
            if self.list.item(row).flags() & Qt.ItemFlag.ItemIsSelectable:
                self.list.setCurrentRow(row)
                return
            row += step

    def _choose(self, item: QListWidgetItem) -> None:
        record = item.data(_RECORD)
        if record is not None and record.name:
            self.hide()
            self.chosen.emit(record.name)


def _words_of(record: Transform | Offer) -> str:
    """What a search looks at: words, and the name that albumentations gives it."""
    more = f"{record.group} {record.target}" if isinstance(record, Transform) else "groups"
    return f"{record.title} {record.description} {record.name} {more}".casefold()


def _fits(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _tip(record: Transform | Offer) -> str:
    """The sentence, the warning, what follows it, and its name in albumentations."""
    if isinstance(record, Offer):
        return plain_tip(record.description)
    targets = ", ".join(record.targets)
    changes = f"Changes {targets}." if record.geometric else "Changes the image only."
    words = f"{record.description} {record.warning}".strip()
    return plain_tip(f"{words} {changes} albumentations: {record.target}")
