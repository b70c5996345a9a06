"""The runs of a project: starting, queueing, pausing, ending, and taking in what happened while
nobody watched. Finding and making them is run_store.py, whose functions can be had here too.

A run is a row and a directory. The directory tells what the run is (run_status.observe); the row is
brought up to date by `sync`, which every watcher calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cvstudio.core import events
from cvstudio.core.annotation import Split
from cvstudio.core.config import JobConfig
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import Snapshot, read_snapshot, write_snapshot
from cvstudio.project import commands, launch, queries, queueing, run_commands, snapshots
from cvstudio.project.device import Device
from cvstudio.project.idleness import Idleness
from cvstudio.project.judged import judged
from cvstudio.project.mirrors import targets as mirrors
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus, observe, require, resumable
from cvstudio.project.run_store import all_runs as all_runs
from cvstudio.project.run_store import changed_config as changed_config
from cvstudio.project.run_store import config_of as config_of
from cvstudio.project.run_store import create_run as create_run
from cvstudio.project.run_store import get as get
from cvstudio.project.run_store import job_of as job_of
from cvstudio.project.run_store import make_job as make_job
from cvstudio.project.run_store import next_number as next_number
from cvstudio.project.run_store import parent_of as parent_of
from cvstudio.project.run_store import whole as whole
from cvstudio.project.run_store import with_parent as with_parent
from cvstudio.project.run_store import write_config
from cvstudio.project.sharing import place_of

Command = Callable[[Path], Sequence[str]]

_DECIDED = "runs.decided"

DECIDE_MINUTES = 5
"""How long the queue waits for a word about a failed run: what can be mended is best mended before
the next one has the device, and at night nobody is there to mend it."""

_LASTING = frozenset({"disk full", "driver"})
"""Causes of failures that the next run would meet too: the queue waits for a word without end."""


def status(run: RunRecord) -> RunStatus:
    """What a run is now, whatever its row says."""
    return observe(job_of(run), stored=RunStatus(run.status), stored_at=run.ended)


def state(project: Project, run_id: int) -> RunState:
    """All that the events of a run add up to."""
    return job_of(get(project, run_id)).state()


def start(
    project: Project, run_id: int, found: Device | None = None, *,
    command: Command = launch.worker_command,
) -> RunStatus:  # fmt: skip
    """Start a queued run, or leave it in the queue while its device is taken, another run is before
    it there, or it has to wait until nobody works here (queueing.py).

    `found` is what this computer has; None: not known, and one run is done at a time.
    Raises RunError when the run is not one that can start.
    """
    run = get(project, run_id)
    now = status(run)
    require(now, RunStatus.RUNNING, run_id=run_id)
    minutes = queueing.idle_minutes(project)
    busy = taken(project, found)
    for other in _before(project, run_id):
        if other.id not in minutes:
            busy |= queueing.takes(job_of(other), config_of(other), found)
    place = queueing.place_for(job_of(run), config_of(run), found, busy)
    if place is None or run_id in minutes:
        if now is not RunStatus.QUEUED:
            _store(project, run_id, status=RunStatus.QUEUED.value, message="")
        return RunStatus.QUEUED
    _begin(project, run, place, command=command)
    return RunStatus.RUNNING


def _before(project: Project, run_id: int) -> list[RunRecord]:
    """The runs that are before one in the queue, or that wait while it is not in there."""
    queue = waiting(project)
    ids = [run.id for run in queue]
    end = ids.index(run_id) if run_id in ids else len(ids)
    return [run for run in queue[:end] if whole(run)]


def _begin(project: Project, run: RunRecord, place: str, *, command: Command) -> None:
    """Start a run's process on a device, which its config names from now on."""
    config = config_of(run)
    if place != config.device:
        write_config(job_of(run), changed_config(config, {"device": place}))
    launch.launch(job_of(run), command=command)
    queueing.wait_for_idle(project, run.id, None)
    mirrors.begin(job_of(run), project=project.name)
    _store(project, run.id, status=RunStatus.RUNNING.value, message="", ended=None)


