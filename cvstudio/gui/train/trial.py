"""The trial batch of the settings in the form: at most one at a time, in a job of its own."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import CVStudioError
from cvstudio.core.events import Failed
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.trial import Trial, key_of, read_trial
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.project import trying
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
        self._state: RunState | None = None
        """What the trial at work has told; None while it is only being started."""
        self._key = self._words = ""
        self.job = OneJob(studio, self, tell=self._in_vain)
        self.job.told.connect(self._progress)
        self.job.done.connect(self._done)

    @property
    def running(self) -> bool:
        """Whether a trial is at work."""
        return self.job.running

    def start(self, config: TrainConfig) -> None:
        """Try a batch of these settings."""
        if self.running:
            return
        self._key, self._words, self._state = key_of(config), "", None
        project, command = self._project, self._studio.jobs.command

        def begin(_control: Control) -> JobDir:
            return trying.start(project, config, command=command)

        self.job.start("Try a batch", begin)
        self.moved.emit()

    def cancel(self) -> None:
        """End the trial that is at work, if any."""
        if self.running:
            self.job.cancel()
            self.moved.emit()

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

    def _in_vain(self, error: BaseException) -> None:
        """The trial could not be started, or came to no end."""
        if self._state is None:
            self.moved.emit()
            self._studio.fail(error, doing="The batch could not be tried")
        else:
            told = self._state.failed or Failed(cause="other", text=str(error))
            self._keep(Tried(failed=told))

    def _progress(self, state: RunState) -> None:
        self._state = state
        words = f", step {state.done} of {state.total}" if state.total else ""
        if words != self._words:
            self._words = words
            self.moved.emit()

    def _done(self, job: JobDir) -> None:
        try:
            self._keep(Tried(trial=read_trial(job)))
        except CVStudioError as error:
            self._keep(Tried(failed=Failed(cause="other", text=error.message)))

    def _keep(self, tried: Tried) -> None:
        kept = {key: value for key, value in self._results.items() if key != self._key}
        self._results = dict([*kept.items(), (self._key, tried)][-_KEPT:])
        self.moved.emit()
