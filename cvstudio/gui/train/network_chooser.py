"""What the network box opens: every network there is, found by typing, with what it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core import pretrained
from cvstudio.core.annotation import Task
from cvstudio.core.forms import ALWAYS, Answers
from cvstudio.core.network_info import NetworkInfo
from cvstudio.core.network_search import fits
from cvstudio.core.networks import all_networks, networks_for
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.table_names import name_table
from cvstudio.project.estimate import memory_of

_COLUMNS = ("Network", "Weights", "ImageNet", "Here", "Memory")
_TIPS = (
    "Proven choices first, then every network of the libraries by name",
    "Weights in millions: more learn more, from more images, in more time",
    "Share of ImageNet's validation images that its pretrained weights answer right; empty where"
    " that is not known",
    "Whether its pretrained weights are on this computer",
    "About what a run takes with the image size and the batch of the form",
)
_WIDTHS = (0, 76, 80, 64, 80)
_SIZE = (620, 440)
_TO_LIST = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)
_CHOOSE = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
Index = QModelIndex | QPersistentModelIndex
SizeAndBatch = Callable[[], tuple[int, int]]
"""Image size and batch of the form."""


class NetworkTable(QAbstractTableModel):
    """The networks for a task that fit what was typed; every word must occur."""

    def __init__(self, task: Task, asked: SizeAndBatch, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all = all_networks(task)
        self._asked = asked
        self._here: dict[str, bool] = {}
        self._task = task
        self._offered: frozenset[Answers] = ALWAYS
        self.rows: Sequence[NetworkInfo] = [i for i in self._all if i.answers in ALWAYS]

    @property
    def first(self) -> int:
        """How many proven choices come first where nothing was typed."""
        return sum(info.answers in self._offered for info in networks_for(self._task))

    def offer(self, answers: frozenset[Answers]) -> None:
        """Without a text, show the networks that answer with one of these; typing finds all."""
        self._offered = answers

    def search(self, text: str) -> None:
        """Show what fits a text; the order stays."""
        wanted = bool(text.strip())
        self.beginResetModel()
        self.rows = [
            info for info in self._all
            if (wanted or info.answers in self._offered) and fits(text, info)
        ]  # fmt: skip
        self.endResetModel()

    def looked_again(self) -> None:
        """Forget which weights were on this computer: some may have come."""
        self._here.clear()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        info = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(info, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            only = ". Sees images as they are displayed only" if info.colours_only else ""
            return f"{info.title}: {info.name}{only}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            told = (self._words(info, column) for column in range(len(_COLUMNS)))
            return ", ".join(
                f"{name} {words}" for name, words in zip(_COLUMNS, told, strict=True) if words
            )
        return None

    def _words(self, info: NetworkInfo, column: int) -> str:
        if column == 0:
            return info.title
        if column == 1:
            return f"{info.parameters:.1f} M"
        if column == 2:
            return "" if info.accuracy is None else f"{info.accuracy:.1f} %"
        if column == 3:
            return self._weights(info)
        size, batch = self._asked()
        return f"{memory_of(info, image_size=info.nearest(size), batch=batch) / 2**30:.1f} GB"

    def _weights(self, info: NetworkInfo) -> str:
        if info.weights is None:
            return "none"
        if info.name not in self._here:
            self._here[info.name] = pretrained.find(info) is not None
        return "yes" if self._here[info.name] else "no"


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


class NetworkChooser(QFrame):
    """A field to type in above the networks; `chosen(name)` when one is taken.

    The keys go to the field, those that move to the list; Return takes, Esc closes.
    """

    chosen = Signal(str)

    def __init__(self, task: Task, asked: SizeAndBatch, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        theme.mark(self, toast=True)
        self.setAccessibleName("All networks")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search networks, as “convnext tiny”")
        self.field.setAccessibleName("Search networks")
        self.field.setToolTip("Every word must occur. Up and Down move, Return chooses")
        self.field.setClearButtonEnabled(True)
        column.addWidget(self.field)
        self.model = NetworkTable(task, asked, self)
        self.table = QTableView()
        self.table.setModel(self.model)
        name_table(self.table, "Networks")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place, width in enumerate(_WIDTHS):
            if width:
                self.table.setColumnWidth(place, width)
        known = any(info.accuracy is not None for info in self.model.rows)
        self.table.setColumnHidden(_COLUMNS.index("ImageNet"), not known)
        column.addWidget(self.table, 1)
        self.note = label("", "caption", wrap=True)
        column.addWidget(self.note)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.table.clicked.connect(self._take)
        self.resize(*_SIZE)

    def open_at(self, widget: QWidget, current: str) -> None:
        """Show the list below a widget, with one network chosen, inside the screen."""
        self.model.looked_again()
        self.field.clear()
        self._search("")
        names = [info.name for info in self.model.rows]
        self._move_to(names.index(current) if current in names else 0)
        room = widget.screen().availableGeometry()
        at = widget.mapToGlobal(QPoint(0, widget.height()))
        x = max(min(at.x(), room.right() - self.width()), room.left())
        y = max(min(at.y(), room.bottom() - self.height()), room.top())
        self.move(x, y)
        self.show()
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that move and take, from the field."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if event.key() in _CHOOSE:
            self._take(self.table.currentIndex())
            return True
        if event.key() in _TO_LIST:
            page = max(self.table.viewport().height() // 26 - 1, 1)
            step = 1 if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) else page
            down = event.key() in (Qt.Key.Key_Down, Qt.Key.Key_PageDown)
            self._move_to(self.table.currentIndex().row() + (step if down else -step))
            return True
        return super().eventFilter(watched, event)

    def _search(self, text: str) -> None:
        self.model.search(text)
        self._move_to(0)
        found, first = len(self.model.rows), self.model.first
        if text.strip():
            self.note.setText(f"{found:,} found" if found else "No network has these words.")
        elif found > first:
            self.note.setText(f"{first} proven choices first, then {found - first:,} more by name.")
        else:
            self.note.setText(f"{found} networks")

    def _move_to(self, row: int) -> None:
        row = max(min(row, len(self.model.rows) - 1), 0)
        index = self.model.index(row, 0)
        self.table.setCurrentIndex(index)
        self.table.scrollTo(index)

    def _take(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        name = self.model.rows[index.row()].name
        self.hide()
        self.chosen.emit(name)
