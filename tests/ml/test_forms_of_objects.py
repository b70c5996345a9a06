"""Rotated boxes and keypoints reach ultralytics' losses as they are labelled, and come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from form_scenes import BAR, BONES, DART, image_of

from cvstudio.augment.build import build
from cvstudio.augment.catalogue import make_step
from cvstudio.core.annotation import LabelClass, Split, Task
from cvstudio.core.config import Views
from cvstudio.core.forms import ROTATED, Answers, Form
from cvstudio.core.held import learned
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.recipe import Fit
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.rotated_overlap import pair_iou, rows_of
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.ml.answer import answer
from cvstudio.ml.data import SplitImages
from cvstudio.ml.decode import decode, suppress_rotated
from cvstudio.ml.engine.objects import Item, ObjectItems, collated
from cvstudio.ml.preprocess import Preprocessing, placement_for
from cvstudio.ml.views import seen_from

POSED = Form(Answers.KEYPOINTS, BONES, frozenset({DART.id}))
FLIP = [make_step("flip_horizontal", chance=1.0)]


def items_of(image: SnapshotImage, form: Form, label: LabelClass, **more: object) -> ObjectItems:
    split = SplitImages([image], size=64, fit=Fit.PAD)
    annotations = [learned(image.annotations, form)]
    return ObjectItems(split, annotations, index={label.id: 0}, form=form, **more)  # type: ignore[arg-type]  # fmt: skip


def the_box(item: Item) -> RotatedBox:
    """The one box of an item in its own pixels."""
    ((x, y, w, h, turn),) = item["bboxes"].numpy().astype(float) * (64, 64, 64, 64, 1)
    return RotatedBox(x, y, w, h, float(np.degrees(turn)))


def alike(one: RotatedBox, other: RotatedBox) -> float:
    return float(pair_iou(rows_of([one]), rows_of([other]))[0])


@pytest.mark.parametrize("number", range(4))
def test_a_rotated_box_is_learned_where_and_how_it_lies(tmp_path: Path, number: int) -> None:
    image = image_of(tmp_path, number, BAR, split=Split.TRAIN, size=96)
    (own,) = image.annotations
    assert isinstance(own.shape, RotatedBox)
    item = items_of(image, ROTATED, BAR)[1, 0, 0]
    assert alike(the_box(item), own.shape.scaled(64 / 96, 64 / 96)) == pytest.approx(1, abs=1e-4)
    assert 0 <= float(item["bboxes"][0, 4]) <= np.pi / 2  # as ultralytics' networks know angles


def test_a_mirrored_rotated_box_turns_the_other_way(tmp_path: Path) -> None:
    image = image_of(tmp_path, 1, BAR, split=Split.TRAIN, size=64)
    (own,) = image.annotations
    assert isinstance(own.shape, RotatedBox)
    seen = own.shape
    mirrored = RotatedBox(64 - seen.cx, seen.cy, seen.w, seen.h, -seen.angle)
    item = items_of(image, ROTATED, BAR, augmenter=build(FLIP), training=True)[1, 0, 0]
    assert alike(the_box(item), mirrored) == pytest.approx(1, abs=1e-4)
    assert alike(the_box(item), seen) < 0.6


def test_a_corner_of_a_rotated_box_outside_the_image_teaches_no_padding(tmp_path: Path) -> None:
    image = image_of(tmp_path, 1, BAR, split=Split.TRAIN, size=64)
    (own,) = image.annotations
    out = RotatedBox(4, 32, 40, 10, 0)
    image = SnapshotImage(
        **{
            **{name: getattr(image, name) for name in image.__slots__},
            "annotations": (type(own)(1, BAR.id, out, out.box),),
        }
    )
    found = the_box(items_of(image, ROTATED, BAR)[1, 0, 0])
    assert found.told_near(0).box.x == pytest.approx(0, abs=1e-4)
    assert found.area == pytest.approx(24 * 10, rel=1e-3)


@pytest.mark.parametrize("steps", [[], FLIP], ids=["as it is", "mirrored"])
def test_points_are_learned_in_the_order_of_the_skeleton_also_in_a_mirror(
    tmp_path: Path, steps: list[object]
) -> None:
    image = image_of(tmp_path, 3, DART, split=Split.TRAIN, size=64)
    (own,) = image.annotations
    assert isinstance(own.shape, Keypoints)
    augmenter = build(steps) if steps else None  # type: ignore[arg-type]
    item = items_of(image, POSED, DART, augmenter=augmenter, training=True)[1, 0, 0]
    found = item["keypoints"].numpy()[0] * (64, 64, 1)
    expected = own.shape.points.copy()
    if steps:
        expected[:, 0] = 64 - expected[:, 0]
        expected = expected[[0, 2, 1, 3]]  # the left wing is a right one there
    assert found == pytest.approx(expected, abs=1e-3)
    assert sides_agree(found)


def sides_agree(points: np.ndarray) -> bool:
    """Whether the left wing lies to the left of the flight of a dart (y points down)."""
    nose, left, right, _ = points[:, :2]
    middle = (left + right) / 2
    ahead, side = nose - middle, left - middle
    return bool(ahead[0] * side[1] - ahead[1] * side[0] < 0)


def test_an_object_without_points_is_learned_as_a_box_alone(tmp_path: Path) -> None:
    image = image_of(tmp_path, 1, DART, split=Split.TRAIN, size=64)
    (own,) = image.annotations
    bare = SnapshotImage(
        **{
            **{name: getattr(image, name) for name in image.__slots__},
            "annotations": (type(own)(1, DART.id, own.box, own.box),),
        }
    )
    item = items_of(bare, POSED, DART)[1, 0, 0]
    assert not item["keypoints"].any()
    assert item["bboxes"].shape == (1, 4)


def test_a_batch_has_one_row_of_points_for_each_box(tmp_path: Path) -> None:
    images = [image_of(tmp_path, n, DART, split=Split.TRAIN, size=64) for n in range(3)]
    items = [items_of(image, POSED, DART)[1, 0, 0] for image in images]
    batch = collated(items, channels_last=False)
    assert batch["keypoints"].shape == (3, 4, 3)
    assert batch["batch_idx"].tolist() == [0, 1, 2]
    assert batch["bboxes"].shape == (3, 4)


# -- reading answers


def raw_rotated(boxes: list[tuple[RotatedBox, float]], *, classes: int = 1) -> np.ndarray:
    """What a network would answer: (4 + classes + 1, anchors)."""
    raw = np.zeros((5 + classes, len(boxes)), np.float32)
    for place, (box, score) in enumerate(boxes):
        raw[:4, place] = box.cx, box.cy, box.w, box.h
        raw[4, place], raw[-1, place] = score, np.radians(box.angle)
    return raw


def test_bars_that_cross_are_two_and_the_same_bar_twice_is_one() -> None:
    first, across = RotatedBox(30, 30, 40, 8, 45), RotatedBox(30, 30, 40, 8, -45)
    twice = RotatedBox(31, 30, 8, 40, 137)  # nearly the first, told by another side
    boxes, scores, _ = suppress_rotated(raw_rotated([(first, 0.9), (across, 0.8), (twice, 0.7)]), 1)
    assert scores.tolist() == pytest.approx([0.9, 0.8])
    assert boxes[:, 4] == pytest.approx(np.radians([45, -45]))


def test_a_rotated_box_comes_back_to_where_it_lies_on_a_padded_image() -> None:
    at = placement_for(200, 100, size=64, fit=Fit.PAD)
    truth = RotatedBox(120, 40, 60, 20, 25)
    inside = truth.scaled(at.scale_x, at.scale_y).moved(at.left, at.top)
    found = decode(
        Task.DETECT, [raw_rotated([(inside, 0.9)])], at, class_ids=[4], image_id=1, form=ROTATED
    )
    (one,) = found.objects
    assert one.rotated is not None
    assert alike(one.rotated, truth) == pytest.approx(1, abs=1e-4)
    assert one.class_id == 4
    assert one.box.w == pytest.approx(truth.box.w, rel=1e-4)


def raw_keypoints(points: np.ndarray, size: int, *, sure: float = 0.9) -> np.ndarray:
    """What a network would answer for one object: (4 + 1 + 3 k, 1)."""
    low, high = points.min(axis=0), points.max(axis=0)
    box = [*((low + high) / 2), *(high - low)]
    rows = np.column_stack([points, np.full(len(points), sure)])
    return np.array([*box, 0.9, *rows.ravel()], np.float32)[:, None]


def test_points_come_back_to_where_they_lie_on_a_padded_image() -> None:
    at = placement_for(100, 200, size=64, fit=Fit.PAD)
    truth = np.array([(20.0, 30.0), (60.0, 120.0), (80.0, 40.0), (50.0, 50.0)])
    inside = truth * (at.scale_x, at.scale_y) + (at.left, at.top)
    found = decode(
        Task.DETECT, [raw_keypoints(inside, 64, sure=0.25)], at, class_ids=[6], image_id=1,
        form=POSED,
    )  # fmt: skip
    (one,) = found.objects
    assert one.points is not None
    assert one.points.points[:, :2] == pytest.approx(truth, abs=1e-3)
    assert one.sure == pytest.approx((0.25,) * 4)


def test_answers_on_a_mirrored_view_are_read_with_left_and_right_exchanged() -> None:
    """A network that knows a dart's left from its right, asked twice."""
    truth = np.array([(40.0, 20.0), (10.0, 12.0), (10.0, 28.0), (20.0, 20.0)])
    assert sides_agree(np.column_stack([truth, np.ones(4)]))

    def asked(batch: np.ndarray) -> list[np.ndarray]:
        mirrored = batch[0, 0, 0, 0] == 0  # the light corner is on the other side
        points = truth.copy()
        if mirrored:
            points[:, 0] = 64 - points[:, 0]
            points = points[[0, 2, 1, 3]]
        return [raw_keypoints(points, 64)[None]]

    seen = seen_from(asked, Task.DETECT, Views.MIRRORED, form=POSED)
    light = np.zeros((64, 64, 3), np.uint8)
    light[0, 0] = 255
    (found,) = answer(
        seen, [light], [1], task=Task.DETECT, class_ids=[6], form=POSED,
        preprocessor=Preprocessing(64, Fit.PAD, (0, 0, 0), (1, 1, 1)),
    )  # fmt: skip
    (one,) = found.objects  # the two views agree, so one of them is left
    assert one.points is not None
    assert one.points.points[:, :2] == pytest.approx(truth, abs=1e-3)


