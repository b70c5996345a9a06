"""Which learning rate a curve of tries suggests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvstudio.core.rate_curve import diverged, smoothed, suggested

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
def test_the_rate_of_the_steepest_fall_is_found_within_half_an_order(
    rate: float, seed: int
) -> None:
    found = suggested(RATES, losses_falling_at(rate, noise=0.01, seed=seed))
    assert found is not None
    # The running mean lags about ten tries behind: 0.6 of an order of magnitude here.
    assert -0.3 <= math.log10(found) - math.log10(rate) <= 1.0


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


def test_the_running_mean_begins_at_the_first_loss() -> None:
    assert smoothed([3.0, 3.0, 3.0]) == pytest.approx([3.0, 3.0, 3.0])
