"""Labels and answers drawn on images, checked pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.snapshot import SnapshotAnnotation
from cvstudio.imaging.drawing import Mark, draw, marks_of_answer, marks_of_labels, rgb_of

RED, BLUE = LabelClass(1, "cell", "#ff0000"), LabelClass(2, "Zelle", "#0000ff")
CLASSES = {1: RED, 2: BLUE}
BLANK = np.full((60, 80, 3), 200, np.uint8)


def mask_at(x: int, y: int, w: int, h: int) -> Mask:
    return Mask.from_patch(np.ones((h, w), np.uint8), x, y)


def test_an_image_is_drawn_on_in_a_copy() -> None:
    before = BLANK.copy()
    drawn = draw(BLANK, [Mark((255, 0, 0), "", Box(10, 10, 20, 20))])
    assert (before == BLANK).all()
    assert tuple(drawn[10, 20]) == (255, 0, 0)
    assert tuple(drawn[20, 20]) == (200, 200, 200)  # a box is an outline


@pytest.mark.parametrize(
    "shape",
    [
        Box(20, 20, 30, 20),
        Polygon.simple([(20, 20), (50, 20), (50, 40), (20, 40)]),
        RotatedBox(35, 30, 30, 20, 0),
    ],
)
def test_a_shape_lies_where_it_was_drawn_at_any_scale(shape: Box | Polygon | RotatedBox) -> None:
    for scale in (0.5, 1.0, 2.0):
        drawn = draw(BLANK, [Mark((255, 0, 0), "", shape)], scale=scale)
        assert drawn.shape[:2] == (60 * scale, 80 * scale)
        rows, columns = np.nonzero((drawn == (255, 0, 0)).all(axis=2))
        assert abs(rows.min() - 20 * scale) <= 1
        assert abs(rows.max() - 40 * scale) <= 1
        assert abs(columns.min() - 20 * scale) <= 1
        assert abs(columns.max() - 50 * scale) <= 1


def test_a_mask_lets_the_image_shine_through() -> None:
    drawn = draw(BLANK, [Mark((255, 0, 0), "", mask_at(5, 5, 10, 10))])
    assert 200 < drawn[8, 8, 0] < 255
    assert 0 < drawn[8, 8, 1] < 200
    assert tuple(drawn[20, 20]) == (200, 200, 200)


def test_a_mask_over_the_edge_is_drawn_as_far_as_the_image_goes() -> None:
    drawn = draw(BLANK, [Mark((255, 0, 0), "", mask_at(75, 55, 10, 10))])
    assert drawn.shape == BLANK.shape
    assert drawn[59, 79, 1] < 200


def test_labels_take_the_colours_of_their_classes() -> None:
    labels = [
        SnapshotAnnotation(1, 1, Box(10, 10, 20, 20), Box(10, 10, 20, 20)),
        SnapshotAnnotation(2, 2, None, Box(0, 0, 80, 60)),
    ]
    marks = list(marks_of_labels(labels, CLASSES))
    assert [mark.colour for mark in marks] == [(255, 0, 0), (0, 0, 255)]
    assert [mark.words for mark in marks] == ["cell", "Zelle"]
    assert rgb_of(BLUE) == (0, 0, 255)


def test_only_what_is_sure_enough_is_drawn() -> None:
    answer = Prediction(1, objects=(Found(1, 0.9, Box(1, 1, 5, 5)), Found(2, 0.2, Box(9, 9, 5, 5))))
    assert [m.words for m in marks_of_answer(answer, CLASSES)] == ["cell 0.90"]
    assert len(list(marks_of_answer(answer, CLASSES, least=0.1))) == 2


def test_an_image_without_shapes_says_its_class_in_the_corner() -> None:
    answer = Prediction(1, scores={1: 0.2, 2: 0.8})
    (mark,) = marks_of_answer(answer, CLASSES)
    assert mark.words == "Zelle 0.80"
    drawn = draw(BLANK, [mark])
    assert (drawn[:20] != BLANK[:20]).any()
    assert (draw(BLANK, [mark], words=False) == BLANK).all()
