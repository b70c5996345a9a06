"""The painter: same seed, same picture; exact truth; classes that colour cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.opencv import cv2
from cvstudio.imaging.synthetic import KINDS, TISSUES, paint_cells, paint_tissue


def test_the_same_seed_paints_the_same_image() -> None:
    one, two, other = paint_cells(7), paint_cells(7), paint_cells(8)
    assert np.array_equal(one.rgb, two.rgb)
    assert not np.array_equal(one.rgb, other.rgb)
    assert [o.kind for o in one.objects] == [o.kind for o in two.objects]
    assert all(
        np.array_equal(a.mask, b.mask) for a, b in zip(one.objects, two.objects, strict=True)
    )


def test_every_object_is_where_the_truth_says() -> None:
    darker = []
    for seed in range(20):
        painting = paint_cells(seed)
        assert painting.rgb.dtype == np.uint8
        taken = np.zeros(painting.rgb.shape[:2], int)
        for item in painting.objects:
            taken += item.mask
            rows, columns = np.nonzero(item.mask)
            near = np.zeros_like(taken, bool)
            near[
                max(rows.min() - 8, 0) : rows.max() + 9,
                max(columns.min() - 8, 0) : columns.max() + 9,
            ] = True
            others = sum(o.mask for o in painting.objects) > 0
            ground = painting.rgb[near & ~others].mean()
            darker.append(ground - painting.rgb[item.mask > 0].mean())
        assert taken.max(initial=0) <= 1
    assert np.mean(np.array(darker) > 4) > 0.97


def test_images_have_several_kinds_of_cells_and_some_touch() -> None:
    kinds, touching, counts = set(), 0, []
    for seed in range(25):
        objects = paint_cells(seed).objects
        counts.append(len(objects))
        kinds |= {item.kind for item in objects}
        grown = sum(
            cv2.dilate(item.mask, np.ones((3, 3), np.uint8)).astype(int) for item in objects
        )
        touching += int(np.max(grown) > 1)
    assert kinds == set(range(len(KINDS)))
    assert touching >= 8
    assert 4 <= np.mean(counts) <= 10
    assert paint_cells(0, count=0).objects == ()


@pytest.mark.parametrize("kind", range(len(TISSUES)))
def test_a_patch_of_tissue_knows_its_class(kind: int) -> None:
    painting = paint_tissue(3, kind)
    assert painting.tissue == kind
    assert painting.rgb.shape == (96, 96, 3)


def test_mean_colour_does_not_give_the_tissue_away() -> None:
    """A nearest-mean rule on colour stays near chance: structure has to be learned."""
    colours = np.array([[paint_tissue(s, k).rgb.mean((0, 1)) for s in range(60)] for k in range(3)])
    means = colours[:, :30].mean(axis=1)
    tested = colours[:, 30:]
    nearest = np.linalg.norm(tested[:, :, None] - means, axis=3).argmin(axis=2)
    assert (nearest == np.arange(3)[:, None]).mean() < 0.6
