"""What networks for objects learn from labels of any shape, and what they are held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from cvstudio.core.annotation import BOXES, COUNTING, Kind, Split, Task, kind_of
from cvstudio.core.convert import to_rotated
from cvstudio.core.forms import Answers, Form, plain_form
from cvstudio.core.geometry import Box, iou_matrix
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage

_CLAIMED = 0.8
"""Share of the box of an object's points that lies in a box or outline of the same object."""


def form_for(snapshot: Snapshot, answers: Answers) -> Form:
    """The form in which a network that answers so learns from a snapshot.

    A network for keypoints knows one skeleton: that of most objects in train. Of classes with
    another one it learns nothing; the skeleton is None where no object in train has points.
    """
    if answers is not Answers.KEYPOINTS:
        return Form(answers)
    found: Counter[tuple[str, ...]] = Counter()
    for image in snapshot.of(Split.TRAIN):
        for a in image.annotations:
            bones = snapshot.skeletons.get(a.class_id)
            if bones is not None and isinstance(a.shape, Keypoints):
                found[bones.names] += len(a.shape.points) == len(bones.names)
    best = most_common(found)
    if best is None:
        return Form(answers)
    alike = {id: bones for id, bones in snapshot.skeletons.items() if bones.names == best}
    return Form(answers, next(iter(alike.values())), frozenset(alike))


def most_common(counts: Mapping[tuple[str, ...], int]) -> tuple[str, ...] | None:
    """The names of the skeleton that most objects have; of equally many the first by name."""
    there = {names: count for names, count in counts.items() if count}
    return min(there, key=lambda names: (-there[names], names)) if there else None


def held_to(image: SnapshotImage, task: Task, form: Form | None = None) -> list[SnapshotAnnotation]:
    """The annotations that a detect or instance network is held to on an image; `form` is what it
    answers with, where that is not what all networks of the task do.

    A box among outlines says that there is an object, not which pixels: for instance it is a crowd
    in the sense of COCO, a region in which finds count neither as right nor as wrong. The same
    goes for a rotated box. Keypoints say nothing to either.
    """
    form = form or plain_form(task)
    if form.answers in (Answers.ROTATED, Answers.KEYPOINTS):
        return judged_by(image.annotations, form)
    if task is Task.INSTANCE:
        return [
            replace(a, crowd=True) if kind_of(a.shape) in BOXES else a
            for a in image.annotations
            if kind_of(a.shape) not in (Kind.IMAGE, Kind.KEYPOINTS)
        ]
    return [a for a in image.annotations if kind_of(a.shape) in COUNTING[task]]


def learned(
    annotations: Iterable[SnapshotAnnotation], form: Form
) -> tuple[SnapshotAnnotation, ...]:
    """What a network for rotated boxes or keypoints learns from: every shape as the one it answers
    with. An object whose points nobody has set has them all absent: it teaches where objects
    are."""
    if form.answers is Answers.ROTATED:
        return tuple(a for a in turned(annotations) if not a.crowd)
    posed, bare = figures(annotations, form)
    empty = np.zeros((form.points, 3))
    unposed = (replace(a, shape=Keypoints(empty, a.box)) for a in bare if not a.crowd)
    return (*posed, *unposed)


def judged_by(annotations: Iterable[SnapshotAnnotation], form: Form) -> list[SnapshotAnnotation]:
    """What such a network is held to. An object whose points nobody has set is a crowd in the sense
    of COCO: finding it counts neither as right nor as wrong."""
    if form.answers is Answers.ROTATED:
        return turned(annotations)
    posed, bare = figures(annotations, form)
    return [*posed, *(replace(a, crowd=True) for a in bare)]


def turned(annotations: Iterable[SnapshotAnnotation]) -> list[SnapshotAnnotation]:
    """The objects among annotations, each as a rotated box."""
    found = []
    for a in annotations:
        if a.shape is None or isinstance(a.shape, Keypoints) or a.box.area <= 0:
            continue
        box = to_rotated(a.shape)
        if box.area > 0:
            found.append(replace(a, shape=box))
    return found


def figures(
    annotations: Iterable[SnapshotAnnotation], form: Form
) -> tuple[list[SnapshotAnnotation], list[SnapshotAnnotation]]:
    """The objects with points of a form's skeleton, and those of its classes without.

    An outline or box of an object with points is left out, and frames the points where they have
    no frame of their own. It is the one that says so (COCO tells a person twice), else the one of
    its class around the points.
    """
    of_class = [a for a in annotations if a.class_id in form.class_ids]
    posed: list[SnapshotAnnotation] = []
    bare: list[SnapshotAnnotation] = []
    for a in of_class:
        if isinstance(a.shape, Keypoints):
            if len(a.shape.points) == form.points and a.box.area > 0:
                (posed if len(a.shape.placed()) and not a.crowd else bare).append(a)
        elif kind_of(a.shape) in COUNTING[Task.DETECT] and a.box.area > 0:
            bare.append(a)
    framed = []
    for a in posed:
        assert isinstance(a.shape, Keypoints)
        same = _same_object(a, bare)
        if same is not None:
            bare.remove(same)
            if a.shape.frame is None:
                frame = _around(a.box, same.box)
                a = replace(a, shape=Keypoints(a.shape.points, frame), box=frame)
        framed.append(a)
    return framed, bare


def _same_object(
    posed: SnapshotAnnotation, others: Sequence[SnapshotAnnotation]
) -> SnapshotAnnotation | None:
    """The one of others that says so, else the one around the object that fits best."""
    told = next((other for other in others if other.id == posed.same), None)
    if told is not None:
        return told
    box = posed.box
    found, best = None, 0.0
    for other in others:
        if other.class_id != posed.class_id or isinstance(other.shape, Keypoints):
            continue
        own, rest = (np.array([[b.x, b.y, b.w, b.h]], np.float64) for b in (box, other.box))
        alike = float(iou_matrix(own, rest)[0, 0])
        shared = alike * (box.area + other.box.area) / (1 + alike)
        if shared >= _CLAIMED * box.area and alike > best:
            found, best = other, alike
    return found


def _around(one: Box, other: Box) -> Box:
    return Box.from_corners(
        min(one.x, other.x), min(one.y, other.y),
        max(one.right, other.right), max(one.bottom, other.bottom),
    )  # fmt: skip
