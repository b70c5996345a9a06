"""What networks for rotated boxes and keypoints learn from labels of any shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass, Review, Shape, Split, Task, box_of
from cvstudio.core.forms import ROTATED, Answers, Form
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.held import form_for, held_to, learned
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.networks import answering, network
from cvstudio.core.predictions import Found, Prediction, from_json, to_json
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import COCO_PERSON, Skeleton, mirrored_places
from cvstudio.core.snapshot import (
    Snapshot,
    SnapshotAnnotation,
    SnapshotImage,
    read_snapshot,
    write_snapshot,
)

BONES = Skeleton(("top", "left", "right"), ((0, 1), (0, 2)))
OTHER = Skeleton(("a", "b"))
POSED = Form(Answers.KEYPOINTS, BONES, frozenset({1}))


def label(id: int, shape: Shape, *, class_id: int = 1, **more: Any) -> SnapshotAnnotation:
    return SnapshotAnnotation(id, class_id, shape, box_of(shape), **more)


def points(*places: tuple[float, float], frame: Box | None = None) -> Keypoints:
    return Keypoints.of([(x, y, 2) for x, y in places], frame)


def image_of(
    id: int, *annotations: SnapshotAnnotation, split: Split = Split.TRAIN
) -> SnapshotImage:
    return SnapshotImage(id, Path("x.png"), 0, 100, 80, split, Review.LABELLED, "", annotations)


def test_a_network_for_rotated_boxes_learns_upright_boxes_as_not_turned() -> None:
    (found,) = learned([label(1, Box(10, 20, 30, 10))], ROTATED)
    assert found.shape == RotatedBox(25, 25, 30, 10, 0)


def test_a_network_for_rotated_boxes_learns_the_smallest_box_around_an_outline() -> None:
    turned = RotatedBox(40, 40, 30, 8, 30)
    mask = Mask.from_patch(np.ones((4, 9), np.uint8), 5, 6)
    found = learned([label(1, turned.polygon()), label(2, mask)], ROTATED)
    outline, pixels = (a.shape for a in found)
    assert isinstance(outline, RotatedBox)
    assert isinstance(pixels, RotatedBox)
    assert outline.told_near(30).corners() == pytest.approx(turned.corners(), abs=1e-6)
    assert pixels.box == Box(5, 6, 9, 4)


def test_keypoints_and_crowds_teach_a_network_for_rotated_boxes_nothing() -> None:
    crowd = label(2, Box(0, 0, 5, 5), crowd=True)
    assert not learned([label(1, points((1, 1), (5, 9), (9, 9))), crowd], ROTATED)
    (held,) = held_to(image_of(1, crowd), Task.DETECT, ROTATED)
    assert held.crowd


def test_an_outline_of_an_object_with_points_is_not_a_second_object() -> None:
    person = label(1, points((20, 20), (15, 50), (25, 50)))
    around = label(2, Polygon.simple([(12, 15), (28, 15), (28, 60), (12, 60)]))
    elsewhere = label(3, Box(60, 10, 20, 30))
    first, second = learned([person, around, elsewhere], POSED)
    assert first.id == 1
    assert first.box == Box(12, 15, 16, 45)
    assert isinstance(first.shape, Keypoints)
    assert first.shape.frame == first.box
    assert second.id == 3
    assert isinstance(second.shape, Keypoints)
    assert not len(second.shape.placed())
    assert second.box == Box(60, 10, 20, 30)


def test_an_outline_that_says_so_frames_points_that_stand_out_of_it() -> None:
    person = label(1, points((5, 5), (60, 5), (5, 70)), same=3)
    wrong, right = label(2, Box(0, 0, 65, 75)), label(3, Box(10, 10, 20, 20))
    first, second = learned([person, wrong, right], POSED)
    assert first.box == Box(5, 5, 55, 65)  # around points and outline
    assert second.id == 2


def test_finding_an_object_whose_points_nobody_has_set_is_neither_right_nor_wrong() -> None:
    found = held_to(image_of(1, label(3, Box(60, 10, 20, 30))), Task.DETECT, POSED)
    assert [(a.id, a.crowd) for a in found] == [(3, True)]


def test_a_network_for_keypoints_learns_the_skeleton_of_most_objects_in_train() -> None:
    classes = tuple(LabelClass(id, str(id), "#FF0000") for id in (1, 2))
    mine, theirs = points((1, 1), (2, 5), (4, 5)), points((1, 1), (6, 6))
    images = [
        image_of(1, label(1, mine), label(2, mine), label(3, theirs, class_id=2)),
        *(image_of(n, label(n, theirs, class_id=2), split=Split.VAL) for n in (4, 5, 6)),
    ]
    snapshot = Snapshot(Task.DETECT, classes, tuple(images), skeletons={1: BONES, 2: OTHER})
    found = form_for(snapshot, Answers.KEYPOINTS)
    assert found.skeleton == BONES
    assert found.class_ids == {1}
    assert [a.id for a in learned(images[0].annotations, found)] == [1, 2]
    assert form_for(snapshot, Answers.ROTATED) == ROTATED


def test_a_snapshot_keeps_skeletons_and_which_outline_belongs_to_which_points(
    tmp_path: Path,
) -> None:
    annotations = (label(1, points((1, 1), (2, 5), (4, 5)), same=2), label(2, Box(0, 0, 9, 9)))
    classes = (LabelClass(1, "one", "#FF0000"),)
    images = (image_of(1, *annotations),)
    bare = Snapshot(Task.DETECT, classes, images)
    full = Snapshot(Task.DETECT, classes, images, skeletons={1: BONES})
    path = tmp_path / "snapshot.jsonl.gz"
    digests = [write_snapshot(path, each) for each in (bare, full)]
    read = read_snapshot(path)
    assert read.skeletons == {1: BONES}
    assert read.images[0].annotations == annotations
    assert digests[0] != digests[1]


@pytest.mark.parametrize("form", [ROTATED, POSED, Form()])
def test_a_form_is_the_same_after_it_was_written_down(form: Form) -> None:
    assert Form.from_json(form.to_json()) == form


def test_answers_keep_their_angle_and_their_points_in_a_file() -> None:
    turned = Found(1, 0.5, Box(1, 2, 3, 4), rotated=RotatedBox(2.5, 4, 3, 1, 30))
    shape = points((1, 2), (3, 4), (5, 6), frame=Box(0, 0, 9, 9))
    posed = Found(1, 0.25, Box(0, 0, 9, 9), points=shape, sure=(0.9, 0.2, 0.5))
    prediction = Prediction(3, objects=(turned, posed))
    assert from_json(to_json(prediction)) == prediction
    assert turned.shape == turned.rotated
    assert isinstance(posed.shape, Keypoints)
    assert posed.shape.points[:, 2].tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (("nose", "left eye", "right eye"), (0, 2, 1)),
        (("L", "R", "tail"), (1, 0, 2)),
        (("handLeft", "handRight", "Left_Foot", "Right_Foot"), (1, 0, 3, 2)),
        (("hip_l", "hip_r", "left knee"), (1, 0, 2)),  # a knee without a counterpart
        (("1", "2", "3"), (0, 1, 2)),
        (("lower", "bright"), (0, 1)),  # letters within words are no sides
    ],
)
def test_a_mirror_exchanges_points_by_their_names(
    names: tuple[str, ...], places: tuple[int, ...]
) -> None:
    assert mirrored_places(Skeleton(names)) == places


def test_a_mirror_exchanges_all_points_of_a_person_but_the_nose() -> None:
    places = mirrored_places(COCO_PERSON)
    assert places == (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


def test_the_network_that_answers_otherwise_is_the_same_one_with_another_head() -> None:
    assert answering("yolo26s", Answers.ROTATED) == "yolo26s-obb"
    assert answering("yolo11m-pose", Answers.BOXES) == "yolo11m"
    assert network(answering("rtdetr-l", Answers.KEYPOINTS)).answers is Answers.KEYPOINTS
