"""Joining, cutting, stacking, locking and hiding on the Label page, by mouse and keys."""

import sqlite3

import numpy as np
import pytest
from label_hands import SHIFT, label_page
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Kind, Task
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.gui.label.menu import annotation_menu


@pytest.fixture
def person(request, tmp_path, qtbot):
    """A project of outlines, unless the test names another task."""
    with label_page(tmp_path, qtbot, getattr(request, "param", Task.INSTANCE)) as hands:
        yield hands


def square(x, y, side=60):
    return Polygon.simple([(x, y), (x + side, y), (x + side, y + side), (x, y + side)])


def disc(x, y, w=40, h=40):
    return Mask.from_patch(np.ones((h, w), np.uint8), x, y)


def stored_rows(person):
    """Every annotation as the file holds it, but for the time of its last change."""
    columns = "id, class_id, kind, x, y, w, h, area, payload, z, source, score, state, attributes"
    file = sqlite3.connect(f"file:{person.project.path}/project.db?mode=ro", uri=True)
    rows = file.execute(f"SELECT {columns} FROM annotation ORDER BY id").fetchall()
    file.close()
    return rows


def select_both(person, first=(30, 30), second=(130, 30)):
    person.do("label.select")
    person.click(*first)
    person.click(*second, keys=SHIFT)
    assert len(person.document.selection) == 2


def test_j_joins_two_touching_polygons_into_one_and_one_undo_brings_the_same_bytes_back(person):
    big = person.add(square(20, 20, 100), class_id=2)
    person.add(square(120, 20, 50), class_id=1)
    before = stored_rows(person)
    select_both(person)
    person.keys("J")
    only = person.only
    assert (only.id, only.class_id, only.shape.area) == (big, 2, 12500)
    assert len(only.shape.parts) == 1
    assert person.project.undo_label == "Join 2 annotations"
    person.project.undo()
    assert stored_rows(person) == before


def test_joined_masks_keep_every_pixel(person):
    person.add(disc(20, 20))
    person.add(disc(100, 20, 60, 30))
    select_both(person)
    person.keys("J")
    assert person.only.kind is Kind.MASK
    assert person.only.shape.area == 1600 + 1800


@pytest.mark.parametrize("person", [Task.DETECT], indirect=True)
def test_joined_boxes_of_a_detection_project_stay_a_box(person):
    person.add(Box(20, 20, 60, 60))
    person.add(Box(100, 20, 60, 40))
    select_both(person)
    person.keys("J")
    assert person.only.shape == Box(20, 20, 140, 60)


def test_alt_j_cuts_the_nucleus_out_of_the_cell_and_keeps_both(person):
    cell = person.add(square(20, 20, 200), class_id=1)
    nucleus = person.add(square(100, 100, 50), class_id=2)
    select_both(person, (40, 40), (120, 120))
    person.keys("Alt+J")
    shapes = {a.id: a.shape for a in person.shapes}
    assert shapes[cell].area == 40000 - 2500
    assert len(shapes[cell].parts[0].holes) == 1
    assert shapes[nucleus].area == 2500
    assert person.document.selection == {nucleus}, "Del now removes what cut"


def test_ctrl_shift_j_keeps_what_two_shapes_have_in_common(person):
    person.add(square(20, 20, 100))
    person.add(square(80, 20, 100))
    select_both(person, (30, 30), (170, 30))
    person.keys("Ctrl+Shift+J")
    assert person.only.box == Box(80, 20, 40, 100)


def test_shapes_that_do_not_overlap_are_left_alone_and_it_is_said(person):
    person.add(square(20, 20))
    person.add(square(120, 20))
    before = stored_rows(person)
    select_both(person)
    person.keys("Ctrl+Shift+J")
    assert stored_rows(person) == before
    assert "do not overlap" in " ".join(person.page.status_left)


def test_u_fills_the_holes_of_polygon_and_mask(person):
    hole = square(40, 40, 20).parts[0].outer
    person.add(Polygon((Part(square(20, 20).parts[0].outer, (hole,)),)))
    ring = np.ones((40, 40), np.uint8)
    ring[10:20, 10:20] = 0
    person.add(Mask.from_patch(ring, 120, 20))
    select_both(person, (25, 25), (122, 22))
    person.keys("U")
    assert [a.shape.area for a in person.shapes] == [3600, 1600]
    assert person.project.undo_label == "Fill holes"


def test_a_shape_goes_to_the_back_and_to_the_front_by_keys(person):
    low, high = person.add(square(20, 20)), person.add(square(120, 20))
    person.do("label.select")
    person.click(130, 30)
    person.keys("Ctrl+[")
    assert [a.id for a in person.shapes] == [high, low]
    assert person.project.undo_label == "Send to back"
    person.keys("Ctrl+]")
    assert [a.id for a in person.shapes] == [low, high]


