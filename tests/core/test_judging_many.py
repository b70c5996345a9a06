"""Judgements are made of arrays for speed; here they are held to the plain rule, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.error_kinds import ErrorKind
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import (
    NOTHING,
    ImageObjects,
    Judgement,
    ObjectError,
    ObjectMatches,
    match_objects,
)
from cvstudio.core.metrics.trust import believable
from cvstudio.core.predictions import Found
from cvstudio.core.snapshot import SnapshotAnnotation

CLASSES = (1, 2, 3)
DOUBTED = (ErrorKind.EXTRA, ErrorKind.WRONG_CLASS, ErrorKind.LOOSE_BOX, ErrorKind.BOTH)


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


def by_the_rule(judged: Judgement) -> tuple[list[ObjectError], list[int]]:
    """Likely label errors and classes without them, from all that is right and wrong."""
    right = [e for c in judged.class_ids for e in judged.cell(c, c)]
    rows = [*right, *judged.errors()]
    likely, withheld = [], []
    for class_id in judged.class_ids:
        own = [e for e in rows if e.predicted == class_id and e.score is not None]
        usual = [e.score or 0.0 for e in own if e.kind is None]
        floor = float(np.median(usual)) if usual else -1.0
        sure = [e for e in own if e.score is not None and e.score >= floor]
        doubting = [e for e in sure if e.kind in DOUBTED]
        sure_and_right = sum(e.kind is None for e in sure)
        if believable(right=len(usual), sure=len(sure), sure_and_right=sure_and_right):
            likely += doubting
        elif doubting:
            withheld.append(class_id)
    return likely, withheld


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("score", "iou"), [(0.0, 0.5), (0.35, 0.75), (2.0, 0.5)])
def test_likely_label_errors_are_those_of_the_rule(seed: int, score: float, iou: float) -> None:
    judged = random_matches(seed).at(score=score, iou=iou)
    likely, withheld = by_the_rule(judged)
    found = judged.likely_label_errors()
    assert set(found) == set(likely)
    assert len(found) == len(likely) == judged.likely_counts()[0]
    assert judged.likely_counts()[1] == len({e.image_id for e in likely})
    assert judged.withheld_classes() == withheld
    for error in judged.errors():
        at = judged.likely_at(error.image_id, error.annotation_id, error.prediction)
        assert at == (error in likely)


@pytest.mark.parametrize("seed", range(20))
def test_the_first_few_errors_are_the_beginning_of_all_of_them(seed: int) -> None:
    judged = random_matches(seed).at(score=0.2)
    for limit in (1, 3, 10, 10_000):
        assert judged.errors(limit=limit) == judged.errors()[:limit]
        assert judged.likely_label_errors(limit=limit) == judged.likely_label_errors()[:limit]
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
