"""Wand, scissors, GrabCut, superpixels and pixel classifier on pictures whose truth is known."""

import subprocess
import sys

import numpy as np
import pytest

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.imaging.display import Display
from cvstudio.imaging.regions import (
    grabcut,
    pixel_classifier,
    scissors,
    superpixels,
    view,
    wand,
)
from cvstudio.imaging.regions.view import Place, Region, Sight, View, objects
from cvstudio.imaging.tiles import Pyramid


def noisy(truth, *, inside=(190, 140, 90), outside=(70, 90, 110), noise=6.0, seed=0):
    """A picture in which `truth` has one colour and the rest another, with noise."""
    rgb = np.where(truth[:, :, None] > 0, np.array(inside), np.array(outside))
    rng = np.random.default_rng(seed)
    return np.clip(rgb + rng.normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)


def disk(height, width, x, y, radius):
    patch = np.zeros((height, width), np.uint8)
    cv2.circle(patch, (x, y), radius, 1, -1)
    return patch


def iou(found, truth):
    return np.count_nonzero(found & truth) / np.count_nonzero(found | truth)


# -- views and regions


def test_a_view_never_has_more_detail_than_the_screen_or_more_pixels_than_asked():
    sight = Sight(Pyramid(np.zeros((3000, 4000), np.uint8)), Display())
    near = sight.place(Box(-50, -50, 500, 400), scale=1.0, most=10**6)
    assert (near.x, near.y, near.width, near.height, near.step) == (0, 0, 450, 350, 1)
    far = sight.place(Box(0, 0, 4000, 3000), scale=0.2, most=10**7)
    assert (far.width, far.height, far.step) == (1000, 750, 4)
    small = sight.place(Box(0, 0, 4000, 3000), scale=1.0, most=300_000)
    assert small.width * small.height <= 300_000
    assert sight.place(Box(5000, 0, 10, 10), scale=1.0, most=1000) is None


def test_a_view_shows_the_pixels_as_they_are_displayed():
    array = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    sight = Sight(Pyramid(array), Display(window=(0, 4095), lut="inverted"))
    view = sight.take(Place(8, 16, 4, 4, 1))
    assert view.rgb.shape == (4, 4, 3)
    assert view.rgb[0, 0, 0] == 255 - round(array[16, 8] / 4095 * 255)


