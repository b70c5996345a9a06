"""Masks keep every pixel through runs, outlines, offsets and COCO's own form."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cvstudio.core import masks
from cvstudio.core.geometry import Part, Polygon
from cvstudio.core.masks import Mask


def blobs(seed: int, shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    noise = np.random.default_rng(seed).random(shape).astype(np.float32)
    return (cv2.GaussianBlur(noise, (0, 0), 1 + seed % 3) > 0.5).astype(np.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_a_mask_gives_back_every_pixel(seed: int) -> None:
    patch = blobs(seed)
    mask = Mask.from_patch(patch, x=5, y=7)
    assert mask is not None
    np.testing.assert_array_equal(mask.full(60, 80)[7:47, 5:65], patch)
    assert mask.area == patch.sum()


@pytest.mark.parametrize("seed", range(12))
def test_an_outline_with_holes_and_parts_covers_exactly_the_mask(seed: int) -> None:
    mask = Mask.from_patch(blobs(seed), x=5, y=7)
    assert mask is not None
    outline = masks.outline_of(mask)
    assert outline.area == mask.area
    np.testing.assert_array_equal(
        masks.rasterise(outline, x=0, y=0, width=80, height=60), mask.full(60, 80)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_a_line_of_pixels_is_a_mask_too(shape: tuple[int, int]) -> None:
    mask = Mask.from_patch(np.ones(shape, np.uint8), x=2, y=3)
    assert mask is not None
    np.testing.assert_array_equal(mask.patch(), np.ones(shape))
    assert masks.outline_of(mask).area == mask.area


def test_an_empty_patch_is_no_mask() -> None:
    assert Mask.from_patch(np.zeros((5, 5), np.uint8)) is None


def test_a_mask_over_the_border_is_cut_not_wrapped() -> None:
    mask = Mask.from_patch(np.ones((4, 4), np.uint8), x=-2, y=8)
    assert mask is not None
    full = mask.full(10, 10)
    assert full.sum() == 4
    assert full[8:, :2].all()


def test_coco_forms_survive_exactly() -> None:
    whole = np.zeros((50, 70), np.uint8)
    whole[5:45, 8:68] = blobs(3)
    mask = Mask.from_patch(whole)
    assert mask is not None
    compressed = masks.to_coco(mask, height=50, width=70)
    assert compressed["counts"].encode() == coco_mask.encode(np.asfortranarray(whole))["counts"]
    assert masks.from_coco(compressed["counts"], height=50, width=70) == mask
    flat = whole.T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *changes, flat.size]).tolist()
    runs = runs if flat[0] == 0 else [0, *runs]
    assert masks.from_coco(runs, height=50, width=70) == mask


def test_runs_that_do_not_fit_the_image_are_refused() -> None:
    with pytest.raises(ValueError, match="not 3500"):
        masks.from_coco([10, 10], height=50, width=70)


def test_a_hole_in_one_part_does_not_cut_the_other() -> None:
    square = np.array([[0, 0], [20, 0], [20, 20], [0, 20]], np.float64)
    ring = Part(square, (square / 2 + 5,))
    inside = Part(square / 10 + 9)
    patch = masks.rasterise(Polygon((ring, inside)), x=0, y=0, width=20, height=20)
    assert patch.sum() == 400 - 100 + 4
