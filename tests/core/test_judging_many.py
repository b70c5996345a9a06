"""Judgements are made of arrays for speed; here they are held to the plain rule, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.geometry import Box
from cvstudio.core.metrics import (
    NOTHING,
    ImageObjects,
    ObjectMatches,
    match_objects,
)
from cvstudio.core.predictions import Found
from cvstudio.core.snapshot import SnapshotAnnotation

CLASSES = (1, 2, 3)


def random_matches(seed: int) -> ObjectMatches:
    """Images with labels, predictions near them and beside them, and many equal scores."""
    random = np.random.default_rng(seed)
    images = []
    for image in range(int(random.integers(0, 40))):
        labels, found = [], []
        for place in range(int(random.integers(0, 6))):
            box = Box(*random.uniform(0, 100, 2).tolist(), *random.uniform(1, 40, 2).tolist())
            labels.append(
                SnapshotAnnotation(100 * image + place, int(random.integers(1, 6)), box, box)
            )
            for _ in range(int(random.integers(0, 3))):
                dx, dy = random.normal(0, 3, 2).tolist()
                sure = float(np.round(random.random(), 1))
                other = int(random.integers(1, 6))
                class_id = other if random.random() < 0.2 else labels[-1].class_id
                found.append(Found(class_id, sure, Box(box.x + dx, box.y + dy, box.w, box.h)))
        images.append(ImageObjects(image + 1, labels, found))
    return match_objects(images, class_ids=CLASSES)


@pytest.mark.parametrize("seed", range(20))
def test_the_first_few_errors_are_the_beginning_of_all_of_them(seed: int) -> None:
    judged = random_matches(seed).at(score=0.2)
    for limit in (1, 3, 10, 10_000):
        assert judged.errors(limit=limit) == judged.errors()[:limit]
        for labelled in (*judged.class_ids, NOTHING):
            cell = judged.cell(labelled, NOTHING)
            assert judged.cell(labelled, NOTHING, limit=limit) == cell[:limit]


@pytest.mark.parametrize("seed", range(10))
def test_an_error_tells_the_overlap_of_its_own_pair(seed: int) -> None:
    matches = random_matches(seed)
    table = matches.overlaps
    pairs = {
        (int(table.label_id[label]), int(table.found_index[found])): float(iou)
        for found, label, iou in zip(
            table.pair_found, table.pair_label, table.pair_iou, strict=True
        )
    }
    judged = matches.at(score=0.0)
    for error in [*judged.errors(), *(e for c in judged.class_ids for e in judged.cell(c, c))]:
        if error.annotation_id is None or error.prediction is None:
            assert error.iou is None
        else:
            assert error.iou == pairs[error.annotation_id, error.prediction]


def test_another_score_or_overlap_is_judged_anew_and_the_same_one_is_not() -> None:
    matches = random_matches(1)
    first = matches.at(score=0.3)
    assert matches.at(score=0.3) is first
    others = [{"score": 0.5}, {"score": 0.3, "iou": 0.9}, {"score": 0.3, "own": {1: 0.9}}]
    for other in others:
        again = matches.at(**other)  # type: ignore[arg-type]
        assert again is not first
        assert not np.array_equal(again.confusion, first.confusion)


@pytest.mark.parametrize("seed", range(4))
def test_an_overlap_is_judged_after_many_others_as_it_is_judged_alone(seed: int) -> None:
    dragged = random_matches(seed)
    overlaps = [*np.linspace(0.1, 0.95, 18), *np.linspace(0.95, 0.1, 18)]
    for iou in overlaps:
        alone = random_matches(seed)
        for score in (0.0, 0.4):
            one, other = dragged.at(score=score, iou=iou), alone.at(score=score, iou=iou)
            assert np.array_equal(one.confusion, other.confusion)
            assert one.errors() == other.errors()
        curves = alone.curves(iou)
        for class_id, curve in dragged.curves(iou).items():
            for name in ("score", "precision", "recall"):
                expected = getattr(curves[class_id], name)
                assert np.array_equal(getattr(curve, name), expected, equal_nan=True)


def test_curves_count_the_predictions_of_their_class_from_the_surest_on() -> None:
    matches = random_matches(3)
    for iou in (0.3, 0.75):
        judged = matches.at(score=0.0, iou=iou)
        right = judged.per_class()
        for figures, (class_id, curve) in zip(right, matches.curves(iou).items(), strict=True):
            assert figures.class_id == class_id
            if len(curve.score):
                assert (np.diff(curve.score) < 0).all()
                assert curve.precision[-1] == pytest.approx(figures.precision)


def test_the_overlaps_of_a_whole_drag_take_little_memory() -> None:
    matches = random_matches(2)
    count = len(matches.overlaps.found_score)
    before = sum(matches.right(0.5) >= 0)
    for iou in np.linspace(0.1, 0.99, 90):
        matches.right(float(iou))
    kept = sum(each.nbytes for pair in matches._right.values() for each in pair)
    assert before < count / 2
    assert kept <= 90 * count * 8 / 2  # a number for each prediction and overlap would be twice it
