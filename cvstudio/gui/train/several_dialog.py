"""Several runs at once: cross-validation, values to try, guided search, with the time they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.errors import ConfigError
from cvstudio.core.recipe import TrainConfig
from cvstudio.gui.train.checks_list import ChecksList
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import Segments, label, link
from cvstudio.project import sharing
from cvstudio.project.check import Check
from cvstudio.project.device import Device
from cvstudio.project.estimate import Measured
from cvstudio.project.experiments import lasting, varying
from cvstudio.project.experiments.plans import (
    Dimension,
    FoldsPlan,
    Plan,
    SearchPlan,
    SweepPlan,
    Value,
    checked,
)
from cvstudio.project.training_facts import Facts

_ADVICE_HEIGHT = 124
"""Room for the heading and some lines of advice; more are scrolled to."""

_WORDS = (
    "Train and val are divided into parts. Each run is judged on another part, which it never saw:"
    " together they say how good the recipe is, and how much of that is luck. Test stays out.",
    "One run for each value, and for each combination of several. Everything else stays as it is on"
    " the left.",
    "Each trial learns from those before which values are worth trying (Optuna). The first one has"
    " the settings on the left, so that you see what the search gains.",
)


class _Folds(QWidget):
    """How many parts, and which images stay together."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        grid = _grid(self)
        self.k = QSpinBox(minimum=2, maximum=20, value=5)
        self.group = QComboBox()
        for words, value in (("group", "group"), ("folder", "folder"), ("nothing", None)):
            self.group.addItem(words, value)
        self.seed = QSpinBox(minimum=0, maximum=9999)
        _row(grid, "Parts", self.k, "Usually 5: each run trains on four fifths of the images")
        together = "Images of one group (patient, slide) never stand in two parts; nor do copies"
        _row(grid, "Kept together by", self.group, together)
        _row(grid, "Seed", self.seed, "The same seed divides the same images in the same way")
        self.k.valueChanged.connect(self.changed)
        self.group.currentIndexChanged.connect(self.changed)
        self.seed.valueChanged.connect(self.changed)

    def plan(self, config: TrainConfig) -> FoldsPlan:
        """What is asked for. Raises ConfigError."""
        return checked(
            FoldsPlan, config=config, k=self.k.value(), seed=self.seed.value(),
            group_by=self.group.currentData(),
        )  # fmt: skip


