"""Tiny scenes with exact labels, written as run directories that a job can be started in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cvstudio.core.annotation import LabelClass, Review, Split, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import (
    Snapshot,
    SnapshotAnnotation,
    SnapshotImage,
    write_snapshot,
)

CLASSES = (LabelClass(7, "disc", "#FF0000", "1", 0), LabelClass(3, "square", "#00FF00", "2", 1))
NETWORKS = {
    Task.CLASSIFY: "mobilenet_v3_small",
    Task.SEGMENT: "unet-mobilenet_v2",
    Task.DETECT: "yolo11n",
    Task.INSTANCE: "yolo11n-seg",
}


def scene(folder: Path, number: int, task: Task, *, split: Split, size: int = 64) -> SnapshotImage:
    """An image with one bright object: a red disc or a green square on dark noise."""
    random = np.random.default_rng(number)
    rgb = random.integers(0, 60, (size, size, 3)).astype(np.uint8)
    kind = number % 2
    side = int(random.integers(size // 4, size // 2))
    x, y = (int(v) for v in random.integers(2, size - side - 2, 2))
    if kind == 0:
        centre, radius = (x + side // 2, y + side // 2), side // 2
        cv2.circle(rgb, centre, radius, (220, 40, 40), -1)
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radius + centre
    else:
        rgb[y : y + side, x : x + side] = (40, 220, 40)
        points = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], float)
    path = folder / f"scene-{number:03d}.png"
    cv2.imwrite(str(path), rgb[..., ::-1])
    polygon = Polygon.simple(points)
    shape = {
        Task.CLASSIFY: None,
        Task.DETECT: polygon.box,
        Task.SEGMENT: polygon,
        Task.INSTANCE: polygon,
    }[task]
    box = polygon.box if shape is not None else Box(0, 0, size, size)
    annotation = SnapshotAnnotation(number + 1, CLASSES[kind].id, shape, box)
    return SnapshotImage(number + 1, path, 0, size, size, split, Review.LABELLED, "", (annotation,))


def run_directory(
    folder: Path, task: Task, *, train: int = 8, val: int = 4, test: int = 0, **settings: Any
) -> JobDir:
    """A run on generated scenes, ready for run_job()."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = [Split.TRAIN] * train + [Split.VAL] * val + [Split.TEST] * test
    images = [scene(folder, n, task, split=split) for n, split in enumerate(splits)]
    return written(folder / "run", task, images, **settings)


def written(directory: Path, task: Task, images: list[SnapshotImage], **settings: Any) -> JobDir:
    """A run directory with that snapshot."""
    job = JobDir(directory)
    write_snapshot(job.snapshot, Snapshot(task, CLASSES, tuple(images)))
    write_json(job.config, config_for(task, **settings).model_dump(mode="json"))
    return job


def config_for(task: Task, **settings: Any) -> TrainConfig:
    """Small and fast, on the processor, from scratch."""
    values: dict[str, Any] = {
        "start": "scratch", "epochs": 2, "batch": 4, "image_size": 64, "device": "cpu",
        "workers": 0, "learning_rate": 1e-3, "frozen_epochs": 0,
    }  # fmt: skip
    return default_config(task, network=settings.pop("network", NETWORKS[task]),
                          **{**values, **settings})  # fmt: skip


def events_of(job: JobDir, kind: type[Any]) -> list[Any]:
    """The events of one kind that a job has written."""
    return [event for event in job.read_events() if isinstance(event, kind)]
