"""Finds a learning rate: the loss at each of many rising ones, and the one to take over."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QWidget

from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.rate_curve import fall, smoothed
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label
from cvstudio.project import rate_finding

_WHY = (
    "One step is made at each of many learning rates, from far too small to far too large. The rate"
    " to take lies where the loss falls. Nothing is kept of what is learned here."
)


class RateDialog(StudioDialog):
    """The curve while it grows; `rate` is what the person took over, None before."""

    def __init__(self, parent: QWidget | None, studio: Studio, config: TrainConfig) -> None:
        super().__init__(parent, "Find a learning rate", width=640, height=480)
        self.setObjectName("find_rate")
        assert studio.project is not None
        self._studio, self._project, self._config = studio, studio.project, config
        self.rate: float | None = None
        self._found: float | None = None
        self._state = RunState()
        self.job = OneJob(studio, self, tell=self._failed)
        self.job.told.connect(self._show)
        self.job.done.connect(self._done)
        self.content.addWidget(label(_WHY, "muted", wrap=True))
        self.chart = Chart("Loss", x="learning rate", y="loss", height=260, log_x=True)
        self.chart.set_range(x=(1e-7, 1))
        self.content.addWidget(self.chart, 1)
        self.problem = Message("danger", "")
        self.problem.hide()
        self.content.addWidget(self.problem)
        self.add_button("Cancel", self.reject)
        self.take = self.add_button("Use this rate", self._take, next=True)
        self.take.setEnabled(False)
        self.finished.connect(self.job.cancel)  # the dialog is left: what still works is ended
        studio.project_closing.connect(self.reject)
        self._start()

    def _start(self) -> None:
        project, config, command = self._project, self._config, self._studio.jobs.command
        self.note("Preparing …")

        def begin(_control: Control) -> JobDir:
            return rate_finding.start(project, config, command=command)

        self.job.start("Find a learning rate", begin)

    def _show(self, state: RunState) -> None:
        """The curve so far; what is not a number is not drawn."""
        self._state = state
        tried = [each for each in state.rates if math.isfinite(each.loss)]
        rates = [each.rate for each in tried]
        losses = [each.loss for each in tried]
        if tried:
            self.chart.set_line("each step", rates, losses)
            self.chart.set_line("smoothed", rates, smoothed(losses).tolist())
            self.chart.set_range(x=(rates[0], max(rates[-1], 10 * rates[0])))
        done = f" · {state.done} of {state.total} rates" if state.total else ""
        self.note(f"{state.phase or 'Starting'}{done}")

    def _done(self, _job: JobDir) -> None:
        state = self._state
        found = fall([each.rate for each in state.rates], [each.loss for each in state.rates])
        if found is None:
            self.note(
                "The loss falls at none of these rates: raise the batch, or look at the labels."
            )
            return
        rates, curve = self.chart.line("smoothed")
        self._found = found.rate
        place = min(range(len(rates)), key=lambda n: abs(math.log(rates[n] / found.rate)))
        self.chart.set_dots({"smoothed": (rates[place], curve[place])})
        config = self._config
        usual = default_config(config.task, config.preset, config.network).learning_rate
        self.note(f"{found.told(usual)} Now: {config.learning_rate:g}.")
        self.take.setText(f"Use {self._found:g}")
        self.take.setEnabled(True)
        self.take.setFocus()

    def _failed(self, error: BaseException) -> None:
        self.note("")
        self.problem.set("danger", str(error))
        self.problem.show()
        self.chart.hide()  # a curve of a job that failed tells nothing, and its room is needed
        self.setMinimumHeight(0)
        self.fit_height()
        self.resize(self.width(), self.minimumHeight())

    def _take(self) -> None:
        self.rate = self._found
        self.accept()