def test_a_rotated_box_seen_in_a_mirror_is_turned_back() -> None:
    truth = RotatedBox(20, 30, 30, 8, 35)

    def asked(batch: np.ndarray) -> list[np.ndarray]:
        mirrored = batch[0, 0, 0, 0] == 0
        seen = RotatedBox(64 - truth.cx, truth.cy, truth.w, truth.h, -truth.angle)
        return [raw_rotated([(seen if mirrored else truth, 0.9)])[None]]

    batch = np.zeros((1, 3, 64, 64), np.float32)
    batch[0, :, 0, 0] = 1
    (raw,) = seen_from(asked, Task.DETECT, Views.MIRRORED, form=ROTATED)(batch)
    assert raw.shape[2] == 2
    assert raw[0, :, 1] == pytest.approx(raw[0, :, 0], abs=1e-5)


def test_the_loss_of_the_right_points_is_less_than_that_of_exchanged_ones(tmp_path: Path) -> None:
    """ultralytics' own loss, asked about a batch as the items make it."""
    from ultralytics.utils.loss import KeypointLoss

    image = image_of(tmp_path, 3, DART, split=Split.TRAIN, size=64)
    item = items_of(image, POSED, DART, augmenter=build(FLIP), training=True)[1, 0, 0]
    points = item["keypoints"] * torch.tensor([64, 64, 1])
    area = (item["bboxes"][:, 2:] * 64).prod(1, keepdim=True)
    there = points[..., 2] != 0
    loss = KeypointLoss(sigmas=torch.full((4,), 0.25))
    right = float(loss(points, points, there, area))
    wrong = float(loss(points[:, [0, 2, 1, 3]], points, there, area))
    assert right == pytest.approx(0, abs=1e-6)
    assert wrong > 0.2
