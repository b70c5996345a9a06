"""Whether numbers of new images are beyond what is usual: exact cases, and what chance does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cvstudio.core.drift import Standing, beyond, distances, shift, silence
from cvstudio.core.metrics.resampling import wilson


def test_of_the_same_kind_about_five_of_a_hundred_lie_beyond() -> None:
    random = np.random.default_rng(1)
    found = beyond(random.normal(size=2000), random.normal(size=2000))
    assert 0.03 < found.count / found.of < 0.07
    assert found.standing is Standing.SAME


def test_what_lies_wholly_elsewhere_is_out_of_depth() -> None:
    found = beyond(np.arange(100.0), np.arange(200.0, 220.0))
    assert (found.count, found.of) == (20, 20)
    assert found.standing is Standing.OUT_OF_ITS_DEPTH


def test_a_third_beyond_is_the_edge_and_a_few_images_prove_nothing() -> None:
    usual = np.arange(100.0)
    third = np.concatenate([np.full(40, 10.0), np.full(20, 500.0)])
    assert beyond(usual, third).standing is Standing.AT_THE_EDGE
    assert beyond(usual, np.array([500.0, 10.0, 10.0])).standing is Standing.SAME


def test_finding_nothing_counts_by_how_much_more_of_it_there_is_than_usual() -> None:
    def of(usual: float, new: float, labelled: float = 1.0) -> tuple[Standing, bool]:
        parts = (np.arange(100) < 100 * share for share in (usual, new))
        found = silence(*parts, labelled=labelled)
        return found.standing, found.surprising

    assert of(0.0, 1.0) == (Standing.OUT_OF_ITS_DEPTH, True)
    assert of(0.0, 0.4) == (Standing.AT_THE_EDGE, True)
    assert of(0.0, 0.1) == (Standing.SAME, False)
    assert of(0.5, 0.55, 0.5) == (Standing.SAME, False)
    assert of(0.2, 0.6, 0.7) == (Standing.AT_THE_EDGE, False), "it has learned from empty images"


def test_with_nothing_to_compare_nothing_lies_beyond() -> None:
    assert beyond(np.zeros(0), np.zeros(0)).standing is Standing.SAME


def test_equal_values_are_not_beyond_each_other() -> None:
    assert beyond(np.ones(50), np.ones(50)).count == 0


def test_a_shift_is_the_share_of_pairs_in_which_the_new_one_has_more() -> None:
    usual, new = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    pairs = [(n > u) + (n == u) / 2 for n in new for u in usual]
    assert shift(usual, new).more == pytest.approx(np.mean(pairs))
    assert not shift(usual, new).certain, "five values prove nothing"
    clear = shift(np.arange(50.0), np.arange(50.0) + 40)
    assert clear.noticeable
    assert (clear.usual, clear.new) == (24.5, 64.5)
    slight = shift(np.arange(5000.0), np.arange(5000.0) + 400)
    assert slight.certain
    assert not slight.noticeable, "certain, but nobody would see it"


@example(0, 11)
@given(st.integers(0, 60), st.integers(1, 60))
def test_the_interval_holds_the_share_and_stays_a_share(count: int, more: int) -> None:
    of = count + more
    low, high = wilson(count, of)
    assert 0 <= low <= count / of <= high <= 1


def test_wilson_agrees_with_a_published_value() -> None:
    # 10 of 100: 0.0552 to 0.1744 (Newcombe 1998, method 3).
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)


def test_what_lies_far_out_on_a_known_way_is_far_and_what_lies_among_the_known_is_not() -> None:
    random = np.random.default_rng(2)
    known = random.normal(size=(300, 40)) * np.linspace(3, 0.1, 40)
    inside = distances(random.normal(size=(100, 40)) * np.linspace(3, 0.1, 40), known)
    assert 0.8 < np.median(inside) < 1.3
    farther = np.zeros((1, 40))
    farther[0, 0] = 30
    assert distances(farther, known)[0] > max(1.5, inside.max())
    assert np.median(distances(known, known, same=True)) == pytest.approx(1, abs=1e-6)
    copies = np.zeros((50, 8))
    assert (distances(copies, copies, same=True) == 1).all(), "a set without spread has no far"


def test_distances_are_the_mean_to_the_nearest() -> None:
    known = np.array([[0.0, 0], [0, 1], [0, 3], [2, 0]])
    by_hand = [np.mean(sorted(np.hypot(*(known - p).T))[1:3]) for p in known]
    asked = np.array([[1.0, 1.0]])
    wanted = np.mean(sorted(np.hypot(*(known - asked[0]).T))[:2]) / np.median(by_hand)
    assert distances(asked, known, k=2)[0] == pytest.approx(wanted, rel=1e-5)
