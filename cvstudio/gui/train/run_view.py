"""The centre of Train: one run, live or old, with its charts, its pictures and its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.core.curves import reading
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import words
from cvstudio.gui.train.failure import FailureCard
from cvstudio.gui.train.run_charts import RunCharts
from cvstudio.gui.train.samples import SampleStrip
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.flow import FlowLayout
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import FoldSection, label, push
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project.bottleneck import Bottleneck, bottleneck
from cvstudio.project.device import cores
from cvstudio.project.experiments.trials import pruned
from cvstudio.project.experiments.trials import state_words as trial_words
from cvstudio.project.records import RunRecord
from cvstudio.project.remedies import Remedy, way_about
from cvstudio.project.run_checks import Kept, kept
from cvstudio.project.run_status import RunStatus, log_tail

LOG_MS = 1000


class RunCard(QFrame):
    """A run's name, settings, progress and what can be done with it now.

    `asked(what)`: "pause", "finish", "cancel", "resume", "suggest", "analyze" or "again".
    """

    asked = Signal(str)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        self._column = column
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._words, self._acts = QHBoxLayout(), QHBoxLayout()
        self._head.addLayout(self._words, 1)
        self._head.addLayout(self._acts)
        self.title = label("", "run_title")
        self.settings = label("", "muted")
        self._words.addWidget(self.title)
        self._words.addWidget(self.settings)
        self._words.addStretch(1)
        self._acts.addStretch(1)
        self.buttons: dict[str, QPushButton] = {}
        for what, text, icon_name in (
            ("resume", "Resume", "play"),
            ("pause", "Pause", "pause"),
            ("finish", "Finish early", "flag-checkered"),
            ("cancel", "Cancel", "close"),
            ("again", "Use its settings", "content-copy"),
            ("suggest", "Suggest labels", "creation-outline"),
            ("analyze", "See its errors", "image-filter-center-focus"),
        ):
            button = push(text, self._asker(what), icon_name=icon_name, small=True)
            button.setToolTip(_TIPS[what])
            self.buttons[what] = button
            self._acts.addWidget(button)
        column.addLayout(self._head)
        self.overruled = label("", "caption", wrap=True)
        self.overruled.hide()
        column.addWidget(self.overruled)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        theme.mark(self.bar, job=True)
        row.addWidget(self.bar, 1)
        self.count = label("", "strong")
        self.of = label("", "muted")
        row.addWidget(self.count)
        row.addWidget(self.of)
        row.addWidget(WhatIs("Epoch"))
        column.addLayout(row)
        self._facts = FlowLayout(across=20)
        column.addLayout(self._facts)
        self._fact_labels: list[tuple[QLabel, ...]] = []
        self._fact_boxes: list[QWidget] = []

    def fit(self, room: int) -> None:
        """Let the buttons stand below the words where `room` px are too few for both."""
        sides = self.contentsMargins() + self._column.contentsMargins()
        wide = self._words.sizeHint().width() + self._acts.sizeHint().width() + 8
        fits = wide + sides.left() + sides.right() <= room
        way = QBoxLayout.Direction
        self._head.setDirection(way.LeftToRight if fits else way.TopToBottom)

    def show_run(
        self, run: RunRecord, status: RunStatus, config: TrainConfig, state: RunState
    ) -> None:
        """Show a run as it is now."""
        self.title.setText(f"Run {run.id}")
        part = f"{run.title} · " if run.experiment_id is not None and run.title else ""
        self.settings.setText(part + words.settings_line(config))
        self._offer(status, state)
        total = state.total_epochs or config.epochs
        self.bar.setValue(1000 if status is RunStatus.FINISHED else round(state.share * 1000))
        theme.mark(self.bar, job=status is RunStatus.RUNNING)
        self.count.setText(str(len(state.epochs)))
        self.of.setText(f"of {total} epochs")
        live = status is RunStatus.RUNNING
        exact = run.best if status.has_network else None
        lines = words.facts(state, run.metric, now=time.time(), live=live, judged=exact)
        text = self._state_words(status, state)
        if pruned(run, status):
            text = trial_words(run, status).capitalize()
        lines.insert(0, ("", text, ""))
        self._show_facts(lines)

    def show_checks(self, checks: Kept | None) -> None:
        """Say what was advised before the start and not followed, in a line; the tip has all."""
        told = checks.overruled if checks is not None else ()
        self.overruled.setText(words.in_spite_of(told))
        self.overruled.setToolTip(tip("\n".join(told)))
        self.overruled.setVisible(bool(told))

    def show_waiting(self, why: str) -> None:
        """What a queued run waits for."""
        self._show_facts([("", "Queued", why)])

    def _state_words(self, status: RunStatus, state: RunState) -> str:
        if status is not RunStatus.RUNNING:
            return words.state_words(status, state.failed)
        if not state.running:
            return "Starting"
        if state.epoch == 0 or state.step >= state.steps:
            count = f" {state.done} of {state.total}" if state.total else ""
            return f"{state.phase}{count}"
        return ""

    def _offer(self, status: RunStatus, state: RunState) -> None:
        live = status is RunStatus.RUNNING
        offered = {
            "resume": status is RunStatus.PAUSED,
            "pause": live,
            "finish": live,
            "cancel": status in (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.PAUSED),
            "again": not live and status is not RunStatus.QUEUED,
            "suggest": status.has_network,
            "analyze": status.has_network,
        }
        for what, button in self.buttons.items():
            button.setVisible(offered[what])
        for what in ("pause", "finish"):
            self.buttons[what].setEnabled(state.running)

    def _show_facts(self, lines: list[tuple[str, str, str]]) -> None:
        lines = [line for line in lines if any(line)]
        while len(self._fact_labels) < len(lines):
            parts: tuple[QLabel, ...] = (
                NameLabel(front=1), label("", "strong"), NameLabel(front=1),
            )  # fmt: skip
            fact = QWidget()
            row = QHBoxLayout(fact)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(4)
            for part in parts:
                row.addWidget(part)
            self._facts.addWidget(fact)
            self._fact_boxes.append(fact)
            self._fact_labels.append(parts)
        for place, (box, parts) in enumerate(zip(self._fact_boxes, self._fact_labels, strict=True)):
            texts = lines[place] if place < len(lines) else ("", "", "")
            for part, text in zip(parts, texts, strict=True):
                part.setText(text)
                part.setVisible(bool(text))
            box.setVisible(any(texts))

    def _asker(self, what: str) -> Callable[[], Any]:
        return lambda: self.asked.emit(what)


_TIPS = {
    "resume": "Resume: go on from the last checkpoint",
    "pause": "Pause: stop after this step, to go on later",
    "finish": "Finish early: keep the best so far and stop",
    "cancel": "Cancel: end the run without a result",
    "again": "Use its settings: put them into the new run",
    "suggest": "Suggest labels: let this run look at images that wait for labels",
    "analyze": "See its errors: open this run in Analyze",
}


class RunView(QScrollArea):
    """One run. `asked(what)` as RunCard; `chosen(Remedy)` when a way forward is taken."""

    asked = Signal(str)
    chosen = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.mark(self, plain=True)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._job: JobDir | None = None
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        self._body = column
        self.card = RunCard(studio)
        self.card.asked.connect(self.asked)
        column.addWidget(self.card)
        self.failure = FailureCard(studio)
        self.failure.chosen.connect(self.chosen)
        self.failure.asked.connect(self.asked)
        self.failure.hide()
        column.addWidget(self.failure)
        self.note = Message("info", "")
        self.slow = Message("warning", "")
        for message in (self.note, self.slow):
            message.hide()
            column.addWidget(message)
        self.readings = RunCharts(studio)
        column.addWidget(self.readings)
        column.addSpacing(4)
        self.samples = SampleStrip(studio)
        column.addWidget(self.samples)
        self.log_text = QPlainTextEdit()
        self.log_text.setReadOnly(True)
        self.log_text.setMinimumHeight(180)
        self.log_text.setAccessibleName("Log")
        self.log_text.setPlaceholderText("Nothing has been written here.")
        theme.mark(self.log_text, mono=True)
        self.log = FoldSection("Log", self.log_text, open_=False)
        self.log.toggled.connect(self._log_toggled)
        column.addWidget(self.log)
        column.addStretch(1)
        self.setWidget(body)
        self._log_timer = QTimer(self, interval=LOG_MS)
        self._log_timer.timeout.connect(self._read_log)

    @property
    def charts(self) -> tuple[Chart, Chart, Chart, Chart]:
        """Loss, metric, learning rate, memory."""
        return self.readings.charts

    @property
    def loss(self) -> Chart:
        """The chart of losses."""
        return self.readings.loss

    @property
    def figure(self) -> Chart:
        """The chart of figures on val."""
        return self.readings.figure

    @property
    def rate(self) -> Chart:
        """The chart of the learning rate."""
        return self.readings.rate

    @property
    def memory(self) -> Chart:
        """The chart of memory."""
        return self.readings.memory

    def open(self, job: JobDir, classes: Sequence[LabelClass]) -> None:
        """Begin to show another run, of a project with these classes."""
        self._job = job
        self.card.show_checks(kept(job))
        self.readings.open({c.id: c for c in classes})
        self.samples.open(job)
        self._read_log()

    def show_run(
        self, run: RunRecord, status: RunStatus, config: TrainConfig, state: RunState
    ) -> None:
        """Show the run as it is now: everything follows from its state."""
        self.card.show_run(run, status, config, state)
        failed = state.failed if status is RunStatus.FAILED else None
        self._fit_card()
        self.card.setVisible(failed is None)
        self.failure.setVisible(failed is not None)
        if failed is not None and self._job is not None:
            self.failure.show_failure(run, config, state, self._job)
        self._show_notes(config, state, status)
        begun = bool(state.epochs) or status is RunStatus.RUNNING
        self.readings.setVisible(begun)
        self.readings.show_only_why(failed is not None)
        judged = run.best if status.has_network else None
        self.readings.show_run(run, config, state, judged=judged)
        self.samples.set_samples(state.samples)

    def _show_notes(self, config: TrainConfig, state: RunState, status: RunStatus) -> None:
        """What is worth knowing of a run that did not fail, with the way forward as a link."""
        warnings = [note for note in state.notes if note.level == "warning"]
        slow = None
        if status is RunStatus.RUNNING and config.device.count(",") == 0:
            slow = bottleneck(config, state, cores=cores())
        said = reading(state)
        shown = bool(warnings or slow or said) and status is not RunStatus.FAILED
        self.note.setVisible(shown)
        self.slow.setVisible(shown and bool(warnings) and slow is not None)
        if slow is not None:
            self._show_slow(self.slow if warnings else self.note, slow)
        if warnings:
            self.note.set("warning", " ".join(note.text for note in warnings[-2:]))
            way = next((way_about(note.about) for note in warnings[::-1] if note.about), None)
            self._offer(self.note, way)
        elif slow is None and said:
            self.note.set("info", said)
            self._offer(self.note, None)

    def _show_slow(self, message: Message, slow: Bottleneck) -> None:
        message.set("warning", slow.text)
        self._offer(message, slow.way)

    def _offer(self, message: Message, way: Remedy | None) -> None:
        if way is None:
            message.set_link("")
            return
        message.set_link(way.button, lambda: self.chosen.emit(way))
        message.setToolTip(way.detail)

    def _fit_card(self) -> None:
        sides = self._body.contentsMargins()
        self.card.fit(self.viewport().width() - sides.left() - sides.right())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_card()
        super().resizeEvent(event)

    def _log_toggled(self, open_: bool) -> None:
        if open_:
            self._read_log()
            self._log_timer.start()
        else:
            self._log_timer.stop()

    def _read_log(self) -> None:
        if self._job is None or self.log_text.isHidden():
            return
        text = log_tail(self._job)
        if text != self.log_text.toPlainText():
            self.log_text.setPlainText(text)
            bar = self.log_text.verticalScrollBar()
            bar.setValue(bar.maximum())