def test_brackets_restack_while_select_is_in_hand_and_size_the_brush_otherwise(person):
    low, high = person.add(square(20, 20)), person.add(square(120, 20))
    person.do("label.select")
    person.click(130, 30)
    size = person.page.brush.size
    person.keys("[")
    assert [a.id for a in person.shapes] == [high, low]
    person.keys("]")
    assert [a.id for a in person.shapes] == [low, high]
    assert person.page.brush.size == size
    person.do("label.brush")
    person.keys("]")
    assert person.page.brush.size > size
    assert [a.id for a in person.shapes] == [low, high]


# -- lock and hide


def test_a_locked_shape_is_not_clicked_moved_banded_nudged_or_deleted(person):
    locked, below = person.add(square(50, 50)), person.add(square(40, 40, 120))
    person.do("label.select")
    person.click(60, 60)
    assert person.document.selection == {locked}
    person.keys("L")
    assert person.document.get(locked).locked
    person.hover(60, 60)
    assert person.page.status_right.startswith("Locked")
    person.click(300, 250)
    person.click(60, 60)
    assert person.document.selection == {below}, "the click goes through to the one below"
    person.drag((30, 30), (200, 200))
    assert locked not in person.document.selection
    person.keys("Ctrl+A")
    assert person.document.selection == {below}
    before = stored_rows(person)
    person.document.select([locked])  # as a click in the list does
    person.drag((80, 80), (120, 120))
    person.document.select([locked])
    person.keys("Shift+Right")
    person.keys("Del")
    assert [row for row in stored_rows(person) if row[0] == locked] == before[:1]
    person.document.select([locked])
    person.keys("L")
    person.click(60, 60)
    assert person.document.selection == {locked}


def test_locked_shapes_open_all_together(person):
    ids = [person.add(square(20, 20)), person.add(square(120, 20))]
    select_both(person)
    person.keys("L")
    assert all(a.locked for a in person.shapes)
    assert [a.id for a in person.shapes] == ids
    person.document.select([])
    person.keys("Shift+L")
    assert not any(a.locked for a in person.shapes)
    assert person.project.undo_label == "Unlock 2 annotations"


def test_a_class_key_leaves_a_locked_shape_its_class(person):
    locked = person.add(square(20, 20))
    person.document.select([locked])
    person.keys("L")
    person.keys("2")
    assert person.only.class_id == 1


def test_keys_give_all_selected_shapes_another_class_in_one_step(person):
    for x in (20, 120, 220):
        person.add(square(x, 20))
    person.do("label.select")
    person.drag((5, 5), (300, 100))
    assert len(person.document.selection) == 3
    person.keys("2")
    assert [a.class_id for a in person.shapes] == [2, 2, 2]
    person.project.undo()
    assert [a.class_id for a in person.shapes] == [1, 1, 1]


def test_shift_h_hides_just_the_selected_shape_and_shows_it_again(person):
    one, other = person.add(square(20, 20)), person.add(square(120, 20))
    person.do("label.select")
    person.click(30, 30)
    person.keys("Shift+H")
    assert person.document.hidden() == {one}
    person.click(130, 30)
    person.keys("Shift+H")
    assert person.document.hidden() == {one, other}
    person.keys("Shift+H")
    assert person.document.hidden() == {one}


def test_the_menu_offers_to_join_when_two_shapes_are_selected(person):
    person.add(square(20, 20))
    person.add(square(120, 20))
    select_both(person)
    menu = annotation_menu(person.document, person.studio.actions, person.page)
    words = [action.text() for action in menu.actions()]
    assert {"Join", "Subtract", "Intersect", "Lock", "Hide selected"} <= set(words)
    menu.deleteLater()
    QTest.qWait(1)


def test_the_slider_of_the_fill_makes_the_colour_of_a_mask_stronger_on_the_canvas(person):
    person.add(disc(20, 20))
    person.document.select([])
    plain = colour_at(person, 40, 40)
    slider = person.page.display.fill.slider
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert colour_at(person, 40, 40) == person.document.colour(1).name()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert colour_at(person, 40, 40) != plain


def colour_at(person, x, y):
    """The colour that the canvas shows at a place of the image."""
    place = person.canvas.to_screen(x, y).toPoint()
    return person.canvas.viewport().grab().toImage().pixelColor(place).name()


def test_brush_and_eraser_leave_a_locked_mask_as_it_is_and_say_so(person):
    locked = person.add(disc(100, 100))
    person.document.select([locked])
    person.keys("L")
    before = stored_rows(person)
    for tool in ("label.brush", "label.erase"):
        person.document.select([locked])
        person.do(tool)
        person.drag((110, 110), (180, 115))
        assert stored_rows(person) == before
        assert "Locked" in " ".join(person.page.status_left)
        person.do("label.select")
    picture = person.canvas.pictures.patch(person.only.shape)
    assert picture.sum() == 1600, "the canvas shows the stored mask and not the stroke"
