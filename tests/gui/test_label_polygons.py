"""Polygons on the Label page: drawn point by point, changed, and left half done."""

import numpy as np
import pytest
from label_hands import ALT, CTRL, NONE, SHIFT
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Kind
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.gui.label import hit


def test_points_and_enter_make_a_polygon(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150)):
        person.click(*place)
    person.do("label.finish")
    points = person.only.shape.parts[0].outer
    assert np.allclose(points, [(50, 50), (150, 60), (120, 150)], atol=1)


def test_a_double_click_closes_a_polygon_without_a_doubled_point(person):
    person.do("label.polygon")
    person.click(50, 50)
    person.click(150, 60)
    person.double_click(120, 150)
    assert len(person.only.shape.parts[0].outer) == 3


def test_the_first_point_closes_a_polygon(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150), (60, 160), (50, 50)):
        person.click(*place)
    assert len(person.only.shape.parts[0].outer) == 4


def test_zooming_and_panning_in_the_middle_of_a_polygon_keeps_its_points(person):
    person.do("label.polygon")
    person.click(100, 100)
    person.click(200, 110)
    person.wheel(150, 150, 4)
    scale = person.canvas.scale
    person.drag((150, 150), (170, 160), button=Qt.MouseButton.MiddleButton)
    QTest.keyPress(person.canvas, Qt.Key.Key_Space)
    person.drag((150, 150), (140, 150))
    QTest.keyRelease(person.canvas, Qt.Key.Key_Space)
    assert person.canvas.scale == scale
    person.click(180, 190)
    person.do("label.finish")
    points = person.only.shape.parts[0].outer
    assert np.allclose(points, [(100, 100), (200, 110), (180, 190)], atol=1)


def test_the_wheel_zooms_at_the_pointer(person):
    before = person.canvas.to_screen(300, 50)
    person.wheel(300, 50, 5)
    after = person.canvas.to_screen(300, 50)
    assert (after - before).manhattanLength() <= 2
    assert person.canvas.scale > 2


def test_backspace_and_ctrl_z_take_points_back_and_not_the_step_before(person):
    person.add(Box(300, 200, 50, 50))
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150), (10, 10), (11, 90)):
        person.click(*place)
    person.key(Qt.Key.Key_Backspace)
    person.key(Qt.Key.Key_Z, CTRL)
    person.do("label.finish")
    box, polygon = person.shapes
    assert box.kind == Kind.BOX
    assert len(polygon.shape.parts[0].outer) == 3


def test_escape_drops_the_points_of_a_polygon(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 60), (120, 150)):
        person.click(*place)
    person.do("label.cancel")
    person.do("label.finish")
    assert person.shapes == []


RING = Polygon(
    (
        Part(
            np.array([(50, 50), (250, 50), (250, 250), (50, 250)], float),
            (np.array([(100, 100), (200, 100), (200, 200), (100, 200)], float),),
        ),
    )
)


def test_dragging_a_point_moves_it_and_keeps_the_hole(person):
    person.add(RING)
    person.do("label.select")
    person.click(70, 150)
    person.drag((200, 200), (220, 230))
    part = person.only.shape.parts[0]
    assert np.allclose(part.holes[0][2], (220, 230), atol=1)
    assert np.array_equal(part.outer, RING.parts[0].outer)


def select_inside(person, shape, x, y):
    person.add(shape)
    person.do("label.select")
    person.click(x, y)


@pytest.mark.parametrize("along", [52, 55, 60, 100, 150, 200, 240, 245, 248])
def test_dragging_an_edge_moves_both_of_its_ends_and_nothing_else_wherever_it_is_taken(
    person, along
):
    select_inside(person, RING, 70, 150)
    person.drag((along, 50), (along + 3, 20))
    part = person.only.shape.parts[0]
    moved = [(53, 20), (253, 20), (250, 250), (50, 250)]
    if along in (52, 248):  # a point lies nearer
        number = 0 if along == 52 else 1
        moved = [(50, 50), (250, 50), (250, 250), (50, 250)]
        moved[number] = (along + 3, 20)
    assert np.allclose(part.outer, moved, atol=1)
    assert np.array_equal(part.holes[0], RING.parts[0].holes[0])
    edge = 52 < along < 248
    assert person.project.undo_label == ("Move edge" if edge else "Move point")
    person.project.undo()
    assert person.only.shape == RING


def test_an_edge_that_is_dragged_off_the_image_stays_on_it_with_its_length(person):
    select_inside(person, RING, 70, 150)
    person.drag((150, 50), (150, 2))
    person.drag((150, 2), (150, -30))
    assert np.allclose(person.only.shape.parts[0].outer[:2], [(50, 0), (250, 0)], atol=1)


def test_an_edge_of_a_hole_is_dragged_as_well(person):
    select_inside(person, RING, 70, 150)
    person.drag((100, 150), (80, 150))
    hole = person.only.shape.parts[0].holes[0]
    assert np.allclose(hole, [(80, 100), (200, 100), (200, 200), (80, 200)], atol=1)


