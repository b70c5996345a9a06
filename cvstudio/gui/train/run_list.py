"""The list of runs in Train: every run with its state, those of an experiment under a heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.networks import title_of
from cvstudio.gui import theme
from cvstudio.gui.train import words
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.section import SectionHeader, label, tool
from cvstudio.gui.widgets.table_names import name_table
from cvstudio.project.records import ExperimentRecord, RunRecord
from cvstudio.project.run_status import RunStatus

Index = QModelIndex | QPersistentModelIndex

FILTERS: dict[str, frozenset[RunStatus]] = {
    "All runs": frozenset(RunStatus),
    "With a network": frozenset({RunStatus.FINISHED, RunStatus.FINISHED_EARLY}),
    "Not over": frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED}),
    "Stopped": frozenset({RunStatus.FAILED, RunStatus.CANCELLED}),
}


@dataclass(frozen=True)
class Row:
    """One run as the list shows it; `name` instead of its network, where it is part of more."""

    run: RunRecord
    status: RunStatus
    words: str
    best: float | None
    name: str = ""

    @property
    def key(self) -> int:
        """What tells lines apart: runs count up from 1."""
        return self.run.id


@dataclass(frozen=True)
class Heading:
    """Several runs that belong together, as one line that can be unfolded."""

    experiment: ExperimentRecord
    words: str
    figure: str
    open: bool = False

    @property
    def key(self) -> int:
        """What tells lines apart: experiments count down from -1."""
        return -self.experiment.id


class RunsModel(QAbstractTableModel):
    """Runs, newest first: number, network, best figure, state; and headings over some of them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Row | Heading] = []
        self._metric = "best"

    @property
    def rows(self) -> list[Row]:
        """The runs that are shown."""
        return [line for line in self.lines if isinstance(line, Row)]

    def set_rows(self, lines: Sequence[Row | Heading], metric: str) -> None:
        """Show these lines; those that stay keep their selection."""
        self._metric = metric
        if [line.key for line in lines] != [line.key for line in self.lines]:
            self.beginResetModel()
            self.lines = list(lines)
            self.endResetModel()
        elif list(lines) != self.lines:
            self.lines = list(lines)
            self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, 3))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index | None = None) -> int:
        return 4

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                short = words.SHORT.get(self._metric, self._metric)
                return ("No.", "Network", short, "State")[section]
            if role == Qt.ItemDataRole.ToolTipRole and section == 2:
                return f"{self._metric} on val"
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.lines[index.row()]
        column = index.column()
        if isinstance(row, Heading):
            return _heading_data(row, column, role)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                best = "–" if row.best is None else f"{row.best:.3f}"
                name = f"    {row.name}" if row.name else title_of(row.run.network)
                state = words.SHORT_STATES.get(row.words, row.words)
                return (str(row.run.id), name, best, state)[column]
            case Qt.ItemDataRole.AccessibleTextRole if column == 3:
                return row.words
            case Qt.ItemDataRole.DecorationRole if column == 3:
                return icon(*words.STATE_ICONS[row.status])
            case Qt.ItemDataRole.ForegroundRole:
                if column == 3 and row.status is RunStatus.FAILED:
                    return theme.colour("danger")
                live = row.status is RunStatus.RUNNING
                return theme.colour("text" if column in (1, 2) or live else "muted")
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
            case Qt.ItemDataRole.ToolTipRole if column == 1:
                return title_of(row.run.network)
            case Qt.ItemDataRole.ToolTipRole:
                more = row.run.message or row.run.title
                return f"Run {row.run.id}: {row.words}" + (f". {more}" if more else "")
        return None


