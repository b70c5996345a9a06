"""Augmentation takes rotated boxes and keypoints along by their points."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.augment.build import build
from cvstudio.augment.view import training_shapes
from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Fit
from cvstudio.core.rotated import RotatedBox

BLANK = np.zeros((100, 200, 3), np.uint8)


def mirrored(*shapes: Shape) -> tuple[Shape, ...]:
    step = Step(transform="flip_horizontal", chance=1.0)
    return build([step]).apply(BLANK, shapes, seed=3).shapes


def test_a_mirrored_rotated_box_leans_the_other_way() -> None:
    (shape,) = mirrored(RotatedBox(60, 50, 40, 10, 30))
    assert isinstance(shape, RotatedBox)
    there = np.sort(shape.corners(), axis=0)
    assert there == pytest.approx(np.sort(RotatedBox(140, 50, 40, 10, -30).corners(), axis=0))
    assert shape.area == pytest.approx(400)


def test_mirrored_keypoints_keep_their_order_and_visibility() -> None:
    points = Keypoints.of([(10, 20, 2), (0, 0, 0), (30, 40, 1)], Box(5, 10, 40, 40))
    (shape,) = mirrored(points)
    assert shape == Keypoints.of([(190, 20, 2), (0, 0, 0), (170, 40, 1)], Box(155, 10, 40, 40))


def test_a_single_keypoint_is_not_lost_for_want_of_an_area() -> None:
    (shape,) = mirrored(Keypoints.of([(10, 20, 2)]))
    assert shape == Keypoints.of([(190, 20, 2)])


def test_shapes_follow_an_image_that_is_scaled_unevenly() -> None:
    shapes = [RotatedBox(100, 50, 40, 10, 0), Keypoints.of([(20, 10, 2)])]
    _, (box, points) = training_shapes((200, 100), shapes, size=100, fit=Fit.STRETCH, seed=1)
    assert box == RotatedBox(50, 50, 20, 10, 0)
    assert points == Keypoints.of([(10, 10, 2)])
