"""Rotated boxes and keypoints: their geometry, their bytes, and what training makes of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvstudio.core.annotation import (
    Kind,
    Shape,
    Task,
    box_of,
    kind_of,
    pack_shape,
    trains,
    unpack_shape,
)
from cvstudio.core.clipping import clipped
from cvstudio.core.convert import converted, to_mask, to_polygon, to_rotated
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.interpolation import between
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.metrics.pixels import IGNORED, label_map
from cvstudio.core.rotated import RotatedBox, turned
from cvstudio.core.snapshot import SnapshotAnnotation, shape_from_json, shape_to_json

place = st.floats(-1e4, 1e4)
side = st.floats(1.0, 1e4)
angle = st.floats(-720.0, 720.0)
rotated = st.builds(RotatedBox, place, place, side, side, angle)
frame = st.builds(Box, place, place, side, side)
row = st.tuples(place, place, st.sampled_from([0.0, 1.0, 2.0]))
keypoints = st.builds(Keypoints.of, st.lists(row, max_size=20), st.one_of(st.none(), frame))


@given(shape=st.one_of(rotated, keypoints))
def test_new_shapes_survive_storage_and_snapshots_bit_for_bit(shape: Shape) -> None:
    assert unpack_shape(kind_of(shape).value, box_of(shape), pack_shape(shape)) == shape
    assert shape_from_json(shape_to_json(shape)) == shape


def test_a_shape_in_a_newer_form_is_refused_and_not_misread() -> None:
    packed = pack_shape(RotatedBox(1, 2, 3, 4, 5))
    with pytest.raises(ValueError, match="does not know"):
        unpack_shape(Kind.ROTATED_BOX, Box(0, 0, 1, 1), b"\x02" + packed[1:])


@given(shape=rotated)
def test_corners_tell_the_rotated_box_again(shape: RotatedBox) -> None:
    again = RotatedBox.from_corners(shape.corners())
    near = {"rel": 1e-6, "abs": 1e-6}
    assert again.corners() == pytest.approx(shape.corners(), **near)
    assert (again.w, again.h) == pytest.approx((shape.w, shape.h), **near)
    assert abs(turned(again.angle - shape.angle)) < 1e-4


@given(shape=rotated)
def test_the_box_of_a_rotated_box_is_that_of_its_corners(shape: RotatedBox) -> None:
    around, box = Box.around(shape.corners()), shape.box
    found = (box.x, box.y, box.w, box.h)
    assert found == pytest.approx((around.x, around.y, around.w, around.h), rel=1e-6, abs=1e-5)


@given(shape=rotated)
def test_the_angle_is_within_half_a_turn_either_way(shape: RotatedBox) -> None:
    assert -180 <= shape.angle < 180


def test_the_angle_counts_clockwise_on_the_screen() -> None:
    quarter = RotatedBox(100, 100, 40, 20, 90)
    assert quarter.corners().tolist() == [[110, 80], [110, 120], [90, 120], [90, 80]]
    x, y = RotatedBox(0, 0, 10, 0, 30).corners()[1].tolist()
    assert (x, y) == pytest.approx((5 * math.cos(math.pi / 6), 2.5))


def test_quarter_turns_are_exact() -> None:
    assert RotatedBox(7, 9, 4, 2, -90).box == Box(6, 7, 2, 4)
    assert RotatedBox(7, 9, 4, 2, 180).box == Box(5, 8, 4, 2)


@given(shape=rotated)
def test_the_smallest_box_around_its_corners_is_the_box_itself(shape: RotatedBox) -> None:
    again = RotatedBox.around(shape.corners(), near=shape.angle)
    assert again.area == pytest.approx(shape.area, rel=1e-5)
    assert again.corners() == pytest.approx(shape.corners(), rel=1e-3, abs=1e-2)


@given(points=st.lists(st.tuples(place, place), min_size=1, max_size=40))
def test_the_smallest_rotated_box_holds_all_points_and_is_no_larger_than_the_upright_one(
    points: list[tuple[float, float]],
) -> None:
    array = np.array(points)
    found, upright = RotatedBox.around(array), Box.around(array)
    own = np.abs(found.own(array))
    assert (own[:, 0] <= found.w / 2 + 1e-2).all()
    assert (own[:, 1] <= found.h / 2 + 1e-2).all()
    assert found.area <= upright.area * (1 + 1e-6) + 1e-3


def test_slanted_corners_get_the_smallest_box_around_them() -> None:
    quad = np.array([[0, 0], [100, 10], [120, 60], [0, 50]], np.float64)
    found = RotatedBox.from_corners(quad)
    assert (np.abs(found.own(quad)) <= np.array([found.w, found.h]) / 2 + 1e-6).all()


@given(shape=rotated, degrees=angle)
def test_turning_there_and_back_ends_where_it_began(shape: RotatedBox, degrees: float) -> None:
    back = shape.turned(degrees).turned(-degrees)
    assert abs(turned(back.angle - shape.angle)) < 1e-9
    assert (back.cx, back.cy, back.w, back.h) == (shape.cx, shape.cy, shape.w, shape.h)


def test_a_rotated_box_at_the_edge_keeps_its_angle_and_holds_what_is_visible() -> None:
    shape = RotatedBox(0, 50, 80, 20, 30)
    cut = shape.clipped(200, 100)
    assert cut is not None
    assert cut.angle == 30
    assert cut.area < shape.area
    assert cut.contains(20, 58)
    assert RotatedBox(-60, 50, 20, 20, 30).clipped(200, 100) is None
    assert clipped(RotatedBox(100, 50, 20, 10, 30), width=200, height=100) == RotatedBox(
        100, 50, 20, 10, 30
    )


def test_a_rotated_box_as_polygon_mask_box_and_back() -> None:
    shape = RotatedBox(60, 50, 70, 30, 25)
    polygon = to_polygon(shape)
    assert polygon.area == pytest.approx(shape.area)
    back = to_rotated(polygon)
    assert back.corners() == pytest.approx(shape.corners())
    mask = to_mask(shape)
    assert mask is not None
    assert mask.area == pytest.approx(shape.area, rel=0.02)
    of_mask = to_rotated(mask)
    assert abs(turned(of_mask.angle - 25)) < 1.5
    assert (of_mask.w, of_mask.h) == pytest.approx((70, 30), abs=2)
    assert converted(shape, Kind.BOX) == shape.box
    assert converted(Box(1, 2, 30, 40), Kind.ROTATED_BOX) == RotatedBox(16, 22, 30, 40, 0)


def test_keypoints_stay_keypoints_when_everything_is_converted() -> None:
    shape = Keypoints.of([(1, 2, 2), (3, 4, 1)])
    assert converted(shape, Kind.POLYGON) is shape


def test_the_box_of_keypoints_is_their_frame_or_what_is_around_the_placed_ones() -> None:
    points = [(10, 20, 2), (30, 25, 1), (0, 0, 0)]
    assert Keypoints.of(points).box == Box(10, 20, 20, 5)
    assert Keypoints.of(points, Box(5, 5, 50, 50)).box == Box(5, 5, 50, 50)
    assert Keypoints.of([(0, 0, 0)]).box.area == 0


@given(shape=keypoints, dx=place, dy=place)
def test_absent_keypoints_stay_put_when_the_others_move(
    shape: Keypoints, dx: float, dy: float
) -> None:
    moved = shape.moved(dx, dy)
    absent = shape.points[:, 2] == 0
    assert np.array_equal(moved.points[absent], shape.points[absent])
    assert moved.placed() == pytest.approx(shape.placed() + np.array([dx, dy]))


def test_keypoints_outside_the_image_become_absent() -> None:
    cut = Keypoints.of([(5, 5, 2), (150, 5, 2)]).clipped(100, 100)
    assert cut == Keypoints.of([(5, 5, 2), (0, 0, 0)])
    assert Keypoints.of([(150, 5, 2)]).clipped(100, 100) is None


def test_a_rotated_box_turns_the_shorter_way_between_two_images() -> None:
    half = between(RotatedBox(0, 0, 10, 4, 170), RotatedBox(20, 10, 10, 8, -170), 0.5)
    assert half == RotatedBox(10, 5, 10, 6, 180)


def annotation(shape: Shape) -> SnapshotAnnotation:
    return SnapshotAnnotation(1, 1, shape, box_of(shape))


def test_detect_learns_from_rotated_boxes_and_nothing_learns_from_keypoints() -> None:
    turned_box, points = RotatedBox(50, 50, 40, 10, 30), Keypoints.of([(1, 1, 2), (9, 9, 2)])
    assert [task for task in Task if trains(annotation(turned_box), task)] == [Task.DETECT]
    assert not any(trains(annotation(points), task) for task in Task)


def test_pixels_under_a_rotated_box_are_not_judged_and_those_beside_it_are() -> None:
    shapes = [RotatedBox(50, 50, 60, 10, 45), Polygon.simple([(48, 48), (52, 48), (52, 52)])]
    painted = label_map([annotation(s) for s in shapes], height=100, width=100, class_ids=[1])
    assert painted[60, 60] == IGNORED
    assert painted[35, 65] == 0  # inside the upright box around it
    assert painted[49, 51] == 1
