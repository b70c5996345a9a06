"""The square that is cut out around a case: the object, its surroundings, and as little else."""

from __future__ import annotations

import pytest

from cvstudio.core.geometry import Box
from cvstudio.gui.analyze.crops import square_around

WIDTH, HEIGHT = 640, 480


@pytest.mark.parametrize(
    "box",
    [
        Box(146, 0, 235, 200),
        Box(418, 382, 222, 97),
        Box(283, 0, 284, 110),
        Box(600, 440, 40, 40),
        Box(3, 3, 470, 470),
    ],
)
def test_a_large_object_at_an_edge_is_shown_without_black_bars(box: Box) -> None:
    square = square_around(box, WIDTH, HEIGHT)
    assert 0 <= square.x <= box.x
    assert 0 <= square.y <= box.y
    assert box.right <= square.right <= WIDTH
    assert box.bottom <= square.bottom <= HEIGHT
    assert square.w == square.h


def test_an_object_longer_than_its_image_is_high_is_shown_in_full() -> None:
    square = square_around(Box(20, 200, 600, 60), WIDTH, HEIGHT)
    assert (square.w, square.x) == (600, 20)
    assert square.y < 0
    beyond = square_around(Box(-50, 0, 900, 480), WIDTH, HEIGHT)
    assert (beyond.x, beyond.w) == (0, WIDTH)


def test_a_small_object_keeps_its_surroundings() -> None:
    square = square_around(Box(300, 200, 40, 20), WIDTH, HEIGHT)
    assert square == Box(320 - 44, 210 - 44, 88, 88)
