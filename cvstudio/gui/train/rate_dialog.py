"""Finds a learning rate: the loss at each of many rising ones, and the one to take over."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.rate_curve import smoothed, suggested
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui.jobs import SmallJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import label
from cvstudio.project import launch, rate_finding

_WHY = (
    "One step is made at each of many learning rates, from far too small to far too large. The rate"
    " to take is where the loss falls fastest. Nothing is kept of what is learned here."
)


class RateDialog(StudioDialog):
    """The curve while it grows; `rate` is what the person took over, None before."""

    def __init__(self, parent: QWidget | None, studio: Studio, config: TrainConfig) -> None:
        super().__init__(parent, "Find a learning rate", width=640)
        self.setObjectName("find_rate")
        assert studio.project is not None
        self._studio, self._project, self._config = studio, studio.project, config
        self.rate: float | None = None
        self._found: float | None = None
        self._starting: ThreadWork | None = None
        self._job: SmallJob | None = None
        self.content.addWidget(label(_WHY, "muted", wrap=True))
        self.chart = Chart(
            "Loss", x="learning rate as a power of ten: −3 is 0.001", y="loss", framed=False,
            height=260,
        )  # fmt: skip
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
        powers = [math.log10(each.rate) for each in tried]
        losses = [each.loss for each in tried]
        if tried:
            self.chart.set_line("each step", powers, losses)
            self.chart.set_line("smoothed", powers, smoothed(losses).tolist())
            self.chart.set_range(x=(powers[0], max(powers[-1], powers[0] + 1)))
        done = f" · {state.done} of {state.total} rates" if state.total else ""
        self.note(f"{state.phase or 'Starting'}{done}")

    def _done(self) -> None:
        state = self._job.state if self._job is not None else RunState()
        self._job = None
        self._show(state)
        self._found = suggested(
            [each.rate for each in state.rates], [each.loss for each in state.rates]
        )
        if self._found is None:
            self.note("The loss falls at none of these rates: look at the labels first.")
            return
        powers, curve = self.chart.line("smoothed")
        place = min(range(len(powers)), key=lambda n: abs(powers[n] - math.log10(self._found or 1)))
        self.chart.set_dots({"smoothed": (powers[place], curve[place])})
        self.note(f"The loss falls fastest at {self._found:g}; now {self._config.learning_rate:g}.")
        self.take.setText(f"Use {self._found:g}")
        self.take.setEnabled(True)
        self.take.setFocus()

    def _failed(self, error: BaseException) -> None:
        self._starting = self._job = None
        self.note("")
        self.problem.set("danger", str(error))
        self.problem.show()
        self.fit_height()

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
