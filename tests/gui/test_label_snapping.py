"""Polygons that share an edge with their neighbour, by mouse and keys."""

import numpy as np
import pytest
from label_hands import ALT, CTRL, label_page
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core import outlines
from cvstudio.core.annotation import Task
from cvstudio.core.convert import to_polygon
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.project import shaping


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot, Task.INSTANCE) as hands:
        yield hands


STEPS = [
    (100, 50), (180, 50), (180, 100), (160, 100), (160, 150), (180, 150), (180, 200), (100, 200)
]  # fmt: skip
NEIGHBOUR = Polygon.simple(np.array(STEPS, np.float64))


def draw(person, *places, keys=Qt.KeyboardModifier.NoModifier):
    person.do("label.polygon")
    for place in places:
        person.click(*place, keys=keys)
    person.keys("Return")
    return person.shapes[-1].shape


AROUND = ((182, 52), (300, 60), (300, 190), (181, 199))


def test_a_polygon_drawn_along_a_neighbour_shares_its_edge_without_gap_or_overlap(person):
    person.add(NEIGHBOUR)
    person.keys("Shift+N")
    drawn = draw(person, *AROUND)
    ring = drawn.parts[0].outer.tolist()
    for corner in ([180, 50], [180, 100], [160, 100], [160, 150], [180, 150], [180, 200]):
        assert corner in ring
    assert outlines.intersect([drawn, NEIGHBOUR]).area == 0
    both = outlines.union([drawn, NEIGHBOUR])
    assert both.area == pytest.approx(drawn.area + NEIGHBOUR.area)
    assert len(both.parts) == 1
    assert not both.parts[0].holes


def test_without_snapping_points_stay_where_they_were_clicked(person):
    person.add(NEIGHBOUR)
    drawn = draw(person, *AROUND)
    assert np.allclose(drawn.parts[0].outer, AROUND, atol=0.5)


@pytest.mark.parametrize("held", [ALT, CTRL], ids=["Alt", "Ctrl"])
def test_alt_or_ctrl_sets_a_point_beside_the_border_while_snapping_is_on(person, held):
    person.add(NEIGHBOUR)
    person.keys("Shift+N")
    drawn = draw(person, *AROUND, keys=held)
    assert np.allclose(drawn.parts[0].outer, AROUND, atol=0.5)


def test_points_snap_to_boxes_and_to_the_pixels_of_masks(person):
    person.add(Box(20, 20, 60, 60))
    mask = Mask.from_patch(np.ones((40, 40), np.uint8), 200, 100)
    person.add(mask)
    person.keys("Shift+N")
    drawn = draw(person, (81, 21), (199, 101), (199, 139), (81, 79))
    assert outlines.intersect([drawn, to_polygon(mask)]).area == 0
    ring = drawn.parts[0].outer.tolist()
    for corner in ([80, 20], [200, 100], [200, 140], [80, 80]):
        assert corner in ring


def test_a_dragged_point_joins_the_neighbours_corner(person):
    person.add(NEIGHBOUR)
    person.add(Polygon.simple([(250, 60), (300, 60), (300, 100), (250, 100)]))
    person.keys("Shift+N")
    person.do("label.select")
    person.click(280, 80)
    person.drag((250, 60), (183, 52))
    assert [180, 50] in person.shapes[-1].shape.parts[0].outer.tolist()


def test_the_tick_in_the_bar_and_the_key_say_the_same_and_it_is_remembered(person):
    person.do("label.polygon")
    box = person.page.bar.options.box
    assert not box.isChecked()
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center())
    QApplication.processEvents()
    assert person.page.toolbox.borders.on
    person.canvas.setFocus()
    person.keys("Shift+N")
    assert not box.isChecked()
    person.keys("Shift+N")
    assert box.isChecked()
    assert person.studio.memory.get("label.snap", False) is True


def test_backspace_takes_back_the_points_of_a_shared_border_one_by_one(person):
    person.add(NEIGHBOUR)
    person.keys("Shift+N")
    person.do("label.polygon")
    person.click(182, 52)
    person.click(181, 199)
    assert len(person.canvas.tool.points) == 6
    for left in (5, 4, 3):
        person.keys("Backspace")
        assert len(person.canvas.tool.points) == left
    person.keys("Esc")
    assert len(person.shapes) == 1


# Shapes that are joined stay so


def joined_pair(person):
    """Two polygons with the edge x = 180 in common, and the right one selected."""
    person.add(Polygon.simple([(80, 50), (180, 50), (180, 200), (80, 200)]))
    person.add(Polygon.simple([(180, 50), (300, 60), (300, 190), (180, 200)]))
    person.keys("Shift+N")
    person.do("label.select")
    person.click(240, 120)


def test_a_common_point_that_is_moved_takes_the_neighbour_along_in_one_step(person):
    joined_pair(person)
    person.drag((180, 50), (200, 30))
    left, right = (a.shape.parts[0].outer for a in person.shapes)
    assert np.allclose(right[0], (200, 30), atol=1)
    assert left[1].tolist() == right[0].tolist()
    assert outlines.intersect([a.shape for a in person.shapes]).area == 0
    assert len(outlines.union([a.shape for a in person.shapes]).parts) == 1
    assert person.project.undo_label == "Move point of 2 shapes"
    person.project.undo()
    left, right = (a.shape.parts[0].outer for a in person.shapes)
    assert left[1].tolist() == right[0].tolist() == [180, 50]


def test_a_common_edge_that_is_moved_takes_the_neighbour_along(person):
    joined_pair(person)
    person.drag((180, 125), (150, 125))
    left, right = (a.shape.parts[0].outer for a in person.shapes)
    assert np.allclose(left[[1, 2]], [(150, 50), (150, 200)], atol=1)
    assert left[[1, 2]].tolist() == right[[0, 3]].tolist()


@pytest.mark.parametrize("how", ["off", "locked"])
def test_a_common_point_is_moved_alone_where_snapping_is_off_or_the_neighbour_locked(person, how):
    joined_pair(person)
    if how == "off":
        person.keys("Shift+N")
    else:
        with person.project.transaction("Lock") as session:
            shaping.set_locked(session, ids=[person.shapes[0].id], locked=True)
    person.drag((180, 50), (200, 30))
    left, right = (a.shape.parts[0].outer for a in person.shapes)
    assert left[1].tolist() == [180, 50]
    assert np.allclose(right[0], (200, 30), atol=1)
