"""Hitting, editing and painting shapes as pure geometry: no window is opened here."""

import sys

import numpy as np
import pytest

from cvstudio.core.annotation import Annotation, box_of
from cvstudio.core.clipping import clipped
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.gui.label import edits, hit
from cvstudio.gui.label.dabs import Rect, dab, fill_new_holes
from cvstudio.gui.label.hit import Place
from cvstudio.gui.label.layer import ShapeLayer


def layer(*shapes):
    return ShapeLayer.of(
        Annotation(id, 1, 1, shape, box_of(shape), z=id) for id, shape in enumerate(shapes, 1)
    )


RING = Polygon(
    (
        Part(
            np.array([(0, 0), (100, 0), (100, 100), (0, 100)], float),
            (np.array([(30, 30), (70, 30), (70, 70), (30, 70)], float),),
        ),
    )
)


def test_a_small_box_under_a_big_one_is_taken_first():
    shapes = layer(Box(40, 40, 10, 10), Box(0, 0, 100, 100))
    assert hit.shapes_at(shapes, 45, 45) == [1, 2]


def test_clicking_again_walks_through_everything_under_the_pointer_and_round():
    under = [3, 1, 2]
    assert hit.next_under(under, {3}) == 1
    assert hit.next_under(under, {2}) == 3
    assert hit.next_under(under, {9}) == 3
    assert hit.next_under([], {9}) is None


def test_of_two_equal_boxes_the_upper_one_is_taken():
    assert hit.shapes_at(layer(Box(0, 0, 9, 9), Box(0, 0, 9, 9)), 4, 4) == [2, 1]


def test_a_hole_of_a_polygon_is_not_the_polygon_but_its_edge_is():
    shapes = layer(RING)
    assert hit.shapes_at(shapes, 50, 50) == []
    assert hit.shapes_at(shapes, 10, 50) == [1]
    assert hit.shapes_at(shapes, 33, 50, reach=4) == [1]


def test_a_hole_of_a_mask_lets_the_pointer_through():
    patch = np.ones((20, 20), np.uint8)
    patch[5:15, 5:15] = 0
    shapes = layer(Mask.from_patch(patch, 100, 200))
    assert hit.shapes_at(shapes, 102, 202) == [1]
    assert hit.shapes_at(shapes, 110, 210) == []
    assert hit.shapes_at(shapes, 98, 210) == []
    assert hit.shapes_at(shapes, 98, 210, reach=3) == [1]


def test_hidden_annotations_cannot_be_hit():
    assert hit.shapes_at(layer(Box(0, 0, 9, 9)), 4, 4, hidden={1}) == []


def test_a_rubber_band_takes_a_polygon_only_where_it_really_is():
    triangle = Polygon.simple([(0, 0), (100, 0), (0, 100)])
    shapes = layer(triangle)
    assert hit.shapes_within(shapes, Box(80, 80, 10, 10)) == []
    assert hit.shapes_within(shapes, Box(20, 20, 5, 5)) == [1], "the band lies inside"
    assert hit.shapes_within(shapes, Box(-5, -5, 10, 10)) == [1], "a corner lies inside the band"
    thin = layer(Polygon.simple([(0, 49), (100, 49), (100, 51), (0, 51)]))
    assert hit.shapes_within(thin, Box(40, 0, 10, 100)) == [1], "the edges only pass through"


def test_handles_are_taken_within_reach_and_the_nearest_wins():
    box = Box(10, 20, 100, 50)
    assert hit.handle_at(box, 11, 21, reach=6) == "nw"
    assert hit.handle_at(box, 110, 45, reach=6) == "e"
    assert hit.handle_at(box, 60, 45, reach=6) is None
    assert hit.handle_at(Box(0, 0, 4, 4), 4, 4, reach=6) == "se"


def test_points_and_edges_of_holes_can_be_taken():
    assert hit.vertex_at(RING, 31, 31, reach=3) == Place(0, 1, 0)
    assert hit.edge_at(RING, 50, 2, reach=3) == Place(0, 0, 1)
    assert hit.edge_at(RING, 30, 50, reach=3) == Place(0, 1, 4)
    assert hit.vertex_at(RING, 50, 50, reach=3) is None


def test_moving_a_point_leaves_all_others_and_the_original_alone():
    moved = edits.point_moved(RING, Place(0, 1, 2), 80, 81)
    assert moved.parts[0].holes[0].tolist() == [[30, 30], [70, 30], [80, 81], [30, 70]]
    assert moved.parts[0].outer.tolist() == RING.parts[0].outer.tolist()
    assert RING.parts[0].holes[0][2].tolist() == [70, 70]


def test_a_hole_that_loses_its_third_point_goes_and_the_outline_stays():
    triangle = edits.point_removed(RING, Place(0, 1, 0))
    assert len(triangle.parts[0].holes[0]) == 3
    without = edits.point_removed(triangle, Place(0, 1, 0))
    assert without.parts[0].holes == ()
    assert without.area == 10_000


def test_the_last_three_points_of_a_polygon_cannot_be_removed():
    triangle = Polygon.simple([(0, 0), (9, 0), (0, 9)])
    assert edits.point_removed(triangle, Place(0, 0, 1)) is None


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        ("nw", Box(5, 6, 25, 34)),
        ("n", Box(10, 6, 20, 34)),
        ("e", Box(10, 10, -5 + 10, 30)),
        ("se", Box(5, 6, 5, 4)),
    ],
)
def test_each_handle_moves_its_own_sides_and_may_cross_over(handle, expected):
    if handle == "e":
        expected = Box(5, 10, 5, 30)
    assert edits.dragged(Box(10, 10, 20, 30), handle, 5, 6) == expected


