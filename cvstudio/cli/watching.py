"""The runs of a project in the terminal: the list, and following, pausing and ending one."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.clusters import as_options
from cvstudio.cli.follow import Follower, ask_what_now
from cvstudio.cli.output import (
    answer,
    as_json,
    figure,
    note,
    opened,
    project_argument,
    run_argument,
    table,
)
from cvstudio.cli.settings import as_option
from cvstudio.core.curves import reading
from cvstudio.core.errors import ProjectLocked
from cvstudio.core.places_to_run import cluster_of
from cvstudio.core.run_state import RunState
from cvstudio.core.words import counted
from cvstudio.project import device, launch, queueing, remedies, runs
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.experiments.trials import state_words
from cvstudio.project.idleness import Idleness
from cvstudio.project.judged import judged
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus, saved_epoch

QUEUE_SECONDS = 1.0


@click.command("runs")
@project_argument
@as_json
def runs_command(project: Path, as_json: bool) -> None:
    """The runs of a project, newest first."""
    with opened(project) as open_project:
        found = list(reversed(runs.all_runs(open_project)))
        states = [(run, runs.status(run), runs.job_of(run).state()) for run in found]
    rows = [about(state, run, status) for run, status, state in states]

    def words() -> None:
        if not rows:
            note("There is no run yet. Start one with: cvstudio train PROJECT")
            return
        table(
            ("run", "network", "state", "epochs", "metric", "best", "started"),
            [
                (row["run"], row["network"], row["state"], f"{row['epoch']} of {row['epochs']}",
                 row["metric"], figure(row["best"]),
                 time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created"])))
                for row in rows
            ],
        )  # fmt: skip

    answer(rows, as_json=as_json, words=words)


@click.command("watch")
@project_argument
@run_argument
@as_json
def watch_command(project: Path, run: int, as_json: bool) -> int:
    """Follow a run until it ends; Ctrl+C asks what to do with it."""
    return follow_run(project, run, as_json=as_json)


@click.command("pause")
@project_argument
@run_argument
@as_json
def pause_command(project: Path, run: int, as_json: bool) -> None:
    """Ask a run to stop where it can be resumed."""
    with opened(project) as open_project:
        runs.pause(open_project, run)
    _say_asked(project, run, f"Run {run} will pause after the step it is in.", as_json=as_json)


@click.command("finish")
@project_argument
@run_argument
@as_json
def finish_command(project: Path, run: int, as_json: bool) -> None:
    """Ask a run to end early with what it has learned so far."""
    with opened(project) as open_project:
        runs.finish(open_project, run)
    _say_asked(
        project,
        run,
        f"Run {run} will end after the step it is in and keep its best network.",
        as_json=as_json,
    )


@click.command("cancel")
@project_argument
@run_argument
@as_json
def cancel_command(project: Path, run: int, as_json: bool) -> None:
    """End a run at once: within 15 seconds it and all its processes are gone."""
    with opened(project) as open_project:
        waits = runs.status(runs.get(open_project, run)) is not RunStatus.RUNNING
        if not waits:
            runs.cancel(open_project, run)
    if waits:
        with opened(project, write=True) as open_project:
            runs.cancel(open_project, run)
    else:
        _take_in(project)
    _say_asked(project, run, f"Run {run} is cancelled.", as_json=as_json)


def _say_asked(project: Path, run_id: int, text: str, *, as_json: bool) -> None:
    """What was asked of a run; as JSON, the run as it is at this moment."""
    note(text)
    if as_json:
        with opened(project) as open_project:
            run = runs.get(open_project, run_id)
            content = about(runs.job_of(run).state(), run, runs.status(run))
        answer(content, as_json=True, words=lambda: None)


def follow_run(path: Path, run_id: int, *, as_json: bool = False, tell: bool = True) -> int:
    """Show a run to its end and, unless told not to, what came of it; returns the exit code."""
    run = _wait_for_turn(path, run_id)
    job = runs.job_of(run)
    follower = Follower(job, f"Run {run_id}")
    while True:
        try:
            status = follower.follow() if runs.status(run) is RunStatus.RUNNING else None
            break
        except KeyboardInterrupt:
            match ask_what_now(run_id):
                case "cancel":
                    launch.end(job)
                case "finish":
                    with opened(path) as project:
                        runs.finish(project, run_id)
                case _:
                    note(f"Run {run_id} goes on. See it again: cvstudio watch {path} {run_id}")
                    return 1
    _take_in(path)
    with opened(path) as project:
        run = runs.get(project, run_id)
    status = status or runs.status(run)
    state = job.state()
    if tell:
        content = about(state, run, status)
        answer(content, as_json=as_json, words=lambda: _summary(run, status, state))
    return 0 if status in (RunStatus.FINISHED, RunStatus.FINISHED_EARLY, RunStatus.PAUSED) else 1


def _wait_for_turn(path: Path, run_id: int) -> RunRecord:
    """The run, once it is its turn: whoever watches a queue moves it on."""
    told, idleness = "", Idleness()
    while True:
        with opened(path) as project:
            run = runs.get(project, run_id)
            if runs.status(run) is not RunStatus.QUEUED:
                return run
            minutes = queueing.idle_minutes(project).get(run_id)
            found = device.detect()
            why = runs.why_waits(project, run, found)
        if minutes is not None:
            idleness.look(found)
            why = f"It starts when nothing has been at work here for {counted(minutes, 'minute')}."
        if why != told or not told:
            told = why or " "
            note(f"Run {run_id} waits in the queue. {why}".rstrip())
        _take_in(path, found, idleness)
        time.sleep(QUEUE_SECONDS)


def _take_in(
    path: Path, found: device.Device | None = None, idleness: Idleness | None = None
) -> None:  # fmt: skip
    """Bring the rows up to date and start the next queued run; an open window does so itself."""
    try:
        with opened(path, write=True) as project, closing(Steward()) as steward:
            steward.look(project)
            begun = runs.advance(project, found, idleness)
            if begun is not None:
                note(f"Run {begun.id} has begun.")
    except ProjectLocked:
        return


def _summary(run: RunRecord, status: RunStatus, state: RunState) -> None:
    if state.failed is not None and status is RunStatus.FAILED:
        note(f"Run {run.id} failed: {state.failed.text}")
        config, saved = runs.config_of(run), saved_epoch(runs.job_of(run))
        ways = remedies.remedies(config, state.failed, saved_epoch=saved, batch=state.batch)
        for way in ways:
            if way.place:
                note(f"  {way.title}. {way.detail}")
                continue
            changes = " ".join(as_option(name, value) for name, value in way.changes.items())
            verb = "resume PROJECT " + str(run.id) if way.resume else "train PROJECT"
            if not way.resume and run.parent_id is not None and "start" not in way.changes:
                verb += f" --from-run {run.parent_id}"
            # Resumed, it goes on where it was; a new run has to be told.
            where = "" if way.resume else as_options(cluster_of(run.directory))
            words = " ".join(filter(None, (verb, changes, where)))
            note(f"  {way.title}: cvstudio {words}")
        return
    click.echo(f"Run {run.id} is {status} after {counted(len(state.epochs), 'epoch')}.")
    if state.ended is not None and state.ended.best is not None:
        exact = judged(run)
        best = figure(state.ended.best if exact is None else exact)
        click.echo(f"Best {state.ended.metric} on val: {best} at epoch {state.ended.best_epoch}.")
    said = reading(state)
    if said:
        click.echo(said)
    if status.has_network:
        click.echo(f"Network and report: {run.directory}")


def about(state: RunState, run: RunRecord, status: RunStatus) -> dict[str, Any]:
    """A run as JSON."""
    exact = judged(run) if status.has_network else None
    best = state.ended.best if state.ended is not None else run.best
    best = best if exact is None else exact
    return {
        "run": run.id,
        "task": run.task.value,
        "network": run.network,
        "status": status.value,
        "state": state_words(run, status),
        "experiment": run.experiment_id,
        "directory": str(run.directory),
        "epoch": len(state.epochs),
        "epochs": state.total_epochs,
        "metric": run.metric,
        "best": best,
        "best_epoch": state.best_epoch,
        "metrics": state.epochs[-1].metrics if state.epochs else {},
        "snapshot": run.snapshot_hash,
        "created": run.created,
        "ended": run.ended,
        "message": state.failed.text if state.failed is not None else "",
    }
