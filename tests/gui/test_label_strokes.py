"""Brush and eraser on the Label page: what a stroke makes, extends, fills and takes away."""

import numpy as np
import pytest
from label_hands import ALT, CTRL, HEIGHT, SHIFT, WIDTH
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Polygon
from cvstudio.core.masks import Mask


def ring_stroke(person, centre, radius):
    angles = np.linspace(0, 2 * np.pi, 60)
    return [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in angles]


def test_a_stroke_makes_a_mask_and_a_closed_one_keeps_its_hole(person):
    person.page.brush.size, person.page.brush.fill_holes = 10, False
    person.do("label.brush")
    person.drag(*ring_stroke(person, (150, 150), 60))
    mask = person.only.shape
    assert isinstance(mask, Mask)
    full = mask.full(HEIGHT, WIDTH)
    assert full[150, 150] == 0
    assert full[150, 210] == 1
    assert full.sum() == pytest.approx(2 * np.pi * 60 * 10, rel=0.05)
    assert person.project.undo_label == "Brush stroke"


def test_fill_holes_fills_what_a_stroke_has_closed(person):
    person.page.brush.size, person.page.brush.fill_holes = 10, True
    person.do("label.brush")
    person.drag(*ring_stroke(person, (150, 150), 60))
    assert person.only.shape.area == pytest.approx(np.pi * 65**2, rel=0.03)


def test_a_stroke_on_the_selected_mask_extends_it_and_one_elsewhere_begins_another(person):
    person.page.brush.size = 20
    person.do("label.brush")
    person.drag((50, 50), (100, 50))
    first = person.only
    person.drag((100, 50), (100, 100))
    assert person.only.id == first.id
    assert person.only.shape.area > first.shape.area
    person.drag((300, 200), (350, 200))
    assert len(person.shapes) == 2
    person.drag((50, 250), (60, 250), keys=SHIFT)
    assert len(person.shapes) == 2, "with Shift a separate part joins the selected mask"


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_in_a_segmentation_every_stroke_of_a_class_joins_its_one_mask(person):
    person.do("label.brush")
    person.drag((50, 50), (100, 50))
    person.document.select([])
    person.drag((300, 200), (350, 200))
    assert person.only.shape.full(HEIGHT, WIDTH)[50, 75] == 1
    assert person.only.shape.full(HEIGHT, WIDTH)[200, 325] == 1


def test_alt_and_the_eraser_take_away_and_leave_a_hole(person):
    patch = np.ones((100, 100), np.uint8)
    person.add(Mask.from_patch(patch, 100, 100))
    person.page.brush.size = 20
    person.do("label.select")
    person.click(150, 150)
    person.do("label.brush")
    person.drag((150, 150), (150, 151), keys=ALT)
    assert person.only.shape.full(HEIGHT, WIDTH)[150, 150] == 0
    assert person.project.undo_label == "Erase"
    person.do("label.erase")
    person.drag((120, 120), (121, 120))
    full = person.only.shape.full(HEIGHT, WIDTH)
    assert full[120, 120] == 0
    assert full[199, 199] == 1
    person.studio.undo()
    assert person.only.shape.full(HEIGHT, WIDTH)[120, 120] == 1


def test_erasing_everything_deletes_the_annotation(person):
    person.add(Mask.from_patch(np.ones((10, 10), np.uint8), 100, 100))
    person.page.brush.size = 60
    person.do("label.erase")
    person.drag((105, 105), (106, 105))
    assert person.shapes == []
    person.studio.undo()
    assert person.only.shape.area == 100


def test_brushing_on_a_polygon_turns_it_into_a_mask_and_says_so_before(person):
    person.add(Polygon.simple([(100, 100), (200, 100), (200, 200), (100, 200)]))
    person.do("label.select")
    person.click(150, 150)
    person.do("label.brush")
    assert person.page.bar.note.text() == "Makes the polygon a mask"
    person.page.brush.size = 20
    person.drag((200, 150), (230, 150))
    assert isinstance(person.only.shape, Mask)
    assert person.only.shape.area == pytest.approx(101 * 101 + 30 * 20, rel=0.05)


def test_escape_in_the_middle_of_a_stroke_leaves_the_mask_as_it_was(person):
    person.add(Mask.from_patch(np.ones((50, 50), np.uint8), 100, 100))
    person.do("label.select")
    person.click(120, 120)
    person.do("label.brush")
    person.press(120, 120)
    person.move(250, 200)
    person.do("label.cancel")
    person.release(250, 200)
    assert person.only.shape.area == 2500
    picture = person.canvas.pictures.patch(person.only.shape)
    assert picture.sum() == 2500, "the canvas shows the stored mask and not the dropped draft"


def test_brackets_and_ctrl_wheel_change_the_size_of_the_brush(person):
    person.do("label.brush")
    before = person.page.brush.size
    person.do("label.larger")
    assert person.page.brush.size > before
    person.hover(100, 100)
    zoom = person.canvas.scale
    person.wheel(100, 100, -3, CTRL)
    assert person.page.brush.size < before
    assert person.canvas.scale == zoom


