"""Which learning rate a curve of tries suggests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvstudio.core.rate_curve import Fall, diverged, fall, smoothed, suggested

RATES = [10 ** (-6 + 6 * n / 99) for n in range(100)]


def losses_falling_at(rate: float, *, noise: float = 0.0, seed: int = 0) -> list[float]:
    """A loss that falls around a rate and runs away two orders of magnitude above it."""
    random = np.random.default_rng(seed)
    at, value = math.log10(rate), []
    for each in RATES:
        x = math.log10(each)
        fall = 1 / (1 + math.exp(-4 * (x - at)))
        away = math.exp(6 * (x - at - 2)) if x > at + 1.5 else 0.0
        value.append(2.0 - 1.5 * fall + away + noise * float(random.normal()))
    return value


@given(rate=st.floats(1e-5, 1e-2), seed=st.integers(0, 100))
def test_the_rate_lies_between_the_fastest_fall_and_where_the_loss_turns(
    rate: float, seed: int
) -> None:
    found = fall(RATES, losses_falling_at(rate, noise=0.01, seed=seed))
    assert found is not None
    assert abs(math.log10(found.fastest / rate)) <= 0.5
    assert found.fastest <= found.rate <= found.lowest
    assert found.rate <= 4.05 * found.fastest
    assert found.lowest < 100 * rate, "there it has run away"


def test_the_fall_is_found_among_batches_that_differ_more_than_it_is_deep() -> None:
    """As with four images a step: single losses are apart by three quarters of the whole fall."""
    wide = []
    for seed in range(200):
        found = suggested(RATES, losses_falling_at(1e-3, noise=0.75 * 1.5, seed=seed))
        wide.append(found is not None and abs(math.log10(found) + 2.6) <= 1.0)
    assert sum(wide) >= 180


def test_batches_that_differ_and_do_not_fall_mostly_suggest_nothing() -> None:
    random = np.random.default_rng(0)
    told = [suggested(RATES, list(10 + random.normal(size=100))) for _ in range(200)]
    assert sum(found is None for found in told) >= 130


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    assert suggested(RATES, [1 + 0.01 * n for n in range(100)]) is None
    assert suggested(RATES[:5], [1.0, 0.9, 0.8, 0.7, 0.6]) is None


def test_what_follows_a_loss_that_is_no_number_is_left_out() -> None:
    losses = losses_falling_at(1e-4)
    assert suggested(RATES, [*losses[:70], math.nan, *losses[71:]]) == suggested(RATES, losses)


def test_a_loss_that_has_run_away_ends_the_search_and_a_noisy_one_does_not() -> None:
    assert not any(diverged([1.0, 1.3] * n) for n in range(1, 40))
    assert diverged([1.0] * 20 + [60.0])
    assert diverged([1.0, math.inf])


def test_the_curve_of_equal_losses_is_that_loss_to_both_ends() -> None:
    assert smoothed([3.0, 3.0, 3.0]) == pytest.approx([3.0, 3.0, 3.0])


def test_a_suggestion_far_from_the_usual_rate_says_so() -> None:
    near, far = Fall(5e-4, 2e-3), Fall(1e-4, 6e-4)
    assert near.rate == 1e-3
    assert near.told(1e-3) == (
        "The loss falls fastest at 0.0005 and no more beyond 0.002: 0.001 lies between."
    )
    assert far.told(1e-3).endswith("far from the usual 0.001: a few epochs of both tell which.")
    assert Fall(1e-4, 0.5).rate == 4e-4, "a long tail does not lead to where nothing is known"
