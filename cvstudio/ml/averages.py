"""Average precisions of a split: COCO's evaluation for boxes and masks, and its rules with other
overlaps for rotated boxes and keypoints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cvstudio.core.forms import Answers, Form
from cvstudio.core.metrics import ImageObjects, ObjectMatches, match_objects
from cvstudio.core.metrics.averages import averages_drawn
from cvstudio.core.metrics.resampling import Measured, draw, draws_worth, with_whole
from cvstudio.core.metrics.sheet_json import ranges_of, sheet_extras, values_of, without_range
from cvstudio.core.metrics.sheets import object_sheet, score_free
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.ml.coco import statistics_of
from cvstudio.ml.decode import MOST_OBJECTS

OWN_FIGURES = (Answers.ROTATED, Answers.KEYPOINTS)
"""Answers that COCO's evaluation of boxes and masks does not compare."""
OVERLAPS = tuple(step / 100 for step in range(50, 100, 5))
"""The ten overlaps over which COCO takes the mean."""


@dataclass(frozen=True)
class Averages:
    """Figures of a split by name, and AP50-95 and AP50 by class id; not-a-number where nothing is
    labelled."""

    figures: dict[str, float]
    classes: dict[int, tuple[float, float]]

    def of_class(self, class_id: int) -> tuple[float, float]:
        """AP50-95 and AP50 of one class."""
        return self.classes[class_id]


def average_precisions(
    form: Form,
    truths: Sequence[SnapshotImage],
    predictions: Sequence[Prediction],
    class_ids: Sequence[int],
    matches: ObjectMatches,
) -> Averages:
    """The averages over all classes and of each, for what a network answers with.

    "mAP50-95" and "mAP50" are those of masks, rotated boxes or keypoints where it answers with
    such; of outlines and keypoints "box mAP50-95" and "box mAP50" say how well their boxes are
    found. `truths` are the images with what the network is held to, `matches` the same matched.
    """
    if form.answers is Answers.ROTATED:
        return _by_curves(class_ids, matches)
    boxes = statistics_of(truths, predictions, class_ids, "bbox", max_detections=MOST_OBJECTS)
    box_figures = {"box mAP50-95": boxes.values[0], "box mAP50": boxes.values[1]}
    if form.answers is Answers.KEYPOINTS:
        own = _by_curves(class_ids, matches)
        return Averages(own.figures | box_figures, own.classes)
    main, more = boxes, {}
    if form.answers is Answers.OUTLINES:
        main = statistics_of(truths, predictions, class_ids, "segm", max_detections=MOST_OBJECTS)
        more = box_figures
    by_size = ("AP small", "AP medium", "AP large")
    return Averages(
        {
            "mAP50-95": main.values[0], "mAP50": main.values[1], "mAP75": main.values[2], **more,
            **dict(zip(by_size, main.values[3:6], strict=True)),
        },
        {class_id: main.of_class(class_id) for class_id in class_ids},
    )  # fmt: skip


def _by_curves(class_ids: Sequence[int], matches: ObjectMatches) -> Averages:
    """The same from the matches themselves: the area under each class's curve at ten overlaps."""
    rows: dict[int, list[float]] = {class_id: [] for class_id in class_ids}
    for overlap in OVERLAPS:
        curves = matches.curves(overlap)
        for class_id in class_ids:
            rows[class_id].append(curves[class_id].average_precision)
    classes = {class_id: (float(np.mean(row)), row[0]) for class_id, row in rows.items()}
    known = [pair for pair in classes.values() if not math.isnan(pair[0])]
    mean, mean50 = np.mean(known, axis=0).tolist() if known else (math.nan, math.nan)
    return Averages({"mAP50-95": mean, "mAP50": mean50}, classes)


def object_ranges(
    matches: ObjectMatches,
    truths: Sequence[SnapshotImage],
    predictions: Sequence[Prediction],
    class_ids: Sequence[int],
    form: Form,
    score: float,
    own: Mapping[int, float | None],
    sure_enough: float,
) -> dict[str, Any]:
    """How sure the figures are, and what stands beside them: "intervals" by name, "per_class" by
    class id (AP75, those of sizes, and "intervals"), "no_interval" {name: why in words}, both there
    and for each class, "calibration", "gains", and "metrics"."""
    found = sum(len(prediction.objects) for prediction in predictions)
    drawn = with_whole(draw(len(truths), draws=draws_worth(found)))
    sized = form.answers not in OWN_FIGURES
    free = score_free(matches, drawn, sizes=sized, class_ids=class_ids)
    sheet = object_sheet(matches, drawn, score=score, own=own, free=free, sure_enough=sure_enough)
    intervals, why_not = ranges_of(sheet.figures), without_range(sheet.figures)
    if form.answers in (Answers.OUTLINES, Answers.KEYPOINTS):
        boxes = match_objects(
            (
                ImageObjects(i.id, i.annotations, p.objects)
                for i, p in zip(truths, predictions, strict=True)
            ),
            class_ids=class_ids,
        )  # fmt: skip
        found_boxes = averages_drawn(boxes, drawn, sizes=False, class_ids=tuple(class_ids))
        averages = found_boxes.figures
        for name in ("mAP50-95", "mAP50"):
            known = Measured.of_average(averages[name], found_boxes.images(name))
            intervals |= ranges_of({f"box {name}": known})
            why_not |= without_range({f"box {name}": known})
    more = ("AP75", "AP small", "AP medium", "AP large") if sized else ("AP75",)
    return {
        "metrics": values_of(sheet.figures),
        "intervals": intervals,
        "no_interval": why_not,
        "per_class": {
            class_id: {name: value for name, value in values_of(figures).items() if name in more}
            | {"intervals": ranges_of(figures), "no_interval": without_range(figures)}
            for class_id, figures in sheet.classes.items()
        },
        **sheet_extras(sheet),
    }