@pytest.mark.parametrize("person", [Task.INSTANCE], indirect=True)
def test_painting_beside_a_polygon_that_was_just_drawn_begins_another_object(person):
    person.page.brush.size = 40
    person.do("label.polygon")
    for x, y in ((100, 100), (200, 100), (150, 200)):
        person.click(x, y)
    person.do("label.finish")
    assert isinstance(person.only.shape, Polygon)
    person.do("label.brush")
    QApplication.processEvents()
    note = person.page.bar.note
    assert note.fontMetrics().horizontalAdvance(note.text()) <= note.width(), "the hint is cut"
    person.drag((150, 212), (250, 212))
    polygon, mask = person.shapes
    assert isinstance(polygon.shape, Polygon), "the brush reached it, but began beside it"
    assert isinstance(mask.shape, Mask)
    person.drag((300, 60), (350, 60))
    assert len(person.shapes) == 3


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_a_pixel_painted_in_another_class_leaves_the_class_it_had(person):
    person.page.brush.size = 20
    nucleus = person.add(Mask.from_patch(np.ones((60, 60), np.uint8), 20, 20), class_id=2)
    cell = person.add(Mask.from_patch(np.ones((100, 100), np.uint8), 100, 100), class_id=1)
    above = person.add(Polygon.simple([(300, 100), (380, 100), (380, 180), (300, 180)]), class_id=3)
    whole = WIDTH * HEIGHT / 100
    assert person.document.covered_shares() == pytest.approx(
        {1: 10_000 / whole, 2: 3_600 / whole, 3: 6_400 / whole}, abs=0.01
    )
    person.document.select([])
    person.document.choose_class(2)
    person.do("label.brush")
    person.drag((110, 150), (190, 150))
    shapes = {a.id: a.shape for a in person.shapes}
    full = {id: shapes[id].full(HEIGHT, WIDTH) for id in (nucleus, cell)}
    assert full[nucleus][150, 150] == 1
    assert full[cell][150, 150] == 0, "it lies above and would have won in training"
    assert full[cell][120, 120] == 1
    shares = person.document.covered_shares()
    assert shares[1] == pytest.approx(full[cell].sum() / whole)
    assert shares[2] == pytest.approx(full[nucleus].sum() / whole)
    person.drag((310, 140), (370, 140))
    assert isinstance({a.id: a.shape for a in person.shapes}[above], Mask)
    person.studio.undo()
    person.studio.undo()
    assert {a.id: a.shape for a in person.shapes}[cell].area == 10_000, "one step takes both back"


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_shares_of_a_region_under_another_count_only_what_is_seen(person):
    person.add(Mask.from_patch(np.ones((100, 200), np.uint8), 0, 0), class_id=1)
    person.add(Polygon.simple([(50, 0), (250, 0), (250, 100), (50, 100)]), class_id=2)
    shares = person.document.covered_shares()
    assert shares[1] == pytest.approx(100 * 50 * 100 / (WIDTH * HEIGHT))
    assert shares[2] == pytest.approx(100 * 200 * 100 / (WIDTH * HEIGHT))


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_undo_of_a_stroke_leaves_selected_what_was_and_not_the_masks_beside_it(person):
    person.page.brush.size = 20
    person.do("label.brush")
    for class_id, y in ((1, 60), (2, 140), (3, 220)):
        person.document.select([])
        person.document.choose_class(class_id)
        person.drag((50, y), (350, y))
    ids = {a.class_id: a.id for a in person.shapes}
    assert len(ids) == 3
    person.document.select([ids[1]])
    person.drag((200, 40), (200, 240))
    person.document.select([ids[2]])
    person.project.undo()
    QApplication.processEvents()
    assert person.document.selection == {ids[1]}, "it was selected when the stroke began"
    person.project.redo()
    QApplication.processEvents()
    assert person.document.selection == {ids[1]}


@pytest.mark.parametrize("person", [Task.SEGMENT], indirect=True)
def test_undo_of_a_deleted_mask_selects_what_came_back(person):
    person.page.brush.size = 20
    person.do("label.brush")
    person.drag((50, 60), (350, 60))
    person.document.select([a.id for a in person.shapes])
    person.do("label.delete")
    person.project.undo()
    QApplication.processEvents()
    assert person.document.selection == {person.only.id}


def test_a_stroke_on_one_of_two_masks_of_the_same_pixels_extends_just_that_one(person):
    """The picture of a mask is kept by its pixels, which a copy elsewhere shares."""
    person.page.brush.size = 20
    person.do("label.brush")
    for y in (60, 220):
        person.document.select([])
        person.drag((50, y), (350, y))
    upper, lower = person.shapes
    assert upper.shape.counts == lower.shape.counts
    person.document.select([upper.id])
    person.drag((200, 60), (200, 120))
    grown = next(a.shape for a in person.shapes if a.id == upper.id).full(HEIGHT, WIDTH)
    assert grown[60, 60] == 1
    assert grown[110, 200] == 1
    assert grown[220, 60] == 0, "that is the other mask's"
