"""Objects: matching, confusion, error kinds and thresholds against hand-counted truth."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cvstudio.core.geometry import Box, Polygon, iou_matrix
from cvstudio.core.masks import Mask
from cvstudio.core.metrics import NOTHING, ErrorKind, ImageObjects, match_objects
from cvstudio.core.metrics.overlaps import greedy
from cvstudio.core.predictions import Found
from cvstudio.core.snapshot import SnapshotAnnotation


def label(id: int, class_id: int, *xywh: float, crowd: bool = False) -> SnapshotAnnotation:
    return SnapshotAnnotation(id, class_id, Box(*xywh), Box(*xywh), crowd)


def found(class_id: int, score: float, *xywh: float) -> Found:
    return Found(class_id, score, Box(*xywh))


ONE_OF_EACH = ImageObjects(
    image_id=7,
    labelled=[
        label(101, 1, 0, 0, 10, 10),
        label(102, 1, 100, 0, 10, 10),  # predicted as class 2
        label(103, 2, 200, 0, 10, 10),  # only loosely found
        label(104, 2, 300, 0, 10, 10),  # missed
        label(105, 1, 500, 0, 10, 10),  # only loosely found, as class 2
    ],
    found=[
        found(1, 0.9, 0, 0, 10, 10),
        found(1, 0.8, 0, 1, 10, 10),  # duplicate of 101
        found(2, 0.7, 100, 0, 10, 10),  # wrong class
        found(2, 0.6, 205, 0, 10, 10),  # a third of 103
        found(2, 0.5, 400, 0, 10, 10),  # extra
        found(2, 0.1, 300, 0, 10, 10),  # below the score
        found(2, 0.4, 505, 0, 10, 10),  # a third of 105, which is class 1
    ],
)


def test_each_kind_of_error_names_its_annotation_and_its_prediction() -> None:
    judged = match_objects([ONE_OF_EACH], class_ids=[1, 2]).at(score=0.25, iou=0.5)
    told = {
        e.kind: (e.annotation_id, e.prediction, e.labelled, e.predicted) for e in judged.errors()
    }
    assert told == {
        ErrorKind.DUPLICATE: (101, 1, 1, 1),
        ErrorKind.WRONG_CLASS: (102, 2, 1, 2),
        ErrorKind.LOOSE_BOX: (103, 3, 2, 2),
        ErrorKind.FALSE_ALARM: (None, 4, NOTHING, 2),
        ErrorKind.MISSED: (104, None, 2, NOTHING),
        ErrorKind.BOTH: (105, 6, 1, 2),
    }
    assert judged.counts() == dict.fromkeys(ErrorKind, 1)
    assert judged.images() == {7: 6}
    assert judged.image_counts().tolist() == [[5, 6, 1]]


def test_the_confusion_counts_every_annotation_and_every_prediction_once() -> None:
    judged = match_objects([ONE_OF_EACH], class_ids=[1, 2]).at(score=0.25, iou=0.5)
    assert judged.confusion.tolist() == [[1, 1, 1], [0, 0, 2], [1, 3, 0]]
    assert (judged.labelled, judged.predicted, judged.correct) == (5, 6, 1)
    assert judged.precision == pytest.approx(1 / 6)
    assert judged.recall == pytest.approx(1 / 5)
    first, second = judged.per_class()
    assert (first.labelled, first.predicted, first.precision, first.recall) == (3, 2, 0.5, 1 / 3)
    assert (second.labelled, second.predicted, second.recall, second.f1) == (2, 4, 0, 0)


def test_a_cell_of_the_confusion_opens_what_it_counts() -> None:
    judged = match_objects([ONE_OF_EACH], class_ids=[1, 2]).at(score=0.25, iou=0.5)
    ids = (*judged.class_ids, NOTHING)
    for row, labelled in enumerate(ids):
        for column, predicted in enumerate(ids):
            if labelled == predicted == NOTHING:
                continue
            assert len(judged.cell(labelled, predicted)) == judged.confusion[row, column]
    assert [e.prediction for e in judged.cell(NOTHING, 2)] == [3, 4, 6]
    assert judged.cell(1, 1)[0].kind is None
    assert judged.cell(1, 1)[0].iou == 1


def test_a_class_counts_from_its_own_score() -> None:
    matches = match_objects([ONE_OF_EACH], class_ids=[1, 2])
    judged = matches.at(score=0.25, iou=0.5, own={1: 0.85, 2: None})
    assert judged.counts()[ErrorKind.DUPLICATE] == 0  # of class 1, its score is 0.8
    assert judged.counts()[ErrorKind.FALSE_ALARM] == 1
    judged = matches.at(score=0.99, iou=0.5, own={1: 0.05, 2: 0.05})
    assert (judged.predicted, judged.correct) == (7, 2)
    assert matches.at(score=0.05).confusion.tolist() == judged.confusion.tolist()


def test_a_lower_score_finds_the_missed_one() -> None:
    matches = match_objects([ONE_OF_EACH], class_ids=[1, 2])
    assert matches.at(score=0.05, iou=0.5).counts()[ErrorKind.MISSED] == 0
    assert matches.at(score=0.95, iou=0.5).counts()[ErrorKind.MISSED] == 5


def test_a_smaller_overlap_turns_the_loose_box_right() -> None:
    matches = match_objects([ONE_OF_EACH], class_ids=[1, 2])
    assert matches.at(score=0.25, iou=0.3).counts()[ErrorKind.LOOSE_BOX] == 0
    assert matches.at(score=0.25, iou=0.3).correct == 2


def test_a_surer_prediction_of_another_class_does_not_take_a_label_from_the_right_one() -> None:
    image = ImageObjects(
        1, [label(1, 1, 0, 0, 10, 10)], [found(2, 0.9, 0, 0, 10, 10), found(1, 0.5, 0, 0, 10, 10)]
    )
    judged = match_objects([image], class_ids=[1, 2]).at(score=0.25)
    assert judged.confusion.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_predictions_inside_a_crowd_are_neither_right_nor_wrong() -> None:
    crowd = label(1, 1, 0, 0, 100, 100, crowd=True)
    image = ImageObjects(1, [crowd], [found(1, 0.9, 5, 5, 10, 10), found(2, 0.8, 5, 5, 10, 10)])
    matches = match_objects([image], class_ids=[1, 2])
    judged = matches.at(score=0.25)
    assert judged.confusion.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert len(matches.curves()[1].score) == 0


def test_masks_and_not_boxes_decide_for_instances() -> None:
    bar = np.zeros((20, 20), np.uint8)
    bar[:, :4] = 1
    other = np.zeros((20, 20), np.uint8)
    other[:4, :] = 1
    bar_mask, other_mask = Mask.from_patch(bar, 3, 5), Mask.from_patch(other, 3, 5)
    assert bar_mask is not None
    assert other_mask is not None
    whole = Box(3, 5, 20, 20)
    polygon = Polygon.simple([(3, 5), (7, 5), (7, 25), (3, 25)])
    labelled = [SnapshotAnnotation(1, 1, polygon, whole)]
    same_box = ImageObjects(1, labelled, [Found(1, 0.9, whole, other_mask)])
    same_mask = ImageObjects(1, labelled, [Found(1, 0.9, whole, bar_mask)])
    assert match_objects([same_box], class_ids=[1]).at(score=0.5).correct == 1
    assert match_objects([same_box], class_ids=[1], masks=True).at(score=0.5).correct == 0
    judged = match_objects([same_mask], class_ids=[1], masks=True).at(score=0.5)
    assert judged.cell(1, 1)[0].iou == 1
    crossed = match_objects([same_box], class_ids=[1], masks=True).at(score=0.5, iou=0.1)
    assert crossed.cell(1, 1)[0].iou == pytest.approx(16 / (80 + 80 - 16))


def test_average_precision_by_hand() -> None:
    # Right, wrong, right on three labels: precision 1 up to recall 1/3, then 2/3 up to 2/3.
    labelled = [label(i, 1, 100 * i, 0, 10, 10) for i in range(3)]
    answers = [
        found(1, 0.9, 0, 0, 10, 10),
        found(1, 0.8, 50, 0, 10, 10),
        found(1, 0.7, 100, 0, 10, 10),
    ]
    curve = match_objects([ImageObjects(1, labelled, answers)], class_ids=[1, 2]).curves()[1]
    assert curve.recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert curve.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3])
    assert curve.average_precision == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)
    assert curve.best_score == 0.7
    assert curve.at(0.75) == (0.5, pytest.approx(1 / 3))


def test_a_class_without_labels_has_no_recall() -> None:
    image = ImageObjects(1, [label(1, 1, 0, 0, 10, 10)], [found(2, 0.9, 50, 50, 10, 10)])
    matches = match_objects([image], class_ids=[1, 2])
    first, second = matches.at(score=0.5).per_class()
    assert np.isnan(first.precision)
    assert first.recall == 0
    assert np.isnan(second.recall)
    assert np.isnan(matches.curves()[2].average_precision)
    assert match_objects([], class_ids=[1]).at(score=0.5).labelled == 0
    assert np.isnan(match_objects([], class_ids=[1]).best_score())


def test_the_best_score_lies_between_right_and_wrong() -> None:
    labelled = [label(i, 1, 100 * i, 0, 10, 10) for i in range(5)]
    right = [found(1, 0.6 + 0.01 * i, 100 * i, 0, 10, 10) for i in range(5)]
    wrong = [found(1, 0.3 + 0.01 * i, 100 * i + 50, 0, 10, 10) for i in range(5)]
    best = match_objects([ImageObjects(1, labelled, [*right, *wrong])]).best_score()
    assert 0.34 < best <= 0.6


def test_no_score_is_best_when_none_finds_anything() -> None:
    labelled = [label(i, 1, 100 * i, 0, 10, 10) for i in range(50)]
    noise = [found(1, 0.001 + i / 10_000, 100 * i + 50, 0, 10, 10) for i in range(50)]
    lucky = found(1, 0.0005, 0, 0, 10, 10)
    matches = match_objects([ImageObjects(1, labelled, [*noise, lucky])])
    assert np.isnan(matches.best_score())
    assert np.isnan(matches.curves()[1].best_score)


def _one_by_one(ious: np.ndarray, threshold: float) -> list[int]:
    """The definition: each prediction in order takes its best free annotation."""
    taken: set[int] = set()
    match = []
    for row in ious:
        choice = max(
            (j for j in range(len(row)) if j not in taken and row[j] >= threshold),
            key=lambda j: row[j],
            default=-1,
        )
        taken.add(choice)
        match.append(choice)
    return match


def test_matching_in_rounds_equals_matching_one_by_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        labels = np.column_stack([rng.uniform(0, 30, (8, 2)), rng.uniform(10, 20, (8, 2))])
        answers = np.column_stack([rng.uniform(0, 30, (15, 2)), rng.uniform(10, 20, (15, 2))])
        ious = iou_matrix(answers, labels)
        rows, columns = np.nonzero(ious >= 0.2)
        order = np.lexsort((-ious[rows, columns], rows))
        match = greedy(rows[order], columns[order], found_count=15, label_count=8)
        assert match.tolist() == _one_by_one(ious, 0.2)


def test_dragging_the_score_over_five_thousand_images_stays_fluid() -> None:
    rng = np.random.default_rng(1)
    images = []
    for image_id in range(5000):
        boxes = np.column_stack([rng.uniform(0, 500, (10, 2)), rng.uniform(20, 60, (10, 2))])
        labelled = [label(i, 1 + i % 5, *box) for i, box in enumerate(boxes)]
        near = np.repeat(boxes, 4, axis=0) + rng.normal(0, 6, (40, 4))
        scores = rng.beta(0.5, 2, 40)
        classes = rng.integers(1, 6, 40)
        answers = [
            Found(int(c), float(s), Box(*b)) for c, s, b in zip(classes, scores, near, strict=True)
        ]
        images.append(ImageObjects(image_id, labelled, answers))
    matches = match_objects(images, class_ids=[1, 2, 3, 4, 5])
    matches.at(score=0.001)
    took = []
    for score in (0.001, 0.05, 0.25, 0.4, 0.6):
        start = time.process_time()
        matches.at(score=score)
        took.append(time.process_time() - start)
    assert np.median(took) < 0.1
