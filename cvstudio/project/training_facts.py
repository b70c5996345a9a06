"""What a project has that a run would train on, read at once; the checks before it stand on it."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import BOXES, COUNTING, Kind, Review, Split, State, Task
from cvstudio.imaging.display import Window
from cvstudio.project import image_classes, queries
from cvstudio.project.project import Project
from cvstudio.project.tables import AnnotationRow, ImageRow

TINY = 8.0
"""Sides in px, at the network's size, below which objects are hard to find."""


@dataclass(frozen=True)
class Facts:
    """What the checks need to know of a project; images are those that would be trained on."""

    task: Task
    classes: Mapping[int, str]
    images: Mapping[Split, int]
    unlabelled: tuple[int, ...]
    without_split: tuple[int, ...]
    unreadable: tuple[int, ...]
    in_two_splits: tuple[int, ...]
    no_area: tuple[int, ...]
    """Image ids, one per box without area."""
    boxes_left_out: tuple[int, ...]
    """Images with boxes where masks or polygons are needed."""
    deep: Mapping[tuple[int, Window | None], tuple[int, ...]]
    """Images of more than 8 bits, by their depth and the window that they are seen through."""
    counts: Mapping[Split, Mapping[int, int]]
    """Annotations that train, by split and class."""
    sides: NDArray[np.float64]
    """Per box: its smaller side as a share of its image's larger side; and the image's id."""
    free_disk: int
    empty: tuple[int, ...] = ()
    """Images among those that were looked at and have nothing to find."""
    divided: Mapping[int, Split] = field(default_factory=dict)
    """The images, by id."""
    near: tuple[tuple[int, int], ...] | None = None
    """Pairs of an image in train and one of val or test that looks like it (leakage.py); None while
    that is not known."""
    several_classes: tuple[int, ...] = ()
    """Images that have more than one class, where whole images are classified."""
    allows_several: bool = False
    """Whether images of the project may have several classes."""

    def tiny(self, image_size: int) -> NDArray[np.int64]:
        """The image of each object that is smaller than TINY at a training size."""
        small = self.sides[:, 0] * image_size < TINY
        return np.asarray(self.sides[small, 1], np.int64)


def gather(session: Session, project: Project) -> Facts:
    """Read the facts of a project; with many annotations it takes a moment."""
    columns = (ImageRow.id, ImageRow.review, ImageRow.split, ImageRow.sha256, ImageRow.problem)
    images = session.execute(select(*columns)).all()
    usable = {
        i.id: Split(i.split)
        for i in images
        if i.split and i.review != Review.UNLABELLED and not i.problem
    }
    places: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if image.id in usable and image.sha256:
            places[image.sha256].add(image.split or "")
    twice = {digest for digest, splits in places.items() if len(splits) > 1}
    boxed = _boxed(session, usable) if project.task in (Task.INSTANCE, Task.SEGMENT) else ()
    if project.task is Task.INSTANCE:
        for image_id in boxed:
            del usable[image_id]
    marks = _marks(session, project.task, usable)
    return Facts(
        task=project.task,
        classes={c.id: c.name for c in queries.classes(session)},
        images=Counter(usable.values()),
        unlabelled=tuple(i.id for i in images if i.review == Review.UNLABELLED),
        without_split=tuple(i.id for i in images if not i.split and i.review != Review.UNLABELLED),
        unreadable=tuple(i.id for i in images if i.problem),
        in_two_splits=tuple(i.id for i in images if i.sha256 in twice and i.id in usable),
        no_area=marks.no_area,
        boxes_left_out=boxed,
        deep=_deep(session, usable),
        counts=marks.counts,
        sides=marks.sides,
        empty=tuple(i.id for i in images if i.id in usable and i.review == Review.EMPTY),
        divided=usable,
        free_disk=shutil.disk_usage(project.path).free,
        several_classes=tuple(image_classes.with_several(session, usable))
        if project.task is Task.CLASSIFY else (),
        allows_several=image_classes.several(session),
    )  # fmt: skip


@dataclass(frozen=True)
class _Marks:
    no_area: tuple[int, ...]
    counts: dict[Split, Counter[int]]
    sides: NDArray[np.float64]


def _deep(
    session: Session, usable: Mapping[int, Split]
) -> dict[tuple[int, Window | None], tuple[int, ...]]:
    """The usable images of more than 8 bits, by depth and window."""
    row = ImageRow
    query = select(row.id, row.bit_depth, row.window_low, row.window_high).where(row.bit_depth > 8)
    found: dict[tuple[int, Window | None], list[int]] = defaultdict(list)
    for id, depth, low, high in session.execute(query):
        if id in usable:
            found[depth, None if low is None or high is None else (low, high)].append(id)
    return {key: tuple(ids) for key, ids in found.items()}


def _boxed(session: Session, usable: Mapping[int, Split]) -> tuple[int, ...]:
    """The usable images that have a box."""
    query = (
        select(AnnotationRow.image_id)
        .where(
            AnnotationRow.state == State.ACCEPTED.value,
            AnnotationRow.kind.in_([kind.value for kind in BOXES]),
        )
        .where(AnnotationRow.w > 0, AnnotationRow.h > 0)
        .distinct()
    )
    return tuple(sorted(id for id in session.scalars(query) if id in usable))


def _marks(session: Session, task: Task, usable: Mapping[int, Split]) -> _Marks:
    """The annotations of the usable images, sorted by what training does with them."""
    row = AnnotationRow
    query = (
        select(row.image_id, row.class_id, row.kind, row.w, row.h, ImageRow.width, ImageRow.height)
        .join(ImageRow, ImageRow.id == row.image_id)
        .where(row.state == State.ACCEPTED.value)
    )
    no_area, sides = [], []
    counts: dict[Split, Counter[int]] = {split: Counter() for split in Split}
    for image_id, class_id, kind, w, h, width, height in session.execute(query):
        if image_id not in usable or (kind == Kind.IMAGE) is not (task is Task.CLASSIFY):
            continue
        if kind != Kind.IMAGE and (w <= 0 or h <= 0):
            no_area.append(image_id)
        elif kind in COUNTING[task]:
            counts[usable[image_id]][class_id] += 1
            if kind != Kind.IMAGE:
                sides.append((min(w, h) / max(width, height, 1), image_id))
    array = np.array(sides, np.float64).reshape(-1, 2)
    return _Marks(tuple(no_area), counts, array)
