"""From a snapshot's annotations to what a network learns from: which count, and as which arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import BOXES, Review, Split, Task, kind_of, trains
from cvstudio.core.errors import ConfigError
from cvstudio.core.forms import Answers, Form
from cvstudio.core.held import learned
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.metrics import label_map
from cvstudio.core.metrics.pixels import IGNORED
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.core.words import counted
from cvstudio.ml.failures import JobFailure

Present = NDArray[np.float32]
"""Which classes an image has: (k,), 0 or 1."""
IGNORE = 255
"""The label of pixels that teach nothing and are not judged: padding, crowds, outside."""
_MOST_CLASSES = 250


@dataclass(frozen=True)
class Usable:
    """A split's images with the annotations that train, and what was left out, in words."""

    images: tuple[SnapshotImage, ...]
    annotations: tuple[tuple[SnapshotAnnotation, ...], ...]
    notes: tuple[str, ...] = ()


def usable(
    snapshot: Snapshot, split: Split, *, several: bool = False, form: Form | None = None
) -> Usable:
    """The images and annotations of a split that a network of the snapshot's task can learn from.

    With `several` images to be classified may have any number of classes, none when a person has
    said so. `form` is what a network for objects answers with. Raises JobFailure when there are
    none, and without `several` when one has more than one.
    """
    task = snapshot.task
    if form is not None and form.answers in (Answers.ROTATED, Answers.KEYPOINTS):
        return _usable_in_form(snapshot, split, form)
    if not several:
        _refuse_several_classes(snapshot, split)
    images, annotations, no_class, boxed = [], [], 0, 0
    for image in snapshot.of(split):
        if image.review is Review.UNLABELLED:
            continue
        counting = tuple(a for a in image.annotations if trains(a, task))
        has_boxes = any(kind_of(a.shape) in BOXES and a.box.area > 0 for a in image.annotations)
        if task in (Task.INSTANCE, Task.SEGMENT):
            boxed += has_boxes
        if task is Task.CLASSIFY and not counting and not several:
            no_class += 1
            continue
        if task is Task.INSTANCE and has_boxes:
            # Objects whose pixels nobody knows would be learned as background.
            continue
        images.append(image)
        annotations.append(counting)
    notes = []
    if no_class:
        notes.append(f"{counted(no_class, 'image')} of {split} without a class left out.")
    if boxed:
        notes.append(_boxes_note(boxed, split, task))
    if not images:
        raise JobFailure(
            "no data",
            f"There are no images with outlines only in {split}."
            if boxed else f"There are no labelled images in {split}.",
            hint="Outline what has boxes: this task learns from polygons and masks."
            if boxed else "Label images, and give some to each split on the Data page.",
        )  # fmt: skip
    if split is Split.TRAIN and not any(annotations):
        raise JobFailure(
            "no data", f"None of the {counted(len(images), 'image')} in train has an annotation.",
            hint="Label objects, then train.",
        )  # fmt: skip
    if task is Task.SEGMENT and len(snapshot.classes) > _MOST_CLASSES:
        raise ConfigError(f"Segment works with up to {_MOST_CLASSES} classes.")
    return Usable(tuple(images), tuple(annotations), tuple(notes))


def _usable_in_form(snapshot: Snapshot, split: Split, form: Form) -> Usable:
    """The same for rotated boxes and keypoints: every shape as the one that the network answers
    with."""
    if form.answers is Answers.KEYPOINTS and form.skeleton is None:
        raise JobFailure(
            "no data", "No object in train has keypoints of a skeleton.",
            hint="Give a class a skeleton on the Data page, and set points on the Label page.",
        )  # fmt: skip
    images = tuple(i for i in snapshot.of(split) if i.review is not Review.UNLABELLED)
    if not images:
        raise JobFailure(
            "no data", f"There are no labelled images in {split}.",
            hint="Label images, and give some to each split on the Data page.",
        )  # fmt: skip
    annotations = tuple(learned(image.annotations, form) for image in images)
    if split is Split.TRAIN and not any(annotations):
        raise JobFailure(
            "no data", f"None of the {counted(len(images), 'image')} in train has an object"
            f" that a network for {form.answers} learns from.",
            hint="Label objects, then train.",
        )  # fmt: skip
    return Usable(images, annotations, _form_notes(images, annotations, split, form))


def _form_notes(
    images: Sequence[SnapshotImage],
    annotations: Sequence[Sequence[SnapshotAnnotation]],
    split: Split,
    form: Form,
) -> tuple[str, ...]:
    """What of a split teaches less than it could, or nothing."""
    if form.answers is not Answers.KEYPOINTS:
        return ()
    notes = []
    shapes = [a.shape for own in annotations for a in own]
    bare = sum(isinstance(s, Keypoints) and not len(s.placed()) for s in shapes)
    if bare:
        many = counted(bare, "object")
        notes.append(f"{many} of {split} without points: they teach where objects are.")
    other = sum(
        isinstance(a.shape, Keypoints)
        and not (a.class_id in form.class_ids and len(a.shape.points) == form.points)
        for image in images for a in image.annotations
    )  # fmt: skip
    if other:
        notes.append(f"{counted(other, 'object')} of {split} with another skeleton left out.")
    return tuple(notes)


def _refuse_several_classes(snapshot: Snapshot, split: Split) -> None:
    if snapshot.task is not Task.CLASSIFY:
        return
    found = sum(
        sum(trains(a, Task.CLASSIFY) for a in image.annotations) > 1
        for image in snapshot.of(split)
    )  # fmt: skip
    if found:
        many = counted(found, "image")
        raise JobFailure(
            "no data", f"{many} of {split} with several classes.",
            hint="Set loss to binary and turn “Several classes an image” on; or let each image have"
            " one class on the Label page.",
        )  # fmt: skip


def _boxes_note(images: int, split: Split, task: Task) -> str:
    what = f"{counted(images, 'image')} of {split}"
    if task is Task.INSTANCE:
        return f"{what} with boxes left out: instance learns from polygons and masks."
    verb = "has" if images == 1 else "have"
    return f"{what} {verb} boxes: what is inside a box and has no outline teaches nothing."


def class_of(annotations: Sequence[SnapshotAnnotation], index: dict[int, int]) -> int:
    """The one class of an image for classify, as the network's output."""
    (only,) = annotations
    return index[only.class_id]


def classes_of(annotations: Sequence[SnapshotAnnotation], index: dict[int, int]) -> Present:
    """All classes of an image for classify: (k,) float32, 1 for those that it has."""
    present = np.zeros(len(index), np.float32)
    present[[index[a.class_id] for a in annotations]] = 1
    return present


def target_map(
    image: SnapshotImage, class_ids: Sequence[int], at: tuple[int, int, int, int] | None = None
) -> NDArray[np.uint8]:
    """The (height, width) label map of an image, or of its part `at` (left, top, right, bottom):
    0 background, class + 1, IGNORE for crowds and boxes."""
    left, top, right, bottom = at or (0, 0, image.width, image.height)
    painted = label_map(
        image.annotations, height=bottom - top, width=right - left, class_ids=class_ids,
        left=left, top=top,
    )  # fmt: skip
    return np.where(painted == IGNORED, IGNORE, painted).astype(np.uint8)
