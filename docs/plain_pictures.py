"""The pictures of rows in docs/export_table.py whose networks learn too little from painted cells.

Each shows one bright bar with a red end on dark ground, which a small network finds after minutes
of training from scratch, so that its file has a metric to lose.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Kind, Review, Shape, Split, Task
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.skeleton import Skeleton
from cvstudio.project import commands, queries, skeleton_changes
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

SIDE = 128
_LONG, _THICK = 27, 18
_VAL = 4  # every fourth picture


def bars(place: Path, task: Task, shapes: Kind, count: int) -> Project:
    """A project of so many pictures, each labelled with the bar's box, mask or two ends."""
    project = Project.create(place, task=task, classes=("bar",))
    folder = project.images_directory
    folder.mkdir(parents=True, exist_ok=True)
    with project.read() as s:
        (bar,) = queries.classes(s)
    painted = [_bar(number) for number in range(count)]
    rows = [_written(project, folder / f"{n}.png", rgb) for n, (rgb, _, _) in enumerate(painted)]
    with project.transaction("Make the pictures", undoable=False) as s:
        if shapes is Kind.KEYPOINTS:
            skeleton_changes.define(
                s, class_id=bar.id, skeleton=Skeleton(("head", "foot"), ((0, 1),))
            )
        ids = list(commands.add_images(s, rows))
        for image_id, (_, mask, ends) in zip(ids, painted, strict=True):
            shape = _shape(task, shapes, mask, ends)
            commands.add_annotation(s, image_id=image_id, class_id=bar.id, shape=shape)
        commands.set_review(s, image_ids=ids, review=Review.REVIEWED)
        val = ids[::_VAL]
        commands.set_split(s, image_ids=val, split=Split.VAL)
        rest = [image_id for image_id in ids if image_id not in set(val)]
        commands.set_split(s, image_ids=rest, split=Split.TRAIN)
    return project


def _bar(number: int) -> tuple[NDArray[np.uint8], Mask, NDArray[np.float64]]:
    """The picture (h, w, 3) RGB, the bar's pixels, and its red and its other end (2, 2)."""
    rng = np.random.default_rng([number, 7])
    rgb = rng.integers(10, 40, (SIDE, SIDE, 3), np.uint8)
    angle = rng.uniform(0, 2 * np.pi)
    reach = _LONG * np.array([np.cos(angle), np.sin(angle)])
    middle = rng.uniform(_LONG + _THICK, SIDE - _LONG - _THICK, 2)
    ends = np.stack([middle + reach, middle - reach])
    head, foot = ([round(float(v)) for v in end] for end in ends)
    patch = np.zeros((SIDE, SIDE), np.uint8)
    cv2.line(patch, head, foot, 1, _THICK)
    rgb[patch > 0] = (230, 220, 120)
    cv2.circle(rgb, head, _THICK // 2, (210, 30, 30), -1)
    mask = Mask.from_patch(patch)
    assert mask is not None  # a bar has pixels
    return rgb, mask, ends


def _shape(task: Task, shapes: Kind, mask: Mask, ends: NDArray[Any]) -> Shape:
    if shapes is Kind.KEYPOINTS:
        return Keypoints.of([(x, y, 2) for x, y in ends.tolist()], mask.box)
    return mask if task is Task.INSTANCE else mask.box


def _written(project: Project, file: Path, rgb: NDArray[np.uint8]) -> NewImage:
    data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    file.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return NewImage(
        uri=project.uri_of(file), width=SIDE, height=SIDE, sha256=digest, size=len(data)
    )  # fmt: skip
