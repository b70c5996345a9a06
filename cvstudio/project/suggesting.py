"""Asking a network for labels: which images, which networks, and the job that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from sqlalchemy.orm import Session

from cvstudio.core.annotation import Review, Task
from cvstudio.core.config import SuggestConfig, Views, read_config
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.suggestion import AskedImage, write_asked
from cvstudio.core.thresholds import Thresholds, thresholds_of
from cvstudio.project import launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, RunRecord

_TAKEN = "taken"
"""The file in a job's directory that says that its answers are in the project."""

_LIKELY_CLASS = 0.5


class Which(StrEnum):
    """The images that a network may be asked about without choosing them one by one."""

    UNLABELLED = "unlabelled"
    OPEN = "not reviewed"
    ALL = "all"


_REVIEWS: dict[Which, tuple[Review, ...]] = {
    Which.UNLABELLED: (Review.UNLABELLED,),
    Which.OPEN: (Review.UNLABELLED, Review.LABELLED),
    Which.ALL: (),
}


def image_ids(s: Session, which: Which) -> list[int]:
    """The images that are meant, in the order of their names."""
    return queries.image_ids(s, ImageFilter(reviews=_REVIEWS[which]))


def able_runs(project: Project) -> list[RunRecord]:
    """The runs that have a network to ask, newest first."""
    return [
        run
        for run in reversed(runs.all_runs(project))
        if runs.status(run).has_network and runs.job_of(run).best.is_file()
    ]


def own_scores(run: RunRecord) -> dict[int, float]:
    """By class the score from which it counts, where single classes have one: a person chose it,
    or images have several classes and it was best on val. Classes without one are left out."""
    return {key: score for key, score in _scores(run).own.items() if score is not None}


def usual_score(run: RunRecord | None, task: Task) -> float:
    """The score to begin with: the one that was best on val, where the run was judged."""
    if task is Task.CLASSIFY:
        return _LIKELY_CLASS
    return USUAL_SCORE if run is None else _scores(run).common


def _scores(run: RunRecord) -> Thresholds:
    try:
        return thresholds_of(runs.job_of(run).path)
    except RunError:
        return Thresholds()  # its files are damaged: the figure is a proposal only


def config_for(
    project: Project,
    *,
    run_id: int | None = None,
    file: Path | None = None,
    score: float | None = None,
    overlap: float = 0.5,
    device: str = "auto",
    views: Views = Views.ONE,
    own_scores: bool = False,
    classes: Mapping[int, int | str] | None = None,
) -> SuggestConfig:
    """The job's settings for a run or an exported file; a score of None is the usual one. With
    `own_scores` a class that has one counts from its own. `classes`: what becomes of the network's
    classes, as in SuggestConfig; None goes by their names.

    Raises RunError when the run has no network or there is no such file.
    """
    if (run_id is None) == (file is None):
        raise RunError("Name a run or a file to ask.")
    run = runs.get(project, run_id) if run_id is not None else None
    if run is not None and not runs.job_of(run).best.is_file():
        raise RunError(f"Run {run.id} is {runs.status(run)} and has no network yet.")
    if file is not None and not file.is_file():
        raise RunError(f"There is no file {file}.")
    return SuggestConfig(
        task=project.task,
        run_directory=runs.job_of(run).path if run is not None else None,
        file=file.absolute() if file is not None else None,
        score=usual_score(run, project.task) if score is None else score,
        overlap=overlap,
        device=device,
        views=views,
        own_scores=own_scores,
        classes=None if classes is None else dict(classes),
    )


def start(
    project: Project,
    config: SuggestConfig,
    image_ids: Sequence[int],
    *,
    command: runs.Command = launch.worker_command,
) -> JobDir:
    """Start the job that asks the network about images. Raises RunError when there are none."""
    with project.read() as s:
        records = queries.images(s, image_ids)
    if not records:
        raise RunError("There is no image to suggest labels for.")
    of = config.run_directory if config.run_directory is not None else project.runs_directory
    job = runs.make_job(of / "jobs", config)
    write_asked(
        job,
        (
            AskedImage(r.id, project.image_path(r), r.page, r.width, r.height, r.window)
            for r in records
        ),
    )
    launch.launch(job, command=command)
    return job


def config_of(job: JobDir) -> SuggestConfig:
    """The settings of a suggest job. Raises RunError for a job of another kind."""
    config = read_config(job.config)
    if not isinstance(config, SuggestConfig):
        raise RunError(f"The job in {job.path} suggests no labels.")
    return config


def mark_taken(job: JobDir) -> None:
    """Say that the job's answers are in the project."""
    (job.path / _TAKEN).touch()


def left_behind(project: Project) -> list[JobDir]:
    """Jobs that still work, or that came to their end while nobody took their answers in."""
    found = []
    for pattern in ("jobs/suggest-*", "*/jobs/suggest-*"):
        for path in sorted(project.runs_directory.glob(pattern)):
            job = JobDir(path)
            if (path / _TAKEN).exists():
                continue
            try:
                config_of(job)
            except (ConfigError, RunError):
                continue  # people delete files; what cannot be read asks for nothing
            if launch.alive(job) or (path / "answer.json").exists():
                found.append(job)
    return found
