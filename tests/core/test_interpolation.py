"""What lies between two shapes of one object is where a person would look for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.interpolation import between
from cvstudio.core.masks import Mask, mask_of

sides = st.floats(-500, 500)


@given(st.tuples(sides, sides, sides, sides), st.tuples(sides, sides), st.integers(2, 60))
def test_an_evenly_moving_box_is_met_exactly(start, speed, frames):
    def truth(i):
        x, y, w, h = start
        return np.array([x + speed[0] * i, y + speed[1] * i, abs(w) + 1 + i, abs(h) + 1])

    first, last = Box(*truth(0)), Box(*truth(frames))
    for i in range(frames + 1):
        box = between(first, last, i / frames)
        assert np.abs(np.array([box.x, box.y, box.w, box.h]) - truth(i)).max() < 1e-6


@pytest.mark.parametrize("turned", [0, 1, 3])
@pytest.mark.parametrize("backwards", [False, True])
def test_an_outline_moves_evenly_wherever_its_points_begin(turned, backwards):
    ring = np.array([[0, 0], [30, 5], [40, 30], [12, 44], [3, 20]], float)
    moved = np.roll(ring + np.array([60, 12]), turned, axis=0)
    target = Polygon.simple(moved[::-1].copy() if backwards else moved)
    middle = between(Polygon.simple(ring), target, 0.25)
    assert np.allclose(middle.parts[0].outer, ring + np.array([15, 3]), atol=1e-6)


def test_outlines_with_other_numbers_of_points_keep_their_area_on_the_way():
    square = Polygon.simple([(0, 0), (40, 0), (40, 40), (0, 40)])
    finer = Polygon.simple([(100, 40), (100, 0), (120, 0), (140, 0), (140, 25), (140, 40)])
    for t in (0.2, 0.5, 0.9):
        shape = between(square, finer, t)
        assert shape.area == pytest.approx(1600, rel=1e-6)
        assert shape.box.x == pytest.approx(100 * t, abs=1e-6)


def test_a_mask_that_only_moves_keeps_its_pixels():
    patch = np.zeros((30, 20), np.uint8)
    patch[4:26, 3:10] = 1
    patch[10:14, 10:18] = 1
    start = Mask.from_patch(patch, 5, 8)
    middle = between(start, start.moved(40, -6), 0.5)
    assert middle == start.moved(20, -3)


def test_a_growing_disc_is_halfway_large_halfway():
    def disc(radius, x):
        yy, xx = np.mgrid[:101, :201]
        return Mask.from_patch(((xx - x) ** 2 + (yy - 50) ** 2 <= radius**2).astype(np.uint8))

    middle = between(disc(10, 60), disc(30, 120), 0.5)
    truth = disc(20, 90)
    shared = np.logical_and(middle.full(101, 201), truth.full(101, 201)).sum()
    either = np.logical_or(middle.full(101, 201), truth.full(101, 201)).sum()
    assert shared / either > 0.95


def test_an_outline_with_a_hole_keeps_its_hole():
    outer = np.array([[0, 0], [60, 0], [60, 60], [0, 60]], float)
    ring = Polygon((Part(outer, (outer / 3 + 20,)),))
    middle = between(ring, ring.moved(20, 0), 0.5)
    assert len(middle.parts) == 1
    assert len(middle.parts[0].holes) == 1
    assert middle.area == pytest.approx(ring.area, rel=0.02)


def test_a_box_and_an_outline_meet_as_boxes_and_nothing_lies_beside_nothing():
    shape = between(Box(0, 0, 10, 10), Polygon.simple([(20, 20), (30, 20), (25, 40)]), 0.5)
    assert shape == Box(10, 10, 10, 15)
    assert between(None, Box(0, 0, 1, 1), 0.5) is None
    assert between(mask_of(Polygon.simple([(0, 0), (9, 0), (9, 9)])), None, 0.5) is None
