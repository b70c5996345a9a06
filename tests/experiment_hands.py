"""A project with groups of images, and experiments of small jobs that are looked after."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from cvstudio.core import events
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.config import read_config
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import commands, launch, runs
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

BROKEN_SEED = 13


def make_project(folder: Path, *, groups: int = 8, each: int = 3, test: int = 2) -> Project:
    """Groups of images of two classes, the rare one on every fourth group; and test images."""
    project = Project.create(folder, task=Task.DETECT, classes=["cell", "rare"])
    with project.transaction("Add images", undoable=False) as s:
        new = [
            NewImage(
                f"{g}-{n}.png", 100, 80, review=Review.REVIEWED, group=f"patient {g}",
                split=Split.VAL if g % 4 == 3 else Split.TRAIN,
            )
            for g in range(groups)
            for n in range(each)
        ]  # fmt: skip
        new += [
            NewImage(f"test-{n}.png", 100, 80, review=Review.REVIEWED, split=Split.TEST)
            for n in range(test)
        ]
        ids = commands.add_images(s, new)
        for place, image_id in enumerate(ids):
            classes = [1, 2] if (place // each) % 4 == 0 else [1]
            for class_id in classes:
                box = Box(10, 10 * class_id, 30, 8)
                commands.add_annotation(s, image_id=image_id, class_id=class_id, shape=box)
    return project


def recipe(**over: object) -> TrainConfig:
    return default_config(Task.DETECT, network="yolo26n", **{"epochs": 4, "seed": 0, **over})


def command(directory: Path) -> list[str]:
    return [sys.executable, __file__, str(directory)]


def look_after(
    project: Project,
    steward: Steward,
    until: Callable[[], bool],
    *,
    command: Callable[[Path], list[str]] = command,
    seconds: float = 200,
) -> None:
    """Do what a window or a command line does, until something holds."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "it took too long"
        steward.look(project)
        runs.advance(project, command=command)
        time.sleep(0.02)


def end_all(project: Project) -> None:
    for run in runs.all_runs(project):
        launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


def height(config: TrainConfig) -> float:
    """How well a job does: best at a learning rate of 0.01 and with MixUp off, by a known hill."""
    from math import log10

    return 0.9 - 0.2 * abs(log10(config.learning_rate) + 2) - 0.1 * config.weight_decay


def job(directory: Path) -> int:
    """A training as the experiment's runs need it: a curve, a report, answers for val and test."""
    job = JobDir(directory)
    config = read_config(job.config)
    assert isinstance(config, TrainConfig)
    me = psutil.Process()
    job.emit(
        events.Started(
            job="train", pid=me.pid, process_created=me.create_time(), device="processor",
            total_epochs=config.epochs,
        )
    )  # fmt: skip
    if config.seed == BROKEN_SEED:
        job.emit(events.Failed(cause="other", text="It broke."))
        return 1
    snapshot = read_snapshot(job.snapshot)
    outcome, best, done = events.Outcome.FINISHED, 0.0, 0
    for epoch in range(1, config.epochs + 1):
        time.sleep(0.05)
        best, done = height(config) * (1 - 0.5**epoch), epoch
        job.emit(
            events.EpochEnded(
                epoch=epoch, train={"loss": 1 / epoch}, val={"loss": 1 / epoch}, seconds=0.05,
                metrics={"mAP50": best, "mAP50-95": best}, learning_rate=0.1, best=True,
            )
        )  # fmt: skip
        if job.asked() is Request.FINISH:
            outcome = events.Outcome.FINISHED_EARLY
            break
    job.checkpoints.mkdir(exist_ok=True)
    job.best.write_text("a network")
    report = {}
    for split in (Split.VAL, Split.TEST):
        images = snapshot.of(split)
        answers = [
            Prediction(i.id, objects=tuple(Found(a.class_id, 0.9, a.box) for a in i.annotations))
            for i in images
        ]
        write_predictions(job.predictions(split.value), answers)
        held = [a for i in images for a in i.annotations]
        report[split.value] = {
            "metrics": {"mAP50-95": best + len(images) / 1000, "mAP50": None},
            "per_class": [
                {"class": c.id, "labelled": sum(a.class_id == c.id for a in held), "AP": best}
                for c in snapshot.classes
            ],
            "confusion": {"classes": [1, 2, 0], "matrix": [[len(images), 0, 1]] * 3, "score": 0.5},
        }
    job.report.write_text(json.dumps(report))
    ended = events.Ended(outcome=outcome, metric="mAP50-95", best=best, best_epoch=done)
    job.emit(ended)
    return 0


if __name__ == "__main__":
    sys.exit(job(Path(sys.argv[1])))
