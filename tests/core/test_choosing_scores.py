"""A class counts from the score that keeps what was wanted, and says so where none can."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.metrics import Curve
from cvstudio.core.metrics.choosing import choose
from cvstudio.core.thresholds import Aim

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
RIGHT = np.array([True, True, False, True, True, False])
CURVE = Curve.of(4, 6, SCORES, RIGHT)
"""Precision 1, 1, 2/3, 3/4, 4/5, 2/3; recall 1/6, 1/3, 1/3, 1/2, 2/3, 2/3."""


@pytest.mark.parametrize(
    ("aim", "wanted", "score", "precision", "recall"),
    [
        (Aim.F1, None, 0.45, 4 / 5, 2 / 3),
        (Aim.PRECISION, 1.0, 0.75, 1, 1 / 3),
        (Aim.PRECISION, 0.8, 0.45, 4 / 5, 2 / 3),  # the most recall, though 0.7 has less precision
        (Aim.RECALL, 0.3, 0.75, 1, 1 / 3),
        (Aim.RECALL, 0.5, 0.55, 3 / 4, 1 / 2),
    ],
)
def test_the_chosen_score_keeps_what_was_wanted(
    aim: Aim, wanted: float | None, score: float, precision: float, recall: float
) -> None:
    chosen = choose(CURVE, aim, wanted)
    assert chosen.score == pytest.approx(score)
    assert (chosen.precision, chosen.recall) == pytest.approx((precision, recall))
    assert CURVE.at(score) == pytest.approx((precision, recall))


def test_what_no_score_reaches_is_told() -> None:
    chosen = choose(CURVE, Aim.RECALL, 0.9)
    assert (chosen.score, chosen.why_not) == (None, "no score reaches a recall of 0.9")
    nothing = Curve.of(4, 6, SCORES, np.zeros(6, bool))
    assert choose(nothing, Aim.F1).score is None
    assert choose(nothing, Aim.PRECISION, 0.5).score is None


def test_of_fewer_than_five_labels_no_score_is_chosen() -> None:
    few = Curve.of(4, 4, SCORES, RIGHT)
    assert choose(few, Aim.F1).why_not == "4 labelled: too few to choose"


@pytest.mark.parametrize("seed", range(5))
def test_no_other_score_has_the_wanted_precision_and_more_recall(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = np.sort(random.random(80))[::-1]
    curve = Curve.of(1, 60, scores, random.random(80) < scores)
    chosen = choose(curve, Aim.PRECISION, 0.8)
    assert chosen.score is not None
    assert chosen.precision >= 0.8
    fits = curve.precision >= 0.8
    assert chosen.recall == curve.recall[fits].max()


def test_a_wanted_precision_has_to_be_named() -> None:
    with pytest.raises(ValueError, match="wanted"):
        choose(CURVE, Aim.PRECISION)