def _heading_data(heading: Heading, column: int, role: int) -> Any:
    match role:
        case Qt.ItemDataRole.DisplayRole:
            return ("", heading.experiment.name, heading.figure, heading.words)[column]
        case Qt.ItemDataRole.DecorationRole if column == 0:
            return icon("chevron-down" if heading.open else "chevron-right")
        case Qt.ItemDataRole.FontRole if column == 1:
            return theme.font("section")
        case Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        case Qt.ItemDataRole.ToolTipRole:
            fold = "Left folds" if heading.open else "Right unfolds"
            return f"{heading.experiment.name}: {heading.words}. {fold} its runs."
        case Qt.ItemDataRole.AccessibleTextRole if column == 0:
            return "unfolded" if heading.open else "folded"
    return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in (0, 2) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class _AirAtTheEnd(QStyledItemDelegate):
    """The last column a little wider than its words, which else touch the edge of the window."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(6, 0)


class RunTable(QWidget):
    """The list with its filter. `chosen(run_id)`; `selection_changed()` for the comparison;
    `experiment_chosen(id)` when the line over several runs is chosen."""

    chosen = Signal(int)
    experiment_chosen = Signal(int)
    selection_changed = Signal()
    menu_asked = Signal(QPoint)
    """A right click on a run, which is chosen by then; the place on the screen."""

    def __init__(self, delete: QAction) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        header = SectionHeader("Runs")
        self._filter = tool(icon_name="filter-variant", tip="Show only some runs")
        self._filter.clicked.connect(self._ask_filter)
        header.add(tool(delete))
        header.add(self._filter)
        column.addWidget(header)
        self.model = RunsModel()
        self.view = QTableView()
        self.view.setModel(self.model)
        name_table(self.view, "Runs")
        theme.mark(self.view, narrow=True)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setShowGrid(False)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._ask_menu)
        self.view.setTabKeyNavigation(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(28)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        head = self.view.horizontalHeader()
        head.setHighlightSections(False)
        head.setFixedHeight(theme.size("table_header"))
        # The network gets whatever the others leave; the head of a figure is never cut.
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        head.resizeSection(0, 32)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.view.setItemDelegateForColumn(3, _AirAtTheEnd(self.view))
        self.view.selectionModel().currentRowChanged.connect(self._current_changed)
        self.view.selectionModel().selectionChanged.connect(
            lambda *_: self.selection_changed.emit()
        )
        column.addWidget(self.view)
        self.words = label("", "caption", wrap=True)
        self.words.setContentsMargins(16, 4, 16, 8)
        self.words.hide()
        column.addWidget(self.words)
        self.kind = "All runs"
        self.view.clicked.connect(self._clicked)
        self.view.activated.connect(lambda index: self._toggle(index.row()))
        self.view.installEventFilter(self)
        self._all: list[Row] = []
        self._headings: dict[int, Heading] = {}
        self._open: set[int] = set()
        self._metric = ""
        self._telling = True

    def set_rows(
        self, rows: Sequence[Row], metric: str, headings: Sequence[Heading] = ()
    ) -> None:  # fmt: skip
        """Show the runs, those of an experiment below its heading; what is current stays so."""
        self._all, self._metric = list(rows), metric
        self._headings = {heading.experiment.id: heading for heading in headings}
        current = self._current_key
        self._telling = False
        self.model.set_rows(self._lines(), metric)
        if current and self._current_key != current:
            self._choose_key(current)
        self._telling = True
        height = theme.size("table_header") + 28 * min(max(len(self.model.lines), 1), 10) + 4
        self.view.setFixedHeight(height)

    def _lines(self) -> list[Row | Heading]:
        """The lines to show: each heading where the newest of its runs would stand."""
        lines: list[Row | Heading] = []
        by_experiment: dict[int, list[Row]] = {key: [] for key in self._headings}
        newest = {key: len(self._all) for key in self._headings}
        for place, row in enumerate(self._all):
            part_of = row.run.experiment_id
            if part_of in by_experiment and row.status in FILTERS[self.kind]:
                by_experiment[part_of].append(row)
                newest[part_of] = min(newest[part_of], place)
        # One without runs yet is the newest thing there is.
        for key in sorted(by_experiment, reverse=True):
            if not any(row.run.experiment_id == key for row in self._all):
                lines.append(self._headings[key])
        for place, row in enumerate(self._all):
            part_of = row.run.experiment_id
            if part_of not in by_experiment:
                if row.status in FILTERS[self.kind]:
                    lines.append(row)
            elif newest[part_of] == place:
                is_open = part_of in self._open
                lines.append(replace(self._headings[part_of], open=is_open))
                lines += by_experiment[part_of] if is_open else []
        return lines

    def set_words(self, text: str) -> None:
        """A line below the list: "Run 8 waits until you decide about run 7."."""
        self.words.setText(text)
        self.words.setVisible(bool(text))

    @property
    def current(self) -> int:
        """The id of the current run, 0 when there is none."""
        return max(self._current_key, 0)

    @property
    def current_experiment(self) -> int:
        """The id of the experiment whose heading is current, 0 when none is."""
        return max(-self._current_key, 0)

    @property
    def _current_key(self) -> int:
        index = self.view.currentIndex()
        inside = index.isValid() and index.row() < len(self.model.lines)
        return self.model.lines[index.row()].key if inside else 0

    @property
    def selected(self) -> list[int]:
        """The ids of the selected runs, newest first."""
        rows = {index.row() for index in self.view.selectionModel().selectedRows()}
        lines = [self.model.lines[row] for row in sorted(rows) if row < len(self.model.lines)]
        return [line.run.id for line in lines if isinstance(line, Row)]

    def choose(self, run_id: int) -> None:
        """Make a run the current one; the heading over it unfolds."""
        part_of = next((r.run.experiment_id for r in self._all if r.run.id == run_id), None)
        if part_of in self._headings and part_of not in self._open:
            self._open.add(part_of)
            self.set_rows(self._all, self._metric, list(self._headings.values()))
        self._choose_key(run_id)

    def choose_experiment(self, experiment_id: int) -> None:
        """Make the heading of an experiment the current line."""
        self._choose_key(-experiment_id)

    def _choose_key(self, key: int) -> None:
        for place, line in enumerate(self.model.lines):
            if line.key == key:
                self.view.selectRow(place)

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not self._telling or not index.isValid():
            return
        line = self.model.lines[index.row()]
        if isinstance(line, Row):
            self.chosen.emit(line.run.id)
        else:
            self.experiment_chosen.emit(line.experiment.id)

    def _clicked(self, index: QModelIndex) -> None:
        if index.column() == 0:
            self._toggle(index.row())

    def _toggle(self, row: int, *, open_: bool | None = None) -> None:
        """Fold or unfold the runs below a heading."""
        line = self.model.lines[row]
        if not isinstance(line, Heading) or line.open is open_:
            return
        self._open ^= {line.experiment.id}
        self.set_rows(self._all, self._metric, list(self._headings.values()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.view and isinstance(event, QKeyEvent):
            wanted = {Qt.Key.Key_Right: True, Qt.Key.Key_Left: False}
            row = self.view.currentIndex().row()
            key = Qt.Key(event.key())
            if event.type() == QEvent.Type.KeyPress and key in wanted and row >= 0:
                self._toggle(row, open_=wanted[key])
                return True
        return super().eventFilter(watched, event)

    def _ask_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if index.isValid():
            self._choose_key(self.model.lines[index.row()].key)
            self.menu_asked.emit(self.view.viewport().mapToGlobal(place))

    def _ask_filter(self) -> None:
        menu = QMenu(self)
        group = QActionGroup(menu)
        for kind in FILTERS:
            action = menu.addAction(kind)
            action.setCheckable(True)
            action.setChecked(kind == self.kind)
            group.addAction(action)
        group.triggered.connect(lambda action: self.show_kind(action.text()))
        menu.exec(self._filter.mapToGlobal(self._filter.rect().bottomLeft()))

    def show_kind(self, kind: str) -> None:
        """Show only the runs of one of FILTERS."""
        self.kind = kind
        theme.mark(self._filter, set=kind != "All runs")
        self.set_rows(self._all, self._metric, list(self._headings.values()))
