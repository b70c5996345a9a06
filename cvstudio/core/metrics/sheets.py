"""All figures of a split with their 95 % intervals, of the whole and of each class.

Every sheet is made from draws of the images (`resampling.with_whole`): the first is the split as it
is and gives the figures, the others give the ranges. ml/judge.py writes them into report.json; the
window makes them again at the threshold that is chosen there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.averages import AveragesDrawn, averages_drawn
from cvstudio.core.metrics.boundaries import boundary_f1
from cvstudio.core.metrics.calibration import Reliability, reliability
from cvstudio.core.metrics.classes import ClassifiedImage
from cvstudio.core.metrics.objects import ObjectMatches
from cvstudio.core.metrics.pixels import PixelMatches, dice_per_class, iou_per_class
from cvstudio.core.metrics.ranks import among_first, auroc_drawn
from cvstudio.core.metrics.resampling import Draws, Floats, Measured, mean_known, share
from cvstudio.core.metrics.several import SeveralMatches
from cvstudio.core.metrics.sure_answers import (
    SURE_ENOUGH,
    PixelAnswers,
    object_answers,
)
from cvstudio.core.metrics.tide import Gain, gains

FIRST = (2, 3, 5)
"""Among how many first answers the right one is looked for, where there are more classes."""


@dataclass(frozen=True, eq=False, slots=True)
class Sheet:
    """Figures by name, in the order in which they are told; those of each class by its id.

    `images` is how many were judged. `reliability` is None where answers have no sureness, and
    `gains` is empty where no objects are looked for.
    """

    figures: dict[str, Measured]
    classes: dict[int, dict[str, Measured]]
    images: int
    reliability: Reliability | None = None
    gains: tuple[Gain, ...] = field(default=())

    @property
    def never_found(self) -> tuple[int, ...]:
        """The classes of objects that are labelled and never found at overlap 0.5, at any score.

        TIDE leaves missed annotations away instead of finding them, so these add nothing to the
        gain of what is missed, however many they are.
        """
        return tuple(
            class_id for class_id, known in self.classes.items()
            if self.gains and _ap50(known) == 0
        )  # fmt: skip

    @property
    def gain_of_never_found(self) -> float:
        """What mAP50 would rise by at most if the classes that are never found were found."""
        averaged = sum(not math.isnan(_ap50(known)) for known in self.classes.values())
        return len(self.never_found) / averaged if averaged else 0.0


def _ap50(known: Mapping[str, Measured]) -> float:
    """Not a number where nothing of the class is labelled, or no objects are looked for."""
    return known["AP50"].value if "AP50" in known else math.nan


@dataclass(frozen=True, eq=False, slots=True)
class ScoreFree:
    """What of objects depends on no score: computed once and kept while a score is dragged."""

    averages: AveragesDrawn
    gains: tuple[Gain, ...]


def score_free(
    matches: ObjectMatches, drawn: Draws, *, sizes: bool = True, class_ids: Sequence[int] = ()
) -> ScoreFree:
    """Average precisions and gains; without `sizes` those of small, medium and large are left
    away. `class_ids` are the classes over which means are taken (none: all that occur)."""
    averages = averages_drawn(matches, drawn, sizes=sizes, class_ids=tuple(class_ids))
    return ScoreFree(averages, gains(matches, drawn))


def object_sheet(
    matches: ObjectMatches,
    drawn: Draws,
    *,
    score: float,
    iou: float = 0.5,
    own: Mapping[int, float | None] = MappingProxyType({}),
    free: ScoreFree | None = None,
    sure_enough: float = SURE_ENOUGH,
) -> Sheet:
    """Detect and instance: precision, recall and F1 at a score and an overlap; average precisions,
    reliability and gains whatever the score. `free` are those that depend on no score, where they
    are known of the same draws; `sure_enough` is SURE_ENOUGH as scores are read."""
    free = free or score_free(matches, drawn)
    averages = free.averages
    judged = matches.at(score=score, iou=iou, own=own)
    counts = judged.class_image_counts().astype(np.float64)
    per_class = np.tensordot(drawn.astype(np.float64), counts, axes=1)
    figures = {
        name: Measured.of_average(rows, averages.images(name))
        for name, rows in averages.figures.items()
    }
    on = (counts > 0).any(axis=2).sum(axis=0)
    figures |= _ratios(per_class.sum(axis=1), drawn.shape[1])
    classes = {
        class_id: _ratios(per_class[:, place], float(on[place]))
        | {
            name: Measured.of_average(rows, averages.images(name, class_id))
            for name, rows in averages.classes.get(class_id, {}).items()
        }
        for place, class_id in enumerate(matches.class_ids)
    }
    sure = object_answers(matches, iou, sure_enough)
    diagram = reliability(sure.sureness, sure.right, sure.image, drawn)
    return Sheet(figures, classes, drawn.shape[1], diagram, free.gains)


def image_sheet(images: Sequence[ClassifiedImage], class_ids: Sequence[int], drawn: Draws) -> Sheet:
    """Classify with one class an image; `drawn` is over these images."""
    places = {class_id: place for place, class_id in enumerate(class_ids)}
    labelled = np.array([places[i.labelled] for i in images], np.int64)
    scores = np.array(
        [[i.scores.get(c, 0.0) for c in class_ids] for i in images], np.float64
    ).reshape(-1, len(class_ids))
    said = np.array([places[i.predicted] for i in images], np.int64)
    right = said == labelled
    size, weights = len(class_ids), drawn.astype(np.float64)
    rows = np.eye(size)
    true = weights @ (rows[labelled] * right[:, None])
    counts = np.stack([weights @ rows[labelled], weights @ rows[said], true], axis=-1)
    total, correct = weights.sum(axis=1), true.sum(axis=1)
    accuracy = share(correct, total)
    by_chance = share((counts[..., 0] * counts[..., 1]).sum(axis=1), total**2)
    f1 = _f1(counts)
    auroc = np.stack(
        [auroc_drawn(scores[:, c], labelled == c, drawn) for c in range(size)], axis=-1
    )
    figures = {
        "accuracy": accuracy,
        "balanced accuracy": mean_known(share(true, counts[..., 0])),
        "macro F1": mean_known(f1),
        "weighted F1": share((np.nan_to_num(f1) * counts[..., 0]).sum(axis=1), total),
        "AUROC": mean_known(auroc),
        "Cohen's kappa": _kappa(accuracy, by_chance),
    }
    for first in FIRST:
        if first < size:
            hit = among_first(scores, labelled, first)
            figures[f"top-{first} accuracy"] = share(weights @ hit, total)
    diagram = reliability(scores.max(axis=1, initial=0.0), right, np.arange(len(images)), drawn)
    named = {name: Measured.of(values, len(images)) for name, values in figures.items()}
    own = counts[0, :, 0]
    classes = {
        class_id: _ratios(counts[:, place], len(images))
        | {"AUROC": Measured.of(auroc[:, place], min(own[place], len(images) - own[place]))}
        for place, class_id in enumerate(class_ids)
    }
    return Sheet(named, classes, len(images), diagram)


def several_sheet(
    matches: SeveralMatches,
    drawn: Draws,
    *,
    score: float,
    own: Mapping[int, float | None] = MappingProxyType({}),
) -> Sheet:
    """Classify with several classes an image; `drawn` is over these images."""
    report = matches.at(score, own)
    weights = drawn.astype(np.float64)
    counts = np.stack(
        [
            weights @ matches.labelled,
            weights @ report.found,
            weights @ (matches.labelled & report.found),
        ],
        axis=-1,
    )
    averages = matches.drawn_by_class(drawn)
    auroc = np.stack(
        [
            auroc_drawn(matches.scores[:, place], matches.labelled[:, place], drawn)
            for place in range(len(matches.class_ids))
        ],
        axis=-1,
    )
    f1, total = _f1(counts), counts.sum(axis=1)
    exact = (matches.labelled == report.found).all(axis=1)
    images = len(matches.image_ids)
    flat = np.repeat(np.arange(images), len(matches.class_ids))
    diagram = reliability(matches.scores.ravel(), matches.labelled.ravel(), flat, drawn)
    figures = {
        "mAP": mean_known(averages),
        "macro F1": mean_known(f1),
        "micro F1": _f1(total),
        "weighted F1": share(
            (np.nan_to_num(f1) * counts[..., 0]).sum(axis=1), counts[..., 0].sum(axis=1)
        ),
        "exact match": share(weights @ exact, weights.sum(axis=1)),
        "AUROC": mean_known(auroc),
    }
    named = {name: Measured.of(values, images) for name, values in figures.items()}
    own_images = counts[0, :, 0]
    classes = {
        class_id: _ratios(counts[:, place], images)
        | {
            "AP": Measured.of(averages[:, place], own_images[place]),
            "AUROC": Measured.of(auroc[:, place], min(n := own_images[place], images - n)),
        }
        for place, class_id in enumerate(matches.class_ids)
    }
    return Sheet(named, classes, images, diagram)


def pixel_sheet(matches: PixelMatches, drawn: Draws, sure: PixelAnswers | None = None) -> Sheet:
    """Segment: pooled over all pixels of all images of a draw; `drawn` is over these images. `sure`
    is how sure the network is of some of the pixels of each, where that is known."""
    weights = drawn.astype(np.float64)
    pooled = np.tensordot(weights, matches.confusions.astype(np.float64), axes=1)
    true, labelled, found = _diagonal(pooled), pooled.sum(-1), pooled.sum(-2)
    iou, dice = iou_per_class(pooled), dice_per_class(pooled)
    absent = labelled == 0
    figures = {
        "mIoU": mean_known(np.where(absent, np.nan, iou)),
        "Dice": mean_known(np.where(absent, np.nan, dice)),
        "pixel accuracy": share(true.sum(-1), pooled.sum((-1, -2))),
    }
    on = (matches.confusions.sum(-1) > 0).sum(axis=0)
    own = {
        "IoU": iou, "Dice": dice, "precision": share(true, found), "recall": share(true, labelled),
    }  # fmt: skip
    if matches.boundaries is not None:
        edges = np.tensordot(weights, matches.boundaries.astype(np.float64), axes=1)
        own["boundary F1"] = boundary_f1(edges)
        figures["boundary F1"] = mean_known(own["boundary F1"])
    classes = {
        class_id: {
            name: Measured.of_average(values[:, place], float(on[place]))
            for name, values in own.items()
        }
        for place, class_id in enumerate(matches.class_ids)
    }
    images = len(matches.image_ids)
    named = {name: Measured.of_average(values, images) for name, values in figures.items()}
    diagram = None if sure is None else reliability(sure.sureness, sure.right, sure.image, drawn)
    return Sheet(named, classes, images, diagram)


def _ratios(counts: Floats, images: float) -> dict[str, Measured]:
    """Precision, recall and F1 from (draws, 3): labelled, predicted, correct, on so many images."""
    labelled, predicted, correct = counts[..., 0], counts[..., 1], counts[..., 2]
    asked, said = min(labelled[0], images), min(predicted[0], images)
    return {
        "precision": Measured.of(share(correct, predicted), said),
        "recall": Measured.of(share(correct, labelled), asked),
        "F1": Measured.of(_f1(counts), max(asked, said)),
    }


def _f1(counts: Floats) -> Floats:
    return share(2 * counts[..., 2], counts[..., 0] + counts[..., 1])


def _kappa(accuracy: Floats, by_chance: Floats) -> Floats:
    """Cohen's kappa (1960): agreement beyond chance; not-a-number where chance explains all."""
    return share(accuracy - by_chance, 1 - by_chance)


def _diagonal(pooled: NDArray[np.float64]) -> Floats:
    return np.diagonal(pooled, axis1=-2, axis2=-1)
