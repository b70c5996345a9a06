"""Images of an epoch: which, how often, mixed, composed, and in which size."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_samples import config_for

from cvstudio.core.annotation import Task, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import pixels_of
from cvstudio.core.opencv import cv2
from cvstudio.ml.composing import Composer, Scene, mosaic, pasted
from cvstudio.ml.mixing import Mixer
from cvstudio.ml.sampling import Order, balanced, order_for, repeat_factors
from cvstudio.ml.sizes import Sizes, resized, resized_labels

RARE = [frozenset({0})] * 18 + [frozenset({0, 1}), frozenset({1})]
"""Class 1 is on two of twenty images."""


def test_without_sampling_every_image_is_shown_once_in_another_order_each_epoch() -> None:
    order = Order(50, seed=3)
    first, second = order.epoch(1), order.epoch(2)
    assert sorted(first) == sorted(second) == [(n, 0) for n in range(50)]
    assert first != second
    assert first == Order(50, seed=3).epoch(1)


def test_balanced_sampling_shows_every_class_equally_often_and_tells_repetitions_apart() -> None:
    order = order_for(config_for(Task.CLASSIFY, sampling="balanced"), RARE)
    picks = [pick for epoch in range(1, 51) for pick in order.epoch(epoch)]
    rare = sum(1 in RARE[index] for index, _ in picks)
    assert rare / len(picks) == pytest.approx(0.5, abs=0.05)
    one = order.epoch(1)
    assert len(one) == len(RARE)
    assert len(set(one)) == len(one)  # a repeated image counts up, so it is augmented anew


def test_repeat_factors_follow_their_formula_and_epochs_stay_equally_long() -> None:
    factors = repeat_factors(RARE, below=0.4)
    assert factors[0] == 1
    assert factors[19] == factors[18] == pytest.approx((0.4 / 0.1) ** 0.5)
    order = order_for(config_for(Task.DETECT, sampling="repeat", rare_below=0.225), RARE)
    assert {len(order.epoch(n)) for n in range(1, 20)} == {21}  # 18 + 2 times 1.5
    shown = Counter(index for n in range(1, 201) for index, _ in order.epoch(n))
    assert shown[19] / 200 == pytest.approx(1.5, abs=0.15)
    assert shown[0] == 200


def test_images_without_any_label_are_drawn_like_a_class_of_their_own() -> None:
    weights = balanced([frozenset({0}), frozenset({0}), frozenset()])
    assert weights.tolist() == [0.5, 0.5, 1.0]


def mixed(**settings: Any) -> tuple[torch.Tensor, torch.Tensor]:
    mixer = Mixer(config_for(Task.CLASSIFY, **settings), 3)
    assert mixer.works
    images = torch.stack([torch.full((32, 32, 3), v, dtype=torch.uint8) for v in (0, 100, 200)])
    result, targets, places = mixer((images, torch.tensor([0, 1, 2]), [5, 6, 7]), epoch=1)
    assert places == [5, 6, 7]
    assert torch.equal(result, mixer((images, torch.tensor([0, 1, 2]), [5, 6, 7]), epoch=1)[0])
    return result, targets


@pytest.mark.parametrize("settings", [{"mixup": 1.0}, {"cutmix": 1.0}])
def test_a_mixed_image_holds_as_much_of_each_class_as_its_target_says(
    settings: dict[str, float],
) -> None:
    images, targets = mixed(**settings)
    assert targets.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    values = torch.tensor([0.0, 100.0, 200.0])
    for image, shares in zip(images, targets, strict=True):
        assert float(image.float().mean()) == pytest.approx(float((values * shares).sum()), abs=1)


def test_a_cut_takes_the_labels_of_its_pixels_along() -> None:
    mixer = Mixer(config_for(Task.SEGMENT, cutmix=1.0), 2)
    images = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
    images[1] = 200
    targets = (images[..., 0] > 0).to(torch.uint8)
    cut = 0
    for epoch in range(1, 6):
        mixed_images, labels, _ = mixer((images, targets, [0, 1]), epoch=epoch)
        assert torch.equal(labels, (mixed_images[..., 0] > 0).to(torch.uint8))
        cut += int((labels[0] > 0).sum() > 0)
    assert cut


def scene(value: int, side: int = 64) -> Scene:
    """A grey image with a brighter square, as box."""
    rgb = np.full((side, side, 3), value, np.uint8)
    rgb[16:48, 16:48] = value + 100
    return Scene(rgb, None, ((Box(16, 16, 32, 32), value),))


@given(seed=st.integers(0, 10_000))
def test_every_box_of_a_mosaic_lies_on_its_object(seed: int) -> None:
    made = mosaic([scene(v) for v in (0, 40, 80, 120)], np.random.default_rng(seed))
    assert made.rgb.shape == (64, 64, 3)
    for shape, number in made.objects:
        box = box_of(shape)
        assert 0 <= box.x <= box.right <= 64 + 1e-9
        assert 0 <= box.y <= box.bottom <= 64 + 1e-9
        x, y = int(box.x + box.w / 2), int(box.y + box.h / 2)
        assert abs(int(made.rgb[y, x, 0]) - (number + 100)) <= 2


@given(seed=st.integers(0, 10_000))
def test_the_label_map_of_a_mosaic_fits_its_pixels(seed: int) -> None:
    scenes = [
        Scene(np.full((32, 32, 3), 60 * n, np.uint8), np.full((32, 32), n, np.uint8))
        for n in range(4)
    ]
    made = mosaic(scenes, np.random.default_rng(seed))
    assert made.labels is not None
    around = np.ones((3, 3), np.uint8)
    inner = cv2.erode(made.labels, around) == cv2.dilate(made.labels, around)  # away from seams
    assert np.array_equal(made.labels[inner] * 60, made.rgb[..., 0][inner])


def outlined(value: int, x: int) -> Scene:
    square = Polygon.simple([(x, 8), (x + 24, 8), (x + 24, 40), (x, 40)])
    rgb = np.full((64, 64, 3), 10, np.uint8)
    rgb[8:40, x : x + 24] = value
    return Scene(rgb, None, ((square, value),))


def test_a_pasted_object_takes_its_pixels_from_what_it_covers() -> None:
    under, over = outlined(100, 8), outlined(200, 20)
    made = pasted(under, over, np.random.default_rng(2))
    assert [number for _, number in made.objects] == [100, 200]
    for shape, number in made.objects:
        mask = pixels_of(shape)
        assert mask is not None
        assert np.all(made.rgb[mask.full(64, 64) > 0] == number)


def test_an_object_that_is_covered_whole_is_gone() -> None:
    made = pasted(outlined(100, 20), outlined(200, 20), np.random.default_rng(2))
    assert [number for _, number in made.objects] == [200]


def test_classes_of_a_label_map_are_pasted_with_their_labels() -> None:
    plain = Scene(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8))
    labels = np.zeros((8, 8), np.uint8)
    labels[2:6, 2:6] = 3
    labels[0, 0] = 255
    other = Scene(np.repeat(labels[..., None], 3, 2) * 50, labels)
    results = [pasted(plain, other, np.random.default_rng(n)).labels for n in range(8)]
    assert any(np.any(found) for found in results if found is not None)
    assert all(set(np.unique(found)) <= {0, 3} for found in results if found is not None)


def test_the_last_epochs_show_images_as_they_are() -> None:
    composer = Composer(config_for(Task.DETECT, epochs=20, mosaic=1.0, plain_epochs=5))
    assert [composer.works_in(n) for n in (1, 15, 16, 20)] == [True, True, False, False]
    assert not Composer(config_for(Task.DETECT, epochs=20)).works_in(1)


def test_images_grow_to_their_full_size_before_the_run_ends() -> None:
    sizes = Sizes(config_for(Task.SEGMENT, epochs=20, image_size=256, first_size=128))
    sides = [sizes.side(epoch, 1) for epoch in range(1, 21)]
    assert sizes.change
    assert sides[0] == 128
    assert sides == sorted(sides)
    assert all(side % 32 == 0 for side in sides)
    assert sides[14:] == [256] * 6


def test_batches_change_their_size_within_the_share_and_the_same_in_every_run() -> None:
    config = config_for(Task.DETECT, image_size=320, multi_scale=0.5)
    sides = [Sizes(config).side(1, step) for step in range(1, 200)]
    assert sides == [Sizes(config).side(1, step) for step in range(1, 200)]
    assert min(sides) >= 160
    assert max(sides) <= 480
    assert len(set(sides)) > 6


def test_labels_keep_their_place_when_a_batch_is_resized() -> None:
    labels = torch.zeros(1, 64, 64, dtype=torch.uint8)
    labels[:, 16:48, 16:48] = 7
    images = (labels.float() / 7).unsqueeze(1)
    for side in (32, 96, 128):
        small, seen = resized_labels(labels, side), resized(images, side)
        assert set(small.unique().tolist()) == {0, 7}
        assert torch.equal(small == 7, seen[:, 0] > 0.5)
