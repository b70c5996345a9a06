"""From labels and predictions to the figures of a split: one entry of report.json.

The checkpoint and the ONNX file made from it are judged by the same lines, and so is every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.forms import Form, plain_form
from cvstudio.core.held import held_to
from cvstudio.core.metrics import (
    NOTHING,
    USUAL_SCORE,
    ClassifiedImage,
    Curve,
    ErrorKind,
    ImageObjects,
    ObjectMatches,
    classification_report,
    label_map,
    match_objects,
    match_pixels,
    region_map,
)
from cvstudio.core.metrics.figures import ClassFigures
from cvstudio.core.metrics.resampling import DRAWS, Draws, draw, with_whole
from cvstudio.core.metrics.several import SeveralMatches, TaggedImage
from cvstudio.core.metrics.sheet_json import ranges_of, sheet_extras, values_of, without_range
from cvstudio.core.metrics.sheets import Sheet, image_sheet, pixel_sheet, several_sheet
from cvstudio.core.metrics.sure_answers import SURE_ENOUGH, pixel_answers
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage, tags_of
from cvstudio.core.sureness import Correction
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.averages import OWN_FIGURES, Averages, average_precisions, object_ranges

IOU = 0.5
_BESIDE = ("intervals", "no_interval", "calibration", "gains")
_OF_PIXELS = ("IoU", "Dice", "precision", "recall")

Report = dict[str, Any]
OwnScores = Mapping[int, float | None]


def judge(
    task: Task,
    classes: Sequence[LabelClass],
    images: Sequence[SnapshotImage],
    predictions: Sequence[Prediction],
    *,
    score: float | None = None,
    several: bool = False,
    class_scores: OwnScores | None = None,
    form: Form | None = None,
    correction: Correction | None = None,
    in_full: bool = True,
) -> Report:
    """All figures of a split as plain JSON; null where there is no figure.

    Keys: "metrics" {name: figure}, "intervals" {name: [low, high]} (95 % over resampled images),
    "no_interval" {name: why a figure has none, in words},
    "counts", "per_class" (each with its "intervals"), "confusion" {"classes", "matrix", "score",
    "iou"}; where answers have a sureness "calibration", where objects are looked for "gains" and
    "thresholds". Without `in_full`, for a look in passing, there is no interval, calibration or
    gain. `several`: images to be classified may have several classes; then there are
    "thresholds" too, and "several". `form` is what a network for objects answers with; where that
    is neither boxes nor outlines it stands under "form". `score` is the threshold at which objects,
    and such classes, count; None takes the one with the best mean F1. Classes count from
    `class_scores`, where there is one for a class; None takes, of images with several, those with
    the best F1 of each. Images without a prediction are left out. The predictions are those of the
    network itself; `correction` says how they are read, and stands under "temperature" or "platt".
    """
    counts = Thresholds(
        temperature=correction.temperature if correction else None,
        platt=correction.platt if correction else None,
    )
    answers = {each.image_id: counts.corrected(each) for each in predictions}
    judged = [image for image in images if image.id in answers]
    class_ids = [c.id for c in classes]
    match task:
        case Task.CLASSIFY if several:
            report = _several(judged, answers, class_ids, score, class_scores, in_full)
        case Task.CLASSIFY:
            report = _classify(judged, answers, class_ids, in_full)
        case Task.SEGMENT:
            report = _segment(judged, answers, class_ids, in_full)
        case Task.DETECT | Task.INSTANCE:
            form = form or plain_form(task)
            own = class_scores or {}
            report = _objects(
                task, form, judged, answers, class_ids, score, own, in_full,
                sure_enough=counts.read_as(SURE_ENOUGH),
            )  # fmt: skip
    report["counts"]["images"] = len(judged)
    if counts.temperature is not None:
        report["temperature"] = counts.temperature
    if counts.platt is not None:
        report["platt"] = [counts.platt.slope, counts.platt.shift]
    plain: Report = _plain(report)
    return plain


def match(
    task: Task,
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: Sequence[int],
    form: Form | None = None,
) -> ObjectMatches:
    """Labels and predictions of a detect or instance split, matched."""
    form = form or plain_form(task)
    return match_objects(
        [ImageObjects(i.id, held_to(i, task, form), answers[i.id].objects) for i in images],
        class_ids=class_ids,
        form=form,
    )


def _classify(
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: list[int],
    in_full: bool,
) -> Report:
    rows = []
    for image in images:
        labels = [a.class_id for a in image.annotations if a.shape is None]
        label = labels[0] if len(labels) == 1 else None  # of several classes none is the right one
        scores = answers[image.id].scores
        if label is not None and label in class_ids and scores:
            rows.append(ClassifiedImage(image.id, label, scores))
    report = classification_report(rows, class_ids=class_ids)
    sheet = image_sheet(rows, class_ids, _drawn(len(rows), in_full))
    return {
        **_of_sheet(sheet, in_full),
        "counts": {
            "labelled": len(rows),
            "correct": int(np.trace(report.confusion)),
            "wrong": len(report.wrong()),
        },
        "per_class": [_row(_figures(row), sheet, ("AUROC",)) for row in report.per_class()],
        "confusion": _confusion(report.class_ids, report.confusion),
    }


def _several(
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: list[int],
    score: float | None,
    own: OwnScores | None,
    in_full: bool,
) -> Report:
    matches = match_tags(images, answers, class_ids)
    best = matches.best_score()
    at = score if score is not None else best if math.isfinite(best) else USUAL_SCORE
    own = matches.own_scores() if own is None else own
    report = matches.at(at, own)
    known = len(class_ids)

    sheet = several_sheet(matches, _drawn(len(matches.image_ids), in_full), score=at, own=own)
    rows = [
        _row(_figures(row), sheet, ("AP", "AUROC"))
        | {"best score": matches.curves[row.class_id].best_score}
        for row in report.per_class()[:known]
    ]
    labelled, found = matches.labelled, report.found
    return {
        "several": True,
        **_of_sheet(sheet, in_full),
        "counts": {
            "labelled": int(labelled.sum()),
            "predicted": int(found.sum()),
            "correct": int((labelled & found).sum()),
            ErrorKind.MISSED.value: int((labelled & ~found).sum()),
            ErrorKind.FALSE_ALARM.value: int((~labelled & found).sum()),
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
            "per_class": {str(class_id): own.get(class_id) for class_id in class_ids},
            "applied": "per class",
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
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: list[int],
    in_full: bool,
) -> Report:
    def maps(image: SnapshotImage) -> tuple[int, NDArray[np.uint16], NDArray[np.uint16]]:
        size = {"height": image.height, "width": image.width}
        labelled = label_map(image.annotations, class_ids=class_ids, **size)
        found = region_map(answers[image.id].regions or {}, class_ids=class_ids, **size)
        return image.id, labelled, found

    matches = match_pixels(
        (maps(image) for image in images), class_ids=class_ids, boundaries=in_full
    )
    report = matches.report()
    kept = ((maps(image)[1], answers[image.id].pixels) for image in images)
    sure = pixel_answers(kept) if in_full else None
    sheet = pixel_sheet(matches, _drawn(len(images), in_full), sure)

    more = ("boundary F1",) if matches.boundaries is not None else ()
    return {
        **_of_sheet(sheet, in_full),
        "counts": {
            "labelled": int(report.confusion.sum()),
            "correct": int(np.trace(report.confusion)),
        },
        "per_class": [
            _row({"class": row.class_id, "labelled": row.labelled}, sheet, (*_OF_PIXELS, *more))
            for row in report.per_class()
        ],
        "confusion": _confusion(matches.class_ids, report.confusion),
        "worst": [{"image": image, "mIoU": value} for image, value in matches.worst()],
    }


def _objects(
    task: Task,
    form: Form,
    images: Sequence[SnapshotImage],
    answers: dict[int, Prediction],
    class_ids: list[int],
    score: float | None,
    own: OwnScores,
    in_full: bool,
    sure_enough: float,
) -> Report:
    matches = match(task, images, answers, class_ids, form)
    curves = matches.curves(IOU)
    best = matches.best_score(IOU)
    at = score if score is not None else best if math.isfinite(best) else USUAL_SCORE
    judged = matches.at(score=at, iou=IOU, own=own)
    truths = [replace(image, annotations=tuple(held_to(image, task, form))) for image in images]
    predictions = [answers[image.id] for image in images]
    averages = average_precisions(form, truths, predictions, class_ids, matches)
    main = averages.figures
    metrics = {
        "mAP50-95": main.pop("mAP50-95"), "mAP50": main.pop("mAP50"),
        "precision": judged.precision, "recall": judged.recall, **main,
    }  # fmt: skip
    kinds = judged.counts()
    rows = [
        _object_row(row, averages, curves)
        for row in judged.per_class() if row.class_id in class_ids
    ]  # fmt: skip
    ranges: Report = {"intervals": {}}
    if in_full:
        ranges = object_ranges(matches, truths, predictions, class_ids, form, at, own, sure_enough)
        for row in rows:
            row |= ranges["per_class"][row["class"]]
        metrics |= {"F1": ranges["metrics"]["F1"]}
    return {
        "metrics": metrics,
        **{key: ranges[key] for key in _BESIDE if key in ranges},
        "counts": {
            "labelled": judged.labelled,
            "predicted": judged.predicted,
            "correct": judged.correct,
            **{kind.value: kinds[kind] for kind in ErrorKind},
        },
        "per_class": rows,
        "confusion": {
            **_confusion((*judged.class_ids, NOTHING), judged.confusion),
            "score": at,
            "iou": IOU,
        },
        "thresholds": {
            "score": at,
            "best": best,
            "per_class": {str(c): own.get(c) if own else curves[c].best_score for c in class_ids},
            **({"applied": "per class"} if own else {}),
        },
        **({"form": form.to_json()} if form.answers in OWN_FIGURES else {}),
    }


def _object_row(row: ClassFigures, main: Averages, curves: dict[int, Curve]) -> Report:
    average, average50 = main.of_class(row.class_id)
    best = curves[row.class_id].best_score
    return _figures(row) | {"AP50-95": average, "AP50": average50, "best score": best}


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


def _drawn(images: int, in_full: bool) -> Draws:
    """The split as it is, and where ranges are wanted the images drawn again."""
    return with_whole(draw(images, draws=DRAWS if in_full else 0))


def _of_sheet(sheet: Sheet, in_full: bool) -> Report:
    """Figures and ranges, and what stands beside them."""
    found: Report = {
        "metrics": values_of(sheet.figures), "intervals": ranges_of(sheet.figures),
    }  # fmt: skip
    if not in_full:
        return found
    return found | {"no_interval": without_range(sheet.figures)} | sheet_extras(sheet)


def _row(row: Report, sheet: Sheet, names: Sequence[str]) -> Report:
    """A row of a class with more of its figures, and the ranges of all."""
    own = sheet.classes[row["class"]]
    return row | {name: own[name].value for name in names} | {"intervals": ranges_of(own)}


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
