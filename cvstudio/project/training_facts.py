"""What a project has that a run would train on, read at once; the checks before it stand on it."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import BOXES, COUNTING, Kind, Review, Split, State, Task
from cvstudio.core.pieces import crops, in_windows, judged_squares, windows
from cvstudio.core.recipe import Fit, TrainConfig
from cvstudio.core.skeleton import Skeleton
from cvstudio.imaging.decode import value_channels
from cvstudio.imaging.display import Window
from cvstudio.project import image_classes, queries, skeletons
from cvstudio.project.learned import Earlier
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
    not_compared: int = 0
    """Images that `near` does not tell of: nobody has looked at them yet, which takes a while."""
    earlier: Mapping[Path, Earlier | None] = field(default_factory=dict)
    """What the runs of checkpoints learned from of these images (learned.py), as far as they have
    been looked up."""
    several_classes: tuple[int, ...] = ()
    """Images that have more than one class, where whole images are classified."""
    channels: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """The images by how many channels a network gets that sees all of them."""
    allows_several: bool = False
    """Whether images of the project may have several classes."""
    kinds: Mapping[Split, Mapping[tuple[int, Kind], int]] = field(default_factory=dict)
    """Objects of any area, whether the task learns from them or not, by class and kind."""
    sizes: Mapping[Split, Mapping[tuple[int, int], int]] = field(default_factory=dict)
    """How many of the images have which width and height."""
    skeletons: Mapping[int, Skeleton] = field(default_factory=dict)
    """The skeleton of each class that has one."""

    def items(self, config: TrainConfig) -> tuple[float, float]:
        """What an epoch learns from and is judged on, counted in squares of the network's size:
        with crops an image is several."""
        train, val = (self.images.get(split, 0) for split in (Split.TRAIN, Split.VAL))
        if config.fit is not Fit.CROP:
            return train, val
        judged = _windows if in_windows(self.task, config.fit) else judged_squares
        return (
            train * self._mean(Split.TRAIN, crops, config.image_size),
            val * self._mean(Split.VAL, judged, config.image_size),
        )

    def _mean(self, split: Split, pieces: Callable[[int, int, int], float], size: int) -> float:
        sizes = self.sizes.get(split, {})
        count = sum(sizes.values())
        return sum(n * pieces(w, h, size) for (w, h), n in sizes.items()) / count if count else 1.0

    def tiny(self, image_size: int) -> NDArray[np.int64]:
        """The image of each object that is smaller than TINY at a training size."""
        small = self.sides[:, 0] * image_size < TINY
        return np.asarray(self.sides[small, 1], np.int64)


def _windows(width: int, height: int, size: int) -> int:
    return len(windows(width, height, size))


def gather(session: Session, project: Project) -> Facts:
    """Read the facts of a project; with many annotations it takes a moment."""
    row = ImageRow
    columns = (
        row.id, row.review, row.split, row.sha256, row.problem, row.width, row.height
    )  # fmt: skip
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
    sizes: dict[Split, Counter[tuple[int, int]]] = {split: Counter() for split in Split}
    for image in images:
        if image.id in usable:
            sizes[usable[image.id]][image.width, image.height] += 1
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
        channels=_channels(session, project, usable),
        kinds=marks.kinds,
        sizes=sizes,
        skeletons=skeletons.skeletons(session),
    )  # fmt: skip


@dataclass(frozen=True)
class _Marks:
    no_area: tuple[int, ...]
    counts: dict[Split, Counter[int]]
    sides: NDArray[np.float64]
    kinds: dict[Split, Counter[tuple[int, Kind]]]


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


def _channels(
    session: Session, project: Project, usable: Mapping[int, Split]
) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = defaultdict(list)
    for id, uri, channels in session.execute(select(ImageRow.id, ImageRow.uri, ImageRow.channels)):
        if id in usable:
            found[value_channels(project.image_path(uri), channels)].append(id)
    return {count: tuple(ids) for count, ids in sorted(found.items())}


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
    kinds: dict[Split, Counter[tuple[int, Kind]]] = {split: Counter() for split in Split}
    for image_id, class_id, kind, w, h, width, height in session.execute(query):
        if image_id not in usable or (kind == Kind.IMAGE) is not (task is Task.CLASSIFY):
            continue
        if kind != Kind.IMAGE and (w <= 0 or h <= 0):
            no_area.append(image_id)
            continue
        kinds[usable[image_id]][class_id, Kind(kind)] += 1
        if kind in COUNTING[task]:
            counts[usable[image_id]][class_id] += 1
            if kind != Kind.IMAGE:
                sides.append((min(w, h) / max(width, height, 1), image_id))
    array = np.array(sides, np.float64).reshape(-1, 2)
    return _Marks(tuple(no_area), counts, array, kinds)
