"""Deleting a run: what would go, why it may not go now, and letting it go for good."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import Start
from cvstudio.project import launch, run_commands, runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

_GOING = ".deleted-"


@dataclass(frozen=True)
class Contents:
    """What a run has on the disk."""

    files: int
    bytes: int


def contents(run: RunRecord) -> Contents:
    """The files of a run and their size; none where its directory is gone."""
    sizes = []
    for path in run.directory.rglob("*"):
        try:
            if path.is_file():
                sizes.append(path.lstat().st_size)
        except FileNotFoundError:  # a file that its job replaced just now
            continue
    return Contents(len(sizes), sum(sizes))


def why_not(project: Project, run: RunRecord) -> str:
    """Why a run cannot be deleted now, in words; "" when it can."""
    if runs.status(run) is RunStatus.RUNNING:
        return f"Run {run.id} is running: cancel it first"
    jobs = run.directory / "jobs"
    if jobs.is_dir() and any(launch.alive(JobDir(job)) for job in jobs.iterdir() if job.is_dir()):
        return f"Run {run.id} is being evaluated or exported: wait until that is over"
    for other in runs.all_runs(project):
        waits = runs.status(other) in (RunStatus.QUEUED, RunStatus.RUNNING)
        if other.id == run.id or not waits or not runs.whole(other):
            continue
        config = runs.config_of(other)
        if config.start is Start.RUN and config.weights_file == runs.job_of(run).best:
            return f"Run {other.id} starts from its network"
    return ""


def remove(project: Project, run_id: int) -> None:
    """Delete a run for good: gigabytes do not wait for an undo. Exported files and labels stay.

    Quick: its directory is only put aside, for `sweep`. Raises RunError when it cannot go now.
    """
    run = runs.get(project, run_id)
    why = why_not(project, run)
    if why:
        raise RunError(f"{why}.")
    home = project.runs_directory
    with project.transaction(f"Delete run {run_id}", undoable=False) as session:
        run_commands.delete_run(session, id=run_id)
    # A project may come from anybody: only what lies where runs lie is ever removed.
    if run.directory.exists() and run.directory.resolve().parent == home.resolve():
        put_aside(project, run.directory)


def put_aside(project: Project, directory: Path) -> None:
    """Take a directory out of sight, for `sweep` to remove."""
    project.runs_directory.mkdir(exist_ok=True)
    aside = f"{_GOING}{directory.name}-{uuid.uuid4().hex}"
    directory.rename(project.runs_directory / aside)


def sweep(project: Project) -> None:
    """Free the disk of the runs that were deleted; may take a while. Raises OSError when a file
    cannot be removed: what is left goes with the next sweep."""
    for going in project.runs_directory.glob(f"{_GOING}*"):
        shutil.rmtree(going)
