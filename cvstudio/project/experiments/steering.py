"""Moving experiments on: making the runs that are due, ending poor trials, taking in results.

Whoever watches a project does this again and again: the window in a thread, the command line
between two looks at a run. It is safe to stop at any moment; the next look goes on from there.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cvstudio.core.errors import ConfigError, CVStudioError, ExperimentOver
from cvstudio.core.jobdir import EventTail, Request
from cvstudio.core.run_state import RunState
from cvstudio.project import run_commands, runs
from cvstudio.project.experiments import book, folds, sweep
from cvstudio.project.experiments.plans import SearchPlan, plan_of
from cvstudio.project.experiments.trials import figure, pruned
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, Role, RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.tables import ExperimentKind

if TYPE_CHECKING:
    from cvstudio.project.experiments.search import Study

log = logging.getLogger(__name__)

_TRIES = 20
"""Trials in a row whose values contradict each other, before a search gives up."""


@dataclass
class _Watched:
    """The running run of a search, read as it grows."""

    tail: EventTail
    state: RunState = field(default_factory=RunState)
    told: int = 0
    """The last epoch that the study knows."""


@dataclass
class Steward:
    """Looks after the experiments of one project. Not to be used by two threads at a time."""

    _studies: dict[int, Study] = field(default_factory=dict)
    _watched: dict[int, _Watched] = field(default_factory=dict)

    def look(self, project: Project) -> bool:
        """Do what is due in every experiment; whether runs were made or something ended.

        Raises CVStudioError when an experiment cannot go on; it is ended by then, with the reason.
        """
        if not project.writable:
            return False
        changed = False
        going = book.going(project)
        for experiment in going:
            try:
                changed = self._look_at(project, experiment) or changed
            except ExperimentOver:  # while its next run was being made
                changed = True
            except CVStudioError as error:
                book.end(project, experiment.id, error.message)
                raise
        for experiment_id in self._studies.keys() - {each.id for each in going}:
            self._studies.pop(experiment_id).close()
        return changed

    def close(self) -> None:
        """Let go of all files."""
        for study in self._studies.values():
            study.close()
        self._studies.clear()
        self._watched.clear()

    def _look_at(self, project: Project, experiment: ExperimentRecord) -> bool:
        passed = _let_pass(project, experiment)
        if experiment.kind is ExperimentKind.SEARCH:
            return self._search(project, experiment) or passed
        make = folds.make_run if experiment.kind is ExperimentKind.FOLDS else sweep.make_run
        if experiment.ended is None and not book.all_made(experiment):
            while make(project, experiment) is not None:
                passed = True
            book.note_all_made(experiment)
        found = book.runs_of(project, experiment)
        if experiment.kind is ExperimentKind.FOLDS:
            passed = _take_in_folds(project, experiment, found) or passed
        if book.over(found) and experiment.ended is None:
            book.end(project, experiment.id, _none_good(found))
            return True
        return passed

    # A search

    def _search(self, project: Project, experiment: ExperimentRecord) -> bool:
        plan = plan_of(experiment)
        assert isinstance(plan, SearchPlan)
        found = book.runs_of(project, experiment)
        study = self._study(experiment, plan)
        changed = self._take_in(project, study, found)
        if experiment.ended is not None:
            return changed
        held = book.held(project, found) is not None
        while (why := _enough(plan, found)) is None:
            if held or sum(run.status not in book.SETTLED for run in found) >= plan.at_once:
                return changed
            self._make_next(project, experiment, study)
            found, changed = book.runs_of(project, experiment), True
        if not book.over(found):  # those that are still at work are waited for
            return changed
        book.end(project, experiment.id, why or _none_good(found))
        return True

    def _study(self, experiment: ExperimentRecord, plan: SearchPlan) -> Study:
        if experiment.id not in self._studies:
            from cvstudio.project.experiments.search import Study

            self._studies[experiment.id] = Study(experiment.directory, plan)
        return self._studies[experiment.id]

    def _take_in(self, project: Project, study: Study, found: list[RunRecord]) -> bool:
        """Tell the study what became of the trials that it still waits for."""
        waiting = set(study.open_trials())
        changed = False
        for run in found:
            role = run.role
            if role is None or role.trial is None or role.trial not in waiting:
                continue
            waiting.discard(role.trial)
            status = runs.status(run)
            if status is RunStatus.RUNNING:
                changed = self._watch(project, study, run, role) or changed
            elif status in book.SETTLED:
                self._finish(study, run, role, status)
                changed = True
        for number in waiting:  # its run was deleted, or never made because the program was killed
            study.tell(number, None)
        return changed

    def _watch(self, project: Project, study: Study, run: RunRecord, role: Role) -> bool:
        watched = self._follow(run)
        known = watched.told
        poor = study.report(role.trial or 0, watched.state, run.metric, known)
        watched.told = max((e.epoch for e in watched.state.epochs), default=0)
        if not poor or role.pruned is not None:
            return False
        _note(project, run, replace(role, pruned=watched.told))
        runs.job_of(run).ask(Request.FINISH)
        return True

    def _follow(self, run: RunRecord) -> _Watched:
        watched = self._watched.setdefault(run.id, _Watched(EventTail(runs.job_of(run).events)))
        for event in watched.tail.new():
            watched.state.apply(event)
        return watched

    def _finish(self, study: Study, run: RunRecord, role: Role, status: RunStatus) -> None:
        number = role.trial or 0
        watched = self._follow(run)
        study.report(number, watched.state, run.metric, watched.told)
        self._watched.pop(run.id, None)
        value = figure(run, watched.state) if status.has_network else None
        study.tell(number, value, pruned=pruned(run, status))

    def _make_next(self, project: Project, experiment: ExperimentRecord, study: Study) -> None:
        for _ in range(_TRIES):
            number, values = study.ask()
            try:
                sweep.make_trial(project, experiment, number, values)
                return
            except ConfigError as error:
                log.info("trial %d was left out: %s", number, error.message)
                study.tell(number, None)
        raise ConfigError("The settings to be searched contradict each other again and again.")


def _enough(plan: SearchPlan, found: list[RunRecord]) -> str | None:
    """Why a search ends: "" with all its trials, words when time is over; None while it goes on."""
    if len(found) >= plan.trials:
        return ""
    if plan.minutes is None:
        return None
    now = time.time()
    worked = sum(runs.job_of(run).state().seconds_worked(run.ended or now) for run in found)
    left = plan.trials - len(found)
    over = worked / plan.at_once >= plan.minutes * 60
    return f"The time was over, with {left} to go." if over else None


def _take_in_folds(project: Project, experiment: ExperimentRecord, found: list[RunRecord]) -> bool:
    """Write summary and pooled answers again when another fold is over."""
    done = sorted(run.id for run in found if RunStatus(run.status).has_network)
    file = experiment.directory / "pooled-from"
    told = ",".join(map(str, done))
    if not done or (file.exists() and file.read_text() == told):
        return False
    folds.write_results(project, experiment)
    file.write_text(told)
    return True


def _none_good(found: list[RunRecord]) -> str:
    """Why an experiment that has all its runs has no result; "" where it has, or nothing failed."""
    failed = [run for run in found if run.status == RunStatus.FAILED]
    if not failed or any(RunStatus(run.status).has_network for run in found):
        return ""
    return f"No run came to a good end. Run {failed[-1].id} failed: {failed[-1].message}"


def _let_pass(project: Project, experiment: ExperimentRecord) -> bool:
    """Let the queue go on past a failed run of an experiment, as nobody sits beside it.

    Where none has come to a good end yet, or two failed one after the other, something is wrong
    with all of them: then a person decides.
    """
    held = runs.held_by(project)
    if held is None or held.experiment_id != experiment.id:
        return False
    found = [r for r in book.runs_of(project, experiment) if r.ended is not None]
    found.sort(key=lambda run: run.ended or 0.0)
    good = any(RunStatus(run.status).has_network for run in found)
    two = len(found) > 1 and found[-2].status == RunStatus.FAILED
    if not good or two:
        return False
    runs.decide(project, held.id)
    return True


def _note(project: Project, run: RunRecord, role: Role) -> None:
    with project.transaction("Update run", undoable=False) as session:
        run_commands.update_run(session, id=run.id, role=role.stored())
