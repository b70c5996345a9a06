"""Figures of images with several classes, against scikit-learn's and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from cvstudio.core.metrics import NOTHING
from cvstudio.core.metrics.several import (
    ENOUGH_FOR_OWN,
    SeveralMatches,
    TaggedImage,
    counting,
)

HEAD, TAIL, WING = 4, 2, 9


def matches_of(rows: list[tuple[set[int], dict[int, float]]]) -> SeveralMatches:
    images = [TaggedImage(n, frozenset(own), scores) for n, (own, scores) in enumerate(rows, 1)]
    return SeveralMatches.of(images, class_ids=(HEAD, TAIL))


@pytest.fixture
def few() -> SeveralMatches:
    return matches_of(
        [
            ({HEAD, TAIL}, {HEAD: 0.9, TAIL: 0.8}),  # both right
            ({HEAD}, {HEAD: 0.2, TAIL: 0.7}),  # head missed, tail extra
            (set(), {HEAD: 0.1, TAIL: 0.3}),  # right: nothing there, nothing found
            ({TAIL}, {HEAD: 0.6, TAIL: 0.9}),  # head extra
        ]
    )


def test_each_class_is_missed_or_extra_by_itself(few: SeveralMatches) -> None:
    report = few.at(0.5)
    assert report.confusion.tolist() == [[1, 0, 1], [0, 2, 0], [1, 1, 0]]
    found = {(e.image_id, e.labelled, e.predicted) for e in report.errors()}
    assert found == {(2, HEAD, NOTHING), (2, NOTHING, TAIL), (4, NOTHING, HEAD)}
    assert [e.score for e in report.errors()] == [0.2, 0.7, 0.6]  # the surest errors first
    assert [e.image_id for e in report.cell(NOTHING, HEAD)] == [4]
    assert [e.image_id for e in report.cell(TAIL, TAIL)] == [4, 1]
    assert report.cell(HEAD, TAIL) == []


def test_an_image_without_any_class_counts_as_right_when_nothing_is_found(
    few: SeveralMatches,
) -> None:
    assert few.at(0.5).exact == 2
    assert few.at(0.5).exact_match == 0.5
    assert few.at(0.05).exact == 1


def test_a_class_counts_from_its_own_score_and_the_others_from_the_common_one(
    few: SeveralMatches,
) -> None:
    report = few.at(0.5, {TAIL: 0.75})
    found = {(e.image_id, e.labelled, e.predicted) for e in report.errors()}
    assert found == {(2, HEAD, NOTHING), (4, NOTHING, HEAD)}, "tail of image 2 counts no more"
    report = few.at(0.5, {HEAD: 0.15, TAIL: None})
    assert (2, HEAD, NOTHING) not in {(e.image_id, e.labelled, e.predicted)
                                      for e in report.errors()}  # fmt: skip
    assert counting((HEAD, TAIL), 0.5, {HEAD: 0.15, TAIL: None}) == [0.15, 0.5]


def test_a_class_of_few_images_gets_no_score_of_its_own() -> None:
    rows = [({HEAD}, {HEAD: 0.3, TAIL: 0.1})] * ENOUGH_FOR_OWN
    rows += [({TAIL}, {HEAD: 0.2, TAIL: 0.9})] * (ENOUGH_FOR_OWN - 1)
    own = matches_of(rows).own_scores()
    assert own[TAIL] is None
    assert own[HEAD] == 0.25, "in the middle, so that rounding turns no answer round"


def test_a_class_that_the_network_does_not_know_is_always_missed() -> None:
    matches = matches_of([({WING, HEAD}, {HEAD: 0.9, TAIL: 0.1})])
    assert matches.class_ids == (HEAD, TAIL, WING)
    assert [(e.labelled, e.predicted) for e in matches.at(0.5).errors()] == [(WING, NOTHING)]


@pytest.fixture
def many() -> SeveralMatches:
    random = np.random.default_rng(3)
    labelled = random.random((80, 4)) < (0.5, 0.3, 0.1, 0.0)
    # Coarse steps, so that many images have one score.
    scores = np.round(np.clip(0.3 * labelled + random.random((80, 4)) * 0.7, 0, 1), 1)
    return SeveralMatches((1, 2, 3, 4), tuple(range(80)), labelled, scores)


def test_figures_are_those_of_scikit_learn(many: SeveralMatches) -> None:
    averages = many.average_precisions()
    for place, class_id in enumerate((1, 2, 3)):
        known = average_precision_score(many.labelled[:, place], many.scores[:, place])
        assert averages[class_id] == pytest.approx(known)
    assert np.isnan(averages[4])
    assert many.mean_average_precision == pytest.approx(np.mean([averages[c] for c in (1, 2, 3)]))
    rows = many.at(0.5).per_class()[:3]
    known = f1_score(many.labelled[:, :3], many.scores[:, :3] >= 0.5, average=None)
    assert [row.f1 for row in rows] == pytest.approx(list(known))


def test_drawn_images_give_the_figure_of_those_images(many: SeveralMatches) -> None:
    random = np.random.default_rng(0)
    chosen = [random.integers(0, 80, 80) for _ in range(5)]
    draws = np.array([np.bincount(rows, minlength=80) for rows in chosen], np.float32)
    by_hand = [many.only(rows).mean_average_precision for rows in chosen]
    assert many.drawn(draws) == pytest.approx(by_hand)
    assert many.drawn(np.ones((1, 80))) == pytest.approx([many.mean_average_precision])
