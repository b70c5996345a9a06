"""The right panel of Train: every run with its state, a small comparison, and what a run saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.networks import title_of
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui import theme
from cvstudio.gui.train import words
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.section import SectionHeader, label, link, tool
from cvstudio.project.records import RunRecord
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
    """One run as the list shows it."""

    run: RunRecord
    status: RunStatus
    words: str
    best: float | None


class RunsModel(QAbstractTableModel):
    """Runs, newest first: number, network, best figure, state."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._metric = "best"

    def set_rows(self, rows: Sequence[Row], metric: str) -> None:
        """Show these rows; the rows that stay keep their selection."""
        self._metric = metric
        if [row.run.id for row in rows] != [row.run.id for row in self.rows]:
            self.beginResetModel()
            self.rows = list(rows)
            self.endResetModel()
        elif list(rows) != self.rows:
            self.rows = list(rows)
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, 3))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

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
        row = self.rows[index.row()]
        column = index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                best = "–" if row.best is None else f"{row.best:.3f}"
                name = title_of(row.run.network)
                return (str(row.run.id), name, best, row.words)[column]
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
                return row.run.message or row.run.title or f"Run {row.run.id}: {row.words}"
        return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in (0, 2) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class RunTable(QWidget):
    """The list with its filter. `chosen(run_id)`; `selection_changed()` for the comparison."""

    chosen = Signal(int)
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
        self.view.setAccessibleName("Runs")
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
        head.resizeSection(0, 34)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
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
        self._all: list[Row] = []
        self._metric = ""
        self._telling = True

    def set_rows(self, rows: Sequence[Row], metric: str) -> None:
        """Show the runs; the current one stays current."""
        self._all, self._metric = list(rows), metric
        current = self.current
        self._telling = False
        self.model.set_rows([r for r in rows if r.status in FILTERS[self.kind]], metric)
        if current and self.current != current:
            self.choose(current)
        self._telling = True
        height = theme.size("table_header") + 28 * min(max(len(self.model.rows), 1), 10) + 4
        self.view.setFixedHeight(height)

    def set_words(self, text: str) -> None:
        """A line below the list: "Run 8 waits until you decide about run 7."."""
        self.words.setText(text)
        self.words.setVisible(bool(text))

    @property
    def current(self) -> int:
        """The id of the current run, 0 when there is none."""
        index = self.view.currentIndex()
        inside = index.isValid() and index.row() < len(self.model.rows)
        return self.model.rows[index.row()].run.id if inside else 0

    @property
    def selected(self) -> list[int]:
        """The ids of the selected runs, newest first."""
        rows = {index.row() for index in self.view.selectionModel().selectedRows()}
        return [self.model.rows[row].run.id for row in sorted(rows) if row < len(self.model.rows)]

    def choose(self, run_id: int) -> None:
        """Make a run the current one."""
        for place, row in enumerate(self.model.rows):
            if row.run.id == run_id:
                self.view.selectRow(place)

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if self._telling and index.isValid():
            self.chosen.emit(self.model.rows[index.row()].run.id)

    def _ask_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if index.isValid():
            self.choose(self.model.rows[index.row()].run.id)
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
        self.set_rows(self._all, self._metric)


class Comparison(QWidget):
    """A small chart of the best figure of up to four runs. `opened()` asks for the large one."""

    opened = Signal()

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric = metric
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = SectionHeader("Compare", link_text="Open", do=self.opened.emit)
        column.addWidget(self.header)
        self.chart = Chart("", x="epoch", y=metric, framed=False, height=180, fixed=True)
        self.chart.figures.hide()
        self.chart.title.hide()
        column.addWidget(self.chart)

    def show_runs(self, states: Mapping[int, RunState]) -> None:
        """Draw these runs; the first is the solid line."""
        draw_runs(self.chart, states, self._metric)
        numbers = sorted(states)
        if len(numbers) == 1:
            self.header.title.setText(f"Run {numbers[0]}")
        elif numbers:
            most = ", ".join(map(str, numbers[:-1]))
            self.header.title.setText(f"Compare {most} and {numbers[-1]}")
        self.setVisible(bool(numbers))


def draw_runs(chart: Chart, states: Mapping[int, RunState], metric: str) -> None:
    """One line of the metric for each run, over the longest of them."""
    chart.clear()
    end = 2
    for place, (run_id, state) in enumerate(list(states.items())[:4]):
        xs, ys = state.series(metric)
        end = max(end, state.total_epochs)
        if xs:
            chart.set_line(str(run_id), [float(x) for x in xs], ys, place=place)
    chart.set_range(x=(0, float(end)), y=(0, 1))


class Saw(QWidget):
    """What a run trained on. `changed_asked()`: show the images that changed since."""

    def __init__(self, show_changed: Callable[[], Any]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self.header = SectionHeader("What the run saw")
        column.addWidget(self.header)
        grid = QGridLayout()
        padding = theme.size("panel_padding")
        grid.setContentsMargins(padding, 0, padding, 0)
        grid.setVerticalSpacing(7)
        column.addLayout(grid)
        self.snapshot = label("", "mono")
        self.counts = label("")
        self.changed = link("", show_changed)
        self.same = label("", "muted")
        self.sizes = label("")
        self.augment = label("")
        self.seed = label("")
        rows: list[tuple[str, tuple[QWidget, ...]]] = [
            ("Snapshot", (self.snapshot,)),
            ("Images, annotations", (self.counts,)),
            ("Changed since", (self.changed, self.same)),
            ("Image size, batch", (self.sizes,)),
            ("Augmentation", (self.augment,)),
            ("Seed", (self.seed,)),
        ]
        for place, (title, widgets) in enumerate(rows):
            grid.addWidget(label(title, "muted"), place, 0)
            for widget in widgets:
                grid.addWidget(widget, place, 1, Qt.AlignmentFlag.AlignRight)
        self.changed.hide()

    def show_run(self, run: RunRecord, config: TrainConfig) -> None:
        """The facts of a run; what changed since comes later, by `show_changed`."""
        self.header.title.setText(f"What run {run.id} saw")
        self.snapshot.setText(run.snapshot_hash[:6])
        self.snapshot.setToolTip(run.snapshot_hash)
        self.counts.setText(f"{run.image_count:,}, {run.annotation_count:,}")
        self.sizes.setText(f"{config.image_size} px, {config.batch}")
        steps = sum(step.enabled for step in config.augmentation)
        self.augment.setText(f"{steps} steps" if steps != 1 else "1 step")
        self.seed.setText(str(config.seed))
        self.changed.hide()
        self.same.hide()

    def show_changed(self, count: int) -> None:
        """How many images are not what the run saw."""
        self.changed.setVisible(bool(count))
        self.same.setVisible(not count)
        self.changed.setText(f"{count:,} image" + ("s" if count != 1 else ""))
        self.same.setText("nothing")
