"""Points come to lie on the borders of neighbours, and follow them the shorter way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cvstudio.core.snapping import between, snap

SQUARE = np.array([(0.0, 0), (10, 0), (10, 10), (0, 10)])


def test_a_corner_within_reach_goes_before_a_nearer_edge():
    found = snap([SQUARE], 8.5, 0.5, reach=2)
    assert (found.x, found.y, found.at) == (10, 0, 1)


def test_beyond_the_reach_of_corners_the_nearest_point_of_an_edge_is_taken():
    found = snap([SQUARE + 100, SQUARE], 5, 11, reach=2)
    assert (found.x, found.y, found.ring) == (5, 10, 1)
    assert snap([SQUARE], 5, 13, reach=2) is None


def test_two_places_are_joined_by_the_corners_on_the_shorter_way():
    assert between(SQUARE, 0.5, 2.1).tolist() == [[10, 0], [10, 10]]
    assert between(SQUARE, 2.1, 0.5).tolist() == [[10, 10], [10, 0]]
    assert between(SQUARE, 3.9, 0.1).tolist() == [[0, 0]]
    assert between(SQUARE, 0.2, 0.8).tolist() == []
    assert between(SQUARE, 0.0, 2.0).tolist() in ([[10, 0]], [[0, 10]])


@given(st.floats(0, 3.999), st.floats(0, 3.999))
def test_the_way_between_two_places_is_never_longer_than_half_the_border(start, end):
    def place(at):
        index = int(at)
        return SQUARE[index] + (SQUARE[(index + 1) % 4] - SQUARE[index]) * (at - index)

    way = np.vstack([place(start), between(SQUARE, start, end), place(end)])
    assert np.hypot(*np.diff(way, axis=0).T).sum() <= 20 + 1e-9
