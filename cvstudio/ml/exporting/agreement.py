"""How far two networks give the same answers to the same images, whatever the labels say.

For files of fewer bits: where a metric is too low, or of too few images, to tell what they lose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cvstudio.core.annotation import Task
from cvstudio.core.forms import BOXES, Form
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import (
    ImageObjects,
    iou_per_class,
    match_objects,
    pixel_confusion,
    region_map,
)
from cvstudio.core.opencv import cv2, resized
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.load import LoadedNetwork

SAME_PLACE = 0.5
"""The overlap of boxes, rotated boxes or masks, or the likeness of keypoints (OKS), from which two
objects of one class are one."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a file gives a run's answers.

    `share` and `anyway` are from 0 to 1, `anyway` is the share that the run's own answers to other
    images have: what an image does not change proves nothing. One answer is an image (classify), a
    class found on an image (several classes, segment) or an object that counts.
    """

    share: float
    anyway: float
    answers: int
    images: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with the fields as keys."""
        return asdict(self)


def agreement(
    network: LoadedNetwork,
    images: Sequence[SnapshotImage],
    ours: Sequence[Prediction],
    theirs: Sequence[Prediction],
    counts: Thresholds,
) -> Agreement:
    """How far `theirs` are `ours`, by the scores in `counts`; images that either has no answer for
    are left out.

    classify: the share of images with the same likeliest class; with several classes an image, and
    for objects of one class at one place, what both find beside the mean of what each finds (Dice);
    segment: the overlap of all regions of a class with its own, as the mean of the classes (mIoU).
    """
    sizes = {image.id: (image.height, image.width) for image in images}
    answered = {each.image_id: each for each in theirs}
    pairs = [(one, answered[one.image_id]) for one in ours if one.image_id in answered]
    mine = [one for one, _ in pairs]
    share = _share(network, network.form, sizes, pairs, counts)
    others = list(zip(mine, _others(mine), strict=True))
    anyway = _share(network, BOXES, sizes, others, counts)
    return Agreement(share, anyway, _answers(network, mine, counts), len(pairs))


Pairs = Sequence[tuple[Prediction, Prediction]]
Sizes = Mapping[int, tuple[int, int]]


def _share(
    network: LoadedNetwork, form: Form, sizes: Sizes, pairs: Pairs, counts: Thresholds
) -> float:
    if not pairs:
        return 0.0
    match network.task:
        case Task.CLASSIFY if network.several:
            floors = counts.floors(network.class_ids)
            return _dice((_tags(a, floors), _tags(b, floors)) for a, b in pairs)
        case Task.CLASSIFY:
            return sum(_likeliest(a) == _likeliest(b) for a, b in pairs) / len(pairs)
        case Task.SEGMENT:
            return _overlap(network.class_ids, sizes, pairs)
        case Task.DETECT | Task.INSTANCE:
            return _same_objects(form, sizes, pairs, counts)


def _answers(network: LoadedNetwork, ours: Sequence[Prediction], counts: Thresholds) -> int:
    match network.task:
        case Task.CLASSIFY if network.several:
            floors = counts.floors(network.class_ids)
            return sum(len(_tags(one, floors)) for one in ours)
        case Task.CLASSIFY:
            return len(ours)
        case Task.SEGMENT:
            return sum(len(one.regions or {}) for one in ours)
        case Task.DETECT | Task.INSTANCE:
            return sum(len(_counting(one, counts)) for one in ours)


def _likeliest(answer: Prediction) -> int | None:
    scores = answer.scores or {}
    return max(scores, key=lambda key: scores[key], default=None)


def _tags(answer: Prediction, floors: Mapping[int, float]) -> set[int]:
    return {key for key, score in (answer.scores or {}).items() if score >= floors[key]}


def _dice(pairs: Iterable[tuple[set[int], set[int]]]) -> float:
    both = total = 0
    for one, other in pairs:
        both, total = both + len(one & other), total + len(one) + len(other)
    return 2 * both / total if total else 0.0


def _overlap(class_ids: Sequence[int], sizes: Sizes, pairs: Pairs) -> float:
    """The mIoU of two series of maps, of the classes and the background where either occurs."""
    confusion = np.zeros((len(class_ids) + 1,) * 2, np.int64)
    for pair in pairs:
        ours, theirs = (
            region_map(p.regions or {}, height=height, width=width, class_ids=class_ids)
            for p, (height, width) in ((p, sizes[p.image_id]) for p in pair)
        )
        if ours.shape != theirs.shape:
            theirs = resized(theirs, ours.shape[1], ours.shape[0], cv2.INTER_NEAREST)
        confusion += pixel_confusion(ours, theirs, classes=len(class_ids))
    return float(np.nanmean(iou_per_class(confusion)))


def _counting(answer: Prediction, counts: Thresholds) -> list[Found]:
    floors = counts.floors({found.class_id for found in answer.objects})
    return [found for found in answer.objects if found.score >= floors[found.class_id]]


def _same_objects(form: Form, sizes: Sizes, pairs: Pairs, counts: Thresholds) -> float:
    rows = []
    for one, other in pairs:
        kept = [
            SnapshotAnnotation(place, found.class_id, found.shape, found.box)
            for place, found in enumerate(_counting(one, counts))
        ]
        found = _counting(other, counts)
        if one.image_id != other.image_id:
            found = _at_scale(found, sizes[other.image_id], sizes[one.image_id])
        rows.append(ImageObjects(one.image_id, kept, found))
    judged = match_objects(rows, form=form).at(score=0.0, iou=SAME_PLACE)
    total = judged.labelled + judged.predicted
    return 2 * judged.correct / total if total else 0.0


# -- what answers to other images share with them


def _others(answers: Sequence[Prediction]) -> list[Prediction]:
    """For each answer that to another image, every one of them once."""
    order = np.random.default_rng(0).permutation(len(answers)).tolist()
    after = dict(zip(order, [*order[1:], *order[:1]], strict=True))
    return [answers[after[place]] for place in range(len(answers))]


def _at_scale(found: Sequence[Found], size: tuple[int, int], other: tuple[int, int]) -> list[Found]:
    """The boxes of objects of an image of one size (height, width) in an image of another."""
    y, x = other[0] / size[0], other[1] / size[1]
    return [
        Found(f.class_id, f.score, Box(f.box.x * x, f.box.y * y, f.box.w * x, f.box.h * y))
        for f in found
    ]
