"""Errors stand where they are: every figure, cell and case of a run with answers made by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task, box_of
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.masks import Mask
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.snapshot import (
    Snapshot,
    SnapshotAnnotation,
    SnapshotImage,
    write_snapshot,
)
from cvstudio.core.thresholds import Aim, keep_scores
from cvstudio.project import analysis

CELL, DEBRIS = 11, 12
CLASSES = (LabelClass(CELL, "cell", "#F73C62"), LabelClass(DEBRIS, "debris", "#688BF6"))


def image(number: int, *labels: tuple[int, int, Shape], split: Split = Split.VAL) -> SnapshotImage:
    annotations = tuple(
        SnapshotAnnotation(id, class_id, shape, box_of(shape, width=100, height=80))
        for id, class_id, shape in labels
    )
    path = Path(f"image_{number}.png")
    return SnapshotImage(
        number, path, 0, 100, 80, split, Review.REVIEWED, f"{number:064x}", annotations
    )


def run_with(
    folder: Path, task: Task, images: list[SnapshotImage], answers: list[Prediction]
) -> JobDir:
    job = JobDir(folder)
    write_snapshot(job.snapshot, Snapshot(task, CLASSES, tuple(images)))
    write_predictions(job.predictions("val"), answers)
    report = {"val": {"metrics": {"mAP50-95": 0.5, "mAP50": None}, "per_class": []}}
    job.report.write_text(json.dumps(report))
    return job


@pytest.fixture
def objects(tmp_path: Path) -> JobDir:
    """One right cell, one missed, one called debris, one extra, one loose, one found twice."""
    images = [
        image(1, (101, CELL, Box(10, 10, 20, 20)), (102, CELL, Box(60, 10, 20, 20))),
        image(2, (103, CELL, Box(10, 10, 20, 20))),
        image(3, (104, CELL, Box(0, 0, 40, 40)), (105, DEBRIS, Box(60, 40, 20, 20))),
    ]
    answers = [
        Prediction(1, objects=(Found(CELL, 0.9, Box(10, 10, 20, 20)),
                               Found(DEBRIS, 0.8, Box(30, 50, 10, 10)))),
        Prediction(2, objects=(Found(DEBRIS, 0.7, Box(10, 10, 20, 20)),)),
        Prediction(3, objects=(Found(DEBRIS, 0.95, Box(60, 40, 20, 20)),
                               Found(DEBRIS, 0.6, Box(61, 40, 20, 20)),
                               Found(CELL, 0.5, Box(0, 0, 20, 40)),
                               Found(CELL, 0.1, Box(80, 60, 10, 10)))),
    ]  # fmt: skip
    return run_with(tmp_path, Task.DETECT, images, answers)


def test_every_kind_of_error_is_found_where_it_is(objects: JobDir) -> None:
    verdict = analysis.load(objects, "val").judge(score=0.25, iou=0.6)
    counts = {kind.kind: kind.count for kind in verdict.kinds}
    assert counts["missed"] == 1
    assert counts["false alarm"] == 1
    assert counts["wrong class"] == 1
    assert counts["loose box"] == 1
    assert counts["duplicate"] == 1
    assert counts["all"] == 5
    (missed,) = verdict.cases("missed")
    assert (missed.image_id, missed.annotation_id, missed.box) == (1, 102, Box(60, 10, 20, 20))
    (wrong,) = verdict.cases("wrong class")
    assert (wrong.image_id, wrong.annotation_id) == (2, 103)
    assert (wrong.labelled, wrong.predicted) == (CELL, DEBRIS)
    (extra,) = verdict.cases("false alarm")
    assert (extra.image_id, extra.box, extra.score) == (1, Box(30, 50, 10, 10), 0.8)


def test_a_cell_of_the_matrix_opens_what_it_counts(objects: JobDir) -> None:
    verdict = analysis.load(objects, "val").judge(score=0.25, iou=0.6)
    for row, labelled in enumerate(verdict.class_ids):
        for column, predicted in enumerate(verdict.class_ids):
            cases = verdict.cell(labelled, predicted)
            assert len(cases) == verdict.confusion[row, column], (labelled, predicted)
    (right,) = verdict.cell(DEBRIS, DEBRIS)
    assert right.kind == "right"
    assert right.annotation_id == 105


def test_scores_that_a_person_chose_hold_for_their_class_alone(objects: JobDir) -> None:
    assert not analysis.load(objects, "val").own_scores
    keep_scores(objects.path, {CELL: 0.05, DEBRIS: 0.85}, aim=Aim.PRECISION, wanted=0.9)
    loaded = analysis.load(objects, "val")
    verdict = loaded.judge(score=0.99, iou=0.6, own=True)
    counts = {kind.kind: kind.count for kind in verdict.kinds}
    told = (counts["false alarm"], counts["wrong class"], counts["duplicate"])
    assert told == (1, 0, 0), "cells alone"
    assert {row.class_id: row.counts_from for row in verdict.rows} == {CELL: 0.05, DEBRIS: 0.85}
    common = loaded.judge(score=0.99, iou=0.6)
    assert common.confusion[:, :-1].sum() == 0


def test_a_higher_score_moves_cards_matrix_and_cases_together(objects: JobDir) -> None:
    loaded = analysis.load(objects, "val")
    low, high = loaded.judge(score=0.05, iou=0.5), loaded.judge(score=0.85, iou=0.5)
    assert high.confusion.sum() != low.confusion.sum()
    precision = {c.title: c for c in high.cards}["Precision"]
    assert precision.value == 1.0
    assert precision.detail == "2 of 2 predicted"
    recall = {c.title: c for c in high.cards}["Recall"]
    assert recall.detail == "2 of 5 labelled"


def test_a_figure_that_the_evaluation_could_not_compute_is_no_figure(objects: JobDir) -> None:
    cards = {c.title: c for c in analysis.load(objects, "val").judge(score=0.5, iou=0.5).cards}
    assert cards["mAP50-95"].value == 0.5
    assert math.isnan(cards["mAP50"].value)


def test_classification_opens_the_image_behind_a_cell(tmp_path: Path) -> None:
    images = [image(n, (100 + n, CELL if n < 4 else DEBRIS, None)) for n in range(1, 6)]
    answers = [
        Prediction(n, scores={CELL: 0.9 if n != 2 else 0.2, DEBRIS: 0.1 if n != 2 else 0.8})
        for n in range(1, 5)
    ] + [Prediction(5, scores={CELL: 0.3, DEBRIS: 0.7})]
    verdict = analysis.load(run_with(tmp_path, Task.CLASSIFY, images, answers), "val").judge(
        score=0, iou=0
    )
    assert verdict.confusion.tolist() == [[2, 1], [1, 1]]
    (case,) = verdict.cell(CELL, DEBRIS)
    assert (case.image_id, case.annotation_id, case.figure) == (2, 102, "0.80")
    assert {c.image_id for c in verdict.cases("wrong class")} == {2, 4}


def test_segmentation_shows_where_the_confused_pixels_are(tmp_path: Path) -> None:
    truth = Mask.from_patch(np.ones((20, 20), np.uint8), x=10, y=10)
    answer = Mask.from_patch(np.ones((20, 10), np.uint8), x=10, y=10)
    assert truth is not None
    assert answer is not None
    images = [image(1, (101, CELL, truth)), image(2)]
    answers = [Prediction(1, regions={CELL: answer}), Prediction(2, regions={})]
    loaded = analysis.load(run_with(tmp_path, Task.SEGMENT, images, answers), "val")
    verdict = loaded.judge(score=0, iou=0)
    assert verdict.class_ids == (0, CELL, DEBRIS)
    (case,) = verdict.cell(CELL, 0)
    assert (case.image_id, case.annotation_id, case.box) == (1, 101, Box(20, 10, 10, 20))
    by_class = {row.class_id: row.values[1] for row in verdict.rows}
    assert by_class[CELL] == 0.5
    assert math.isnan(by_class[DEBRIS])


def test_a_later_evaluation_replaces_the_figures_of_its_split_only(objects: JobDir) -> None:
    later = JobDir(objects.path / "jobs" / "evaluate-1")
    later.path.mkdir(parents=True)
    images = [image(7, (701, CELL, Box(1, 1, 5, 5)))]
    write_snapshot(later.snapshot, Snapshot(Task.DETECT, CLASSES, tuple(images)))
    write_predictions(later.predictions("val"), [Prediction(7)])
    later.report.write_text(json.dumps({"val": {"metrics": {}, "per_class": []}}))
    assert set(analysis.load(objects, "val").images) == {7}
    with pytest.raises(RunError, match="not been judged on test"):
        analysis.load(objects, "test")


def test_a_run_that_was_killed_before_its_report_was_written_can_be_looked_at(
    objects: JobDir,
) -> None:
    objects.report.unlink()
    assert analysis.load(objects, Split.VAL).report == {}


def test_a_damaged_report_is_told_in_words(objects: JobDir) -> None:
    for content in ("{", "[]"):
        objects.report.write_text(content)
        with pytest.raises(RunError, match="damaged"):
            analysis.load(objects, Split.VAL)
