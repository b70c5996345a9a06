"""Keypoints are judged as COCO judges them: held against pycocotools."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.forms import Answers, Form
from cvstudio.core.geometry import Box
from cvstudio.core.held import held_to
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.metrics import ImageObjects, match_objects
from cvstudio.core.oks import AREA_OF_BOX, sigmas_of
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.skeleton import COCO_PERSON, Skeleton
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.ml.averages import average_precisions

BONES = Skeleton(("nose", "left", "right", "tail"))


def scenes(
    bones: Skeleton, *, bare: bool, seed: int = 0
) -> tuple[list[SnapshotImage], list[Prediction]]:
    """Images with objects at random, and finds that miss their points by more and more; `bare`:
    every third object has a box only."""
    random = np.random.default_rng(seed)
    k = len(bones.names)
    images, answers = [], []
    for number in range(1, 21):
        own, found = [], []
        for nth in range(int(random.integers(1, 5))):
            without = bare and nth % 3 == 2
            box = Box(*random.uniform(0, 150, 2), *random.uniform(30, 90, 2))
            if without:  # apart, or it would be taken for the outline of an object with points
                box = box.moved(350, 0)
            places = np.column_stack([random.uniform(0, 1, (k, 2)), np.full(k, 2.0)])
            places[:, :2] = places[:, :2] * (box.w, box.h) + (box.x, box.y)
            hidden = random.random(k) < 0.2
            hidden[0] = False
            labelled = Keypoints(np.where(hidden[:, None], 0.0, places), box)
            id = 10 * number + nth
            own.append(SnapshotAnnotation(id, 1, box if without else labelled, box))
            for again in range(int(random.integers(0, 3))):
                off = random.normal(0, 1, (k, 2)) * random.uniform(0, 12) + again * 3
                moved = np.column_stack([places[:, :2] + off, np.full(k, 2.0)])
                found.append(
                    Found(1, float(random.random()), box.moved(again, 2),
                          points=Keypoints(moved, box), sure=(1.0,) * k)
                )  # fmt: skip
        images.append(
            SnapshotImage(
                number, Path("x"), 0, 700, 300, Split.VAL, Review.LABELLED, "", tuple(own)
            )
        )
        answers.append(Prediction(number, objects=tuple(sorted(found, key=lambda f: -f.score))))
    return images, answers


def by_pycocotools(
    bones: Skeleton, images: list[SnapshotImage], answers: list[Prediction]
) -> tuple[float, float]:
    """mAP50-95 and mAP50 of keypoints as pycocotools computes them."""
    k = len(bones.names)
    annotations: list[dict[str, Any]] = []
    for image in images:
        for a in image.annotations:
            posed = isinstance(a.shape, Keypoints)
            rows = a.shape.points if isinstance(a.shape, Keypoints) else np.zeros((k, 3))
            annotations.append({
                "id": a.id, "image_id": image.id, "category_id": 1, "iscrowd": int(not posed),
                "bbox": [a.box.x, a.box.y, a.box.w, a.box.h], "area": a.box.area * AREA_OF_BOX,
                "keypoints": rows.ravel().tolist(), "num_keypoints": int((rows[:, 2] > 0).sum()),
            })  # fmt: skip
    results = [
        {"image_id": p.image_id, "category_id": 1, "score": f.score,
         "keypoints": f.points.points.ravel().tolist()}
        for p in answers for f in p.objects if f.points is not None
    ]  # fmt: skip
    with redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i.id, "width": 700, "height": 300} for i in images],
            "categories": [{"id": 1, "name": "one"}], "annotations": annotations,
        }  # fmt: skip
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas_of(bones)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [300]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]
    return float(precision.mean()), float(precision[0].mean())


@pytest.mark.parametrize("bones", [COCO_PERSON, BONES], ids=["person", "four points"])
@pytest.mark.parametrize("bare", [False, True], ids=["all posed", "some with a box only"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_keypoints_get_the_figures_of_pycocotools(bones: Skeleton, bare: bool, seed: int) -> None:
    images, answers = scenes(bones, bare=bare, seed=seed)
    form = Form(Answers.KEYPOINTS, bones, frozenset({1}))
    pairs = [
        ImageObjects(i.id, held_to(i, Task.DETECT, form), p.objects)
        for i, p in zip(images, answers, strict=True)
    ]
    found = average_precisions(form, images, answers, [1], match_objects(pairs, form=form))
    theirs = by_pycocotools(bones, images, answers)
    assert 0.05 < theirs[0] < 0.95
    assert (found.figures["mAP50-95"], found.figures["mAP50"]) == pytest.approx(theirs, abs=0.005)


def test_left_taken_for_right_is_not_the_same_pose() -> None:
    box = Box(0, 0, 60, 60)
    right = Keypoints.of([(30, 5, 2), (5, 50, 2), (55, 50, 2), (30, 58, 2)], box)
    swapped = Keypoints(right.points[[0, 2, 1, 3]], box)
    form = Form(Answers.KEYPOINTS, BONES, frozenset({1}))
    figures = []
    for shape in (right, swapped):
        pair = ImageObjects(
            1, [SnapshotAnnotation(1, 1, right, box)],
            [Found(1, 0.9, box, points=shape, sure=(1.0,) * 4)],
        )  # fmt: skip
        figures.append(match_objects([pair], form=form).at(score=0.5, iou=0.75).correct)
    assert figures == [1, 0]
