"""From labels and predictions to the figures of a split: one entry of report.json.

The checkpoint and the ONNX file made from it are judged by the same lines, and so is every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.metrics import (
    NOTHING,
    USUAL_SCORE,
    ClassifiedImage,
    Curve,
    ErrorKind,
    ImageObjects,
    Judgement,
    ObjectMatches,
    classification_report,
    label_map,
    match_objects,
    match_pixels,
    region_map,
)
from cvstudio.core.metrics.figures import ClassFigures, ratio
from cvstudio.core.metrics.pixels import PixelReport
from cvstudio.core.metrics.several import SeveralMatches, TaggedImage
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage, held_to, tags_of
from cvstudio.ml.coco import CocoStatistics, statistics_of
from cvstudio.ml.decode import MOST_OBJECTS

IOU = 0.5
_RESAMPLES = 500

Report = dict[str, Any]


def judge(
    task: Task,
    classes: Sequence[LabelClass],
    images: Sequence[SnapshotImage],
    predictions: Sequence[Prediction],
    *,
    score: float | None = None,
    several: bool = False,
) -> Report:
    """All figures of a split as plain JSON; null where there is no figure.

    Keys: "metrics" {name: figure}, "intervals" {name: [low, high]} (95 % over resampled images),
    "counts", "per_class", "confusion" {"classes", "matrix", "score", "iou"}; detect and instance
    also "thresholds". `several`: images to be classified may have several classes; then there are
    "thresholds" too, and "several". `score` is the threshold at which objects, and such classes,
    count; None takes the one with the best mean F1. Images without a prediction are left out.
    """
    answers = {prediction.image_id: prediction for prediction in predictions}
    judged = [image for image in images if image.id in answers]
    class_ids = [c.id for c in classes]
    match task:
        case Task.CLASSIFY if several:
            report = _several(judged, answers, class_ids, score)
        case Task.CLASSIFY:
            report = _classify(judged, answers, class_ids)
        case Task.SEGMENT:
            report = _segment(judged, answers, class_ids)
        case Task.DETECT | Task.INSTANCE:
            report = _objects(task, judged, answers, class_ids, score)
    report["counts"]["images"] = len(judged)
    plain: Report = _plain(report)
    return plain


def match(
    task: Task,
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: Sequence[int],
) -> ObjectMatches:
    """Labels and predictions of a detect or instance split, matched."""
    return match_objects(
        [ImageObjects(i.id, held_to(i, task), answers[i.id].objects) for i in images],
        class_ids=class_ids,
        masks=task is Task.INSTANCE,
    )


def _classify(
    images: Sequence[SnapshotImage], answers: dict[int, Prediction], class_ids: list[int]
) -> Report:
    rows = []
    for image in images:
        labels = [a.class_id for a in image.annotations if a.shape is None]
        label = labels[0] if len(labels) == 1 else None  # of several classes none is the right one
        scores = answers[image.id].scores
        if label is not None and label in class_ids and scores:
            rows.append(ClassifiedImage(image.id, label, scores))
    report = classification_report(rows, class_ids=class_ids)
    size = len(class_ids)
    cells = np.array(
        [class_ids.index(r.labelled) * size + class_ids.index(r.predicted) for r in rows], np.int64
    )

    def resampled(chosen: NDArray[np.int64]) -> list[float]:
        confusion = np.bincount(cells[chosen], minlength=size**2).reshape(size, size)
        true, labelled = np.diagonal(confusion), confusion.sum(1)
        total = labelled + confusion.sum(0)
        return [
            true.sum() / confusion.sum(),
            _mean(true[labelled > 0] / labelled[labelled > 0]),
            _mean(2 * true[total > 0] / total[total > 0]),
        ]

    names = ("accuracy", "balanced accuracy", "macro F1")
    return {
        "metrics": dict(
            zip(names, (report.accuracy, report.balanced_accuracy, report.macro_f1), strict=True)
        ),
        "intervals": _intervals(names, resampled, len(rows)),
        "counts": {
            "labelled": len(rows),
            "correct": int(np.trace(report.confusion)),
            "wrong": len(report.wrong()),
        },
        "per_class": [_figures(row) for row in report.per_class()],
        "confusion": _confusion(report.class_ids, report.confusion),
    }


def _several(
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: list[int],
    score: float | None,
) -> Report:
    matches = match_tags(images, answers, class_ids)
    best = matches.best_score()
    at = score if score is not None else best if math.isfinite(best) else USUAL_SCORE
    report = matches.at(at)
    known = len(class_ids)

    def resampled(chosen: NDArray[np.int64]) -> list[float]:
        pooled = replace(report, matches=matches.only(chosen), found=report.found[chosen])
        return [pooled.macro_f1, pooled.exact_match]

    averages = matches.average_precisions()
    rows = [
        {
            **_figures(row),
            "AP": averages[row.class_id],
            "best score": matches.curves[row.class_id].best_score,
        }
        for row in report.per_class()[:known]
    ]
    labelled, found = matches.labelled, report.found
    return {
        "several": True,
        "metrics": {
            "mAP": matches.mean_average_precision,
            "macro F1": report.macro_f1,
            "exact match": report.exact_match,
        },
        "intervals": _intervals(("macro F1", "exact match"), resampled, len(found)),
        "counts": {
            "labelled": int(labelled.sum()),
            "predicted": int(found.sum()),
            "correct": int((labelled & found).sum()),
            ErrorKind.MISSED.value: int((labelled & ~found).sum()),
            ErrorKind.EXTRA.value: int((~labelled & found).sum()),
            "exact": report.exact,
        },
        "per_class": rows,
        "confusion": {
            **_confusion((*matches.class_ids, NOTHING), report.confusion),
            "score": at,
        },
        "thresholds": {
            "score": at,
            "best": best,
            "per_class": {str(row["class"]): row["best score"] for row in rows},
        },
    }


def match_tags(
    images: Sequence[SnapshotImage], answers: dict[int, Prediction], class_ids: Sequence[int]
) -> SeveralMatches:
    """Labels and probabilities of a split whose images may have several classes."""
    return SeveralMatches.of(
        (
            TaggedImage(i.id, tags_of(i), answers[i.id].scores or {})
            for i in images if i.id in answers
        ),
        class_ids=class_ids,
    )  # fmt: skip


def _segment(
    images: Sequence[SnapshotImage], answers: dict[int, Prediction], class_ids: list[int]
) -> Report:
    def maps(image: SnapshotImage) -> tuple[int, NDArray[np.uint16], NDArray[np.uint16]]:
        size = {"height": image.height, "width": image.width}
        labelled = label_map(image.annotations, class_ids=class_ids, **size)
        found = region_map(answers[image.id].regions or {}, class_ids=class_ids, **size)
        return image.id, labelled, found

    matches = match_pixels((maps(image) for image in images), class_ids=class_ids)
    report = matches.report()

    def figures(pooled: PixelReport) -> list[float]:
        return [pooled.mean_iou, pooled.mean_dice, pooled.pixel_accuracy]

    def resampled(chosen: NDArray[np.int64]) -> list[float]:
        weights = np.bincount(chosen, minlength=len(images))
        pooled = np.tensordot(weights, matches.confusions, axes=1)
        return figures(PixelReport(matches.class_ids, pooled))

    names = ("mIoU", "Dice", "pixel accuracy")
    return {
        "metrics": dict(zip(names, figures(report), strict=True)),
        "intervals": _intervals(names, resampled, len(images)),
        "counts": {
            "labelled": int(report.confusion.sum()),
            "correct": int(np.trace(report.confusion)),
        },
        "per_class": [
            {
                "class": row.class_id,
                "labelled": row.labelled,
                "IoU": row.iou,
                "Dice": row.dice,
                "precision": row.precision,
                "recall": row.recall,
            }
            for row in report.per_class()
        ],
        "confusion": _confusion(matches.class_ids, report.confusion),
        "worst": [{"image": image, "mIoU": value} for image, value in matches.worst()],
    }


def _objects(
    task: Task,
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: list[int],
    score: float | None,
) -> Report:
    matches = match(task, images, answers, class_ids)
    curves = matches.curves(IOU)
    best = matches.best_score(IOU)
    at = score if score is not None else best if math.isfinite(best) else USUAL_SCORE
    judged = matches.at(score=at, iou=IOU)
    truths = [replace(image, annotations=tuple(held_to(image, task))) for image in images]
    predictions = [answers[image.id] for image in images]
    main = statistics_of(
        truths, predictions, class_ids, "segm" if task is Task.INSTANCE else "bbox",
        max_detections=MOST_OBJECTS,
    )  # fmt: skip
    metrics = {
        "mAP50-95": main.values[0],
        "mAP50": main.values[1],
        "precision": judged.precision,
        "recall": judged.recall,
    }
    if task is Task.INSTANCE:
        boxes = statistics_of(truths, predictions, class_ids, "bbox", max_detections=MOST_OBJECTS)
        metrics |= {"box mAP50-95": boxes.values[0], "box mAP50": boxes.values[1]}
    by_size = ("AP small", "AP medium", "AP large")
    metrics |= dict(zip(by_size, main.values[3:6], strict=True))
    counts = judged.image_counts()

    def resampled(chosen: NDArray[np.int64]) -> list[float]:
        labelled, predicted, correct = counts[chosen].sum(0)
        return [ratio(correct, predicted), ratio(correct, labelled)]

    kinds = judged.counts()
    return {
        "metrics": metrics,
        "intervals": _intervals(("precision", "recall"), resampled, len(images)),
        "counts": {
            "labelled": judged.labelled,
            "predicted": judged.predicted,
            "correct": judged.correct,
            **{kind.value: kinds[kind] for kind in ErrorKind},
        },
        "per_class": _object_rows(judged, main, curves, class_ids),
        "confusion": {
            **_confusion((*judged.class_ids, NOTHING), judged.confusion),
            "score": at,
            "iou": IOU,
        },
        "thresholds": {
            "score": at,
            "best": best,
            "per_class": {str(c): curves[c].best_score for c in class_ids},
        },
    }


def _object_rows(
    judged: Judgement, main: CocoStatistics, curves: dict[int, Curve], class_ids: list[int]
) -> list[Report]:
    rows = []
    for row in judged.per_class():
        if row.class_id in class_ids:
            average, average50 = main.of_class(row.class_id)
            best = curves[row.class_id].best_score
            own = {"AP50-95": average, "AP50": average50, "best score": best}
            rows.append(_figures(row) | own)
    return rows


def _figures(row: ClassFigures) -> Report:
    return {
        "class": row.class_id,
        "labelled": row.labelled,
        "predicted": row.predicted,
        "correct": row.correct,
        "precision": row.precision,
        "recall": row.recall,
        "F1": row.f1,
    }


def _confusion(class_ids: Sequence[int], matrix: NDArray[np.int64]) -> Report:
    return {"classes": list(class_ids), "matrix": matrix.tolist(), "score": None, "iou": None}


def _intervals(
    names: Sequence[str],
    figures: Callable[[NDArray[np.int64]], list[float]],
    images: int,
) -> dict[str, list[float]]:
    """The range in which 95 of 100 figures lie when images are drawn again with repeats."""
    if images < 2:
        return {}
    random = np.random.default_rng(0)
    rows = [figures(random.integers(0, images, images)) for _ in range(_RESAMPLES)]
    values = np.array(rows, np.float64)
    intervals = {}
    for place, name in enumerate(names):
        known = values[~np.isnan(values[:, place]), place]
        if known.size:
            intervals[name] = [float(v) for v in np.percentile(known, (2.5, 97.5))]
    return intervals


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _plain(value: Any) -> Any:
    """The same content with null for not-a-number, so that it is JSON everywhere."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value
