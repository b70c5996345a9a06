from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.geometry import Box
from cvstudio.core.recipe import Fit
from cvstudio.ml.preprocess import PADDING, Preprocessing, place, placement_for

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


@pytest.mark.parametrize("fit", list(Fit))
@pytest.mark.parametrize("size", [(100, 60), (60, 100), (33, 33), (640, 480)])
def test_a_box_comes_back_from_the_network_to_where_it_was(fit: Fit, size: tuple[int, int]) -> None:
    width, height = size
    placement = placement_for(width, height, size=96, fit=fit)
    box = Box(width * 0.1, height * 0.2, width * 0.5, height * 0.6)
    inside = placement.box_to_input(box)
    back = placement.box_to_image(inside.x, inside.y, inside.right, inside.bottom)
    assert (back.x, back.y, back.w, back.h) == pytest.approx((box.x, box.y, box.w, box.h))


def test_padding_keeps_proportions_and_is_grey() -> None:
    rgb = np.full((40, 80, 3), 250, np.uint8)
    placed, placement = place(rgb, size=64, fit=Fit.PAD)
    assert placed.shape == (64, 64, 3)
    assert placement.inner == (64, 32)
    assert np.all(placed[:16] == PADDING)
    assert np.all(placed[16:48] == 250)
    assert np.all(placed[48:] == PADDING)


def test_whole_images_for_crops_keep_every_pixel() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    placed, _ = place(rgb, size=32, fit=Fit.CROP)
    assert placed.shape == (64, 96, 3)
    assert np.array_equal(placed[:50, :70], rgb)


def test_normalisation_is_the_formula_in_the_channel_order_of_the_image() -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (32, 32, 3)).astype(np.uint8)
    tensor, _ = Preprocessing(32, Fit.PAD, MEAN, STD).prepare(rgb)
    wanted = (rgb / 255 - np.array(MEAN)) / np.array(STD)
    assert tensor.shape == (1, 3, 32, 32)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0], wanted.transpose(2, 0, 1), atol=1e-6)


def test_a_map_comes_back_at_the_size_of_the_image() -> None:
    placement = placement_for(120, 60, size=64, fit=Fit.PAD)
    canvas = np.zeros((64, 64), np.uint8)
    canvas[16:48] = 1
    assert np.all(placement.map_to_image(canvas, smooth=False) == 1)
    assert placement.map_to_image(canvas, smooth=False).shape == (60, 120)


def test_preprocessing_survives_its_json() -> None:
    mine = Preprocessing(64, Fit.STRETCH, MEAN, STD)
    assert Preprocessing.from_json(mine.to_json()) == mine
