"""The runs of the project as the Train page knows them: records, states, and rows of the list."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from cvstudio.core.run_state import ENOUGH_STEPS, RunState
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import words
from cvstudio.gui.train.run_list import Heading, Row
from cvstudio.project import runs
from cvstudio.project.estimate import Measured
from cvstudio.project.experiments import book as experiment_book
from cvstudio.project.experiments.plans import plan_of
from cvstudio.project.experiments.trials import pruned
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.tables import ExperimentKind

_HISTORY = 5
"""Finished runs whose speeds the guess for the next one rests on."""


class RunBook(QObject):
    """Reads the runs. `loaded()`: the events of runs that were not known yet have been read."""

    loaded = Signal()

    def __init__(self, studio: Studio, project: Project, parent: QObject) -> None:
        super().__init__(parent)
        self._project, self._jobs = project, studio.jobs
        self.runs: list[RunRecord] = []
        self.experiments: list[ExperimentRecord] = []
        self.lost: list[RunRecord] = []
        """Runs whose directory is missing or damaged."""
        self._states: dict[int, tuple[tuple[str, float | None], RunState]] = {}
        # The list is asked for again and again, also while a slow disk still reads the events.
        self._reading = LatestWins(studio.tasks, owner=self, title="Read the runs", followed=True)

    def read(self) -> None:
        """Read the list of runs; their events come later, with `loaded`."""
        found = runs.all_runs(self._project)
        self.runs = [run for run in found if runs.whole(run)]
        self.lost = [run for run in found if run not in self.runs]
        self.experiments = experiment_book.every(self._project)
        self._load_states()

    @property
    def project(self) -> Project:
        """Whose runs these are."""
        return self._project

    @property
    def next_number(self) -> int:
        """The number of the next run."""
        return runs.next_number(self._project)

    @property
    def held(self) -> RunRecord | None:
        """The failed run that the queue waits for."""
        return runs.held_by(self._project)

    def get(self, run_id: int) -> RunRecord | None:
        """A run by its number, None when there is no whole one."""
        return next((run for run in self.runs if run.id == run_id), None)

    def status(self, run: RunRecord) -> RunStatus:
        """What a run is now."""
        if self._is_live(run.id):
            return RunStatus.RUNNING
        return RunStatus(run.status)

    def state(self, run: RunRecord) -> RunState:
        """What the events of a run add up to; empty while they are being read."""
        if self._is_live(run.id):
            return self._jobs.state_of(run.id)
        return self._states.get(run.id, ((), RunState()))[1]

    def moved(self, run_id: int) -> None:
        """Events of a run at work arrived: kept for the moment after its end, before they are
        read again."""
        self._states[run_id] = (("", None), self._jobs.state_of(run_id))

    def _is_live(self, run_id: int) -> bool:
        return any(run.id == run_id for run in self._jobs.live)

    def history(self) -> dict[int, Measured]:
        """The speeds that runs of this project have on this computer, by run: the first steps of
        one are enough."""
        found = {}
        for run in reversed(self.runs):
            state = self.state(run)
            known = self.status(run).has_network or len(state.step_history) >= ENOUGH_STEPS
            if known and state.speed:
                config = runs.config_of(run)
                found[run.id] = Measured(config, not words.on_gpu(state), state.speed)
                if len(found) == _HISTORY:
                    break
        return found

    def experiment(self, experiment_id: int) -> ExperimentRecord | None:
        """An experiment by its number, None when there is none."""
        return next((each for each in self.experiments if each.id == experiment_id), None)

    def runs_of(self, experiment_id: int) -> list[RunRecord]:
        """The runs of an experiment, oldest first."""
        return [run for run in self.runs if run.experiment_id == experiment_id]

    def headings(self) -> list[Heading]:
        """A line for each experiment: how far it is, its best trial or the mean of its folds."""
        found = []
        for experiment in self.experiments:
            own = self.runs_of(experiment.id)
            done = sum(run.status in experiment_book.SETTLED for run in own)
            count = len(own) if experiment.ended is not None else plan_of(experiment).count
            figures = [
                r.best for r in own if r.best is not None and RunStatus(r.status).has_network
            ]
            value = None
            if figures:
                of_folds = experiment.kind is ExperimentKind.FOLDS
                value = sum(figures) / len(figures) if of_folds else max(figures)
            figure = "–" if value is None else f"{value:.3f}"
            found.append(Heading(experiment, f"{done} of {count}", figure))
        return found

    def rows(self) -> list[Row]:
        """The rows of the list, newest first."""
        held = self.held
        rows = []
        for run in reversed(self.runs):
            status, state = self.status(run), self.state(run)
            best = run.best
            if status is RunStatus.RUNNING and state.best_epoch is not None:
                best = next(
                    (
                        e.metrics.get(run.metric)
                        for e in state.epochs
                        if e.epoch == state.best_epoch
                    ),
                    None,
                )
            text = words.state_words(status, state.failed, waits=held is not None)
            text = "Pruned" if pruned(run, status) else text
            name = run.title if run.experiment_id is not None else ""
            rows.append(Row(run, status, text, best, name))
        return rows

    def _load_states(self) -> None:
        """Read the events of runs that are not known yet, in a thread."""
        wanted = [
            run
            for run in self.runs
            if run.status != RunStatus.RUNNING
            and self._states.get(run.id, (None,))[0] != (run.status, run.ended)
        ]
        if not wanted:
            return

        def read(_control: Any) -> list[tuple[RunRecord, RunState]]:
            return [(run, runs.job_of(run).state()) for run in wanted]

        def loaded(found: list[tuple[RunRecord, RunState]]) -> None:
            for run, state in found:
                self._states[run.id] = ((run.status, run.ended), state)
            self.loaded.emit()

        self._reading.request(read, loaded)
