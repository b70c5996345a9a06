"""The rows and directories of runs: finding them, their settings, and making new ones."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cvstudio.core.config import JobConfig, explain, read_config
from cvstudio.core.errors import ConfigError, ExperimentOver, RunError
from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.core.places_to_run import Cluster, send_to
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import Snapshot, write_snapshot
from cvstudio.project import queries, rows, run_checks, run_commands, snapshots
from cvstudio.project.check import Check
from cvstudio.project.project import Project
from cvstudio.project.records import Role, RunRecord
from cvstudio.project.run_status import RunStatus


def job_of(run: RunRecord) -> JobDir:
    """The directory of a run."""
    return JobDir(run.directory)


def get(project: Project, run_id: int) -> RunRecord:
    """One run. Raises RunError when the project has no run of that number."""
    found = next((run for run in all_runs(project) if run.id == run_id), None)
    if found is None:
        raise RunError(f"This project has no run {run_id}.")
    return found


def all_runs(project: Project) -> list[RunRecord]:
    """All runs, oldest first."""
    with project.read() as session:
        return sorted(queries.runs(session), key=lambda run: run.id)


def next_number(project: Project) -> int:
    """The number that the next run gets; that of a deleted one is not given again."""
    with project.read() as session:
        return rows.next_id(session, "run")


def config_of(run: RunRecord) -> TrainConfig:
    """The settings of a run."""
    config = read_config(job_of(run).config)
    if not isinstance(config, TrainConfig):
        raise RunError(f"Run {run.id}: {job_of(run).config} is not of a training.")
    return config


def whole(run: RunRecord) -> bool:
    """Whether a run's directory is there with settings that can be read; people delete folders."""
    try:
        config_of(run)
    except (ConfigError, RunError):
        return False
    return True


def changed_config(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """A config with some fields replaced. Raises ConfigError in words."""
    try:
        return TrainConfig.model_validate({**config.model_dump(), **changes})
    except ValidationError as error:
        raise ConfigError(explain(error)) from error


def with_parent(project: Project, config: TrainConfig, parent_id: int | None) -> TrainConfig:
    """A config that starts from the best checkpoint of a run.

    Without `parent_id` it keeps the checkpoint that it names. Raises ConfigError when there is
    none, RunError when there is no such run.
    """
    if parent_id is None:
        if config.weights_file is None:
            raise ConfigError("Which run is to be started from?", hint="Choose a finished run.")
        return config
    best = job_of(get(project, parent_id)).best
    if not best.exists():
        raise ConfigError(
            f"Run {parent_id} has no network to start from.", hint="Choose a finished run."
        )
    return changed_config(config, {"start": Start.RUN, "weights_file": best})


def parent_of(project: Project, config: TrainConfig) -> int | None:
    """The run whose best checkpoint a config starts from."""
    if config.start is not Start.RUN:
        return None
    found = (run.id for run in all_runs(project) if job_of(run).best == config.weights_file)
    return next(found, None)


def create_run(
    project: Project, config: TrainConfig, *, parent_id: int | None = None, title: str = "",
    snapshot: Snapshot | None = None, experiment_id: int | None = None, role: Role | None = None,
    cluster: Cluster | None = None, checks: Sequence[Check] = (),
) -> RunRecord:  # fmt: skip
    """A new run, queued: its row, its directory, its config and the snapshot of the labels of now.

    A run of an experiment has a `role` in it, and a fold of one a `snapshot` of its own. The
    `cluster` does the run, if one is given; `checks` are those that were made before, which the
    run keeps.
    Starting from a run (`parent_id`, start "run") takes that run's best checkpoint; a config that
    names one already is taken as it is, and its run is found again.
    Raises ConfigError when the config is for another task or its parent has no network, and
    ExperimentOver when its experiment was ended, as may be while the files were written.
    """
    if config.task != project.task:
        raise ConfigError(
            f"This project is for {project.task}, and the settings for {config.task}."
        )
    if config.start is Start.RUN:
        config = with_parent(project, config, parent_id)
        parent_id = parent_of(project, config)
    if snapshot is None:
        with project.read() as session:
            snapshot = snapshots.build(session, project)
    # The files come first, under a passing name: writing a large snapshot must not hold up the
    # person's own changes, and a run whose row exists is whole.
    new = JobDir(project.runs_directory / f".new-{uuid.uuid4().hex}")
    new.path.mkdir(parents=True)
    write_config(new, config)
    if checks:
        run_checks.keep(new, checks)
    send_to(new.path, cluster)
    digest = write_snapshot(new.snapshot, snapshot)
    with project.transaction("Add run", undoable=False) as session:
        if experiment_id is not None and not run_commands.experiment_goes_on(
            session, experiment_id
        ):
            shutil.rmtree(new.path)
            raise ExperimentOver(f"Experiment {experiment_id} is over: it gets no more runs.")
        run_id = run_commands.add_run(
            session,
            task=config.task.value,
            network=config.network,
            title=title,
            status=RunStatus.QUEUED.value,
            directory="",
            metric=best_metric(config.task, several=config.several_classes),
            parent_id=parent_id,
            experiment_id=experiment_id,
            role=role.stored() if role is not None else None,
        )
        snapshot_id = run_commands.add_snapshot(
            session,
            hash=digest,
            image_count=len(snapshot.images),
            annotation_count=sum(len(image.annotations) for image in snapshot.images),
        )
        # Names of the catalogues hold what no name of a folder may: "smp:segformer/mit_b0".
        words = re.sub(r"[^\w.+-]+", "-", config.network)
        directory = project.runs_directory / f"{run_id:04d}-{config.task}-{words}"
        new.path.rename(directory)
        relative = directory.relative_to(project.path).as_posix()
        run_commands.update_run(session, id=run_id, directory=relative, snapshot_id=snapshot_id)
    return get(project, run_id)


def make_job(parent: Path, config: JobConfig) -> JobDir:
    """A new directory KIND-N for a smaller job, with its config; it is not started yet."""
    number = 1
    while True:
        directory = parent / f"{config.kind}-{number}"
        try:
            directory.mkdir(parents=True)
            break
        except FileExistsError:
            number += 1
    job = JobDir(directory)
    write_config(job, config)
    return job


def write_config(job: JobDir, config: JobConfig) -> None:
    """Write the settings of a job into its directory, whole or not at all."""
    replace_file(job.config, config.model_dump_json(indent=1).encode())
