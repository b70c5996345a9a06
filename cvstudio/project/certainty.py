"""How sure the figures of a run are, and whether it is better than another run.

Both come from drawing the judged images again. Two runs are held to the labels of the newer one on
the images that both were judged on, and differ only when a paired bootstrap says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.pixels import PixelReport
from cvstudio.core.metrics.resampling import (
    DRAWS,
    Difference,
    Draws,
    difference,
    draw,
    interval_of_share,
    mean_average_precision,
    share,
)
from cvstudio.core.predictions import Prediction
from cvstudio.project.image_analysis import ImageAnalysis
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.pixel_analysis import PixelAnalysis
from cvstudio.project.several_analysis import SeveralAnalysis
from cvstudio.project.verdict import Analysis

Floats = NDArray[np.float64]

_MOST_WORK = 4_000_000
"""Predictions times draws; larger splits are drawn less often, but never fewer than 100 times."""


def main_figure(analysed: Analysis, drawn: Draws) -> Floats:
    """The best metric of the task for each draw of the analysed images: (draws, images) -> (draws).

    Balanced accuracy or, with several classes an image, mAP; mIoU or mAP50-95. Not-a-number where a
    draw has no figure.
    """
    match analysed:
        case ImageAnalysis():
            return _balanced_accuracy(analysed, drawn)
        case SeveralAnalysis():
            places = {image_id: place for place, image_id in enumerate(analysed.images)}
            own = [places[image_id] for image_id in analysed.matches.image_ids]
            return analysed.matches.drawn(drawn[:, own])
        case PixelAnalysis():
            pooled = np.tensordot(drawn, analysed.matches.confusions, axes=1)
            return np.array([PixelReport(analysed.matches.class_ids, c).mean_iou for c in pooled])
        case ObjectAnalysis():
            return mean_average_precision(analysed.matches, drawn)
    raise TypeError(type(analysed))


def intervals(
    analysed: Analysis, drawn: Draws, *, score: float, iou: float, own: bool = False
) -> dict[str, tuple[float, float]]:
    """The 95 % intervals of the verdict's cards at a score and an overlap, by title; with `own`
    classes count from their own scores.

    Those of the report, and precision and recall, which move with the score.
    """
    told = analysed.report.get("intervals", {})
    titles = {name if name[1:2].isupper() else name[:1].upper() + name[1:]: name for name in told}
    found = {title: (told[name][0], told[name][1]) for title, name in titles.items()}
    if isinstance(analysed, ObjectAnalysis):
        scores = analysed.own_scores if own else {}
        counts = analysed.matches.at(score=score, iou=iou, own=scores).image_counts()
        # As floats of one kind the product is one call of the algebra library.
        sums = drawn.astype(np.float64) @ counts.astype(np.float64)
        for title, column in (("Precision", 1), ("Recall", 0)):
            ratio = share(sums[:, 2], sums[:, column])
            found.pop(title, None)
            value = float(counts[:, 2].sum() / max(counts[:, column].sum(), 1))
            images = int(np.count_nonzero(counts[:, column]))
            if (known := interval_of_share(ratio, value, images)) is not None:
                found[title] = known
    return found


def draws_for(analysed: Analysis) -> Draws:
    """As many draws of the analysed images as are worth their time."""
    work = sum(len(p.objects) for p in analysed.predictions.values())
    draws = DRAWS if not work else max(min(DRAWS, _MOST_WORK // work), 100)
    return draw(len(analysed.images), draws=draws)


def compare(newer: Analysis, older: Analysis) -> Difference | None:
    """How much better the newer run is, judged by its labels on the images that both answered.

    None when the runs cannot be compared: other classes, or fewer than two images in common.
    """
    pair = paired(newer, older)
    if pair is None:
        return None
    first, second = pair
    once = np.ones((1, len(first.images)), np.float32)
    value = float(main_figure(first, once)[0] - main_figure(second, once)[0])
    if math.isnan(value):
        return None
    drawn = draws_for(first)
    return difference(
        value, main_figure(first, drawn), main_figure(second, drawn), images=len(first.images)
    )


def paired(newer: Analysis, older: Analysis) -> tuple[Analysis, Analysis] | None:
    """Both runs held to the labels of the newer one, on the images that both answered; None where
    they cannot be compared."""
    known = {c.id for c in newer.classes}
    if not {c.id for c in older.classes} <= known:
        return None
    both = [
        i for i in newer.images
        if i in older.images and i in newer.predictions and i in older.predictions
    ]  # fmt: skip
    if isinstance(newer, ImageAnalysis):
        both = [i for i in both if any(a.shape is None for a in newer.images[i].annotations)]
    if len(both) < 2:
        return None
    return only(newer, both, newer.predictions), only(newer, both, older.predictions)


def only(
    analysed: Analysis, ids: Sequence[int], predictions: Mapping[int, Prediction] | None = None
) -> Analysis:
    """An analysis of some of its images; of these predictions instead of its own, when given."""
    answers = analysed.predictions if predictions is None else predictions
    return type(analysed)(
        snapshot=analysed.snapshot,
        split=analysed.split,
        images={i: analysed.images[i] for i in ids},
        predictions={i: answers[i] for i in ids},
        report={key: analysed.report[key] for key in _KEPT if key in analysed.report},
    )


_KEPT = ("form", "several", "views")
"""What the report says of how the network answers, and not how well."""


def _balanced_accuracy(analysed: ImageAnalysis, drawn: Draws) -> Floats:
    images = analysed.judged.images
    classes = sorted({image.labelled for image in images})
    labelled = np.array([classes.index(image.labelled) for image in images], np.int64)
    right = np.array([image.labelled == image.predicted for image in images], np.float64)
    rows = []
    for counts in drawn:
        total = np.bincount(labelled, counts, len(classes))
        correct = np.bincount(labelled, counts * right, len(classes))
        rows.append((correct[total > 0] / total[total > 0]).mean())
    return np.array(rows)
