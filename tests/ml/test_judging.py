"""The figures of report.json against COCO's reference and against counts made by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judge_samples import CLASSES, snapshot_of
from pycocotools import mask as coco_mask

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.errors import RunError
from cvstudio.core.forms import plain_form
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.jobdir import JobDir
from cvstudio.core.masks import Mask, mask_of
from cvstudio.core.metrics import nothing_right
from cvstudio.core.predictions import Found, Prediction, read_predictions
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.core.thresholds import Aim, Thresholds
from cvstudio.ml.coco import NAMES, coco_statistics, whole_image_code
from cvstudio.ml.evaluate import evaluate
from cvstudio.ml.judge import judge
from cvstudio.ml.preprocess import Preprocessing


@pytest.mark.shared_data
@pytest.mark.parametrize(("iou_type", "results"), [("bbox", "fakebbox"), ("segm", "fakesegm")])
def test_average_precision_is_that_of_pycocotools(
    shared_data: Path, iou_type: Any, results: str
) -> None:
    folder = shared_data / "ref_faster_coco_eval"
    reference = json.loads((folder / "pycocotools_2.0.11_reference.json").read_text())
    files = folder / "dataset" / "cocoapi"
    gt = json.loads((files / "instances_val2014_100.json").read_text())
    dt = json.loads((files / f"instances_val2014_{results}100_results.json").read_text())
    before = json.dumps([gt, dt])
    statistics = coco_statistics(gt, dt, iou_type)
    assert statistics.values == pytest.approx(reference[iou_type], abs=1e-6)
    assert len(statistics.values) == len(NAMES)
    assert json.dumps([gt, dt]) == before


def _gt(*boxes: list[float]) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "width": 400, "height": 100}],
        "categories": [{"id": 4, "name": "a"}, {"id": 9, "name": "b"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 4, "iscrowd": 0, "bbox": box,
             "area": box[2] * box[3]}
            for i, box in enumerate(boxes, start=1)
        ],
    }  # fmt: skip


def _dt(score: float, box: list[float]) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 4, "score": score, "bbox": box}


def test_average_precision_by_hand() -> None:
    gt = _gt([0, 0, 40, 40], [100, 0, 40, 40])
    # Right with overlap 1, wrong, right with overlap 0.6 (24 of 40 rows): at .5, .55 and .6 found.
    dt = [_dt(0.9, [0, 0, 40, 40]), _dt(0.8, [300, 0, 40, 40]), _dt(0.7, [100, 0, 40, 24])]
    statistics = coco_statistics(gt, dt, "bbox")
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    assert statistics.values[1] == pytest.approx(both)
    assert statistics.values[0] == pytest.approx((3 * both + 7 * one) / 10)
    assert statistics.of_class(4) == pytest.approx(statistics.values[:2])
    assert np.isnan(statistics.of_class(9)).all()


def test_a_network_that_finds_nothing_scores_nought_and_an_unlabelled_split_has_no_figure() -> None:
    assert coco_statistics(_gt([0, 0, 9, 9]), [], "bbox").values[0] == 0
    assert coco_statistics(_gt([0, 0, 9, 9]), [], "bbox").of_class(4) == (0, 0)
    assert math.isnan(coco_statistics(_gt(), [_dt(0.9, [0, 0, 9, 9])], "bbox").values[0])


def test_the_code_of_a_mask_on_its_image_is_cocos_own() -> None:
    rng = np.random.default_rng(0)
    for x, y in ((0, 0), (5, 3), (-4, -2), (28, 15), (40, 0)):
        patch = (rng.random((9, 7)) < 0.5).astype(np.uint8)
        mask = Mask.from_patch(patch, x, y)
        assert mask is not None
        expected = coco_mask.encode(np.asfortranarray(mask.full(20, 32)))
        code = whole_image_code(mask, 20, 32)
        assert (code["size"], code["counts"]) == (expected["size"], expected["counts"])


class Oracle:
    """Answers with the labels themselves, changed by the test."""

    def __init__(self, snapshot: Snapshot, answers: dict[int, Prediction]) -> None:
        self.task: Task = snapshot.task
        self.classes: tuple[LabelClass, ...] = snapshot.classes
        self.several = False
        self.form = plain_form(snapshot.task)
        self.preprocessor = Preprocessing(64, Fit.PAD, (0, 0, 0), (1, 1, 1))
        self._answers = answers

    def predict(self, rgbs: Sequence[np.ndarray], image_ids: Sequence[int]) -> list[Prediction]:
        return [self._answers[image_id] for image_id in image_ids]


def truth_of(snapshot: Snapshot) -> dict[int, Prediction]:
    answers = {}
    for image in snapshot.images:
        found, regions, scores = [], {}, None
        for a in image.annotations:
            mask = mask_of(a.shape) if isinstance(a.shape, Polygon) else a.shape
            mask = mask if isinstance(mask, Mask) else None
            found.append(Found(a.class_id, 0.8, a.box, mask))
            if mask is not None:
                regions[a.class_id] = mask
            scores = {c.id: 0.9 if c.id == a.class_id else 0.1 for c in snapshot.classes}
        match snapshot.task:
            case Task.CLASSIFY:
                answers[image.id] = Prediction(image.id, scores=scores)
            case Task.SEGMENT:
                answers[image.id] = Prediction(image.id, regions=regions)
            case _:
                answers[image.id] = Prediction(image.id, objects=tuple(found))
    return answers


@pytest.mark.parametrize("task", list(Task))
def test_answers_that_repeat_the_labels_are_perfect(tmp_path: Path, task: Task) -> None:
    snapshot = snapshot_of(tmp_path, task)
    report = evaluate(
        Oracle(snapshot, truth_of(snapshot)), snapshot.images, split="val", directory=tmp_path
    )
    sizes = {"AP small", "AP medium", "AP large"}
    main = {name: value for name, value in report["metrics"].items() if name not in sizes}
    assert main == pytest.approx(dict.fromkeys(main, 1.0))
    matrix = np.array(report["confusion"]["matrix"])
    assert np.array_equal(matrix, np.diag(np.diag(matrix)))
    written = json.loads(JobDir(tmp_path).report.read_text())
    assert written == {"val": report}
    stored = list(read_predictions(JobDir(tmp_path).predictions("val")))
    assert [p.image_id for p in stored] == [i.id for i in snapshot.images]


def _nothing_of(task: Task, image: SnapshotImage) -> Prediction:
    """What a network says that has learned nothing; a classifier names the first class always."""
    if task is Task.CLASSIFY:
        return Prediction(image.id, scores={CLASSES[0].id: 0.9, CLASSES[1].id: 0.1})
    if task is Task.SEGMENT:
        return Prediction(image.id, regions={})
    noise = tuple(Found(CLASSES[0].id, 0.002, Box(0, 0, 2, 2)) for _ in range(5))
    return Prediction(image.id, objects=noise)


@pytest.mark.parametrize("task", list(Task))
def test_a_network_that_learned_nothing_is_called_so_and_gets_the_usual_threshold(
    tmp_path: Path, task: Task
) -> None:
    snapshot = snapshot_of(tmp_path, task)
    good = judge(task, CLASSES, snapshot.images, list(truth_of(snapshot).values()))
    assert nothing_right(task, good) == ""
    answers = [_nothing_of(task, image) for image in snapshot.images]
    poor = judge(task, CLASSES, snapshot.images, answers)
    words = "no better than guessing" if task is Task.CLASSIFY else "next to nothing right"
    assert words in nothing_right(task, poor)
    assert nothing_right(task, {}) == ""
    if task is Task.DETECT:
        assert poor["thresholds"]["score"] == 0.25
        assert poor["thresholds"]["best"] is None


def test_a_missed_object_shows_in_every_figure(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.INSTANCE)
    answers = truth_of(snapshot)
    first = snapshot.images[0].id
    answers[first] = replace(answers[first], objects=answers[first].objects[:1])
    report = judge(Task.INSTANCE, CLASSES, snapshot.images, list(answers.values()))
    assert report["counts"]["missed"] == 1
    assert report["metrics"]["recall"] == pytest.approx(11 / 12)
    assert report["metrics"]["precision"] == 1
    flat = report["per_class"][1]
    assert (flat["class"], flat["labelled"], flat["correct"]) == (7, 6, 5)
    assert flat["AP50-95"] == pytest.approx(84 / 101)  # recalls up to 5/6
    assert report["confusion"]["classes"] == [3, 7, 0]
    assert report["confusion"]["matrix"][1] == [0, 5, 1]
    low, high = report["intervals"]["recall"]
    assert low < 11 / 12 < high <= 1


def test_an_image_that_vanished_is_left_out_and_named(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.DETECT)
    snapshot.images[2].path.unlink()
    told: list[str] = []
    report = evaluate(
        Oracle(snapshot, truth_of(snapshot)), snapshot.images, split="val", directory=tmp_path,
        note=told.append,
    )  # fmt: skip
    assert report["counts"]["images"] == 5
    assert len(told) == 1
    assert snapshot.images[2].path.name in told[0]
    with pytest.raises(RunError, match="no image"):
        evaluate(Oracle(snapshot, {}), snapshot.images[2:3], split="val", directory=tmp_path)


def test_test_images_are_counted_at_the_score_chosen_on_val(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.DETECT)
    oracle = Oracle(snapshot, truth_of(snapshot))
    val = evaluate(oracle, snapshot.images, split="val", directory=tmp_path)
    lower = {
        key: replace(p, objects=tuple(replace(o, score=0.2) for o in p.objects))
        for key, p in truth_of(snapshot).items()
    }
    test = evaluate(Oracle(snapshot, lower), snapshot.images, split="test", directory=tmp_path)
    assert test["confusion"]["score"] == val["confusion"]["score"] > 0.2
    assert test["metrics"]["recall"] == 0
    assert test["metrics"]["mAP50"] == 1


def test_boxes_do_not_count_as_instances_and_crowds_count_as_nothing(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.INSTANCE, count=1)
    (image,) = snapshot.images
    crowd = replace(image.annotations[0], crowd=True)
    only_box = SnapshotAnnotation(9, 7, Box(1, 1, 9, 9), Box(1, 1, 9, 9))
    changed: SnapshotImage = replace(image, annotations=(crowd, image.annotations[1], only_box))
    report = judge(Task.INSTANCE, CLASSES, [changed], list(truth_of(snapshot).values()))
    assert report["counts"]["labelled"] == 1
    assert report["counts"]["false alarm"] == 0
    assert report["metrics"]["mAP50-95"] == 1


def test_what_is_found_in_a_box_without_outline_is_no_false_alarm(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.INSTANCE, count=1)
    (image,) = snapshot.images
    answers = list(truth_of(snapshot).values())
    first = image.annotations[0]
    boxed = replace(first, shape=first.box)
    changed = replace(image, annotations=(boxed, *image.annotations[1:]))
    report = judge(Task.INSTANCE, CLASSES, [changed], answers)
    assert report["counts"]["labelled"] == len(image.annotations) - 1
    assert report["counts"]["false alarm"] == 0
    assert report["metrics"]["precision"] == 1
    assert report["metrics"]["mAP50-95"] == 1
    gone = replace(image, annotations=image.annotations[1:])
    assert judge(Task.INSTANCE, CLASSES, [gone], answers)["counts"]["false alarm"] == 1


def test_every_figure_of_a_report_has_its_range(tmp_path: Path) -> None:
    """Of a network that is right now and then: a figure that is 1 in every draw has no width."""
    for task in Task:
        snapshot = snapshot_of(tmp_path / task, task)
        truth = truth_of(snapshot)
        first = snapshot.images[0]
        wrong = {**truth, first.id: truth[snapshot.images[1].id]}
        report = evaluate(
            Oracle(snapshot, wrong), snapshot.images, split="val", directory=tmp_path / task
        )
        told = {name for name, value in report["metrics"].items() if value is not None}
        few = report["no_interval"]
        assert told == set(report["intervals"]) | set(few), task
        assert not set(report["intervals"]) & set(few)
        assert not few.keys() & {"precision", "recall", "F1"}, "a share has Wilson's"
        for name in report["intervals"]:
            low, high = report["intervals"][name]
            assert low <= report["metrics"][name] <= high, (task, name)
        assert all("intervals" in row for row in report["per_class"])
        assert ("calibration" in report) == (task is not Task.SEGMENT)
        assert ("gains" in report) == (task in (Task.DETECT, Task.INSTANCE))


def test_scores_and_temperature_of_a_person_go_before_those_of_the_report(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, Task.DETECT)
    class_id = snapshot.classes[0].id
    chosen = Thresholds(per_class={class_id: 1.5}, applied=True, aim=Aim.PRECISION, wanted=0.9)
    report = evaluate(
        Oracle(snapshot, truth_of(snapshot)), snapshot.images, split="val",
        directory=tmp_path, thresholds=chosen,
    )  # fmt: skip
    row = next(r for r in report["per_class"] if r["class"] == class_id)
    assert (row["predicted"], row["recall"]) == (0, 0)  # no score reaches 1.5
    assert report["thresholds"]["applied"] == "per class"
    snapshot = snapshot_of(tmp_path / "classes", Task.CLASSIFY)
    plain = evaluate(
        Oracle(snapshot, truth_of(snapshot)), snapshot.images, split="val",
        directory=tmp_path / "classes",
    )  # fmt: skip
    hot = evaluate(
        Oracle(snapshot, truth_of(snapshot)), snapshot.images, split="val",
        directory=tmp_path / "classes", thresholds=Thresholds(temperature=3.0),
    )  # fmt: skip
    assert hot["temperature"] == 3.0
    assert hot["metrics"] == plain["metrics"]  # the answers stay the same, but less sure
    assert hot["calibration"]["tendency"] < plain["calibration"]["tendency"]
