"""COCO's evaluation of a large split, against faster-coco-eval alone and pycocotools.

Generated labels of 5,000 images and 80 classes with 200,000 predictions near and beside them. Both
are given the same things, in turns: CVStudio its own labels and predictions, faster-coco-eval the
dicts that it wants, ready made. pycocotools says once what the twelve statistics have to be.
"""

from __future__ import annotations

import contextlib
import gc
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks.figures import Figure
from cvstudio.core.annotation import Review, Split
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import ImageObjects, match_objects
from cvstudio.core.metrics.averages import averages_drawn
from cvstudio.core.metrics.resampling import draw, with_whole
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage

_AGAINST, _SAME = 1.2, 1e-6
_CLASSES, _FOUND = 80, 40
_MOST = 100  # detections of an image, as COCO counts them


def coco(*, quick: bool = False) -> list[Figure]:
    """The ratio to faster-coco-eval alone, and how far the statistics are from pycocotools'."""
    from cvstudio.ml.coco import NAMES, statistics_of

    count, turns = (150, 1) if quick else (5_000, 5)
    images, predictions = _split(count)
    ids = list(range(1, _CLASSES + 1))
    gt, dt = _as_dicts(images, predictions, ids)
    own, bare = [], []
    for _turn in range(turns):
        seconds, ours = _timed(
            lambda: statistics_of(images, predictions, ids, "bbox", max_detections=_MOST)
        )
        own.append(seconds)
        bare.append(_timed(lambda: _faster(gt, dt))[0])
    seconds, reference = _timed(lambda: _pycocotools(gt, dt))
    apart = max(abs(a - b) for a, b in zip(ours.values, reference, strict=True))
    said = f"{count:,} images, {_CLASSES} classes, {len(dt):,} predictions"
    drawn = _timed(lambda: _drawn(images, predictions, ids, 100))
    six = max(abs(drawn[1][name] - value) for name, value in zip(_OWN, reference[:6], strict=True))
    return [
        Figure(f"labels and predictions to {len(NAMES)} statistics", statistics.median(own), "s",
               detail=said),
        Figure("faster-coco-eval alone", statistics.median(bare), "s"),
        Figure("against faster-coco-eval alone",
               statistics.median(a / b for a, b in zip(own, bare, strict=True)), "x",
               limit=_AGAINST),
        Figure("pycocotools", seconds, "s"),
        Figure("largest distance from pycocotools, × 1e6", 1e6 * apart, "", limit=1e6 * _SAME,
               detail=f"{len(NAMES)} statistics"),
        Figure("six averages with their ranges of 100 draws, matching included", drawn[0], "s"),
        Figure("those averages from pycocotools, × 1e6", 1e6 * six, "", limit=1e6 * _SAME),
    ]  # fmt: skip


_OWN = ("mAP50-95", "mAP50", "mAP75", "AP small", "AP medium", "AP large")


def _drawn(
    images: list[SnapshotImage], predictions: list[Prediction], ids: list[int], draws: int
) -> dict[str, float]:
    matches = match_objects(
        (
            ImageObjects(i.id, i.annotations, p.objects)
            for i, p in zip(images, predictions, strict=True)
        ),
        class_ids=ids,
    )  # fmt: skip
    found = averages_drawn(matches, with_whole(draw(len(images), draws=draws)))
    return {name: float(rows[0]) for name, rows in found.figures.items()}


def _split(count: int) -> tuple[list[SnapshotImage], list[Prediction]]:
    """Images of 640 x 480 with 2 to 12 boxes of all sizes; of 40 predictions each, half are near a
    label, most of them of its class. No score occurs twice: equal ones may stand in any order."""
    random = np.random.default_rng(0)
    scores = random.permutation(count * _FOUND).astype(np.float64) / (count * _FOUND)
    images, predictions = [], []
    for number in range(count):
        many = int(random.integers(2, 13))
        boxes = _boxes(random, many)
        labels = random.integers(1, _CLASSES + 1, many)
        annotations = tuple(
            SnapshotAnnotation(100 * number + n, int(c), box, box)
            for n, (c, box) in enumerate(zip(labels, boxes, strict=True))
        )
        images.append(
            SnapshotImage(number + 1, Path("none"), 0, 640, 480, Split.VAL, Review.REVIEWED, "",
                          annotations)
        )  # fmt: skip
        beside = _boxes(random, _FOUND)
        found = []
        for n in range(_FOUND):
            score = float(scores[number * _FOUND + n])
            if n % 2:
                found.append(Found(int(random.integers(1, _CLASSES + 1)), score, beside[n]))
                continue
            of = int(random.integers(many))
            box, side = boxes[of], min(boxes[of].w, boxes[of].h)
            off = random.normal(0, 0.08 * side, 4)
            near = Box(
                box.x + off[0], box.y + off[1], max(box.w + off[2], 2), max(box.h + off[3], 2)
            )
            right = random.random() < 0.85
            found.append(
                Found(int(labels[of]) if right else int(random.integers(1, _CLASSES + 1)), score,
                      near)
            )  # fmt: skip
        found.sort(key=lambda each: -each.score)
        predictions.append(Prediction(number + 1, objects=tuple(found)))
    return images, predictions


def _boxes(random: np.random.Generator, count: int) -> list[Box]:
    sides = np.exp(random.uniform(np.log(10), np.log(240), (count, 2)))
    places = random.uniform(0, 1, (count, 2)) * np.maximum((640, 480) - sides, 1)
    return [Box(*row) for row in np.hstack([places, sides]).tolist()]


def _as_dicts(
    images: list[SnapshotImage], predictions: list[Prediction], ids: list[int]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    annotations = [
        {"image_id": i.id, "category_id": a.class_id, "iscrowd": 0, "area": a.box.area,
         "bbox": [a.box.x, a.box.y, a.box.w, a.box.h]}
        for i in images for a in i.annotations
    ]  # fmt: skip
    gt = {
        "info": {},
        "images": [{"id": i.id, "width": i.width, "height": i.height} for i in images],
        "categories": [{"id": c, "name": str(c)} for c in ids],
        "annotations": [{"id": n, **a} for n, a in enumerate(annotations, start=1)],
    }
    dt = [
        {"image_id": p.image_id, "category_id": f.class_id, "score": f.score,
         "bbox": [f.box.x, f.box.y, f.box.w, f.box.h]}
        for p in predictions for f in p.objects
    ]  # fmt: skip
    return gt, dt


def _faster(gt: dict[str, Any], dt: list[dict[str, Any]]) -> list[float]:
    from faster_coco_eval import COCO, COCOeval_faster

    truth = COCO({**gt, "annotations": [dict(a) for a in gt["annotations"]]}, print_function=_mute)
    found = truth.loadRes([dict(d) for d in dt])
    evaluation = COCOeval_faster(truth, found, "bbox", print_function=_mute)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return [float(v) for v in evaluation.stats[:12]]


def _mute(*_words: object) -> None: ...


def _pycocotools(gt: dict[str, Any], dt: list[dict[str, Any]]) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {**gt, "annotations": [dict(a) for a in gt["annotations"]]}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(d) for d in dt]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(v) for v in evaluation.stats]


def _timed(do: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    begun = time.perf_counter()
    found = do()
    return time.perf_counter() - begun, found
