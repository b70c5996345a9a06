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
