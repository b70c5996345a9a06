"""Painted scenes whose rotated boxes and keypoints are known exactly, as run directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from training_samples import config_for

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage, write_snapshot

BAR = LabelClass(4, "bar", "#FF0000", "1", 0)
DART = LabelClass(6, "dart", "#00FF00", "1", 0)
BONES = Skeleton(("nose", "left wing", "right wing", "tail"), ((0, 3), (1, 0), (2, 0)))
DART_POINTS = np.array([(1.0, 0.0), (-0.7, -0.75), (-0.7, 0.75), (-0.45, 0.0)])
"""A dart that flies to the right: its left wing is the upper one (y points down)."""


def bar(rgb: np.ndarray, random: np.random.Generator) -> RotatedBox:
    """Paint a slim bar at any angle and tell where it lies."""
    side = rgb.shape[0]
    w, h = random.uniform(0.45, 0.6) * side, random.uniform(0.12, 0.16) * side
    x, y = random.uniform(0.4, 0.6, 2) * side
    box = RotatedBox(x, y, w, h, random.uniform(-90, 90))
    fill(rgb, box.corners(), (230, 60, 40))
    return box


def dart(rgb: np.ndarray, random: np.random.Generator) -> Keypoints:
    """Paint a dart whose two wings look alike, flying anywhere, and tell its points."""
    side = rgb.shape[0]
    turn, size = random.uniform(0, 2 * np.pi), random.uniform(0.24, 0.3) * side
    cos, sin = np.cos(turn), np.sin(turn)
    points = DART_POINTS @ np.array([[cos, sin], [-sin, cos]]) * size
    points += random.uniform(0.4, 0.6, 2) * side
    fill(rgb, points[[0, 1, 3, 2]], (60, 220, 60))
    return Keypoints.of(np.column_stack([points, np.full(4, 2.0)]))


def fill(rgb: np.ndarray, ring: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Fill a ring, to a sixteenth of a pixel."""
    corners = np.round((ring - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(rgb, [corners], colour, cv2.LINE_AA, shift=4)


def image_of(
    folder: Path,
    number: int,
    label: LabelClass,
    *,
    split: Split,
    size: int,
) -> SnapshotImage:
    """One image with one bar or dart on dark noise."""
    random = np.random.default_rng(number)
    rgb = random.integers(0, 50, (size, size, 3)).astype(np.uint8)
    shape: Shape = bar(rgb, random) if label is BAR else dart(rgb, random)
    path = folder / f"{label.name}-{number:03d}.png"
    cv2.imwrite(str(path), rgb[..., ::-1])
    own = SnapshotAnnotation(number + 1, label.id, shape, shape.box)
    return SnapshotImage(number + 1, path, 0, size, size, split, Review.LABELLED, "", (own,))


def form_directory(
    folder: Path, label: LabelClass, *, train: int = 12, val: int = 6, size: int = 64,
    **settings: Any,
) -> JobDir:  # fmt: skip
    """A run on bars or darts, ready for run_job(); `settings` are those of the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = [Split.TRAIN] * train + [Split.VAL] * val
    images = [image_of(folder, n, label, split=s, size=size) for n, s in enumerate(splits)]
    skeletons = {DART.id: BONES} if label is DART else {}
    job = JobDir(folder / "run")
    write_snapshot(
        job.snapshot, Snapshot(Task.DETECT, (label,), tuple(images), skeletons=skeletons)
    )
    network = "yolo11n-obb" if label is BAR else "yolo11n-pose"
    config = config_for(Task.DETECT, **{"network": network, "image_size": size, **settings})
    write_json(job.config, config.model_dump(mode="json"))
    return job
