"""Measures of images move as a person would say they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging.measures import measures_of, read_measures

SCENE = np.random.default_rng(0).integers(60, 200, (90, 120, 3)).astype(np.uint8)
SCENE = np.asarray(cv2.resize(SCENE, (480, 360), interpolation=cv2.INTER_NEAREST), np.uint8)


def test_darker_flatter_blurred_and_paler_images_measure_less() -> None:
    usual = measures_of(SCENE)
    dark = measures_of((SCENE * 0.5).astype(np.uint8))
    assert dark.brightness == pytest.approx(usual.brightness / 2, rel=0.02)
    assert dark.contrast == pytest.approx(usual.contrast / 2, rel=0.05)
    assert dark.sharpness == pytest.approx(usual.sharpness, rel=0.05), "dark is not out of focus"
    assert measures_of(cv2.GaussianBlur(SCENE, (0, 0), 6)).sharpness < usual.sharpness / 2
    grey = np.repeat(SCENE.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert measures_of(grey).colour == 0
    assert measures_of(grey).warmth == pytest.approx(0)


def test_a_red_cast_is_warm_and_a_blue_one_cold() -> None:
    red, blue = SCENE.copy(), SCENE.copy()
    red[..., 2] //= 2
    blue[..., 0] //= 2
    assert measures_of(red).warmth > 20
    assert measures_of(blue).warmth < -20


def test_the_size_is_that_of_the_file_whatever_is_measured() -> None:
    assert measures_of(SCENE).pixels == 480
    large = np.asarray(cv2.resize(SCENE, (1920, 1440)), np.uint8)
    assert measures_of(large).pixels == 1920
    assert measures_of(large).brightness == pytest.approx(measures_of(SCENE).brightness, abs=1)


def test_a_flat_image_has_no_sharpness_and_no_fault() -> None:
    found = measures_of(np.full((20, 20, 3), 128, np.uint8))
    assert (found.contrast, found.sharpness) == (0, 0)


def test_a_file_is_measured_as_it_is_displayed(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full((10, 10), 2000, np.uint16))
    assert read_measures(path, window=(0, 4000)).brightness == pytest.approx(127.5, abs=1)
    with pytest.raises(ImageError):
        read_measures(tmp_path / "missing.png")
