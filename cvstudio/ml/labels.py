"""From a snapshot's annotations to what a network learns from: which count, and as which arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Kind, Review, Split, Task, kind_of, trains
from cvstudio.core.errors import ConfigError
from cvstudio.core.metrics import label_map
from cvstudio.core.metrics.pixels import IGNORED
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.ml.failures import JobFailure

IGNORE = 255
"""The label of pixels that teach nothing and are not judged: padding, crowds, outside."""
_MOST_CLASSES = 250


@dataclass(frozen=True)
class Usable:
    """A split's images with the annotations that train, and what was left out, in words."""

    images: tuple[SnapshotImage, ...]
    annotations: tuple[tuple[SnapshotAnnotation, ...], ...]
    notes: tuple[str, ...] = ()


def usable(snapshot: Snapshot, split: Split) -> Usable:
    """The images and annotations of a split that a network of the snapshot's task can learn from.

    Raises JobFailure when there are none.
    """
    task = snapshot.task
    images, annotations, no_class, boxes = [], [], 0, 0
    for image in snapshot.of(split):
        if image.review is Review.UNLABELLED:
            continue
        counting = tuple(a for a in image.annotations if trains(a, task))
        boxes += sum(task in (Task.INSTANCE, Task.SEGMENT) and kind_of(a.shape) is Kind.BOX
                     for a in image.annotations)  # fmt: skip
        if task is Task.CLASSIFY and not counting:
            no_class += 1
            continue
        images.append(image)
        annotations.append(counting)
    notes = []
    if no_class:
        notes.append(f"{_images(no_class)} of {split} without a class left out.")
    if boxes:
        many = "1 box" if boxes == 1 else f"{boxes} boxes"
        notes.append(f"{many} of {split} left out: {task} learns from polygons and masks.")
    if not images:
        raise JobFailure(
            "no data", f"There are no labelled images in {split}.",
            hint="Label images, and give some to each split on the Data page.",
        )  # fmt: skip
    if split is Split.TRAIN and not any(annotations):
        raise JobFailure(
            "no data", f"None of the {_images(len(images))} in train has an annotation.",
            hint="Label objects, then train.",
        )  # fmt: skip
    if task is Task.SEGMENT and len(snapshot.classes) > _MOST_CLASSES:
        raise ConfigError(f"Segment works with up to {_MOST_CLASSES} classes.")
    return Usable(tuple(images), tuple(annotations), tuple(notes))


def class_of(annotations: Sequence[SnapshotAnnotation], index: dict[int, int]) -> int:
    """The class of an image for classify: its first one, as the network's output."""
    return index[annotations[0].class_id]


def target_map(image: SnapshotImage, class_ids: Sequence[int]) -> NDArray[np.uint8]:
    """The (height, width) label map of an image: 0 background, class + 1, IGNORE for crowds."""
    painted = label_map(
        image.annotations, height=image.height, width=image.width, class_ids=class_ids
    )
    return np.where(painted == IGNORED, IGNORE, painted).astype(np.uint8)


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
