"""Rotated boxes overlap by the area that they share, whatever their angles."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.rotated import RotatedBox
from cvstudio.core.rotated_overlap import pair_iou, rotated_iou, rows_of, shared_area

RIGHT = np.pi / 2


def random_rows(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.uniform(10, 30, (count, 2))
    sides = random.uniform(2, 25, (count, 2))
    return np.column_stack([centres, sides, random.uniform(-4, 4, count)])


def counted(one: np.ndarray, other: np.ndarray, *, step: float) -> float:
    """The shared area by counting the small squares whose middles lie in both."""
    places = np.arange(-20, 60, step) + step / 2
    x, y = (axis.ravel() for axis in np.meshgrid(places, places))
    inside = np.ones(len(x), bool)
    for cx, cy, w, h, angle in (one, other):
        u = np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)
        v = np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)
        inside &= (np.abs(u) <= w / 2) & (np.abs(v) <= h / 2)
    return float(inside.sum()) * step**2


def test_the_shared_area_is_what_counting_small_squares_gives() -> None:
    first, second = random_rows(60, seed=1), random_rows(60, seed=2)
    exact = shared_area(first, second)
    assert (exact > 1).sum() > 30  # otherwise there would be little to compare
    for place in range(60):
        by_count = counted(first[place], second[place], step=0.1)
        assert exact[place] == pytest.approx(by_count, abs=1.5)


def test_a_box_told_by_a_quarter_turn_or_a_half_is_the_same_box() -> None:
    rows = random_rows(50, seed=3)
    quarter = np.column_stack([rows[:, :2], rows[:, 3], rows[:, 2], rows[:, 4] + RIGHT])
    half = rows + np.array([0, 0, 0, 0, np.pi])
    for same in (rows, quarter, half):
        assert pair_iou(rows, same) == pytest.approx(np.ones(50), abs=1e-9)


def test_far_from_the_origin_nothing_changes() -> None:
    first, second = random_rows(50, seed=4), random_rows(50, seed=5)
    far = np.array([1e5, -1e5, 0, 0, 0])
    assert pair_iou(first + far, second + far) == pytest.approx(pair_iou(first, second), abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "iou"),
    [
        (RotatedBox(0, 0, 10, 10), RotatedBox(5, 0, 10, 10), 50 / 150),
        (RotatedBox(0, 0, 10, 2), RotatedBox(0, 0, 10, 2, 90), 4 / 36),
        (RotatedBox(0, 0, 10, 10), RotatedBox(0, 0, 2, 2, 45), 4 / 100),  # one inside the other
        (RotatedBox(0, 0, 10, 10), RotatedBox(10, 0, 10, 10), 0.0),  # they touch
        (RotatedBox(0, 0, 20, 2, 45), RotatedBox(7, -7, 4, 2, 45), 0.0),  # upright boxes overlap
        (RotatedBox(0, 0, 10, 10), RotatedBox(0, 0, 10, 10, 45), 0.70710678),
    ],
)
def test_overlaps_that_can_be_told_by_hand(one: RotatedBox, other: RotatedBox, iou: float) -> None:
    found = rotated_iou(rows_of([one]), rows_of([other]))
    assert found == pytest.approx(np.array([[iou]]), abs=1e-7)


def test_boxes_without_area_overlap_with_nothing() -> None:
    flat = rows_of([RotatedBox(0, 0, 0, 5), RotatedBox(0, 0, 0, 0, 30)])
    assert not rotated_iou(flat, rows_of([RotatedBox(0, 0, 10, 10)])).any()


def test_a_table_of_overlaps_is_the_same_as_pair_by_pair() -> None:
    first, second = random_rows(20, seed=6), random_rows(30, seed=7)
    table = rotated_iou(first, second)
    for place in range(20):
        row = pair_iou(np.repeat(first[place : place + 1], 30, axis=0), second)
        assert table[place] == pytest.approx(row)