def test_with_shift_a_corner_keeps_the_proportions():
    assert edits.dragged(Box(0, 0, 20, 10), "se", 40, 11, square=True) == Box(0, 0, 40, 20)
    assert edits.dragged(Box(0, 0, 20, 10), "nw", -20, 0, square=True) == Box(-20, -10, 40, 20)


def test_resizing_a_polygon_carries_its_holes():
    doubled = edits.fitted(RING, Box(0, 0, 200, 50))
    assert doubled.parts[0].holes[0].tolist() == [[60, 15], [140, 15], [140, 35], [60, 35]]


def test_resizing_a_mask_keeps_its_hole():
    patch = np.ones((10, 10), np.uint8)
    patch[3:7, 3:7] = 0
    doubled = edits.fitted(Mask.from_patch(patch, 5, 5), Box(5, 5, 20, 20))
    assert doubled.area == 4 * (100 - 16)
    assert (doubled.x, doubled.y, doubled.w, doubled.h) == (5, 5, 20, 20)


def test_a_shape_cannot_be_moved_off_the_image_but_may_come_back():
    assert edits.step_inside(Box(5, 5, 10, 10), -50, 100, width=50, height=50) == (-5, 35)
    assert edits.step_inside(Box(-20, 0, 10, 10), 30, 0, width=50, height=50) == (30, 0)


def test_pasting_onto_a_smaller_image_cuts_or_drops_shapes():
    assert clipped(Box(90, 0, 20, 10), width=100, height=100) == Box(90, 0, 10, 10)
    assert clipped(Box(200, 0, 20, 10), width=100, height=100) is None
    mask = Mask.from_patch(np.ones((10, 10), np.uint8), 95, 0)
    assert clipped(mask, width=100, height=100).area == 50
    far = Polygon.simple([(200, 0), (210, 0), (210, 10)])
    assert clipped(far, width=100, height=100) is None


# Dabs


@pytest.mark.parametrize("size", [4, 9, 20, 36, 101, 400])
def test_a_dab_is_a_disc_of_the_brush_size(size):
    patch = np.zeros((500, 500), np.uint8)
    dab(patch, (250.5, 250.5), (250.5, 250.5), size=size, value=1)
    rows, columns = np.mgrid[:500, :500]
    disc = (rows - 250) ** 2 + (columns - 250) ** 2 <= size**2 / 4
    assert np.count_nonzero(disc != patch) <= (0 if size <= 101 else 0.01 * disc.sum())
    assert abs(int(patch.any(0).sum()) - size) <= 1
    rows, columns = np.nonzero(patch)
    assert rows.mean() == pytest.approx(250, abs=0.5)
    assert columns.mean() == pytest.approx(250, abs=0.5)


def test_a_brush_of_one_pixel_paints_the_pixel_under_it():
    patch = np.zeros((9, 9), np.uint8)
    dab(patch, (4.9, 2.1), (4.9, 2.1), size=1, value=1)
    assert np.argwhere(patch).tolist() == [[2, 4]]


def test_a_fast_stroke_has_no_gaps():
    patch = np.zeros((100, 300), np.uint8)
    dab(patch, (10, 50), (290, 50), size=10, value=1)
    assert patch[50, 10:290].all()
    assert patch[:, 150].sum() == pytest.approx(10, abs=1)


def test_only_the_reported_rectangle_changes():
    patch = np.zeros((200, 200), np.uint8)
    touched = dab(patch, (50, 60), (90, 100), size=30, value=1)
    outside = patch.copy()
    outside[touched.y0 : touched.y1, touched.x0 : touched.x1] = 0
    assert not outside.any()
    assert patch.any()


def test_a_dab_over_the_edge_is_cut_and_one_beside_the_image_does_nothing():
    patch = np.zeros((50, 50), np.uint8)
    dab(patch, (0, 0), (0, 0), size=20, value=1)
    assert patch[0, 0] == 1
    assert dab(patch, (-100, -100), (-90, -90), size=20, value=1).empty


def test_filling_holes_fills_what_the_stroke_closed_and_no_older_hole():
    before = np.zeros((40, 40), np.uint8)
    before[2:12, 2:12] = 1
    before[5:8, 5:8] = 0
    after = before.copy()
    after[20:36, 20:36] = 1
    after[24:30, 24:30] = 0
    fill_new_holes(after, before)
    assert after[26, 26] == 1, "the new hole is filled"
    assert after[6, 6] == 0, "the old hole is the person's own"


def test_rectangles_join_and_cut():
    assert Rect(0, 0, 5, 5).joined(Rect(3, 8, 9, 9)) == Rect(0, 0, 9, 9)
    assert Rect(0, 0, 0, 0).joined(Rect(3, 8, 9, 9)) == Rect(3, 8, 9, 9)
    assert Rect(-5, -5, 100, 100).within(20, 10) == Rect(0, 0, 20, 10)


def test_geometry_needs_no_window(tmp_path):
    import subprocess

    code = (
        "import sys; import cvstudio.gui.label.hit, cvstudio.gui.label.edits,"
        " cvstudio.gui.label.dabs, cvstudio.gui.label.layer;"
        " sys.exit(any(name.startswith('PySide6') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
