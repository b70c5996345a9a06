"""What an exported file says of itself, before it is asked: task, input, classes, and which class
of the project each of them becomes. The live process reads the file: ONNX is nothing for here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.wire import Message
from cvstudio.core.words import counted, quoted
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.table_names import name_table
from cvstudio.gui.widgets.verbatim import face
from cvstudio.project.class_choice import LEFT_OUT, by_name

Choice = int | str
"""A class of the project by its id, a name for a new one, or LEFT."""
LEFT = LEFT_OUT

_TASKS = {
    Task.CLASSIFY: "classes of whole images",
    Task.DETECT: "boxes",
    Task.INSTANCE: "outlines of objects",
    Task.SEGMENT: "a class for each pixel",
}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2, Qt.Key.Key_Space)
_IN_MENU = 24


@dataclass(frozen=True)
class FileFacts:
    """What ml.describe tells of a file."""

    task: Task
    classes: tuple[tuple[int, str], ...]
    size: int
    score: float | None
    inside: bool
    maker: str
    network: str
    precision: str
    warning: str

    @classmethod
    def of(cls, content: dict[str, Any]) -> FileFacts:
        """The facts in an answer of the live process."""
        classes = tuple((int(c["id"]), str(c["name"])) for c in content["classes"])
        return cls(
            Task(content["task"]), classes, int(content["size"]), content["score"],
            bool(content["inside"]), str(content["maker"]), str(content["network"]),
            str(content["precision"]), str(content["warning"]),
        )  # fmt: skip

    def rows(self) -> list[tuple[str, str]]:
        """Names and words, as they stand below each other."""
        objects = self.task in (Task.DETECT, Task.INSTANCE)
        score = "none: the one at the left counts" if self.score is None else f"{self.score:.2f}"
        where = "inside the file" if self.inside else "by CVStudio, after it (per class, IoU 0.7)"
        return [
            ("Answers with", _TASKS[self.task]),
            ("Input", f"{self.size} × {self.size} px, {self.precision}"),
            ("Exported by", f"{self.maker} · {self.network}" if self.network else self.maker),
            *([("Score inside", score)] if self.task is not Task.SEGMENT else []),
            *([("Doubles removed", where)] if objects else []),
        ]


class FilePanel(QWidget):
    """`changed` when the file was read, or another class was chosen."""

    changed = Signal()

    def __init__(self, studio: Studio, classes: Sequence[LabelClass]) -> None:
        super().__init__()
        self._studio, self._known = studio, {c.id: c for c in classes}
        self.facts: FileFacts | None = None
        """What the file says; None while it is read, or when it cannot be used."""
        self.trouble = ""
        """Why it cannot be used."""
        self.choices: dict[int, Choice] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("In the file", "section"))
        self.words = label("", wrap=True)
        column.addWidget(self.words)
        self.warning = label("", "muted", wrap=True)
        column.addWidget(self.warning)
        self.table = self._make_table()
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.by_name = link("By their names", self._match, tip="as it was when the file was read")
        self.all_new = link(
            "Missing ones as new classes", self._take_missing,
            tip="classes that the project does not have are made with the first suggestion",
        )  # fmt: skip
        self.leave = link("Leave out all", self._leave_all)
        for part in (self.by_name, self.all_new, self.leave):
            row.addWidget(part)
        row.addStretch(1)
        column.addLayout(row)
        self.figure = label("", "muted", wrap=True)
        column.addWidget(self.figure)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 2)
        table.setHorizontalHeaderLabels(["In the file", "In the project"])
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setMinimumHeight(160)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.setToolTip("Enter or a double click chooses; several rows at once can be chosen for")
        name_table(table, "Classes of the file")
        table.doubleClicked.connect(self._open_menu)
        table.installEventFilter(self)
        return table

    # -- reading

    def read(self, file: Path) -> None:
        """Let the live process read a file."""
        self.facts, self.trouble, self.choices = None, "", {}
        self.table.setRowCount(0)
        self.words.setText("Reading the file…")
        self._show()
        self._studio.live.request(
            "describe", {"onnx": str(file)}, done=self._take, failed=self._fail, owner=self
        )

    def _take(self, message: Message) -> None:
        facts = FileFacts.of(message.header["content"])
        self.facts = facts
        lines = [f"{name}: {words}" for name, words in facts.rows()]
        self.words.setText("\n".join(lines))
        self.warning.setText(f"{facts.warning}." if facts.warning else "")
        self._match()

    def _fail(self, text: str, hint: str) -> None:
        self.trouble = f"{text} {hint}".strip()
        self.words.setText("")
        self._show()

    # -- which class is which

    def _match(self) -> None:
        """By name, as the answers would be taken without any choice."""
        facts = self.facts
        if facts is None:
            return
        network = [LabelClass(id, name, "#000000") for id, name in facts.classes]
        self.choices = by_name(network, list(self._known.values()))
        self._show()

    def _take_missing(self) -> None:
        names = dict(self.facts.classes) if self.facts is not None else {}
        self.choices = {id: names[id] if to == LEFT else to for id, to in self.choices.items()}
        self._show()

    def _leave_all(self) -> None:
        self.choices = dict.fromkeys(self.choices, LEFT)
        self._show()

    def choose(self, ids: Sequence[int], to: Choice | None) -> None:
        """Let classes of the file become one of the project; None: each a new one of its name."""
        names = dict(self.facts.classes) if self.facts is not None else {}
        self.choices |= {id: names[id] if to is None else to for id in ids}
        self._show()

    def menu(self) -> QMenu:
        """What the selected classes of the file can become."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        ids = [self._id(row) for row in rows]
        menu = QMenu(self)
        known_as = dict(self.facts.classes) if self.facts is not None else {}
        name = quoted(known_as[ids[0]]) if len(rows) == 1 else "for each, of its name"
        menu.addAction(face(f"New class {name}"), partial(self.choose, ids, None))
        menu.addAction("Leave out", partial(self.choose, ids, LEFT))
        menu.addSeparator()
        known = list(self._known.values())
        for start in range(0, len(known), _IN_MENU):
            part = known[start : start + _IN_MENU]
            title = f"{part[0].name} to {part[-1].name}"
            place = menu if len(known) <= _IN_MENU else menu.addMenu(face(title))
            for each in part:
                action = place.addAction(swatch_icon(each.colour), face(each.name))
                action.triggered.connect(partial(self._choose_known, ids, each.id))
        return menu

    def _choose_known(self, ids: Sequence[int], to: int, _checked: bool = False) -> None:
        self.choose(ids, to)

    def _open_menu(self, _index: QModelIndex | None = None) -> None:
        if not self.table.selectedIndexes():
            return
        menu = self.menu()
        place = self.table.visualRect(self.table.currentIndex()).bottomLeft()
        menu.exec(self.table.viewport().mapToGlobal(place + QPoint(0, 2)))
        menu.deleteLater()

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Enter chooses for the selected rows; it does not begin the work yet."""
        if (
            watched is self.table
            and isinstance(event, QKeyEvent)
            and event.type() == QKeyEvent.Type.KeyPress
            and event.key() in _ENTER
        ):
            self._open_menu()
            return True
        return super().eventFilter(watched, event)

    def _id(self, row: int) -> int:
        found: int = self.table.model().index(row, 0).data(Qt.ItemDataRole.UserRole)
        return found

    # -- what is shown

    def _show(self) -> None:
        names = self.facts.classes if self.facts is not None else ()
        self.table.setRowCount(len(names))
        for row, (id, name) in enumerate(names):
            there = self.table.item(row, 0)
            if there is None or there.data(Qt.ItemDataRole.UserRole) != id:
                own = QTableWidgetItem(name)
                own.setData(Qt.ItemDataRole.UserRole, id)
                self.table.setItem(row, 0, own)
            self.table.setItem(row, 1, self._item(self.choices[id]))
        self.warning.setVisible(bool(names) and bool(self.warning.text()))
        for part in (self.table, self.by_name, self.all_new, self.leave, self.figure):
            part.setVisible(bool(names))
        self.figure.setText(self._figure())
        self.changed.emit()

    def _item(self, to: Choice) -> QTableWidgetItem:
        if isinstance(to, str):
            return QTableWidgetItem(f"new class {quoted(to)}")
        if to == LEFT:
            return QTableWidgetItem("left out")
        return QTableWidgetItem(swatch_icon(self._known[to].colour), self._known[to].name)

    def _figure(self) -> str:
        new = sum(isinstance(to, str) for to in self.choices.values())
        left = sum(to == LEFT for to in self.choices.values())
        known = len(self.choices) - new - left
        parts = [f"{known:,} of {counted(len(self.choices), 'class', 'classes')} known"]
        parts += [f"{new:,} new"] if new else []
        parts += [f"{left:,} left out"] if left else []
        return ", ".join(parts)

    @property
    def useful(self) -> bool:
        """Whether a class of the file becomes one of the project."""
        return any(to != LEFT for to in self.choices.values())
