"""What a run may be and become, and what it is: told by its events and by its process.

The row in the database is a copy for lists and for people who look later; the directory decides.
"""

from __future__ import annotations

import shutil
from enum import StrEnum

from cvstudio.core import events
from cvstudio.core.config import read_config
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.places_to_run import cluster_of
from cvstudio.project import launch


class RunStatus(StrEnum):
    """The states of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FINISHED_EARLY = "finished early"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself or by Resume."""
        return not TRANSITIONS[self]

    @property
    def has_network(self) -> bool:
        """Whether the run ended with a network to judge and export."""
        return self in (RunStatus.FINISHED, RunStatus.FINISHED_EARLY)


TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.PAUSED,
            RunStatus.FINISHED,
            RunStatus.FINISHED_EARLY,
            RunStatus.CANCELLED,
            RunStatus.FAILED,
        }
    ),
    RunStatus.PAUSED: frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.FAILED: frozenset({RunStatus.QUEUED, RunStatus.RUNNING}),
    RunStatus.FINISHED: frozenset(),
    RunStatus.FINISHED_EARLY: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}
"""From each state, the states that may follow."""

_OUTCOMES = {
    events.Outcome.FINISHED: RunStatus.FINISHED,
    events.Outcome.FINISHED_EARLY: RunStatus.FINISHED_EARLY,
    events.Outcome.PAUSED: RunStatus.PAUSED,
    events.Outcome.CANCELLED: RunStatus.CANCELLED,
}


def require(status: RunStatus, to: RunStatus, *, run_id: int) -> None:
    """Raise RunError in words unless a run in this state may become `to`."""
    if to not in TRANSITIONS[status]:
        wanted = {RunStatus.QUEUED: "resumed", RunStatus.RUNNING: "started"}.get(to, str(to))
        raise RunError(f"Run {run_id} is {status} and cannot be {wanted}.")


def observe(job: JobDir, *, stored: RunStatus, stored_at: float | None = None) -> RunStatus:
    """What a run is now; `stored` is what it was believed to be, since `stored_at`.

    A process that is gone without its last word gets it written for it (Failed, or Ended after a
    cancellation), so that every later watcher reads the same.
    """
    if stored.over:  # most runs of a project are: their files are left alone
        return stored
    process = launch.find(job)
    if process is None:
        return stored
    if launch.alive(job):  # asked before the events are read: the last word is written while alive
        return RunStatus.RUNNING
    known = stored_at is not None and process.launched_at <= stored_at
    if stored is RunStatus.QUEUED or (stored is not RunStatus.RUNNING and known):
        return stored
    state = job.state()
    # Only what was said since this process began counts: a resumed run has older last words.
    if state.ended is not None and state.ended.at >= process.launched_at:
        return _OUTCOMES[state.ended.outcome]
    if state.failed is None or state.failed.at < process.launched_at:
        try:
            return _write_last_word(job)
        except OSError:  # no room for it: whoever looks when there is some writes it
            return stored
    return RunStatus.FAILED


def resumable(job: JobDir, status: RunStatus) -> bool:
    """Whether a run can go on from a checkpoint, or be followed or sent again on its cluster."""
    stopped = status in (RunStatus.PAUSED, RunStatus.FAILED)
    return stopped and (job.last.exists() or on_cluster(job))


def on_cluster(job: JobDir) -> bool:
    """Whether another computer does the run, and the process here only stands for it."""
    try:
        return cluster_of(job.path) is not None
    except ConfigError:  # a damaged file names none
        return False


def saved_epoch(job: JobDir) -> int | None:
    """The epoch of the last checkpoint, None when nothing was saved."""
    saved = [event.epoch for event in job.read_events() if isinstance(event, events.Saved)]
    return saved[-1] if saved and job.last.exists() else None


def log_tail(job: JobDir, *, characters: int = 8000) -> str:
    """The end of what the job's libraries printed."""
    try:
        with job.log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - characters))
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _write_last_word(job: JobDir) -> RunStatus:
    launch.mend(job)
    shutil.rmtree(job.frames, ignore_errors=True)  # a killed job could not: they are only copies
    if job.asked() is Request.CANCEL:
        job.last_word(events.Ended(outcome=events.Outcome.CANCELLED))
        return RunStatus.CANCELLED
    # How full the disk is must be seen before anything is taken away.
    failure = _failure(job, exit_code=launch.reap(job, seconds=2.0))
    launch.clear_halves(job)
    job.last_word(failure)
    return RunStatus.FAILED


def _failure(job: JobDir, *, exit_code: int | None) -> events.Failed:
    process = f"The {_work_of(job)} process"
    if on_cluster(job):
        process = "The process that follows the run on its cluster"
    full = _on_full_disk(job, exit_code)
    if full:
        what = f"The disk is full. {process} could not go on, nor tell why."
    elif exit_code is None:
        what = f"{process} is gone: it was ended from outside, or the computer was off."
    elif exit_code < 0:
        why = ", most often because the memory ran out" if exit_code == -9 else ""
        what = f"{process} was ended by the system (signal {-exit_code}){why}."
    else:
        what = f"{process} ended by itself with code {exit_code}."
    epoch = saved_epoch(job)
    safe = (
        f" Nothing is lost up to epoch {epoch}: the run can be resumed from there."
        if epoch is not None
        else _LEFT.get(_kind_of(job), " It had saved nothing yet; labels and images are untouched.")
    )
    if on_cluster(job):
        safe = " The run itself goes on there: resume it to follow it again."
    log = log_tail(job)
    if full:
        return events.Failed(cause="disk full", text=what + safe, detail=log)
    cause = "other" if exit_code is not None and exit_code >= 0 else "killed"
    return events.Failed(cause=cause, text=what + safe, detail=log)


def _on_full_disk(job: JobDir, exit_code: int | None) -> bool:
    """Whether a job that ended without a word most likely found no room for it."""
    if exit_code in (-9, -15):  # killed: by hand, or for the memory
        return False
    sizes = [file.stat().st_size for file in job.checkpoints.glob("*") if file.is_file()]
    return shutil.disk_usage(job.path).free < max([LITTLE, *sizes])


LITTLE = 4 << 20
"""Bytes on the disk below which a job cannot work."""

WORK = {
    "train": "training", "evaluate": "judging", "explain": "heat map", "explain-many": "heat maps",
    "export": "export", "bundle": "packing", "suggest": "label suggesting", "predict": "predicting",
    "embed": "map", "find-rate": "learning rate", "try-batch": "trial",
}  # fmt: skip
"""What a job does, in a word, by the kind of its config."""


_LEFT = {
    "predict": " What was answered until then stays.",
    "explain-many": " Pictures that were drawn until then stay.",
}
"""What a job of some kinds leaves when it dies."""


def gone_words(job: JobDir) -> str:
    """What became of a job that is dead and whose last word could not be written."""
    process = f"The {_work_of(job)} process is gone"
    if not job.path.is_dir():
        return f"{process}, and its folder too: {job.path} was moved or deleted."
    return (
        f"{process}, and there is no room left to write down why: the disk is full, or"
        f" {job.path} cannot be written to."
    )


def cancelled_words(job: JobDir) -> str:
    """What became of a job that somebody else has cancelled."""
    return f"The {_work_of(job)} was cancelled from another window or a command line."


def _work_of(job: JobDir) -> str:
    return WORK.get(_kind_of(job), "job")


def _kind_of(job: JobDir) -> str:
    try:
        return read_config(job.config).kind
    except ConfigError:  # a damaged config is a reason to be dead, too
        return ""
