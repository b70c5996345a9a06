"""The card of a failed run: what happened, what is safe, and the ways forward."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from cvstudio.core.events import Failed
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import words
from cvstudio.gui.widgets.cards import ChoiceCards
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import FoldSection, label, line, push
from cvstudio.project.records import RunRecord
from cvstudio.project.remedies import Remedy, remedies
from cvstudio.project.run_status import log_tail, saved_epoch

_ICONS = {"": "play", "settings": "tune", "folder": "folder-open-outline"}
"""What stands on the button of a way forward, by where it leads."""


class FailureCard(QFrame):
    """`chosen(Remedy)` when a way forward is taken; `asked("again" | "decide")` for the others."""

    chosen = Signal(object)
    asked = Signal(str)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        theme.mark(self, card=True, failed=True)
        self.ways: tuple[Remedy, ...] = ()
        self._shown: Failed | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 16, 16, 8)
        row.setSpacing(16)
        mark = IconLabel("alert-circle-outline", "danger", theme.size("page_state"))
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(8)
        row.addLayout(column, 1)
        self.title = label("", "title", wrap=True)
        column.addWidget(self.title)
        self.text = label("", wrap=True)
        column.addWidget(self.text)
        safe = QHBoxLayout()
        safe.addWidget(IconLabel("check", "success"))
        self.safe = label("", "muted", wrap=True)
        safe.addWidget(self.safe, 1)
        column.addLayout(safe)
        self._choices = QVBoxLayout()
        self._choices.setContentsMargins(0, 4, 0, 4)
        column.addLayout(self._choices)
        self.cards: ChoiceCards | None = None
        column.addLayout(self._buttons())
        column.addWidget(line())
        column.addWidget(self._details())

    def show_failure(
        self, run: RunRecord, config: TrainConfig, state: RunState, job: JobDir
    ) -> None:
        """Show the failure of a run with its ways forward."""
        failed = state.failed
        if failed is None or failed == self._shown:
            return
        self._shown = failed
        self.title.setText(f"Run {run.id} stopped: {words.headline(failed)}")
        self.text.setText(words.account(failed, config, state))
        epoch = saved_epoch(job)
        value = next((e.metrics.get(run.metric) for e in state.epochs if e.epoch == epoch), None)
        figure = f" ({run.metric} {value:.3f})" if value is not None else ""
        kept = f", and so is the network of epoch {epoch}{figure}" if epoch else ""
        self.safe.setText(f"Nothing is lost: labels are saved{kept}.")
        self.ways = remedies(config, failed, saved_epoch=epoch, batch=state.batch)
        self._show_ways()
        settings = config.model_dump_json(indent=1, exclude={"augmentation"})
        log = log_tail(job)
        self.log_text.setPlainText("\n\n".join(p for p in (failed.detail, log, settings) if p))

    def _show_ways(self) -> None:
        if self.cards is not None:
            self.cards.deleteLater()
            self.cards = None
        if len(self.ways) > 1:
            self.cards = ChoiceCards(
                [
                    (str(place), way.title, way.detail, "Recommended" if place == 0 else "")
                    for place, way in enumerate(self.ways)
                ]
            )
            self.cards.chosen.connect(lambda _key: self._name_button())
            self._choices.addWidget(self.cards)
        self._name_button()

    def _name_button(self) -> None:
        self.go.setVisible(bool(self.ways))
        if self.ways:
            way = self._way()
            self.go.setText(way.button)
            role = "accentText" if self.go.property("next") else "text"
            self.go.setIcon(icon(_ICONS.get(way.place, "arrow-right"), role))
            self.go.setToolTip(way.detail)
        # Changing settings is a way forward of its own after some failures: once is enough.
        self.change.setVisible(not any(way.button == self.change.text() for way in self.ways))

    def mark_next(self, on: bool) -> None:
        """Whether the way forward is the next thing to do: not once somebody decided."""
        theme.mark(self.go, next=on)
        self._name_button()

    def _way(self) -> Remedy:
        return self.ways[int(self.cards.key) if self.cards is not None else 0]

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.go = push(
            "", lambda: self.chosen.emit(self._way()), icon_name="play", tall=True, next=True
        )
        self.go.setDefault(True)
        row.addWidget(self.go)
        self.change = push(
            "Change settings", lambda: self.asked.emit("again"), icon_name="tune", tall=True
        )
        self.change.setToolTip("Change settings: put them into the new run")
        row.addWidget(self.change)
        row.addStretch(1)
        self.leave = push("Stop here", lambda: self.asked.emit("decide"), flat=True)
        self.leave.setToolTip("Stop here: leave this run, and let queued runs go on")
        row.addWidget(self.leave)
        return row

    def _details(self) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        self.log_text = QPlainTextEdit()
        self.log_text.setReadOnly(True)
        self.log_text.setMinimumHeight(200)
        theme.mark(self.log_text, mono=True)
        column.addWidget(self.log_text)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(push("Copy", self._copy, small=True))
        column.addLayout(row)
        self.details = FoldSection(
            "Details", box, open_=False, figure="log, settings and versions, to copy or send"
        )
        return self.details

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.log_text.toPlainText())