def resume(
    project: Project,
    run_id: int,
    *,
    changes: Mapping[str, Any] | None = None,
    command: Command = launch.worker_command,
) -> RunStatus:
    """Continue a paused or failed run from its last checkpoint, or queue it while another runs.

    `changes` replaces settings, as "batch": 8 after the memory ran out. Raises RunError when there
    is no checkpoint to continue from, ConfigError when a change is out of range.
    """
    run = get(project, run_id)
    job, now = job_of(run), status(run)
    require(now, RunStatus.QUEUED, run_id=run_id)
    if not resumable(job, now):
        best = f", from its best network: --from-run {run_id}" if job.best.exists() else ""
        raise RunError(
            f"Run {run_id} has saved no checkpoint to continue from.",
            hint=f"Start a new run{best}.",
        )
    if changes:
        write_config(job, changed_config(config_of(run), changes))
        words = ", ".join(f"{name} {value}" for name, value in changes.items())
        launch.mend(job)
        job.emit(events.Note(text=f"Continued with {words}."))
    _store(project, run_id, status=RunStatus.QUEUED.value, message="")
    return start(project, run_id, command=command)


def pause(project: Project, run_id: int) -> None:
    """Ask a running run to stop where it can be resumed."""
    _ask(project, run_id, Request.PAUSE)


def finish(project: Project, run_id: int) -> None:
    """Ask a running run to end with what it has learned so far."""
    _ask(project, run_id, Request.FINISH)


def cancel(project: Project, run_id: int) -> None:
    """End a run at once, whatever it does. Waits up to 13 seconds: call it off a window's thread
    with `launch.end`, and `sync` afterwards."""
    run = get(project, run_id)
    now = status(run)
    if now is RunStatus.RUNNING:
        launch.end(job_of(run))
        if project.writable:
            sync(project)
        return
    if now in (RunStatus.QUEUED, RunStatus.PAUSED):
        _store(project, run_id, status=RunStatus.CANCELLED.value, ended=time.time())
        return
    require(now, RunStatus.CANCELLED, run_id=run_id)


def running(project: Project) -> list[RunRecord]:
    """The runs whose process is at work."""
    return [run for run in all_runs(project) if status(run) is RunStatus.RUNNING]


def sync(project: Project) -> list[RunRecord]:
    """Bring the rows up to date with the directories; the runs whose state changed."""
    changed = []
    for run in all_runs(project):
        now = status(run)
        if now == run.status:
            figure = judged(run) if now.has_network else None
            if figure is not None and figure != run.best:
                _store(project, run.id, best=figure)
            continue
        told = job_of(run).state()
        _store(project, run.id, **_summary(run, now, told))
        changed.append(get(project, run.id))
    return changed


def taken(project: Project, found: Device | None = None) -> frozenset[str]:
    """The devices of this computer on which runs of the project are at work."""
    at_work = [(job_of(run), config_of(run)) for run in running(project) if whole(run)]
    return queueing.taken_by(at_work, found)


def waiting(project: Project) -> list[RunRecord]:
    """The queued runs, first to start first."""
    return queueing.in_order(project, all_runs(project))


def why_waits(project: Project, run: RunRecord, found: Device | None = None) -> str:
    """What a queued run waits for besides a quiet moment, as a sentence; "" when it is its turn."""
    held = held_by(project)
    if held is not None:
        most = "" if _holds_on(project, held) else f", {DECIDE_MINUTES} minutes at most"
        return f"It waits until you decide about run {held.id}{most}."
    wanted = queueing.takes(job_of(run), config_of(run), found)
    for other in filter(whole, running(project)):
        theirs = queueing.takes(job_of(other), config_of(other), found)
        if wanted & theirs or queueing.SOMEWHERE in wanted | theirs:
            return f"It starts when run {other.id} is over."
    for other in filter(whole, waiting(project)):
        if other.id == run.id:
            break
        if wanted & queueing.takes(job_of(other), config_of(other), found):
            return f"It starts after run {other.id}."
    return ""


def advance(
    project: Project, found: Device | None = None, idle: Idleness | None = None, *,
    command: Command = launch.worker_command,
) -> RunRecord | None:  # fmt: skip
    """Start the next queued run whose device is free, unless a failure waits for a decision.

    `idle` tells whether somebody works here; without it, runs that wait for that wait on. One run
    a call: call again for further devices.
    """
    # Asked before sync: a run that dies meanwhile still takes its device, and the next look finds
    # out first whether it failed and holds the others.
    at_work = list(filter(whole, running(project)))
    sync(project)
    queue = waiting(project)
    if not queue or held_by(project) is not None:
        return None
    minutes = queueing.idle_minutes(project)
    before: frozenset[str] = frozenset()
    for run in (run for run in queue if whole(run)):
        if run.id in minutes and (idle is None or idle.waits_for(minutes[run.id])):
            continue
        place = place_of(run, at_work, found, before)
        if place is not None:
            require(status(run), RunStatus.RUNNING, run_id=run.id)
            _begin(project, run, place, command=command)
            return get(project, run.id)
        before |= queueing.takes(job_of(run), config_of(run), found)
    return None


