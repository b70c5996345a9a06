"""Holes are filled in a project where every pixel has one class, and nothing of others is lost."""

from __future__ import annotations

import numpy as np
import pytest
from label_hands import label_page

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.metrics.pixels import label_map
from cvstudio.project import steps

CELL, NUCLEUS = 1, 2


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot, Task.SEGMENT) as hands:
        hands.said = []
        hands.page.shaping.said.connect(hands.said.append)
        yield hands


def ring(x=20, y=20, side=60, hole=40):
    patch = np.ones((side, side), np.uint8)
    edge = (side - hole) // 2
    patch[edge : side - edge, edge : side - edge] = 0
    return Mask.from_patch(patch, x, y)


def block(x, y, w, h):
    return Mask.from_patch(np.ones((h, w), np.uint8), x, y)


def square(x, y, side):
    return Polygon.simple([(x, y), (x + side, y), (x + side, y + side), (x, y + side)])


def with_hole(x, y, side, edge):
    hole = square(x + edge, y + edge, side - 2 * edge).parts[0].outer
    return Polygon((Part(square(x, y, side).parts[0].outer, (hole,)),))


def fill(person, id):
    """Press U on a shape; returns how many pixels of each class a run would learn."""
    person.document.select([id])
    person.keys("U", person.canvas)
    learnt = label_map(person.shapes, height=300, width=400, class_ids=(CELL, NUCLEUS))
    return [int((learnt == value).sum()) for value in (1, 2)]


@pytest.mark.parametrize("cell_on_top", [True, False])
def test_a_mask_is_filled_only_where_no_other_class_is(person, cell_on_top):
    def nucleus():
        person.add(block(40, 40, 10, 10), class_id=NUCLEUS)

    if not cell_on_top:
        cell = person.add(ring())
    nucleus()
    if cell_on_top:
        cell = person.add(ring())
    assert fill(person, cell) == [3600 - 100, 100]
    assert {a.class_id: a.shape.area for a in person.shapes} == {CELL: 3500, NUCLEUS: 100}
    assert person.said[-1] == "What other classes have in the holes stays theirs"


def test_a_hole_that_another_class_fills_is_left_and_that_is_said(person):
    cell = person.add(ring())
    person.add(block(30, 30, 40, 40), class_id=NUCLEUS)
    assert fill(person, cell) == [2000, 1600]
    assert person.said[-1] == "Nothing was filled: the holes belong to other classes"
    with person.project.read() as session:
        assert steps.listed(session)[0].label == "Prepare"


def test_a_polygon_stays_one_below_what_is_painted_over_it(person):
    cell = person.add(with_hole(20, 20, 60, 10))
    person.add(block(40, 40, 10, 10), class_id=NUCLEUS)
    assert fill(person, cell) == [3500, 100]
    assert isinstance(person.shapes[0].shape, Polygon)


def test_a_polygon_above_leaves_another_classs_polygon_its_pixels(person):
    person.add(square(40, 40, 10), class_id=NUCLEUS)
    cell = person.add(with_hole(20, 20, 60, 10))
    assert fill(person, cell) == [3500, 100]
    assert isinstance(person.shapes[1].shape, Polygon)


def test_another_mask_of_the_same_class_does_not_keep_a_hole_open(person):
    cell = person.add(ring())
    person.add(block(40, 40, 10, 10))
    assert fill(person, cell) == [3600, 0]
    assert person.document.annotations[0].shape.area == 3600


def closed_stroke(person):
    """Paint a ring of 20 pixels around (150, 150), 100 pixels wide inside, that is filled."""
    person.page.brush.size, person.page.brush.fill_holes = 20, True
    person.page.brush.square = True
    person.do("label.brush")
    person.drag((90, 90), (210, 90), (210, 210), (90, 210), (90, 90))


def learnt(person):
    value = label_map(person.shapes, height=300, width=400, class_ids=(CELL, NUCLEUS))
    return [int((value == each).sum()) for each in (1, 2)]


@pytest.mark.parametrize("kind", ["mask", "polygon"])
def test_the_brush_fills_a_ring_but_not_what_another_class_has_in_it(person, kind):
    inner = block(140, 140, 10, 10) if kind == "mask" else square(140, 140, 10)
    person.add(inner, class_id=NUCLEUS)
    said = []
    person.canvas.said.connect(said.append)
    closed_stroke(person)
    assert learnt(person) == [140 * 140 - 100, 100]
    assert {a.class_id: a.shape.area for a in person.shapes} == {CELL: 19_500, NUCLEUS: 100}
    assert said[-1] == "What other classes have in the holes stays theirs"
    person.project.undo()
    assert learnt(person) == [0, 100]


def test_what_the_stroke_itself_goes_over_becomes_its_class_also_when_it_fills(person):
    person.add(block(90, 140, 60, 10), class_id=NUCLEUS)
    closed_stroke(person)
    assert learnt(person) == [140 * 140 - 500, 500]


def test_filling_by_the_brush_takes_no_object_of_the_same_class_away(person):
    person.page.document.select([])
    inside = person.add(square(140, 140, 10))
    closed_stroke(person)
    assert inside in [a.id for a in person.shapes]
    assert learnt(person) == [140 * 140, 0]


def test_where_objects_may_overlap_the_brush_fills_over_another_one_which_stays(tmp_path, qtbot):
    with label_page(tmp_path, qtbot, Task.INSTANCE) as person:
        person.add(block(140, 140, 10, 10), class_id=NUCLEUS)
        closed_stroke(person)
        areas = {a.class_id: a.shape.area for a in person.shapes}
        assert areas == {CELL: 140 * 140, NUCLEUS: 100}
