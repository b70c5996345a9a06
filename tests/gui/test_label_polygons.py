"""Polygons on the Label page: drawn point by point, changed, and left half done."""

import numpy as np
from label_hands import ALT, CTRL
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Kind
from cvstudio.core.geometry import Box, Part, Polygon


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


def test_dragging_an_edge_adds_a_point_there(person):
    person.add(RING)
    person.do("label.select")
    person.click(70, 150)
    person.drag((180, 50), (180, 20))
    outer = person.only.shape.parts[0].outer
    assert len(outer) == 5
    assert np.allclose(outer[1], (180, 20), atol=1)


def test_alt_click_removes_a_point_but_never_the_third_last(person):
    person.add(Polygon.simple([(50, 50), (250, 50), (250, 250), (50, 250)]))
    person.do("label.select")
    person.click(100, 100)
    person.click(250, 250, ALT)
    assert len(person.only.shape.parts[0].outer) == 3
    person.click(250, 50, ALT)
    assert len(person.only.shape.parts[0].outer) == 3
