"""A run that answers a sample's images as planted, as a finished and judged training leaves it."""

from __future__ import annotations

from collections.abc import Callable

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.jobdir import write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.snapshot import SnapshotImage, read_snapshot
from cvstudio.project import runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord

Answer = Callable[[int, SnapshotImage], Prediction]


def answer_objects(place: int, image: SnapshotImage) -> Prediction:
    """Every object but the first of the first image, which is missed."""
    kept = image.annotations[1:] if place == 0 else image.annotations
    return Prediction(image.id, objects=tuple(Found(a.class_id, 0.9, a.box) for a in kept))


def answer_classes(place: int, image: SnapshotImage) -> Prediction:
    """The right class, but for the first image."""
    right = image.annotations[0].class_id
    best = 1 + right % 2 if place == 0 else right
    return Prediction(image.id, scores={1: 0.1, 2: 0.1, 3: 0.1} | {best: 0.8})


def answer_pixels(place: int, image: SnapshotImage) -> Prediction:
    """Background everywhere."""
    return Prediction(image.id, regions={})


ANSWERS: dict[Task, Answer] = {
    Task.DETECT: answer_objects,
    Task.CLASSIFY: answer_classes,
    Task.SEGMENT: answer_pixels,
}


def judged_run(project: Project, *, splits: tuple[Split, ...] = (Split.VAL,)) -> RunRecord:
    """A run of two epochs that answers as ANSWERS say."""
    run = runs.create_run(project, default_config(project.task, epochs=2, start="scratch"))
    job = runs.job_of(run)
    snapshot = read_snapshot(job.snapshot)
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=2, at=100))
    for epoch in (1, 2):
        job.emit(
            events.EpochEnded(
                epoch=epoch, train={"loss": 2 / epoch}, val={"loss": 3 / epoch},
                metrics={run.metric: 0.2 * epoch}, learning_rate=0.01, seconds=1, best=True,
            )
        )  # fmt: skip
    told = {}
    for split in splits:
        answers = [ANSWERS[project.task](n, i) for n, i in enumerate(snapshot.of(split))]
        write_predictions(job.predictions(split), answers)
        told[split.value] = {"metrics": {}, "per_class": [], "thresholds": {"score": 0.4}}
    write_json(job.report, told)
    return runs.get(project, run.id)