def test_the_handles_stand_off_a_polygon_and_resize_it_from_there(person):
    select_inside(person, RING, 70, 150)
    off = hit.STAND_OFF / person.canvas.scale
    person.drag((150, 250 + off), (150, 280 + off))
    outer = person.only.shape.parts[0].outer
    assert np.allclose(outer, [(50, 50), (250, 50), (250, 280), (50, 280)], atol=1)
    assert person.project.undo_label == "Resize annotation"


def test_a_double_click_on_an_edge_adds_a_point_that_is_dragged_next(person):
    select_inside(person, RING, 70, 150)
    person.double_click(180, 50)
    outer = person.only.shape.parts[0].outer
    assert np.allclose(outer[1], (180, 50), atol=1)
    assert len(outer) == 5
    assert person.project.undo_label == "Add point"
    person.drag((180, 50), (180, 20))
    assert np.allclose(person.only.shape.parts[0].outer[1], (180, 20), atol=1)
    assert "double-click adds a point" in person.canvas.tool.hint()


def test_a_double_click_on_an_edge_adds_its_point_though_a_smaller_shape_lies_there(person):
    ring = person.add(RING)
    small = person.add(Box(170, 40, 20, 20))
    person.do("label.select")
    person.click(70, 150)
    person.double_click(180, 50)
    shapes = {a.id: a.shape for a in person.shapes}
    assert len(shapes[ring].parts[0].outer) == 5
    assert shapes[small] == Box(170, 40, 20, 20)
    assert person.document.selection == {ring}


# Holes and parts, by the polygon tool itself


def draw(person, *places, first=NONE):
    person.click(*places[0], keys=first)
    for place in places[1:]:
        person.click(*place)
    person.keys("Return")


OUTSIDE = ((50, 50), (250, 50), (250, 250), (50, 250))
INSIDE = ((100, 100), (200, 100), (200, 200), (100, 200))
BESIDE = ((300, 100), (360, 100), (360, 200), (300, 200))


@pytest.mark.parametrize("held", [ALT, CTRL], ids=["Alt", "Ctrl"])
def test_a_polygon_gets_a_hole_and_another_part_from_the_polygon_tool_alone(person, held):
    person.do("label.polygon")
    assert "hole" not in person.canvas.tool.hint(), "nothing is selected yet"
    draw(person, *OUTSIDE)
    hint = person.canvas.tool.hint()
    assert "Shift another part of the selected Cell" in hint
    assert "Alt or Ctrl a hole" in hint
    draw(person, *INSIDE, first=held)
    draw(person, *BESIDE, first=SHIFT)
    first, second = person.only.shape.parts
    assert np.allclose(first.outer, OUTSIDE, atol=1)
    assert np.allclose(first.holes[0], INSIDE, atol=1)
    assert np.allclose(second.outer, BESIDE, atol=1)
    assert person.only.shape.area == pytest.approx(200**2 - 100**2 + 60 * 100, rel=0.02)
    assert person.project.undo_label == "Add part"
    person.project.undo()
    assert len(person.only.shape.parts) == 1
    assert person.project.undo_label == "Cut hole"
    person.project.undo()
    assert not person.only.shape.parts[0].holes


def test_a_part_that_overlaps_joins_and_a_hole_over_the_edge_cuts(person):
    person.do("label.polygon")
    draw(person, *OUTSIDE)
    draw(person, (200, 100), (350, 100), (350, 200), (200, 200), first=SHIFT)
    (_part,) = person.only.shape.parts
    assert person.only.shape.area == pytest.approx(200 * 200 + 100 * 100, rel=0.02)
    draw(person, (20, 20), (100, 20), (100, 100), (20, 100), first=ALT)
    assert person.only.shape.area == pytest.approx(200**2 + 100**2 - 50**2, rel=0.02)
    assert not person.only.shape.parts[0].holes


def test_a_hole_beside_the_shape_is_refused_in_words_and_its_points_stay(person):
    said = []
    person.canvas.said.connect(said.append)
    person.do("label.polygon")
    draw(person, *OUTSIDE)
    before = person.only.shape
    draw(person, *BESIDE, first=ALT)
    assert person.only.shape == before
    assert "A hole must take a part of the selected shape" in said[-1]
    assert len(person.canvas.tool.points) == 4
    person.keys("Esc")
    assert len(person.shapes) == 1


def test_without_keys_or_selection_a_second_outline_is_a_polygon_of_its_own(person):
    person.do("label.polygon")
    draw(person, *OUTSIDE)
    draw(person, *INSIDE)
    assert len(person.shapes) == 2
    person.document.select([])
    draw(person, *BESIDE, first=SHIFT)
    assert len(person.shapes) == 3


def test_a_locked_polygon_gets_no_part(person):
    person.do("label.polygon")
    draw(person, *OUTSIDE)
    person.do("label.lock")
    draw(person, *BESIDE, first=SHIFT)
    assert len(person.shapes) == 2
    assert len(person.shapes[0].shape.parts) == 1


def test_alt_click_removes_a_point_but_never_the_third_last(person):
    person.add(Polygon.simple([(50, 50), (250, 50), (250, 250), (50, 250)]))
    person.do("label.select")
    person.click(100, 100)
    person.click(250, 250, ALT)
    assert len(person.only.shape.parts[0].outer) == 3
    person.click(250, 50, ALT)
    assert len(person.only.shape.parts[0].outer) == 3
