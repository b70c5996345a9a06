"""Projects with faults planted among exact labels, and a network that answers by the truth.

The network is honest: it misses some objects, invents a few, is unsure of some and confuses some,
all by lot, and it has never seen a label. Everything depends on the seed alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cvstudio.core.annotation import Annotation, Review, Shape, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, read_predictions, write_predictions
from cvstudio.core.snapshot import Snapshot, SnapshotImage, read_snapshot, write_snapshot
from cvstudio.project import commands, queries, rows, runs, snapshots
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage, RunRecord

CLASSES = ("cell", "debris", "bubble")
SIDE = 40.0


def objects_project(folder: Path, *, images: int = 60, train: int = 10, seed: int = 0) -> Project:
    """Boxes on a grid, nine an image, exactly labelled; the first images are train, others val."""
    chance = np.random.default_rng(seed)
    project = Project.create(folder, task=Task.DETECT, classes=CLASSES)
    new = []
    with project.transaction("Add", undoable=False) as s:
        for image_id in commands.add_images(s, _new(images, train)):
            for place in range(9):
                x, y = 100.0 * (place % 3), 100.0 * (place // 3)
                box = Box(x + chance.uniform(5, 50), y + chance.uniform(5, 50), SIDE, SIDE)
                class_id = int(chance.choice([1, 1, 1, 2, 2, 3]))
                new.append(_row(image_id, class_id, box))
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, new)
    return project


def classes_project(
    folder: Path, *, images: int = 240, train: int = 30, seed: int = 0, several: bool = False
) -> Project:
    """Images with exact classes; the first are train, others val."""
    chance = np.random.default_rng(seed)
    project = Project.create(folder, task=Task.CLASSIFY, classes=CLASSES, several=several)
    new = []
    with project.transaction("Add", undoable=False) as s:
        for image_id in commands.add_images(s, _new(images, train)):
            held = [int(chance.integers(1, 4))]
            if several:
                held = [c for c in (1, 2, 3) if chance.random() < 0.4] or held
            new += [_row(image_id, class_id, None) for class_id in held]
        rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, new)
    return project


def honest_run(
    project: Project, *, split: Split = Split.VAL, seed: int = 1, skill: float = 0.97,
    parent_id: int | None = None, told: dict[str, object] | None = None,
) -> RunRecord:  # fmt: skip
    """A finished run that answers a split by the labels of now, which are still the truth."""
    run = runs.create_run(
        project, default_config(project.task, epochs=1, start="scratch"), parent_id=parent_id
    )
    job = runs.job_of(run)
    answer_honestly(project, run, read_snapshot(job.snapshot), split, seed=seed, skill=skill)
    write_json(job.report, {split.value: {"metrics": {}, "per_class": [], **(told or {})}})
    return run


def answer_honestly(
    project: Project, run: RunRecord, snapshot: Snapshot, split: Split, *, seed: int, skill: float
) -> None:  # fmt: skip
    """Write the answers of an honest network for a split of a snapshot."""
    chance = np.random.default_rng(seed)
    answer = _classes if project.task is Task.CLASSIFY else _objects
    answers = [answer(image, chance, skill) for image in snapshot.of(split)]
    write_predictions(runs.job_of(run).predictions(split.value), answers)


def judged_again(project: Project, run: RunRecord) -> None:
    """Judge the answers of a run on val by the labels of now, as a later evaluation does."""
    job = runs.job_of(run)
    again = JobDir(job.path / "jobs" / "evaluate-1")
    again.path.mkdir(parents=True)
    with project.read() as s:
        write_snapshot(again.snapshot, snapshots.build(s, project))
    write_predictions(again.predictions("val"), list(read_predictions(job.predictions("val"))))
    write_json(again.report, {"val": {"metrics": {}, "per_class": []}})
    os.utime(again.report, (job.report.stat().st_mtime + 10,) * 2)


def labels(project: Project, split: Split = Split.VAL) -> list[Annotation]:
    """All labels of a split, image by image."""
    with project.read() as s:
        ids = queries.image_ids(s, ImageFilter(splits=(split,)))
        return [a for each in queries.annotations_of(s, ids).values() for a in each]


def some(found: Sequence[Annotation], share: float = 0.05, *, seed: int = 2) -> list[Annotation]:
    """A share of labels, by lot."""
    chance = np.random.default_rng(seed)
    places = chance.choice(len(found), round(share * len(found)), replace=False)
    return [found[place] for place in sorted(places.tolist())]


def other_class(class_id: int) -> int:
    """A class that it is not."""
    return 1 + class_id % len(CLASSES)


def _row(image_id: int, class_id: int, shape: Shape) -> tuple[object, ...]:
    return commands.annotation_row(
        image_id=image_id, class_id=class_id, shape=shape, width=300, height=300
    )


def _new(images: int, train: int) -> list[NewImage]:
    return [
        NewImage(
            f"{n:03}.png", 300, 300, review=Review.LABELLED, sha256=f"{n:064x}",
            split=Split.TRAIN if n < train else Split.VAL,
        )
        for n in range(images)
    ]  # fmt: skip


def _objects(image: SnapshotImage, chance: np.random.Generator, skill: float) -> Prediction:
    found = []
    for a in image.annotations:
        if chance.random() > skill:
            continue
        right = chance.random() < skill
        score = chance.beta(9, 2) if right else chance.beta(3, 3)
        x, y, w, h = (float(v) for v in chance.normal(0, 0.03 * SIDE, 4))
        box = Box(a.box.x + x, a.box.y + y, a.box.w + w, a.box.h + h)
        found.append(Found(a.class_id if right else other_class(a.class_id), float(score), box))
    for _ in range(int(chance.poisson(1.0))):
        x, y = (float(v) for v in chance.uniform(0, 260, 2))
        box = Box(x, y, SIDE, SIDE)
        found.append(Found(int(chance.integers(1, 4)), float(chance.beta(2, 6)), box))
    return Prediction(image.id, objects=tuple(sorted(found, key=lambda f: -f.score)))


def _classes(image: SnapshotImage, chance: np.random.Generator, skill: float) -> Prediction:
    held = {a.class_id for a in image.annotations}
    sure = {}
    for class_id in range(1, len(CLASSES) + 1):
        right = chance.random() < skill
        has = (class_id in held) is right
        sure[class_id] = float(chance.beta(8, 2) if has else chance.beta(1, 12))
    if len(held) == 1:
        total = sum(sure.values())
        sure = {c: value / total for c, value in sure.items()}
    return Prediction(image.id, scores=sure)
