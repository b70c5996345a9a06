"""Finds a learning rate: the loss at each of many rising ones, and the one to take over."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.rate_curve import fall, smoothed
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui.small_job import SmallJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label
from cvstudio.project import launch, rate_finding

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
        self._starting: ThreadWork | None = None
        self._job: SmallJob | None = None
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
        self.finished.connect(self._end)
        self._start()

    def _start(self) -> None:
        project, config, command = self._project, self._config, self._studio.jobs.command
        self.note("Preparing …")

        def work(control: Control) -> JobDir:
            job = rate_finding.start(project, config, command=command)
            if control.cancelled():
                launch.end(job)
            return job

        self._starting = self._studio.tasks.run(
            work, title="Find a learning rate", done=self._started, failed=self._failed, owner=self
        )

    def _started(self, job: JobDir) -> None:
        self._starting = None
        self._job = self._studio.jobs.watch(job)
        self._job.progress.connect(self._show)
        self._job.done.connect(lambda _job: self._done())
        self._job.failed.connect(lambda text: self._failed(CVStudioError(text)))

    def _show(self, state: RunState) -> None:
        """The curve so far; what is not a number is not drawn."""
        tried = [each for each in state.rates if math.isfinite(each.loss)]
        rates = [each.rate for each in tried]
        losses = [each.loss for each in tried]
        if tried:
            self.chart.set_line("each step", rates, losses)
            self.chart.set_line("smoothed", rates, smoothed(losses).tolist())
            self.chart.set_range(x=(rates[0], max(rates[-1], 10 * rates[0])))
        done = f" · {state.done} of {state.total} rates" if state.total else ""
        self.note(f"{state.phase or 'Starting'}{done}")

    def _done(self) -> None:
        state = self._job.state if self._job is not None else RunState()
        self._job = None
        self._show(state)
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
        self._starting = self._job = None
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

    def _end(self) -> None:
        """The dialog is left: what still works is ended."""
        if self._starting is not None:
            self._starting.cancel()
        if self._job is not None:
            self._job.cancel()
        self._starting = self._job = None
