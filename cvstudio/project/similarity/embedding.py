"""Embeddings of a project's images by a run: asking for them, and finding those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cvstudio.core.annotation import Kind, State
from cvstudio.core.config import Depth, EmbedConfig, read_config
from cvstudio.core.embedding import (
    ANSWERS,
    Embeddings,
    Subject,
    Thing,
    embeddings_path,
    read_embeddings,
    write_subjects,
)
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.project import launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord

What = Literal["images", "objects"]


@dataclass(frozen=True, eq=False)
class Found:
    """Embeddings that a run left: the job, what it was asked, and when it ended (seconds since
    1970)."""

    job: JobDir
    config: EmbedConfig
    made: float

    def read(self) -> Embeddings:
        """The embeddings themselves. Raises RunError when the file is damaged."""
        return read_embeddings(embeddings_path(self.job))

    def answers(self) -> dict[int, Prediction]:
        """What the run answered for each of the images, by its id. Raises RunError."""
        return {p.image_id: p for p in read_predictions(self.job.predictions(ANSWERS))}


def config_for(
    run: RunRecord, *, of: What = "images", layer: str = Depth.DEEP.value, umap: bool = True,
    device: str = "auto",
) -> EmbedConfig:  # fmt: skip
    """The settings of a job. Raises RunError when the run has no network."""
    if not runs.job_of(run).best.is_file():
        raise RunError(f"Run {run.id} is {runs.status(run)} and has no network yet.")
    return EmbedConfig(
        run_directory=runs.job_of(run).path, of=of, layer=layer, umap=umap, device=device
    )


def start(
    project: Project, config: EmbedConfig, image_ids: Sequence[int] | None = None, *,
    command: runs.Command = launch.worker_command,
) -> JobDir:  # fmt: skip
    """Start the job that embeds images, all that can be read if none are named. Raises RunError
    when there are none."""
    subjects = _subjects(project, config, image_ids)
    if not subjects:
        raise RunError("There is no image to embed.")
    job = runs.make_job(config.run_directory / "jobs", config)
    write_subjects(job, subjects)
    launch.launch(job, command=command)
    return job


def latest(run: RunRecord, *, of: What = "images", layer: str = "") -> Found | None:
    """The newest embeddings of a run, of any layer if none is named; None when there are none."""
    found = None
    for path in (runs.job_of(run).path / "jobs").glob("embed-*"):
        job = JobDir(path)
        try:
            made = embeddings_path(job).stat().st_mtime
            config = read_config(job.config)
        except (OSError, ConfigError):
            continue  # not at its end, or people deleted files: it is made again when asked for
        if not isinstance(config, EmbedConfig) or config.of != of:
            continue
        if layer and config.layer != layer:
            continue
        if found is None or made >= found.made:
            found = Found(job, config, made)
    return found


def needed(run: RunRecord, *, of: What = "images") -> Found:
    """The newest embeddings of a run. Raises RunError that says how to make them."""
    found = latest(run, of=of)
    if found is None:
        raise RunError(
            f"Run {run.id} has not embedded the {of} of this project yet.",
            hint=f"Make the map of run {run.id} on Analyze, or: cvstudio embed PROJECT {run.id}",
        )
    return found


def _subjects(
    project: Project, config: EmbedConfig, image_ids: Sequence[int] | None
) -> list[Subject]:
    with project.read() as s:
        ids = queries.image_ids(s) if image_ids is None else list(image_ids)
        records = [record for record in queries.images(s, ids) if not record.problem]
        labelled = queries.annotations_of(s, ids) if config.of == "objects" else {}
    return [
        Subject(
            r.id, project.image_path(r), r.page, r.width, r.height, r.sha256, r.window,
            tuple(
                Thing(a.id, a.class_id, a.box)
                for a in labelled.get(r.id, ())
                if a.state is State.ACCEPTED and a.kind is not Kind.IMAGE and a.box.area > 0
            ),
        )
        for r in records
    ]  # fmt: skip
