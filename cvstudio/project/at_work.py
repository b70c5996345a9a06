"""Smaller jobs of a project that are at work now, whoever started them."""

from __future__ import annotations

from cvstudio.core.jobdir import JobDir
from cvstudio.project import launch
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord


def jobs_at_work(
    project: Project, kind: str, run: RunRecord | None = None, *, folder: str = "jobs"
) -> list[JobDir]:
    """The jobs of a kind ("export", "evaluate") whose process is at work, the newest first: those
    of one run, or of the whole project. They outlive the window that started them."""
    if run is not None:
        found = list((run.directory / folder).glob(f"{kind}-*"))
    else:
        runs = project.runs_directory
        found = [*runs.glob(f"{folder}/{kind}-*"), *runs.glob(f"*/{folder}/{kind}-*")]
    # "explain-*" is met by explain-many-1, too.
    jobs = [JobDir(path) for path in found if path.name.removeprefix(f"{kind}-").isdigit()]
    jobs.sort(key=lambda job: job.path.stat().st_mtime_ns, reverse=True)
    return [job for job in jobs if launch.alive(job)]