@pytest.mark.parametrize("step", [1, 2, 8])
def test_a_region_of_a_coarse_level_comes_out_where_it_was_seen(step):
    truth = disk(512, 640, 300, 200, 90)
    coarse = truth[step // 2 :: step, step // 2 :: step]
    patch, x, y = Region.of(coarse, Place(0, 0, 640 // step, 512 // step, step)).full(640, 512)
    whole = np.zeros_like(truth)
    whole[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    assert iou(whole, truth) > {1: 0.9999, 2: 0.98, 8: 0.93}[step]


def test_a_region_at_the_edge_of_an_odd_image_does_not_reach_over_it():
    patch, x, y = Region(np.ones((5, 5), np.uint8), 16, 8, 4).full(33, 25)
    assert (x + patch.shape[1], y + patch.shape[0]) == (33, 25)


@pytest.mark.parametrize("step", [2, 4, 8])
def test_a_region_scaled_up_in_strips_is_the_same_to_the_pixel(monkeypatch, step):
    noise = np.random.default_rng(step).random((41, 37))
    coarse = Region((cv2.GaussianBlur(noise, (0, 0), 2) > 0.5).astype(np.uint8), 16, 8, step)
    size = 16 + 37 * step - 3, 8 + 41 * step - 5  # the last pixels reach over the image
    at_once, *_ = coarse.full(*size)
    monkeypatch.setattr(view, "_STRIP", 1)
    in_strips, x, y = coarse.full(*size)
    assert (x, y) == (16, 8)
    assert in_strips.shape == at_once.shape == (41 * step - 5, 37 * step - 3)
    assert np.array_equal(in_strips, at_once)
    assert set(np.unique(in_strips)) == {0, 1}


def test_regions_of_different_steps_join_and_part_to_the_pixel():
    coarse = Region(np.ones((4, 4), np.uint8), 8, 8, 4)  # 8..24
    fine = Region(np.ones((6, 6), np.uint8), 20, 20, 1)  # 20..26
    both = coarse.joined(fine)
    assert int(both.patch.sum()) == 256 + 36 - 16
    rest = coarse.without(fine)
    assert int(rest.patch.sum()) == 256 - 16
    assert coarse.without(coarse) is None
    assert int(fine.without(Region(np.ones((2, 2), np.uint8), 60, 60, 4)).patch.sum()) == 36


def test_objects_of_a_region_are_its_connected_parts_without_the_specks():
    patch = np.zeros((40, 40), np.uint8)
    patch[2:10, 2:10], patch[20:25, 30:36], patch[35, 5] = 1, 1, 1
    found = objects(Region(patch, 100, 200, 2), smallest=4)
    assert [int(r.patch.sum()) for r in found] == [64, 30]
    assert (found[1].x, found[1].y) == (160, 240)


# -- wand


def test_the_wand_takes_what_is_like_the_seed_and_connected_to_it():
    truth = disk(300, 400, 120, 150, 60)
    other = disk(300, 400, 300, 150, 60)
    found = wand.flood(noisy(truth | other, noise=0), (120, 150), 10)
    assert np.array_equal(found, truth)


def test_a_higher_tolerance_never_takes_less():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 20, axis=0).repeat(3, axis=2)
    taken = [int(wand.flood(ramp, (100, 10), t).sum()) for t in (0, 10, 40)]
    assert taken == [20, 21 * 20, 81 * 20]


def test_a_smooth_wand_looks_past_noise():
    truth = disk(300, 400, 200, 150, 80)
    rgb = noisy(truth, noise=10)
    found = wand.flood(rgb, (200, 150), 45, smooth=True)
    assert iou(found, truth) > 0.97
    assert iou(wand.flood(rgb, (200, 150), 45), truth) < iou(found, truth)


def test_the_wand_refuses_a_seed_outside():
    with pytest.raises(ValueError, match="outside"):
        wand.flood(np.zeros((5, 5, 3), np.uint8), (5, 0), 3)


def test_specks_are_filled_and_real_holes_are_kept():
    patch = np.ones((40, 40), np.uint8)
    patch[5, 5] = 0
    patch[20:30, 20:30] = 0
    patch[0, 0] = 0
    filled = wand.without_specks(patch, largest=10)
    assert filled[5, 5] == 1
    assert not filled[20:30, 20:30].any()
    assert filled[0, 0] == 0


# -- scissors


def test_the_scissors_follow_the_edge_of_a_disk():
    truth = disk(400, 400, 200, 200, 120)
    view = View(noisy(truth, noise=3), Place(1000, 500, 400, 400, 1))
    corners = [(1200 + 120 * np.cos(a), 700 + 120 * np.sin(a)) for a in (0, 1.6, 3.1, 4.7)]
    ring = []
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        path = scissors.LiveWire(view, start).path(end)
        assert tuple(path[0]) == start
        assert tuple(path[-1]) == end
        ring.extend(path[:-1])
    away = np.abs(np.hypot(*(np.array(ring) - (1200, 700)).T) - 120)
    assert away.max() < 4
    drawn = np.zeros_like(truth)
    outline = (np.array(ring) - (1000, 500)).round().astype(np.int32)
    cv2.fillPoly(drawn, [outline], 1)
    assert iou(drawn, truth) > 0.97


def test_a_simpler_path_stays_near_and_keeps_its_ends():
    t = np.linspace(0, 3, 200)
    path = np.stack([100 * np.cos(t), 100 * np.sin(t)], axis=1)
    few = scissors.simplified(path, off=0.5)
    assert len(few) < 40
    assert np.array_equal(few[[0, -1]], path[[0, -1]])
    assert np.abs(np.hypot(*few.T) - 100).max() < 1


def test_the_area_to_map_holds_both_ends_with_room():
    area = scissors.area_for((100, 100), (400, 120), scale=0.5)
    assert area.x < 100 - 150
    assert area.right > 550
    assert area.y < 100 - 150


# -- GrabCut


def test_grabcut_finds_the_object_in_a_loose_box():
    truth = disk(240, 300, 150, 120, 50)
    found = grabcut.cut(noisy(truth), (80, 50, 220, 190))
    assert iou(found, truth) > 0.98
    assert np.array_equal(found, grabcut.cut(noisy(truth), (80, 50, 220, 190))), "the same again"


def test_strokes_put_a_cut_right():
    left, right = disk(240, 300, 100, 120, 35), disk(240, 300, 200, 120, 35)
    rgb = noisy(left | right)
    everything = (40, 60, 260, 180)
    assert iou(grabcut.cut(rgb, everything), left | right) > 0.97
    stroke = disk(240, 300, 200, 120, 36)
    assert iou(grabcut.cut(rgb, everything, exclude=stroke), left) > 0.95
    hole = disk(240, 300, 150, 120, 12)  # of the background's colour, and wanted all the same
    assert grabcut.cut(rgb, everything, include=hole)[hole > 0].all()


def test_a_box_without_surroundings_gives_nothing_instead_of_an_error():
    rgb = noisy(disk(60, 60, 30, 30, 20))
    assert not grabcut.cut(rgb, (0, 0, 60, 60)).any()
    assert not grabcut.cut(rgb, (70, 70, 80, 80)).any()


# -- superpixels


def test_cells_together_make_up_the_objects_edges():
    truth = disk(300, 300, 150, 150, 70)
    cells = superpixels.divide(noisy(truth, noise=3), side=15)
    count = cells.max() + 1
    assert 200 < count < 700
    share = np.bincount(cells.ravel(), truth.ravel()) / np.bincount(cells.ravel())
    assert iou((share[cells] > 0.5).astype(np.uint8), truth) > 0.97


def test_a_fast_drag_leaves_no_cell_out():
    cells = (np.arange(100)[None, :] // 10 + np.zeros((50, 1), int)).astype(np.int32)
    assert superpixels.along(cells, (5, 5), (95, 40)) == set(range(10))
    assert superpixels.borders(cells)[:, 9].all()
    assert not superpixels.borders(cells)[:, 5].any()


# -- pixel classifier


def textured(truth, seed=0):
    """Rough inside, even outside, of the same mean colour: only a texture tells them apart."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, truth.shape) * np.where(truth > 0, 40, 8)
    grey = np.clip(128 + noise, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_few_scribbles_tell_two_textures_apart():
    truth = disk(400, 500, 250, 200, 110)
    found = pixel_classifier.features(textured(truth))
    inside, outside = np.zeros_like(truth), np.zeros_like(truth)
    cv2.line(inside, (200, 200), (300, 210), 1, 5)
    cv2.line(outside, (20, 30), (470, 40), 1, 5)
    cv2.line(outside, (40, 350), (90, 60), 1, 5)
    learnt = pixel_classifier.train({7: found[inside > 0], 0: found[outside > 0]})
    proposed = learnt.predict(found)
    assert set(np.unique(proposed)) == {0, 7}
    assert iou((proposed == 7).astype(np.uint8), truth) > 0.9


def test_three_classes_are_told_apart_and_the_same_scribbles_give_the_same_answer():
    bands = np.repeat(np.arange(3), 60)[None, :].repeat(90, axis=0)
    rgb = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]], np.uint8)[bands]
    found = pixel_classifier.features(rgb)
    samples = {
        n + 1: found[20:40, 60 * n + 20 : 60 * n + 40].reshape(-1, found.shape[2]) for n in range(3)
    }
    first = pixel_classifier.train(samples).predict(found)
    assert np.mean(first == bands + 1) > 0.97
    assert np.array_equal(first, pixel_classifier.train(samples).predict(found))


def test_what_is_skipped_between_like_neighbours_is_what_the_forest_says():
    truth = disk(201, 303, 150, 100, 60)
    found = pixel_classifier.features(noisy(truth))
    learnt = pixel_classifier.train(
        {1: found[90:110, 140:160].reshape(-1, found.shape[2]),
         2: found[:20, :60].reshape(-1, found.shape[2])}
    )  # fmt: skip
    rows = found.reshape(-1, found.shape[2])
    each = np.array(learnt.classes)[learnt.forest.predict_proba(rows).argmax(axis=1)]
    assert np.mean(learnt.predict(found) == each.reshape(truth.shape)) > 0.999


def test_one_class_is_not_enough_to_learn_from():
    with pytest.raises(ValueError, match="two classes"):
        pixel_classifier.train({1: np.zeros((5, 3), np.float32), 2: np.zeros((0, 3), np.float32)})


def test_the_heavy_libraries_wait_until_a_tool_needs_them():
    code = (
        "import sys; from cvstudio.gui.label import page;"
        "print([m for m in ('skimage', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
