"""The queue of runs in the right panel of Train: what starts next, and what each run waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.section import SectionHeader, label

_ROW = 28
_MOST_ROWS = 6


@dataclass(frozen=True)
class Waiting:
    """A queued run: its words, and what it waits for as a sentence."""

    run_id: int
    text: str
    why: str


class _Rows(QListWidget):
    """Rows that are dragged, or moved with Alt and the arrows."""

    moved = Signal(int, int)
    """A run is to stand at a place."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        item = self.currentItem()
        if step and item is not None and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            place = self.currentRow() + step
            if 0 <= place < self.count():
                self.moved.emit(item.data(Qt.ItemDataRole.UserRole), place)
            return
        super().keyPressEvent(event)


class QueueList(QWidget):
    """Hidden while nothing is queued."""

    moved = Signal(int, int)
    """A run is to stand at a place of the queue, 0 for the next one."""
    chosen = Signal(int)
    menu_asked = Signal(QPoint)
    """A right click on a run, which is chosen by then; the place on the screen."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = SectionHeader("Queue")
        column.addWidget(self.header)
        self.rows = _Rows()
        self.rows.setAccessibleName("Queue of runs")
        self.rows.setToolTip("Drag a run to another place, or move it with Alt+Up and Alt+Down")
        self.rows.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.rows.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.rows.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.rows.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.rows.customContextMenuRequested.connect(self._ask_menu)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.rows.moved.connect(self.moved)
        self.rows.model().rowsMoved.connect(self._dropped)
        self.rows.itemClicked.connect(self._choose)
        inset = QVBoxLayout()
        inset.setContentsMargins(8, 0, 8, 0)
        inset.addWidget(self.rows)
        column.addLayout(inset)
        self.why = label("", "caption", wrap=True)
        self.why.setContentsMargins(theme.size("panel_padding"), 4, 16, 8)
        column.addWidget(self.why)
        self._shown: tuple[Waiting, ...] = ()
        self._telling = True
        self.rows.currentItemChanged.connect(self._current_changed)
        self.hide()

    def show_queue(self, waiting: Sequence[Waiting]) -> None:
        """Show the queued runs, first to start first; the current one stays current."""
        if tuple(waiting) != self._shown:
            current = self.current
            same = [each.run_id for each in waiting] == [each.run_id for each in self._shown]
            self._shown = tuple(waiting)
            if same:
                for place, each in enumerate(waiting):
                    self.rows.item(place).setText(each.text)
            else:
                self._fill(current)
        self.setVisible(bool(waiting))
        self._say_why()

    @property
    def current(self) -> int:
        """The id of the current run, 0 when there is none."""
        item = self.rows.currentItem()
        return int(item.data(Qt.ItemDataRole.UserRole)) if item is not None else 0

    @property
    def ids(self) -> list[int]:
        """The runs in the order that is shown."""
        rows = (self.rows.item(place) for place in range(self.rows.count()))
        return [int(item.data(Qt.ItemDataRole.UserRole)) for item in rows]

    def mark(self, run_id: int) -> None:
        """Make a run the current one, if it is queued: it is shown elsewhere."""
        if run_id in self.ids and self.current != run_id:
            self._telling = False
            self.rows.setCurrentRow(self.ids.index(run_id))
            self._telling = True
            self._say_why()

    def _fill(self, current: int) -> None:
        self._telling = False
        self.rows.clear()
        for each in self._shown:
            item = QListWidgetItem(each.text)
            item.setData(Qt.ItemDataRole.UserRole, each.run_id)
            item.setSizeHint(QSize(0, _ROW))
            item.setToolTip(f"{each.text}. Drag it, or move it with Alt+Up and Alt+Down")
            self.rows.addItem(item)
            if each.run_id == current:
                self.rows.setCurrentItem(item)
        self._telling = True
        self.rows.setFixedHeight(_ROW * min(max(len(self._shown), 1), _MOST_ROWS) + 4)

    def _say_why(self) -> None:
        """What the current run waits for, else the first."""
        wanted = self.current or (self._shown[0].run_id if self._shown else 0)
        words = next((each.why for each in self._shown if each.run_id == wanted), "")
        self.why.setText(f"Run {wanted}: {words[:1].lower()}{words[1:]}" if words else "")
        self.why.setVisible(bool(words))

    def _dropped(
        self, _from: QModelIndex, start: int, _end: int, _to: QModelIndex, row: int
    ) -> None:
        place = row - 1 if row > start else row
        run_id = int(self.rows.item(place).data(Qt.ItemDataRole.UserRole))
        # The list is filled again by whoever hears of it: not in the midst of its own drop.
        QTimer.singleShot(0, self, lambda: self.moved.emit(run_id, place))

    def _current_changed(self, item: QListWidgetItem | None) -> None:
        if self._telling and item is not None:
            self._choose(item)
            self._say_why()

    def _choose(self, item: QListWidgetItem) -> None:
        self.chosen.emit(int(item.data(Qt.ItemDataRole.UserRole)))

    def _ask_menu(self, place: QPoint) -> None:
        item = self.rows.itemAt(place)
        if item is not None:
            self._choose(item)
            self.menu_asked.emit(self.rows.viewport().mapToGlobal(place))
