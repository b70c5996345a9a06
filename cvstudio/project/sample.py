"""The generated sample project: painted images with exact ground truth, ready to train."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvstudio.core.annotation import Kind, Review, Shape, Split, Task
from cvstudio.core.convert import to_rotated
from cvstudio.core.errors import ConfigError, ProjectError
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask, outline_of
from cvstudio.core.opencv import cv2
from cvstudio.core.skeleton import Skeleton
from cvstudio.imaging.synthetic import (
    KINDS,
    TISSUES,
    PaintedObject,
    Painting,
    paint_cells,
    paint_tissue,
)
from cvstudio.project import commands, queries, skeleton_changes, splits
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

IMAGES = {Task.CLASSIFY: 150, Task.DETECT: 120, Task.SEGMENT: 60, Task.INSTANCE: 120}
"""How many images a sample has when nobody says otherwise."""

TITLES = {
    Task.DETECT: "Sample: cells",
    Task.INSTANCE: "Sample: cell outlines",
    Task.SEGMENT: "Sample: cell regions",
    Task.CLASSIFY: "Sample: tissues",
}
"""What a sample project is called, in the words of the page on which it is chosen."""

BONES = Skeleton(("mother", "bud"), ((0, 1),))
"""The skeleton of the sample with keypoints, in which budding cells alone are labelled."""

_FEWEST = 12
_BUDDING = KINDS.index("budding cell")
_UNREVIEWED, _UNLABELLED, _EMPTY = 5, 10, 13
"""Every fifth image waits for review, every tenth for labels, every thirteenth shows no object."""

Progress = Callable[[int, int], None]
"""Called with how many images of how many are done; it may raise to stop."""


@dataclass(frozen=True)
class _Painted:
    name: str
    painting: Painting
    annotations: tuple[tuple[int, Shape], ...]
    review: Review


def create_sample(
    path: Path | str,
    task: Task,
    *,
    images: int | None = None,
    seed: int = 0,
    shapes: Kind = Kind.BOX,
    progress: Progress | None = None,
) -> Project:
    """Make a sample project and return it open, with classes, annotations, splits and reviews.

    `shapes` is what a sample for detect is labelled with: boxes, rotated boxes or keypoints. The
    same task, number and seed give the same files and annotations. Raises ProjectError when the
    folder cannot be used, ConfigError when there would be too few images to train on, or for other
    shapes.
    """
    if shapes not in (Kind.BOX, Kind.ROTATED_BOX, Kind.KEYPOINTS):
        raise ConfigError(f"There is no sample with the shape “{shapes}”.")
    if shapes is not Kind.BOX and task is not Task.DETECT:
        raise ConfigError(f"A sample for {task} has shapes of its own.")
    count = IMAGES[task] if images is None else images
    if count < _FEWEST:
        raise ConfigError(f"A sample needs at least {_FEWEST} images.")
    names: tuple[str, ...] = TISSUES if task is Task.CLASSIFY else KINDS
    if shapes is Kind.KEYPOINTS:
        names = (KINDS[_BUDDING],)
    project = Project.create(path, task=task, name=TITLES[task], classes=names)
    try:
        _fill(project, count, seed, shapes, progress or (lambda done, total: None))
    except BaseException:
        project.close()
        raise
    return project


def _fill(project: Project, count: int, seed: int, shapes: Kind, progress: Progress) -> None:
    folder = project.images_directory
    folder.mkdir(parents=True, exist_ok=True)
    with project.read() as s:
        class_ids = [c.id for c in queries.classes(s)]
    rows: list[NewImage] = []
    painted: list[_Painted] = []
    for number in range(count):
        item = _paint(project.task, number, seed, class_ids, shapes)
        rows.append(_write(project, folder / f"{item.name}.png", item))
        painted.append(item)
        progress(number + 1, count)
    with project.transaction("Make the sample", undoable=False) as s:
        if shapes is Kind.KEYPOINTS:
            skeleton_changes.define(s, class_id=class_ids[0], skeleton=BONES)
        ids = list(commands.add_images(s, rows))
        for image_id, item in zip(ids, painted, strict=True):
            for class_id, shape in item.annotations:
                commands.add_annotation(s, image_id=image_id, class_id=class_id, shape=shape)
        for review in (Review.REVIEWED, Review.EMPTY):
            chosen = [i for i, item in zip(ids, painted, strict=True) if item.review is review]
            commands.set_review(s, image_ids=chosen, review=review)
        ready = [
            i for i, item in zip(ids, painted, strict=True) if item.review is not Review.UNLABELLED
        ]
        proposed = splits.propose(s, image_ids=ready, fractions=(0.7, 0.2, 0.1), seed=seed)
        for split in Split:
            members = [image_id for image_id, found in proposed.items() if found is split]
            commands.set_split(s, image_ids=members, split=split)


def _paint(task: Task, number: int, seed: int, class_ids: list[int], shapes: Kind) -> _Painted:
    # Spread the seeds, so that neighbouring samples do not share images.
    own = seed * 1_000_003 + number
    labelled = number % _UNLABELLED != _UNLABELLED - 1
    if task is Task.CLASSIFY:
        kind = number % len(TISSUES)
        painting = paint_tissue(own, kind)
        found: list[tuple[int, Shape]] = [(class_ids[kind], None)]
    else:
        empty = number % _EMPTY == _EMPTY - 1
        painting = paint_cells(own, count=0 if empty else None)
        posed = shapes is Kind.KEYPOINTS
        places = {_BUDDING: 0} if posed else {kind: kind for kind in range(len(KINDS))}
        found = [
            (class_ids[places[item.kind]], shape)
            for item in painting.objects
            if item.kind in places and (shape := _shape(task, item, shapes)) is not None
        ]
    if not labelled:
        return _Painted(f"slide_{number + 1:04d}", painting, (), Review.UNLABELLED)
    if not found:
        review = Review.EMPTY
    elif number % _UNREVIEWED == _UNREVIEWED - 2:
        review = Review.LABELLED
    else:
        review = Review.REVIEWED
    return _Painted(f"slide_{number + 1:04d}", painting, tuple(found), review)


def _shape(task: Task, item: PaintedObject, shapes: Kind) -> Shape:
    """The exact shape of an object; both kinds of outline occur, as in real projects."""
    mask = Mask.from_patch(item.mask)
    if mask is None:
        return None
    if shapes is Kind.ROTATED_BOX:
        return to_rotated(mask)
    if shapes is Kind.KEYPOINTS:
        height, width = item.mask.shape
        points = np.column_stack(
            [item.points, np.full(len(item.points), float(Visibility.VISIBLE))]
        )
        return Keypoints(points, mask.box).clipped(width, height)
    if task is Task.DETECT:
        return mask.box
    return mask if task is Task.SEGMENT or item.kind == _BUDDING else outline_of(mask)


def _write(project: Project, file: Path, item: _Painted) -> NewImage:
    rgb = item.painting.rgb
    done, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not done:
        raise ProjectError(f"{file.name} could not be encoded.")
    data = encoded.tobytes()
    try:
        file.write_bytes(data)
    except OSError as error:
        raise ProjectError(f"{file} cannot be written: {error.strerror}.") from error
    return NewImage(
        uri=project.uri_of(file),
        width=rgb.shape[1],
        height=rgb.shape[0],
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )
