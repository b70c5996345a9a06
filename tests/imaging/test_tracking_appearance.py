"""What movement loses is followed by its looks, and what is gone is said to be gone."""

import numpy as np
import pytest
from test_tracking import BACKGROUND, HEIGHT, PATCH, SIDE, WIDTH, iou, path, scene, texture

from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.imaging.tracking import Gone, Method, Picture, follow, make_follower

STEPS = 40


def square(x, y):
    return Box(x - SIDE / 2, y - SIDE / 2, SIDE, SIDE)


def laid(patch, alpha, x, y, *, blur=0, seed=0):
    """A patch over the texture, smeared sideways by `blur` pixels, with noise."""
    move = np.array([[1, 0, x - SIDE / 2], [0, 1, y - SIDE / 2]])
    there = cv2.warpAffine(alpha, move, (WIDTH, HEIGHT))
    over = cv2.warpAffine(patch * alpha[..., None], move, (WIDTH, HEIGHT))
    if blur:
        smear = np.zeros((blur, blur), np.float32)
        smear[blur // 2] = 1 / blur
        there, over = cv2.filter2D(there, -1, smear), cv2.filter2D(over, -1, smear)
    picture = BACKGROUND * (1 - there[..., None]) + over
    picture += np.random.default_rng(seed).normal(0, 4, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def blurring(i):
    """Sharp and smeared by turns."""
    alpha = np.ones((SIDE, SIDE), np.float32)
    return laid(PATCH.astype(np.float32), alpha, *path(i), blur=17 if i % 10 >= 5 else 0, seed=i)


def plain(i):
    """A disk of one colour: all texture is that of the ground."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    alpha = (rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < (SIDE / 2) ** 2
    patch = np.full((SIDE, SIDE, 3), (210, 60, 40), np.float32)
    return laid(patch, alpha.astype(np.float32), *path(i), seed=i)


def rightly(found):
    """On how many pictures the box was found where the object is."""
    return sum(iou(f.shape, square(*path(i))) > 0.5 for i, f in enumerate(found, 1))


@pytest.mark.parametrize("picture", [blurring, plain])
def test_a_box_whose_points_are_lost_is_followed_by_its_appearance(picture):
    start = square(*path(0))
    by = {
        method: list(follow(start, picture(0), map(picture, range(1, STEPS)), method))
        for method in Method
    }
    assert rightly(by[Method.MOVEMENT]) < 10  # else the second method would be of no use
    assert rightly(by[Method.APPEARANCE]) == STEPS - 1


def test_by_its_appearance_an_object_that_vanishes_is_lost_at_once():
    pictures = [scene(*path(i), seed=i)[0] for i in range(12)]
    follower = make_follower(square(*path(0)), Picture(pictures[0]), Method.APPEARANCE)
    for picture in pictures[1:]:
        assert not isinstance(follower.step(Picture(picture)), Gone)
    assert follower.step(Picture(BACKGROUND)) is Gone.LOST


@pytest.mark.parametrize("method", Method)
def test_an_object_that_goes_out_at_the_side_is_not_just_lost(method):
    follower = make_follower(square(260, 130), Picture(scene(260, 130)[0]), method)
    for i in range(1, 40):
        answer = follower.step(Picture(scene(260 + 6 * i, 130, seed=i)[0]))
        if isinstance(answer, Gone):
            break
    assert answer in (Gone.EDGE, Gone.LEFT)
    assert 8 <= i <= 20  # the middle is outside from the 17th on


def test_a_box_over_the_edge_is_followed_from_there():
    start = Box(-10, 98, SIDE, SIDE)
    pictures = [scene(22 + 3 * i, 130, seed=i)[0] for i in range(10)]
    found = list(follow(start, pictures[0], pictures[1:], Method.APPEARANCE))
    assert len(found) == 9
    assert iou(found[-1].shape, square(49, 130)) > 0.7


@pytest.mark.parametrize("method", Method)
def test_a_very_wide_picture_is_no_obstacle_and_a_very_wide_object_is_refused_in_words(method):
    wide = np.zeros((60, 33_500, 3), np.uint8)
    wide[:] = cv2.resize(texture(6700, 60, 4), (33_500, 60))
    moved = np.roll(wide, 5, axis=1)
    (found,) = follow(Box(33_000, 10, 50, 40), wide, [moved], method)
    assert found.shape.x == pytest.approx(33_005, abs=4)
    with pytest.raises(ImageError, match="32,766 px at most"):
        make_follower(Box(10, 10, 33_000, 40), Picture(wide), method)


def test_a_mask_in_a_very_wide_picture_is_followed():
    wide = np.zeros((80, 33_500, 3), np.uint8)
    wide[:] = cv2.resize(texture(6700, 80, 4), (33_500, 80))
    mask = Mask.from_patch(np.ones((40, 50), np.uint8), 33_000, 20)
    (found,) = follow(mask, wide, [np.roll(wide, 5, axis=1)])
    assert found.shape.box.x == pytest.approx(33_005, abs=2)
    assert found.shape.area == pytest.approx(2000, rel=0.1)


@pytest.mark.parametrize("shape", [None, Box(500, 10, 20, 20)])
def test_what_has_no_place_in_the_picture_cannot_be_followed_and_that_is_said(shape):
    with pytest.raises(ImageError, match=r"no place|outside the picture"):
        make_follower(shape, Picture(BACKGROUND))


def test_a_box_of_nearly_no_size_is_refused_in_words():
    with pytest.raises(ImageError, match="too small"):
        make_follower(Box(10, 10, 2, 20), Picture(BACKGROUND), Method.APPEARANCE)