class _Values(QWidget):
    """Rows of a setting and the values to try."""

    changed = Signal()

    def __init__(self, config: TrainConfig, at_once: int) -> None:
        super().__init__()
        self._config = config
        self.at_once = _at_once(at_once)
        self.at_once.valueChanged.connect(lambda _n: self.changed.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        column.addLayout(self._rows)
        self.rows: list[tuple[QComboBox, QLineEdit]] = []
        self.more = link("Another setting", self.add_row)
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        limits = QHBoxLayout()
        _add_limit(limits, "At once", self.at_once)
        limits.addStretch(1)
        column.addLayout(limits)
        self.add_row()

    def add_row(self) -> None:
        """One setting more; its values begin around the present one."""
        names = varying.can_vary(self._config)
        taken = {box.currentData() for box, _ in self.rows}
        setting = QComboBox()
        setting.setAccessibleName("Setting")
        for name in names:
            setting.addItem(varying.title_of(name), name)
        values = QLineEdit()
        values.setAccessibleName("Values to try, with commas between them")
        values.setToolTip("Values with commas between them; 1..3 is 1, 2, 3")
        first = next((n for n in ("learning_rate", *names) if n in names and n not in taken), "")
        setting.setCurrentIndex(max(names.index(first), 0) if first else 0)
        row = QHBoxLayout()
        row.addWidget(setting, 2)
        row.addWidget(values, 3)
        self._rows.addLayout(row)
        self.rows.append((setting, values))
        values.setText(self._proposed(setting.currentData()))
        values.setCursorPosition(0)
        setting.currentIndexChanged.connect(
            lambda _i: values.setText(self._proposed(setting.currentData()))
        )
        values.textChanged.connect(lambda _text: self.changed.emit())
        self.more.setVisible(len(self.rows) < 4)
        self.changed.emit()

    def _proposed(self, name: str) -> str:
        choices = varying.choices_of(name, self._config)
        if choices:
            return ", ".join(_text(c) for c in choices[: 3 if name == varying.NETWORK else 8])
        now = getattr(self._config, name)
        if name == "seed":
            return "0, 1, 2"
        usual = varying.usual_range(name, self._config)
        around = [now]
        if usual is not None and usual.low is not None and usual.high is not None:
            thirds = [float(f"{now / 3:.1g}"), now, float(f"{now * 3:.1g}")]
            around = thirds if usual.log else [usual.low, now, usual.high]
        kind = int if isinstance(now, int) else float
        return ", ".join(dict.fromkeys(_text(kind(v)) for v in around))

    def plan(self, config: TrainConfig) -> SweepPlan:
        """What is asked for. Raises ConfigError."""
        wanted: dict[str, list[Value]] = {}
        for setting, values in self.rows:
            found = varying.parsed(setting.currentData(), values.text())
            if found:
                wanted.setdefault(setting.currentData(), []).extend(found)
        if not wanted:
            raise ConfigError("Give the values to try, with commas between them.")
        return checked(
            SweepPlan, config=config, trials=varying.grid(config, wanted),
            at_once=self.at_once.value(),
        )  # fmt: skip


class _Range:
    """One setting of the search: whether it is searched, and in which range."""

    def __init__(
        self, grid: QGridLayout, dimension: Dimension, *, on: bool, changed: Callable[[], None]
    ) -> None:
        self.dimension = dimension
        title = varying.title_of(dimension.name)
        self.box = QCheckBox(title)
        self.box.setChecked(on)
        self.fields: list[QLineEdit] = []
        row = grid.rowCount()
        grid.addWidget(self.box, row, 0)
        if dimension.choices:
            self.fields = [
                self._field(", ".join(map(_text, dimension.choices)), f"{title}, choices")
            ]
            grid.addWidget(self.fields[0], row, 1, 1, 3)
        else:
            ends = ((dimension.low, "lowest"), (dimension.high, "highest"))
            self.fields = [self._field(_text(end), f"{title}, {word}") for end, word in ends]
            grid.addWidget(self.fields[0], row, 1)
            grid.addWidget(label("to", "muted"), row, 2)
            grid.addWidget(self.fields[1], row, 3)
        for field in self.fields:
            field.setEnabled(on)
            field.textChanged.connect(lambda _text: changed())
            self.box.toggled.connect(field.setEnabled)
        self.box.toggled.connect(lambda _on: changed())

    def _field(self, text: str, name: str) -> QLineEdit:
        field = QLineEdit(text)
        field.setCursorPosition(0)
        field.setAccessibleName(name)
        if self.dimension.choices:
            field.setToolTip("What may be chosen, with commas between")
        elif self.dimension.log:
            field.setToolTip("Powers of ten are searched evenly between the two")
        return field

    def asked(self, config: TrainConfig) -> Dimension:
        """The range as it is typed. Raises ConfigError."""
        name = self.dimension.name
        if self.dimension.choices:
            parts = varying.parsed(name, self.fields[0].text())
            made = tuple(varying.effective(config, {name: part}).get(name) for part in parts)
            known = tuple(v for v in made if v is not None)
            return checked(Dimension, name=name, choices=known or tuple(parts))
        try:
            low, high = (float(field.text().replace(",", ".")) for field in self.fields)
        except ValueError:
            raise ConfigError(f"{varying.title_of(name)} needs two numbers.") from None
        by_powers = self.dimension.log and low > 0
        return checked(Dimension, name=name, low=low, high=high, log=by_powers)


class _Search(QWidget):
    """Which settings, how many trials, how long at most."""

    changed = Signal()

    def __init__(self, config: TrainConfig, at_once: int) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        usual = [d.name for d in varying.usual(config)]
        offered = varying.can_search(config)
        offered.sort(key=lambda d: usual.index(d.name) if d.name in usual else len(usual))
        self.ranges = [
            _Range(grid, d, on=d.name in usual, changed=self.changed.emit) for d in offered
        ]
        area = scrolling(inside)
        area.setMinimumHeight(190)
        column.addWidget(area, 1)
        limits = QHBoxLayout()
        self.trials = QSpinBox(minimum=2, maximum=500, value=20, suffix=" trials")
        self.minutes = QSpinBox(minimum=0, maximum=100_000, suffix=" min")
        self.minutes.setSpecialValueText("no limit")
        self.at_once = _at_once(at_once)
        self.prune = QCheckBox("End poor trials early")
        self.prune.setChecked(True)
        self.prune.setToolTip("A trial that does worse than most did by the same epoch is ended")
        self.trials.setAccessibleName("Trials at most")
        self.minutes.setAccessibleName("Time at most")
        for words, editor in (
            ("At most", self.trials), ("Time", self.minutes), ("At once", self.at_once)
        ):  # fmt: skip
            editor.valueChanged.connect(lambda _n: self.changed.emit())
            _add_limit(limits, words, editor)
        self.prune.toggled.connect(lambda _on: self.changed.emit())
        limits.addWidget(self.prune)
        limits.addStretch(1)
        column.addLayout(limits)

    def plan(self, config: TrainConfig) -> SearchPlan:
        """What is asked for. Raises ConfigError."""
        space = tuple(r.asked(config) for r in self.ranges if r.box.isChecked())
        if not space:
            raise ConfigError("Choose at least one setting to search.")
        varying.check_space(config, space)
        return checked(
            SearchPlan, config=config, space=space, trials=self.trials.value(),
            minutes=self.minutes.value() or None, prune=self.prune.isChecked(),
            at_once=self.at_once.value(),
        )  # fmt: skip


class SeveralDialog(StudioDialog):
    """`plan` is what the person asked for, None before; nothing is made here."""

    def __init__(
        self, parent: QWidget | None, config: TrainConfig, facts: Facts, *, device: Device,
        history: Sequence[Measured] = (), cluster: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parent, "Several runs", width=700, height=560)
        self.setObjectName("several_runs")
        self.plan: Plan | None = None
        self._config, self._facts, self._device, self._history = config, facts, device, history
        self._cluster = cluster
        self.kinds = Segments(
            ("Cross-validate", "Try values", "Guided search"),
            tips=("Judge one recipe on every image", "Compare settings", "Let settings be found"),
        )
        self.kinds.chosen.connect(lambda _i: self._show())
        self.content.addWidget(self.kinds, 0, Qt.AlignmentFlag.AlignLeft)
        self._words = label("", "muted", wrap=True)
        self.content.addWidget(self._words)
        self.pages = QStackedWidget()
        many = sharing.usual(device, config, cluster=cluster)
        self.folds, self.values = _Folds(), _Values(config, many)
        self.search = _Search(config, many)
        for page in (self.folds, self.values, self.search):
            self.pages.addWidget(page)
            page.changed.connect(self._judge)
        self.content.addWidget(self.pages, 1)
        self.checks = ChecksList()
        self._advice = scrolling(self.checks)
        self._advice.setFixedHeight(_ADVICE_HEIGHT)
        self.content.addWidget(self._advice)
        self.problem = Message("danger", "")
        self.content.addWidget(self.problem)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Start", self._accept, next=True)
        self._show()

    def choose(self, index: int) -> None:
        """Show cross-validation (0), values to try (1) or guided search (2)."""
        self.kinds.choose(index)
        self._show()

    def _show(self) -> None:
        self.pages.setCurrentIndex(self.kinds.index)
        self._words.setText(_WORDS[self.kinds.index])
        self._judge()

    def _judge(self) -> None:
        """Say what would be started and how long it takes, or what speaks against it."""
        page = (self.folds, self.values, self.search)[self.kinds.index]
        try:
            plan = page.plan(self._config)
            away = self._cluster
            stopping = lasting.obstacles(plan, self._facts, None if away else self._device)
        except ConfigError as error:
            self._refuse(" ".join(filter(None, (error.message, error.hint))))
            return
        if stopping:
            self._refuse(stopping[0].detail or stopping[0].text)
            return
        self._show_advice(lasting.advice(plan, self._facts, None if away else self._device))
        caution = lasting.caution(plan)
        self.problem.set("warning", caution)
        self.problem.setVisible(bool(caution))
        if self._cluster:
            words = lasting.on_cluster(plan)
        else:
            duration = lasting.seconds(
                plan, self._facts, device=self._device, history=self._history
            )  # fmt: skip
            words = lasting.in_words(plan, duration)
        self.note(words[0].upper() + words[1:])
        most = "up to " if self.kinds.index == 2 else ""
        self.go.setText(f"Start {most}{plan.count} run{'s' if plan.count != 1 else ''}")
        self.go.setEnabled(True)

    def _show_advice(self, lines: Sequence[Check]) -> None:
        """Show what is worth a look, without ways: settings are changed on the page behind."""
        self.checks.show_checks([replace(check, actions=(), ways="") for check in lines])
        self._advice.setVisible(bool(lines))

    def _refuse(self, why: str) -> None:
        self._show_advice(())
        self.problem.set("danger", why)
        self.problem.show()
        self.note("")
        self.go.setEnabled(False)

    def _accept(self) -> None:
        page = (self.folds, self.values, self.search)[self.kinds.index]
        self.plan = page.plan(self._config)
        self.accept()


def _at_once(usual: int) -> QSpinBox:
    """How many trials are at work at a time."""
    field = QSpinBox(minimum=1, maximum=64, value=usual)
    field.setAccessibleName("Trials at once")
    field.setToolTip(
        "Trials at work at a time, one on each GPU or each worker of a cluster; more of them share"
        " the memory, which pays for small networks only"
    )
    return field


def _add_limit(row: QHBoxLayout, words: str, editor: QSpinBox) -> None:
    name = label(words)
    name.setBuddy(editor)
    row.addWidget(name)
    row.addWidget(editor)
    row.addSpacing(8)


def _grid(parent: QWidget) -> QGridLayout:
    grid = QGridLayout(parent)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(8)
    grid.setColumnMinimumWidth(0, 120)
    grid.setColumnStretch(2, 1)
    grid.setRowStretch(9, 1)
    return grid


def _row(grid: QGridLayout, words: str, editor: QWidget, why: str) -> None:
    name = label(words)
    name.setBuddy(editor)
    editor.setAccessibleName(words)
    editor.setToolTip(why)
    editor.setFixedWidth(110)
    row = grid.count() // 3
    grid.addWidget(name, row, 0)
    grid.addWidget(editor, row, 1)
    grid.addWidget(label(why, "muted", wrap=True), row, 2)


def _text(value: Any) -> str:
    """A value as it is typed: 0.00001 and 1280, never with a power of ten."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return str(value)
