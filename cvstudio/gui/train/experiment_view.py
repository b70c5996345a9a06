"""The centre of Train while an experiment is chosen: its progress, and what its runs say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.words import percent
from cvstudio.gui import theme
from cvstudio.gui.train import words
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.parallel import Axis, Line, ParallelPlot, words_of
from cvstudio.gui.widgets.section import SectionHeader, label, push
from cvstudio.gui.widgets.table_names import name_table
from cvstudio.gui.widgets.value_bars import Bar, ValueBars
from cvstudio.project.experiments import trials, varying
from cvstudio.project.experiments.folds import Summary
from cvstudio.project.experiments.plans import Plan
from cvstudio.project.experiments.trials import Trial
from cvstudio.project.records import ExperimentRecord
from cvstudio.project.tables import ExperimentKind

_BY_CLASS: dict[Task, str] = {
    Task.CLASSIFY: "recall",
    Task.SEGMENT: "IoU",
    Task.DETECT: "AP50-95",
    Task.INSTANCE: "AP50-95",
}
"""The figure of each class that is drawn."""

_TIPS = {
    "stop": "Start no further run; the one at work goes on",
    "more": "Let the search go on from where it stands",
    "take": "Put this trial's settings into the new run, on the left",
    "delete": "Delete it, with its runs or without",
}


class ExperimentCard(QFrame):
    """Its name, its recipe, its progress and what can be done. `asked(what)`: a key of _TIPS."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        acts = QHBoxLayout()
        self.title = NameLabel(front=1)
        theme.mark(self.title, role="run_title")
        self._head.addWidget(self.title, 1)
        self._head.addLayout(acts)
        acts.addStretch(1)
        self._acts = acts
        self.buttons: dict[str, QPushButton] = {}
        for what, text, icon_name in (
            ("take", "Use the best settings", "content-copy"),
            ("more", "10 more trials", "plus"),
            ("stop", "Stop", "close"),
            ("delete", "Delete", "trash-can-outline"),
        ):
            button = push(text, self._asker(what), icon_name=icon_name, small=True)
            button.setToolTip(_TIPS[what])
            self.buttons[what] = button
            acts.addWidget(button)
        column.addLayout(self._head)
        self.recipe = label("", "muted", wrap=True)
        column.addWidget(self.recipe)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.count = label("", "strong")
        self.of = label("", "muted")
        row.addWidget(self.bar, 1)
        row.addWidget(self.count)
        row.addWidget(self.of)
        column.addLayout(row)
        self.facts = label("", wrap=True)
        column.addWidget(self.facts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Let the buttons stand below the name where there is no room for both."""
        words_wide = self.title.fontMetrics().horizontalAdvance(self.title.text()) + 24
        fits = words_wide + self._acts.sizeHint().width() + 40 <= self.width()
        way = QBoxLayout.Direction
        self._head.setDirection(way.LeftToRight if fits else way.TopToBottom)

    def _asker(self, what: str) -> Callable[[], Any]:
        return lambda: self.asked.emit(what)


class ExperimentView(QScrollArea):
    """One experiment. `asked(what)` as ExperimentCard; `opened(run_id)` when a run is chosen."""

    asked = Signal(str)
    opened = Signal(int)

    def __init__(self, task: Task, metric: str) -> None:
        super().__init__()
        self._task, self._metric = task, metric
        self._trials: list[Trial] = []
        self._folds: list[int] = []
        theme.mark(self, plain=True)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        self.card = ExperimentCard()
        self.card.asked.connect(self.asked)
        column.addWidget(self.card)
        self.of_trials, self.of_folds = self._build_trials(), self._build_folds()
        column.addWidget(self.of_trials)
        column.addWidget(self.of_folds)
        column.addStretch(1)
        self.setWidget(body)

    # Making

    def _build_trials(self) -> QWidget:
        self.plot = ParallelPlot()
        self.plot.opened.connect(self.opened)
        self.plot.filtered.connect(self._filter)
        self.bars = ValueBars(tip="How much of the difference between trials it explains (fANOVA)")
        self.not_yet = label("", "muted", wrap=True)
        self.table = QTableWidget()
        name_table(self.table, "Trials")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setSortingEnabled(True)
        self.table.setTabKeyNavigation(False)
        self.table.setToolTip("Enter or a double click shows the run")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.activated.connect(lambda index: self.opened.emit(self._run_in(index.row())))
        self.table.itemSelectionChanged.connect(self._say_taken)
        self.reset = push("Show all", self.plot.clear_brushes, small=True)
        self.reset.setToolTip("Take the brushes away")
        self.reset.hide()
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.plot_header = SectionHeader("What was tried", padded=False)
        self.plot_header.add(self.reset)
        column.addWidget(_card(self.plot_header, self.plot))
        self.importance_header = SectionHeader("What made the difference", padded=False)
        column.addWidget(_card(self.importance_header, self.bars, self.not_yet))
        column.addWidget(_card(SectionHeader("Trials", padded=False), self.table))
        return whole

    def _build_folds(self) -> QWidget:
        self.fold_bars = ValueBars(pressable=True, tip="Click shows the run of a fold")
        self.fold_bars.pressed.connect(lambda place: self.opened.emit(self._folds[place]))
        self.class_bars = ValueBars(tip="Mean over the folds; the whiskers are one sd to each side")
        self.figures = QGridLayout()
        self.figures.setContentsMargins(0, 4, 0, 0)
        self.figures.setVerticalSpacing(6)
        self.figures.setHorizontalSpacing(24)
        figures = QWidget()
        figures.setLayout(self.figures)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.fold_header = SectionHeader("Each fold", padded=False)
        column.addWidget(_card(self.fold_header, self.fold_bars))
        self.answers = label("", "caption", wrap=True)
        self.answers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        over_all = SectionHeader("Over all folds", padded=False)
        column.addWidget(_card(over_all, figures, self.answers))
        self.class_header = SectionHeader("Each class", padded=False)
        self.class_card = _card(self.class_header, self.class_bars)
        column.addWidget(self.class_card)
        return whole

    # Showing

    def show_head(
        self, experiment: ExperimentRecord, plan: Plan, *, done: int, running: bool, facts: str
    ) -> None:
        """Its name, progress and what can be done."""
        card = self.card
        card.title.setText(experiment.name)
        card.recipe.setText(words.settings_line(plan.config))
        card.bar.setValue(round(1000 * done / max(plan.count, 1)))
        theme.mark(card.bar, job=running)
        card.count.setText(str(done))
        card.of.setText(f"of {plan.count} runs")
        card.facts.setText(" ".join(filter(None, (facts, experiment.message))))
        search = experiment.kind is ExperimentKind.SEARCH
        card.buttons["stop"].setVisible(experiment.ended is None)
        card.buttons["more"].setVisible(search and experiment.ended is not None)
        card.buttons["take"].setVisible(experiment.kind is not ExperimentKind.FOLDS)
        card.fit()
        self.of_folds.setVisible(experiment.kind is ExperimentKind.FOLDS)
        self.of_trials.setVisible(experiment.kind is not ExperimentKind.FOLDS)

    def show_trials(self, found: Sequence[Trial]) -> None:
        """The trials of a sweep or a search."""
        if list(found) == self._trials:
            return
        self._trials = list(found)
        names = trials.names_of(found)
        told = [t for t in found if t.value is not None]
        best = trials.best_of(found)
        axes = [Axis.of(varying.title_of(n), [t.values.get(n) for t in told]) for n in names]
        metric = words.SHORT.get(self._metric, self._metric)
        axes.append(Axis.of(metric, [t.value for t in told], log=False))
        self.plot.show_lines(
            axes if told else [],
            [
                Line(
                    t.run.id, f"Trial {t.number}", (*(t.values.get(n) for n in names), t.value),
                    best=best is not None and t.number == best.number,
                )
                for t in told
            ],
        )  # fmt: skip
        self._fill_table(names)
        self._say_taken()

    def wait_for_importances(self) -> None:
        """Say that what mattered is being worked out."""
        if not self.bars.bars:
            self.not_yet.setText("Being worked out …")
            self.not_yet.show()

    def show_importances(self, shares: Mapping[str, float]) -> None:
        """How much each setting explains; nothing says what is still missing."""
        self.bars.show_bars(
            [Bar(varying.title_of(n), share, percent(share)) for n, share in shares.items()], top=1
        )
        known = len([t for t in self._trials if t.value is not None and not t.pruned])
        missing = trials.MOST_LIKELY_CHANCE - known
        text = f"Known after {missing} more whole trials." if missing > 0 else (
            "No setting differs in every trial."
        )  # fmt: skip
        self.not_yet.setText("" if shares else text)
        self.not_yet.setVisible(not shares)

    def show_folds(
        self, found: Summary, classes: Sequence[LabelClass], answers: Path | None
    ) -> None:
        """The figures of folds: each, their mean, and each class; where their answers lie."""
        told = f"An answer for every image, of a run that never saw it: {answers}"
        self.answers.setText(told if answers is not None else "")
        spread = found.metrics.get(self._metric)
        values = dict(spread.values) if spread is not None else {}
        self._folds = [found.folds[fold].id for fold in values]
        mean = spread.mean if spread is not None else None
        self.fold_bars.show_bars(
            [Bar(f"Fold {fold}", value, f"{value:.3f}") for fold, value in values.items()],
            mean=mean, sd=spread.sd if spread is not None else None, top=1,
        )  # fmt: skip
        self.fold_header.figure.setText(f"{self._metric} {spread.words()}" if spread else "")
        self._fill_figures(found)
        name = _BY_CLASS[self._task]
        names = {c.id: c.name for c in classes}
        bars = []
        for row in found.per_class:
            figure = row.figures.get(name)
            if figure is not None and row.class_id in names:
                bars.append(Bar(names[row.class_id], figure.mean, figure.words(2), sd=figure.sd))
        self.class_header.figure.setText(f"{name}, mean ± sd")
        self.class_bars.show_bars(bars, top=1)
        self.class_card.setVisible(bool(bars))

    @property
    def taken(self) -> Trial | None:
        """The trial whose settings would be used: the chosen one, else the best."""
        rows = {item.row() for item in self.table.selectedItems()}
        run_id = self._run_in(rows.pop()) if rows else 0
        chosen = next((t for t in self._trials if t.run.id == run_id), None)
        return chosen or trials.best_of(self._trials)

    def _say_taken(self) -> None:
        taken = self.taken
        button = self.card.buttons["take"]
        button.setEnabled(taken is not None)
        best = trials.best_of(self._trials)
        text = "Use the best settings"
        if taken is not None and (best is None or taken.number != best.number):
            text = f"Use trial {taken.number}'s settings"
        button.setText(text)

    def _fill_table(self, names: Sequence[str]) -> None:
        heads = ["Trial", *map(varying.title_of, names), self._metric, "State"]
        chosen = self.taken.run.id if self.table.selectedItems() and self.taken else 0
        self.table.setSortingEnabled(False)
        self.table.clearContents()
        self.table.setColumnCount(len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        self.table.setRowCount(len(self._trials))
        for place, trial in enumerate(self._trials):
            values: list[Any] = [trial.number, *(trial.values.get(n) for n in names), trial.value]
            for column, value in enumerate(values):
                self.table.setItem(place, column, _Cell(value, key=trial.run.id))
            state = trials.state_words(trial.run, trial.status).capitalize()
            self.table.setItem(place, len(values), _Cell(state, key=trial.run.id))
        self.table.setSortingEnabled(True)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(heads) - 1, QHeaderView.ResizeMode.Stretch)
        rows = min(max(len(self._trials), 2), 12)
        self.table.setFixedHeight(theme.size("table_header") + 26 * rows + 6)
        self._filter(self.plot.inside)
        for row in range(self.table.rowCount()):
            if self._run_in(row) == chosen:
                self.table.selectRow(row)

    def _filter(self, inside: object) -> None:
        """Show in the table only what lies inside the brushes of the plot."""
        assert isinstance(inside, set)
        brushed = bool(self.plot.brushes)
        for row in range(self.table.rowCount()):
            self.table.setRowHidden(row, brushed and self._run_in(row) not in inside)
        self.reset.setVisible(brushed)
        count = f"{len(inside)} of {len(self.plot.lines)}" if brushed else ""
        self.plot_header.figure.setText(count)

    def _run_in(self, row: int) -> int:
        item = self.table.item(row, 0)
        return int(item.data(Qt.ItemDataRole.UserRole)) if item is not None else 0

    def _fill_figures(self, found: Summary) -> None:
        empty(self.figures)
        heads = ["Metric on val", "Mean ± sd", *(["On test"] if found.test else [])]
        for column, text in enumerate(heads):
            self.figures.addWidget(label(text, "muted"), 0, column)
        for row, (name, spread) in enumerate(found.metrics.items(), start=1):
            self.figures.addWidget(label(name), row, 0)
            self.figures.addWidget(label(spread.words(), "strong"), row, 1)
            if name in found.test:
                self.figures.addWidget(label(found.test[name].words()), row, 2)
        self.figures.setColumnStretch(len(heads), 1)


class _Cell(QTableWidgetItem):
    """A value of the table, which sorts as what it is; missing ones come last."""

    def __init__(self, value: Any, *, key: int) -> None:
        super().__init__("–" if value is None else words_of(value))
        self._value = value
        self.setData(Qt.ItemDataRole.UserRole, key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        assert isinstance(other, _Cell)
        one, two = self._value, other._value
        if one is None or two is None:
            return one is None and two is not None
        if isinstance(one, str) or isinstance(two, str):
            return str(one) < str(two)
        return bool(one < two)


def _card(*parts: QWidget) -> QFrame:
    frame = QFrame()
    theme.mark(frame, card=True)
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 4, 16, 12)
    column.setSpacing(4)
    for part in parts:
        column.addWidget(part)
    return frame
