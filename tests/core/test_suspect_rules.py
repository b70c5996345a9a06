"""The rules behind suspects, against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.annotation import Annotation
from cvstudio.core.geometry import Box
from cvstudio.core.metrics.classes import ClassifiedImage
from cvstudio.core.metrics.overlaps import ImageObjects, find_overlaps
from cvstudio.core.metrics.pixels import IGNORED
from cvstudio.core.predictions import Found
from cvstudio.core.suspects import (
    ConfidentJoint,
    Doubt,
    Fault,
    ObjectDoubts,
    PixelDoubts,
    boxes_in_order,
)
from cvstudio.core.suspects.agreement import CAUTION, Agreement


def test_agreement_is_the_best_rising_curve_through_what_was_seen() -> None:
    chance = np.random.default_rng(0)
    scores = chance.uniform(0, 1, 400)
    agree = chance.uniform(0, 1, 400) < scores
    curve = Agreement.of(scores, agree)
    assert (np.diff(curve.shares) >= 0).all()
    # The least squares of all rising curves, by the classic formula of the largest of least means.
    order = np.argsort(scores)
    sums = np.concatenate([[0], np.cumsum(agree[order])])
    ends = np.arange(1, 401)
    for place in (20, 137, 250, 399):
        starts = np.arange(place + 1)
        means = (sums[ends[place:]][None, :] - sums[starts][:, None]) / (
            ends[place:][None, :] - starts[:, None]
        )
        best = means.min(axis=1).max()
        group = np.searchsorted(curve.edges, scores[order[place]], side="right") - 1
        above = scores >= curve.edges[group]
        if group + 1 < len(curve.edges):
            above &= scores < curve.edges[group + 1]
        assert agree[above].mean() == pytest.approx(best)


def test_few_answers_prove_nothing_and_lower_scores_than_any_less() -> None:
    four = Agreement.of(np.full(4, 0.9), np.ones(4, bool))
    assert four.at(np.array([0.95]))[0] == pytest.approx(4 / (4 + CAUTION))
    assert four.at(np.array([0.95]))[0] < 0.5
    five = Agreement.of(np.full(5, 0.9), np.ones(5, bool))
    assert five.at(np.array([0.95]))[0] == 0.5
    assert five.at(np.array([0.2]))[0] == 0.0
    assert Agreement.of(np.zeros(0), np.zeros(0, bool)).at(np.array([0.9]))[0] == 0.0


def test_counts_by_score_give_the_same_curve_as_the_answers_one_by_one() -> None:
    scores = np.array([0, 0, 1, 1, 1, 3, 3, 3, 3])
    agree = np.array([0, 1, 0, 1, 1, 1, 1, 0, 1], bool)
    one = Agreement.of(scores.astype(float), agree)
    right = np.bincount(scores, weights=agree, minlength=4)
    other = Agreement.of_counts(right, np.bincount(scores, minlength=4).astype(float))
    assert one.edges.tolist() == other.edges.tolist()
    assert one.shares.tolist() == other.shares.tolist()


def classified(image: int, labelled: int, first: float) -> ClassifiedImage:
    return ClassifiedImage(image, labelled, {1: first, 2: 1 - first})


def test_the_joint_counts_a_mix_up_and_makes_its_labels_more_doubtful_than_a_slip() -> None:
    right = [classified(n, 1 + n % 2, 0.9 if n % 2 == 0 else 0.1) for n in range(100)]
    slip = classified(200, 2, 0.85)
    alone = ConfidentJoint.of([*right, slip], class_ids=[1, 2])
    again = ConfidentJoint.of(
        [*right, slip, *(classified(201 + n, 2, 0.85) for n in range(15))], class_ids=[1, 2]
    )
    assert again.joint.sum() == pytest.approx(116)
    assert again.joint[1, 0] > alone.joint[1, 0] + 5
    first = {d.image_id: d.doubt for d in alone.doubts()}[200]
    second = {d.image_id: d.doubt for d in again.doubts()}[200]
    assert 0.1 < first < second
    assert [d.image_id for d in alone.doubts()] == [200]
    assert {d.alike for d in again.doubts()} == {16}


def test_no_images_have_no_doubts() -> None:
    assert ConfidentJoint.of([], class_ids=[1, 2]).doubts() == []


def label(id: int, box: Box, class_id: int = 1, *, crowd: bool = False) -> Annotation:
    return Annotation(id, 1, class_id, box, box, attributes={"iscrowd": 1} if crowd else {})


def doubts_of(images: list[ImageObjects]) -> list[tuple[Fault, int, int | None]]:
    return [(d.fault, d.image_id, d.annotation_id) for d in all_doubts(images)]


def all_doubts(images: list[ImageObjects]) -> list[Doubt]:
    table = find_overlaps(images, class_ids=[1, 2])
    boxes = [
        np.array([(f.box.x, f.box.y, f.box.w, f.box.h) for f in i.found]).reshape(-1, 4)
        for i in images
    ]
    return ObjectDoubts(table, boxes_in_order(table, boxes)).doubts()


def good(image: int) -> ImageObjects:
    """Two objects, labelled and found."""
    boxes = [Box(10, 10, 30, 30), Box(80, 80, 30, 30)]
    return ImageObjects(
        image,
        [label(10 * image + n, box, 1 + n) for n, box in enumerate(boxes)],
        [Found(1 + n, 0.9, box) for n, box in enumerate(boxes)],
    )


def test_what_lies_in_a_crowd_of_its_class_is_not_overlooked() -> None:
    crowd = [label(900, Box(0, 0, 200, 200), crowd=True)]
    answer = [Found(1, 0.9, Box(20, 20, 30, 30))]
    images = [good(n) for n in range(2, 22)]
    assert doubts_of([ImageObjects(1, [], answer), *images]) == [(Fault.OVERLOOKED, 1, None)]
    assert doubts_of([ImageObjects(1, crowd, answer), *images]) == []


def test_a_label_beside_its_object_is_told_once_as_badly_placed() -> None:
    images = [good(n) for n in range(2, 22)]
    beside = ImageObjects(
        1, [label(900, Box(10, 10, 30, 30))], [Found(1, 0.9, Box(26, 20, 30, 30))]
    )
    assert doubts_of([beside, *images]) == [(Fault.BADLY_PLACED, 1, 900)]


def test_a_label_that_its_own_class_was_found_at_is_hardly_of_another_one() -> None:
    images = [good(n) for n in range(2, 42)]
    box = Box(10, 10, 30, 30)
    both = ImageObjects(1, [label(900, box)], [Found(1, 0.9, box), Found(2, 0.9, box)])
    only = ImageObjects(1, [label(900, box)], [Found(2, 0.9, box)])
    (hardly,) = all_doubts([both, *images])
    (surely,) = all_doubts([only, *images])
    assert {hardly.fault, surely.fault} == {Fault.WRONG_CLASS}
    assert hardly.doubt < 0.2
    assert surely.doubt > 0.8


def test_nothing_is_said_where_there_is_nothing() -> None:
    assert doubts_of([]) == []
    assert doubts_of([ImageObjects(1, [], [])]) == []


def test_a_piece_that_was_left_out_is_suspected_and_an_edge_or_a_crowd_is_not() -> None:
    chance = np.random.default_rng(0)
    maps = []
    for image in range(30):
        truth = np.zeros((120, 160), np.uint16)
        for _ in range(4):
            x, y = chance.integers(5, 120), chance.integers(5, 80)
            truth[y : y + 30, x : x + 30] = 1
        truth[85:115, 5:35] = 2
        maps.append((image, truth.copy(), np.roll(truth, 1, axis=1)))  # off by one pixel
    maps[3][1][85:115, 5:35] = 0
    maps[4][1][85:115, 5:35] = IGNORED
    first, *rest = PixelDoubts(lambda: maps, (11, 12)).regions()
    assert (first.doubt.image_id, first.doubt.labelled, first.doubt.proposed) == (3, 0, 12)
    assert abs(first.mask.box.x - 6) <= 1
    assert abs(first.mask.box.y - 85) <= 1
    assert first.pixels > 800
    assert first.doubt.doubt > 0.4
    assert not rest
