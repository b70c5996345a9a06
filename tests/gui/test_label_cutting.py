"""Slicing shapes with a line and wiping points away, by mouse and keys."""

import numpy as np
import pytest
from label_hands import ALT, CTRL, label_page
from PySide6.QtCore import Qt

from cvstudio.core import outlines
from cvstudio.core.annotation import Kind, Task
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask


@pytest.fixture
def person(request, tmp_path, qtbot):
    """A project of outlines, unless the test names another task."""
    with label_page(tmp_path, qtbot, getattr(request, "param", Task.INSTANCE)) as hands:
        yield hands


def square(x, y, side=100):
    return Polygon.simple([(x, y), (x + side, y), (x + side, y + side), (x, y + side)])


def test_a_line_dragged_across_a_polygon_cuts_it_in_two_that_add_up(person):
    cell = person.add(square(50, 50), class_id=2, attributes={"plate": "A7"})
    above = person.add(square(60, 60, 20), class_id=1)
    person.keys("Shift+J")
    person.drag((90, 30), (90, 180))
    big, small = (a for a in person.shapes if a.id != above)
    assert big.id == cell, "the larger piece stays the annotation that it was"
    assert (big.shape.area, small.shape.area) == (6000, 4000)
    assert (small.class_id, small.attributes) == (2, {"plate": "A7"})
    assert [a.id for a in person.shapes] == [cell, small.id, above], "pieces stay below the other"
    assert person.document.selection == {cell, small.id}
    assert person.project.undo_label == "Slice 1 annotation"
    person.project.undo()
    assert [a.shape.area for a in person.shapes] == [10000, 400]


def test_a_line_of_clicked_points_cuts_at_enter(person):
    person.add(square(50, 50))
    person.do("label.slice")
    for place in ((40, 100), (100, 100), (100, 40)):
        person.click(*place)
    assert len(person.shapes) == 1
    person.keys("Return")
    assert [a.shape.area for a in person.shapes] == [7500, 2500]


def test_backspace_takes_a_point_of_the_cut_back_and_esc_drops_it(person):
    person.add(square(50, 50))
    person.do("label.slice")
    person.click(40, 100)
    person.click(300, 250)
    person.keys("Backspace")
    person.click(200, 100)
    person.keys("Esc")
    person.keys("Return")
    assert len(person.shapes) == 1
    assert not person.canvas.tool.busy


def test_the_pieces_of_a_sliced_mask_hold_every_pixel_once(person):
    rng = np.random.default_rng(5)
    patch = (rng.random((60, 60)) > 0.2).astype(np.uint8)
    person.add(Mask.from_patch(patch, 50, 50))
    before = person.only.shape.full(300, 400)
    person.do("label.slice")
    person.drag((40, 45), (120, 117))
    pieces = [a.shape for a in person.shapes]
    assert {a.kind for a in person.shapes} == {Kind.MASK}
    assert len(pieces) >= 2
    assert (sum(p.full(300, 400) for p in pieces) == before).all()


@pytest.mark.parametrize("person", [Task.DETECT], indirect=True)
def test_a_sliced_box_of_a_detection_project_gives_boxes(person):
    person.add(Box(50, 50, 100, 60))
    person.do("label.slice")
    person.drag((100, 30), (100, 200))
    assert [a.shape.area for a in person.shapes] == pytest.approx([3000, 3000], rel=0.02)
    assert {a.kind for a in person.shapes} == {Kind.BOX}


def test_a_line_across_everything_cuts_the_selected_shape_only(person):
    person.add(square(20, 50, 60))
    chosen = person.add(square(120, 50, 60))
    person.document.select([chosen])
    person.do("label.slice")
    person.drag((10, 80), (390, 80))
    assert len(person.shapes) == 3
    person.drag((10, 70), (100, 70))
    assert len(person.shapes) == 4, "without a cut in the selection, what the line crosses is cut"


def test_a_line_that_ends_inside_says_why_nothing_was_cut(person):
    person.add(square(50, 50))
    person.do("label.slice")
    person.drag((20, 100), (100, 100))
    assert len(person.shapes) == 1
    assert "from side to side" in " ".join(person.page.status_left)


# -- points


def wavy(count=40):
    angles = np.arange(count) * 2 * np.pi / count
    radii = 60 + 6 * np.cos(9 * angles)
    return Polygon.simple(np.stack([150 + radii * np.cos(angles), 130 + radii * np.sin(angles)], 1))


def test_dragging_the_point_eraser_takes_the_points_under_it_in_one_step(person):
    person.add(wavy())
    person.keys("X")
    person.page.brush.size = 40
    person.drag((215, 130), (150, 195))
    left = person.only.shape
    assert outlines.is_valid(left)
    assert 3 < outlines.point_count(left) < 32
    assert person.project.undo_label == "Erase points"
    person.project.undo()
    assert person.only.shape == wavy()


def test_the_point_eraser_leaves_a_polygon_its_last_points_and_locked_ones_alone(person):
    person.add(wavy())
    person.keys("X")
    person.page.brush.size = 400
    person.drag((150, 130), (160, 130))
    assert person.only.shape == wavy()
    person.page.brush.size = 40
    person.document.select([person.only.id])
    person.keys("L")
    person.drag((215, 130), (150, 195))
    assert person.only.shape == wavy()


def test_keys_and_wheel_change_the_size_of_the_point_eraser_and_its_field_shows_it(person):
    person.add(wavy())
    person.keys("X")
    size = person.page.brush.size
    person.keys("]")
    assert person.page.bar.options.spin.value() == person.page.brush.size > size
    person.hover(150, 130)
    person.wheel(150, 130, 3, keys=CTRL)
    assert person.page.bar.options.spin.value() == person.page.brush.size > size + 5


def test_a_point_that_a_double_click_set_is_taken_away_by_alt_click(person):
    person.add(square(50, 50))
    person.do("label.select")
    person.click(80, 80)
    person.double_click(75, 50)
    person.drag((75, 50), (75, 30))
    assert outlines.point_count(person.only.shape) == 5
    assert any(np.allclose(point, (75, 30), atol=1) for point in person.only.shape.parts[0].outer)
    person.click(75, 30, keys=ALT)
    assert person.only.shape == square(50, 50)
    person.key(Qt.Key.Key_Escape)
