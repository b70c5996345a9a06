"""The trial batch of the settings in the form: at most one at a time, in a job of its own."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import CVStudioError
from cvstudio.core.events import Failed
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.trial import Trial, key_of, read_trial
from cvstudio.gui.small_job import SmallJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.project import launch, trying
from cvstudio.project.check import Action, Check, Level
from cvstudio.project.project import Project
from cvstudio.project.training_facts import Facts
from cvstudio.project.trying import Tried

_KEPT = 12
"""Settings whose trials are remembered: going back to one asks for no second trial."""

_WHY = (
    "A few real steps with these settings: network, loading, augmentation, device. They tell the"
    " time and the memory of the run; nothing is kept of what they learn."
)


class TrialBatch(QObject):
    """`moved()`: there is something else to show. Results belong to settings and count for no
    others."""

    moved = Signal()

    def __init__(self, studio: Studio, project: Project, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._project = studio, project
        self._results: dict[str, Tried] = {}
        self._starting: ThreadWork | None = None
        self._made: list[JobDir] = []
        """What the thread that starts the trial has made, at most one job."""
        self._job: SmallJob | None = None
        self._key = self._words = ""

    @property
    def running(self) -> bool:
        """Whether a trial is at work."""
        return self._starting is not None or self._job is not None

    def start(self, config: TrainConfig) -> None:
        """Try a batch of these settings."""
        if self.running:
            return
        self._key, self._words = key_of(config), ""
        project, command = self._project, self._studio.jobs.command
        made: list[JobDir] = []
        self._made = made

        def work(control: Control) -> JobDir:
            job = trying.start(project, config, command=command)
            made.append(job)  # first: cancelling looks here after it has said so
            if control.cancelled():
                launch.end(job)
            return job

        self._starting = self._studio.tasks.run(
            work, title="Try a batch", done=self._started, failed=self._not_started, owner=self
        )
        self.moved.emit()

    def cancel(self) -> None:
        """End the trial that is at work, if any."""
        if not self.running:
            return
        if self._starting is not None:
            self._starting.cancel()
            for job in self._made:  # its thread may not have seen that
                self._studio.jobs.watch(job).cancel()
        if self._job is not None:
            self._job.cancel()
        self._over()

    def of(self, config: TrainConfig) -> Trial | None:
        """What is known of these settings; None when they were not tried, or in vain."""
        found = self._results.get(key_of(config))
        return found.trial if found is not None else None

    def checks(self, facts: Facts, config: TrainConfig, *, able: bool) -> list[Check]:
        """The lines about the time of these settings; `able`: a run of them could start."""
        key = key_of(config)
        if self.running and key == self._key:
            stop = (Action("Cancel", "stop trying"),)
            return [Check(Level.OK, f"Trying a batch{self._words} …", stop, _WHY)]
        found = self._results.get(key)
        if found is not None:
            return trying.checks(found, facts, config)
        if not able or self.running:
            return []
        if self._studio.jobs.live:
            return [Check(Level.OK, "A batch can be tried when no run is at work", (), _WHY)]
        return [Check(Level.OK, "The time is a guess", (Action("Try a batch", "try"),), _WHY)]

    def _started(self, job: JobDir) -> None:
        self._starting = None
        self._job = self._studio.jobs.watch(job)
        self._job.progress.connect(self._progress)
        self._job.done.connect(self._done)
        self._job.failed.connect(self._failed)

    def _not_started(self, error: BaseException) -> None:
        self._over()
        self._studio.fail(error, doing="The batch could not be tried")

    def _progress(self, state: RunState) -> None:
        words = f", step {state.done} of {state.total}" if state.total else ""
        if words != self._words:
            self._words = words
            self.moved.emit()

    def _done(self, job: JobDir) -> None:
        try:
            self._keep(Tried(trial=read_trial(job)))
        except CVStudioError as error:
            self._keep(Tried(failed=Failed(cause="other", text=error.message)))

    def _failed(self, text: str) -> None:
        told = self._job.state.failed if self._job is not None else None
        self._keep(Tried(failed=told or Failed(cause="other", text=text)))

    def _keep(self, tried: Tried) -> None:
        kept = {key: value for key, value in self._results.items() if key != self._key}
        self._results = dict([*kept.items(), (self._key, tried)][-_KEPT:])
        self._over()

    def _over(self) -> None:
        self._job = self._starting = None
        self._words = ""
        self.moved.emit()
