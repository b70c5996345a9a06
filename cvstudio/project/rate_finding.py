"""Asking which learning rate suits the settings of a run that is not made yet."""

from __future__ import annotations

from cvstudio.core.config import FindRateConfig
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import write_snapshot
from cvstudio.project import launch, runs, snapshots
from cvstudio.project.project import Project


def start(
    project: Project, config: TrainConfig, *, command: runs.Command = launch.worker_command
) -> JobDir:
    """Start the job that tries rates on the labels of now; packing them may take seconds."""
    with project.read() as session:
        snapshot = snapshots.build(session, project)
    job = runs.make_job(project.runs_directory / "jobs", FindRateConfig(train=config))
    write_snapshot(job.snapshot, snapshot)
    launch.launch(job, command=command)
    return job
