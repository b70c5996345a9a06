"""The experiments of a project: their rows, their runs, their files, stopping and deleting them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from cvstudio.core.errors import RunError
from cvstudio.core.places_to_run import Cluster, send_to
from cvstudio.core.snapshot import Snapshot, read_snapshot, write_snapshot
from cvstudio.core.words import counted
from cvstudio.project import queries, run_commands, run_removal, runs, snapshots
from cvstudio.project.experiments.plans import FoldsPlan, Plan, SearchPlan, plan_of
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.tables import ExperimentKind

SETTLED = (
    RunStatus.FINISHED, RunStatus.FINISHED_EARLY, RunStatus.CANCELLED, RunStatus.FAILED,
)  # fmt: skip
"""States of a run that its experiment does not wait for."""

_NAMES = {
    ExperimentKind.FOLDS: "Folds",
    ExperimentKind.SWEEP: "Values",
    ExperimentKind.SEARCH: "Search",
}


def every(project: Project) -> list[ExperimentRecord]:
    """All experiments, oldest first."""
    with project.read() as session:
        return queries.experiments(session)


def get(project: Project, experiment_id: int) -> ExperimentRecord:
    """One experiment. Raises RunError when the project has none of that number."""
    found = next((each for each in every(project) if each.id == experiment_id), None)
    if found is None:
        raise RunError(f"This project has no experiment {experiment_id}.")
    return found


def runs_of(project: Project, experiment: ExperimentRecord) -> list[RunRecord]:
    """The runs of an experiment, oldest first."""
    return [run for run in runs.all_runs(project) if run.experiment_id == experiment.id]


def going(project: Project) -> list[ExperimentRecord]:
    """The experiments for which something is still to be done or to be taken in."""
    waits = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)
    found = every(project)
    if not found:
        return []
    busy = {run.experiment_id for run in runs.all_runs(project) if run.status in waits}
    return [each for each in found if each.ended is None or each.id in busy]


def snapshot_of(experiment: ExperimentRecord) -> Snapshot:
    """The labels that all runs of an experiment learn from: those of the moment it was made."""
    return read_snapshot(_snapshot_file(experiment.directory))


def create(
    project: Project, plan: Plan, *, name: str = "", snapshot: Snapshot | None = None,
    files: Mapping[str, bytes] | None = None, cluster: Cluster | None = None,
) -> ExperimentRecord:  # fmt: skip
    """A new experiment, which the Steward gives its runs; `snapshot` instead of the labels of now.

    `files` lie in its directory from the beginning, by name; the `cluster` does its runs.
    Its labels are kept: a search that goes on tomorrow still compares like with like.
    """
    if snapshot is None:
        with project.read() as session:
            snapshot = snapshots.build(session, project)
    # The files come first, under a passing name: an experiment whose row exists is whole.
    home = project.path / "experiments"
    new = home / f".new-{uuid.uuid4().hex}"
    new.mkdir(parents=True)
    write_snapshot(_snapshot_file(new), snapshot)
    for file, content in (files or {}).items():
        (new / file).write_bytes(content)
    send_to(new, cluster)
    with project.transaction("Add experiment", undoable=False) as session:
        experiment_id, directory = run_commands.add_experiment(
            session,
            kind=plan.kind,
            name=name or _name(plan),
            settings=plan.model_dump(mode="json"),
        )
        new.rename(project.path / directory)
    return get(project, experiment_id)


def _name(plan: Plan) -> str:
    kind = _NAMES[plan.kind]
    if isinstance(plan, FoldsPlan):
        return f"{plan.k} folds"
    if isinstance(plan, SearchPlan):
        return f"{kind} over {counted(len(plan.space), 'setting')}"
    varied = list(dict.fromkeys(name for trial in plan.trials for name in trial))
    return f"{kind} of {', '.join(varied)}"


def _snapshot_file(directory: Path) -> Path:
    return directory / "snapshot.jsonl.gz"


def rename(project: Project, experiment_id: int, name: str) -> None:
    """Call an experiment otherwise."""
    _store(project, experiment_id, name=name)


def end(project: Project, experiment_id: int, message: str = "") -> None:
    """Note that nothing more is to be done; `message` says why, where not all was. What is over
    already stays as it ended: somebody may have stopped it meanwhile."""
    with project.transaction("Update experiment", undoable=False) as session:
        if run_commands.experiment_goes_on(session, experiment_id):
            run_commands.update_experiment(
                session, id=experiment_id, ended=time.time(), message=message
            )


def stop(project: Project, experiment_id: int) -> None:
    """Start no further run: those in the queue are cancelled, the one at work goes on."""
    experiment = get(project, experiment_id)
    end(project, experiment_id, "Stopped by hand.")  # first: from now on it gets no more runs
    for run in runs_of(project, experiment):
        if runs.status(run) is RunStatus.QUEUED:
            runs.cancel(project, run.id)


def extend(project: Project, experiment_id: int, *, trials: int) -> None:
    """Let a search go on, by so many trials more. Raises RunError for what is no search."""
    experiment = get(project, experiment_id)
    plan = plan_of(experiment)
    if not isinstance(plan, SearchPlan):
        raise RunError("Only a search can go on: folds and values have all their runs.")
    found = runs_of(project, experiment)
    failed = held(project, found)
    if failed is not None:
        runs.decide(project, failed.id)
    done = len(found)
    longer = plan.model_copy(update={"trials": done + trials, "minutes": None})
    _store(project, experiment_id, ended=None, message="", settings=longer.model_dump_json())


def why_not(project: Project, experiment: ExperimentRecord) -> str:
    """Why an experiment cannot be deleted with its runs now, in words; "" when it can."""
    reasons = (run_removal.why_not(project, run) for run in runs_of(project, experiment))
    return next((why for why in reasons if why), "")


def delete(project: Project, experiment_id: int, *, with_runs: bool) -> None:
    """Delete an experiment for good, with its runs or letting them go on as runs of their own.

    Quick: files are put aside for run_removal.sweep. Raises RunError when a run cannot go now.
    """
    experiment = get(project, experiment_id)
    found = runs_of(project, experiment)
    going_on = [r for r in found if runs.status(r) is RunStatus.RUNNING]
    if going_on:
        raise RunError(f"Run {going_on[0].id} is running: cancel it first.")
    if with_runs:
        why = why_not(project, experiment)
        if why:
            raise RunError(f"{why}.")
        for run in reversed(found):
            run_removal.remove(project, run.id)
    with project.transaction(f"Delete experiment {experiment_id}", undoable=False) as session:
        run_commands.delete_experiment(session, id=experiment_id)
    home = project.path / "experiments"
    # A project may come from anybody: only what lies where experiments lie is ever removed.
    if experiment.directory.is_dir() and experiment.directory.resolve().parent == home.resolve():
        run_removal.put_aside(project, experiment.directory)


def all_made(experiment: ExperimentRecord) -> bool:
    """Whether every run of an experiment was made; those that were deleted do not come back."""
    return _all_made(experiment).exists()


def note_all_made(experiment: ExperimentRecord) -> None:
    """Note that every run was made."""
    _all_made(experiment).touch()


def _all_made(experiment: ExperimentRecord) -> Path:
    return experiment.directory / "all-made"


def over(found: Iterable[RunRecord]) -> bool:
    """Whether an experiment waits for none of these runs, as their rows tell: what ended since the
    last runs.sync is not taken in yet."""
    return all(run.status in SETTLED for run in found)


def held(project: Project, found: Iterable[RunRecord]) -> RunRecord | None:
    """The one of these runs that failed and that a person has to decide about."""
    failed = runs.held_by(project)
    return failed if failed is not None and failed.id in {run.id for run in found} else None


def why_waits(project: Project, experiment: ExperimentRecord) -> str:
    """What an experiment that has runs left waits for, as a sentence; "" when it goes on."""
    if experiment.ended is not None:
        return ""
    failed = held(project, runs_of(project, experiment))
    if failed is None:
        return ""
    return f"Run {failed.id} failed, and the other runs wait until you decide about it."


def _store(project: Project, experiment_id: int, **values: object) -> None:
    with project.transaction("Update experiment", undoable=False) as session:
        run_commands.update_experiment(session, id=experiment_id, **values)