def held_by(project: Project) -> RunRecord | None:
    """The failed run that the queue waits for: the last one that ended, until it is decided, and
    DECIDE_MINUTES at most where the next run may fare better."""
    ended = [run for run in all_runs(project) if run.ended is not None]
    last = max(ended, key=lambda run: run.ended or 0.0, default=None)
    if last is None or last.status != RunStatus.FAILED:
        return None
    with project.read() as session:
        decided = queries.setting(session, _DECIDED, [])
    late = time.time() - (last.ended or 0.0) > 60 * DECIDE_MINUTES
    return None if last.id in decided or (late and not _holds_on(project, last)) else last


def _holds_on(project: Project, failed: RunRecord) -> bool:
    """Whether the queue waits for a word about a failed run however long it takes. An experiment
    that goes on decides for itself (Steward)."""
    told = job_of(failed).state().failed
    if told is not None and told.cause in _LASTING:
        return True
    with project.read() as session:
        going = {each.id for each in queries.experiments(session) if each.ended is None}
    return failed.experiment_id in going


def decide(project: Project, run_id: int) -> None:
    """Let the queue go on past a failed run."""
    with project.transaction("Leave the failed run", undoable=False) as session:
        decided = queries.setting(session, _DECIDED, [])
        commands.set_setting(session, key=_DECIDED, value=sorted({*decided, run_id}))


def start_job(
    project: Project,
    run_id: int,
    config: JobConfig,
    *,
    snapshot: Snapshot | None = None,
    command: Command = launch.worker_command,
) -> JobDir:
    """Start a smaller job about a run: evaluate, explain or export, in a directory of its own.

    `snapshot`: labels to judge by instead of those that the run saw.
    """
    job = make_job(job_of(get(project, run_id)).path / "jobs", config)
    if snapshot is not None:
        write_snapshot(job.snapshot, snapshot)
    launch.launch(job, command=command)
    return job


def changed_since(project: Project, run: RunRecord) -> list[int]:
    """The images whose labels, split or file differ from what a run saw, and new ones.

    A fold of an experiment divided train and val otherwise, which is no change.
    """
    before = {image.id: image for image in read_snapshot(job_of(run).snapshot).images}
    with project.read() as session:
        now = {image.id: image for image in snapshots.build(session, project).images}
    if run.role is not None and run.role.fold is not None:
        for image_id in before.keys() & now.keys():
            splits = before[image_id].split, now[image_id].split
            if Split.TEST not in splits:
                now[image_id] = replace(now[image_id], split=splits[0])
    return sorted(
        image_id
        for image_id in before.keys() | now.keys()
        if not same_content(before.get(image_id), now.get(image_id))
    )


def same_content(before: Any, now: Any) -> bool:
    """Whether two snapshot images say the same; shapes hold arrays and need a closer look."""
    if before is None or now is None:
        return before is now
    from cvstudio.core.snapshot import shape_to_json

    def plain(image: Any) -> tuple[Any, ...]:
        marks = [(a.class_id, a.crowd, a.box, shape_to_json(a.shape)) for a in image.annotations]
        return image.path, image.page, image.split, image.sha256, marks

    return plain(before) == plain(now)


def _summary(run: RunRecord, now: RunStatus, told: RunState) -> dict[str, Any]:
    """The columns of a run's row that follow from its state, and from its report at the end."""
    at_work = now in (RunStatus.RUNNING, RunStatus.QUEUED)
    metric, best, best_epoch = run.metric, None, told.best_epoch
    if told.ended is not None and told.ended.best is not None:
        metric = told.ended.metric or metric
        best, best_epoch = told.ended.best, told.ended.best_epoch
    elif best_epoch is not None:
        best = next(e.metrics.get(metric) for e in told.epochs if e.epoch == best_epoch)
    if now.has_network:
        exact = judged(replace(run, metric=metric))
        best = best if exact is None else exact
    return {
        "status": now.value,
        "ended": None if at_work else told.last_event_at,
        "metric": metric,
        "best": best,
        "best_epoch": best_epoch,
        "message": told.failed.text if told.failed is not None else "",
    }


def _store(project: Project, run_id: int, **values: Any) -> None:
    with project.transaction("Update run", undoable=False) as session:
        run_commands.update_run(session, id=run_id, **values)


def _ask(project: Project, run_id: int, request: Request) -> None:
    run = get(project, run_id)
    now = status(run)
    if now is not RunStatus.RUNNING:
        raise RunError(f"Run {run_id} is {now}: only a running run can be asked to {request}.")
    job_of(run).ask(request)
