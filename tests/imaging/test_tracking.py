"""An object that moves is followed, and one that is gone is not."""

import numpy as np
import pytest

from cvstudio.core.geometry import Box, Polygon, iou_matrix
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.imaging.tracking import follow

WIDTH, HEIGHT, SIDE = 360, 260, 64


def texture(width, height, seed):
    noise = np.random.default_rng(seed).integers(0, 255, (height // 4 + 2, width // 4 + 2, 3))
    smooth = cv2.resize(noise.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(smooth, (0, 0), 1.5)


BACKGROUND = texture(WIDTH, HEIGHT, 1)
PATCH = texture(SIDE, SIDE, 2)


def scene(x, y, *, angle=0.0, scale=1.0, round_=False, seed=0):
    """A textured patch about (x, y) on another texture, with noise; and its exact alpha."""
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, scale)
    turn[:, 2] += [x - SIDE / 2, y - SIDE / 2]
    alpha = np.ones((SIDE, SIDE), np.float32)
    if round_:
        yy, xx = np.mgrid[:SIDE, :SIDE]
        alpha = ((xx - SIDE / 2) ** 2 + (yy - SIDE / 2) ** 2 < (SIDE / 2) ** 2).astype(np.float32)
    there = cv2.warpAffine(alpha, turn, (WIDTH, HEIGHT))[..., None]
    patch = cv2.warpAffine(PATCH, turn, (WIDTH, HEIGHT))
    picture = BACKGROUND * (1 - there) + patch * there
    picture += np.random.default_rng(seed).normal(0, 4, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), there[..., 0] > 0.5


def iou(a, b):
    rows = [np.array([[s.x, s.y, s.w, s.h]]) for s in (a, b)]
    return float(iou_matrix(*rows)[0, 0])


def mask_iou(a, b):
    return np.logical_and(a, b).sum() / np.logical_or(a, b).sum()


def path(i):
    return 60 + 3.5 * i, 130 + 60 * np.sin(i / 9)


def test_a_box_follows_a_moving_and_growing_patch():
    first, _ = scene(*path(0))
    truth = []

    def pictures():
        for i in range(1, 60):
            scale = 1 + 0.006 * i
            side = SIDE * scale
            x, y = path(i)
            truth.append(Box(x - side / 2, y - side / 2, side, side))
            yield scene(x, y, scale=scale, seed=i)[0]

    x, y = path(0)
    found = list(follow(Box(x - SIDE / 2, y - SIDE / 2, SIDE, SIDE), first, pictures()))
    assert len(found) == 59
    worst = min(iou(f.shape, t) for f, t in zip(found, truth, strict=True))
    assert worst > 0.9, worst
    assert all(f.score > 0.25 for f in found)


def test_an_outline_turns_with_its_object():
    first, _ = scene(180, 130)
    ring = np.array([[-30, -30], [30, -30], [30, 30], [-30, 30]], float)
    pictures = (scene(180 + i, 130, angle=2.0 * i, seed=i)[0] for i in range(1, 31))
    found = list(follow(Polygon.simple(ring + np.array([180, 130])), first, pictures))
    assert len(found) == 30
    turn = np.deg2rad(60)
    turned = ring @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    error = np.abs(found[-1].shape.parts[0].outer - (turned + np.array([210, 130]))).max()
    assert error < 1.5, error


def test_a_mask_follows_a_round_object():
    first, inside = scene(*path(0), round_=True)
    steps = range(1, 40)
    pictures = (scene(*path(i), round_=True, seed=i)[0] for i in steps)
    found = list(follow(Mask.from_patch(inside.astype(np.uint8)), first, pictures))
    assert len(found) == 39
    worst = min(
        mask_iou(f.shape.full(HEIGHT, WIDTH) > 0, scene(*path(i), round_=True)[1])
        for f, i in zip(found, steps, strict=True)
    )
    assert worst > 0.7, worst


def test_following_ends_when_the_object_is_gone():
    first, _ = scene(100, 130)
    moving = [scene(100 + 4 * i, 130, seed=i)[0] for i in range(1, 6)]
    other = texture(WIDTH, HEIGHT, 9)
    found = list(follow(Box(68, 98, 64, 64), first, [*moving, other, other]))
    assert len(found) == 5


def test_following_ends_where_the_object_leaves_the_picture():
    first, _ = scene(250, 130)
    pictures = (scene(250 + 8 * i, 130, seed=i)[0] for i in range(1, 40))
    found = list(follow(Box(218, 98, 64, 64), first, pictures))
    assert 6 <= len(found) <= 18
    assert all(f.shape.x < WIDTH for f in found)


@pytest.mark.parametrize("size", [(200, 100), (361, 260)])
def test_a_picture_of_another_size_is_no_continuation(size):
    width, height = size
    first, _ = scene(100, 130)
    assert list(follow(Box(68, 98, 64, 64), first, [texture(width, height, 3)])) == []


def test_a_rotated_box_and_keypoints_turn_with_their_object():
    first, _ = scene(100, 130)
    pictures = [scene(100 + 4 * i, 130, angle=-2 * i)[0] for i in range(1, 11)]  # clockwise
    box = RotatedBox(100, 130, SIDE - 8, SIDE - 24, 0)
    last = list(follow(box, first, pictures))[-1].shape
    assert isinstance(last, RotatedBox)
    assert (last.cx, last.cy) == pytest.approx((140, 130), abs=2)
    assert (last.w, last.h) == pytest.approx((box.w, box.h), abs=3)
    assert last.angle == pytest.approx(20, abs=2)
    points = Keypoints.of([(80, 130, 2), (0, 0, 0), (120, 130, 1), (100, 110, 2)])
    found = list(follow(points, first, pictures))[-1].shape
    assert isinstance(found, Keypoints)
    assert found.points[:, 2].tolist() == [2, 0, 1, 2]
    expected = RotatedBox(140, 130, 40, 40, 20).at(np.array([(-20.0, 0), (20, 0), (0, -20)]))
    assert found.placed() == pytest.approx(expected, abs=3)
