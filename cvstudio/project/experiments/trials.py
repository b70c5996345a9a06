"""The trials of a sweep or a search beside each other: their values, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cvstudio.core.run_state import RunState
from cvstudio.project import runs
from cvstudio.project.experiments import book
from cvstudio.project.experiments.plans import Value
from cvstudio.project.judged import judged
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, RunRecord
from cvstudio.project.run_status import RunStatus

MOST_LIKELY_CHANCE = 4
"""Below that many whole trials, what looks important is most likely chance."""


@dataclass(frozen=True)
class Trial:
    """One trial and its run; `value` is the run's figure on val, None while it has none."""

    number: int
    run: RunRecord
    values: Mapping[str, Value]
    status: RunStatus
    value: float | None

    @property
    def pruned(self) -> bool:
        """Whether it was ended early because others were better by then."""
        return pruned(self.run, self.status)


def trials(project: Project, experiment: ExperimentRecord) -> list[Trial]:
    """The trials of an experiment in their order."""
    return of_runs(book.runs_of(project, experiment))


def of_runs(some: Iterable[RunRecord]) -> list[Trial]:
    """The trials among some runs in their order."""
    found = []
    for run in some:
        if run.role is not None and run.role.trial is not None:
            status = runs.status(run)
            value = run.best if status.has_network else None
            found.append(Trial(run.role.trial, run, run.role.values, status, value))
    return sorted(found, key=lambda trial: trial.number)


def best_of(found: Sequence[Trial]) -> Trial | None:
    """The trial with the best figure among those that were not ended early; None without any."""
    done = [trial for trial in found if trial.value is not None and not trial.pruned]
    return max(done, key=lambda trial: trial.value or 0.0, default=None)


def names_of(found: Sequence[Trial]) -> list[str]:
    """The settings that differ, in the order in which the trials name them."""
    return list(dict.fromkeys(name for trial in found for name in trial.values))


def importances(found: Sequence[Trial]) -> dict[str, float]:
    """How much of the difference between whole trials each setting explains, the largest first.

    It imports what it needs and takes a second or two: call it in a thread.
    """
    whole = [(t.values, t.value) for t in found if t.value is not None and not t.pruned]
    if len(whole) < MOST_LIKELY_CHANCE:
        return {}
    from cvstudio.project.experiments import search

    return search.importances(whole)


def figure(run: RunRecord, state: RunState) -> float | None:
    """The figure by which trials are compared: that of the run's report, else of its last word."""
    exact = judged(run)
    if exact is not None or state.ended is None:
        return exact
    return state.ended.best


def pruned(run: RunRecord, status: RunStatus) -> bool:
    """Whether a run is a trial that ended early because others were better by then."""
    asked = run.role is not None and run.role.pruned is not None
    return asked and status is RunStatus.FINISHED_EARLY


def state_words(run: RunRecord, status: RunStatus) -> str:
    """The state of a run in words, with why a trial was ended."""
    return "stopped early (pruned)" if pruned(run, status) else status.value
