"""The template of a skeleton is dropped by dragging a box, and its points are then moved."""

import numpy as np
import pytest
from label_hands import ALT, SHIFT, label_page

from cvstudio.core.skeleton import Skeleton
from cvstudio.project import skeleton_changes

KITE = Skeleton(
    ("top", "right", "bottom", "left"), ((0, 1), (1, 2), (2, 3), (3, 0)),
    ((0.5, 0.1), (0.7, 0.3), (0.5, 0.9), (0.3, 0.3)),
)  # fmt: skip


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot) as found:
        with found.project.transaction("Skeleton") as session:
            skeleton_changes.define(session, class_id=1, skeleton=KITE)
        found.keys("Shift+K", found.canvas)
        yield found


def rounded(person):
    return np.round(person.only.shape.points).tolist()


def test_a_dragged_box_places_all_points_at_once_as_the_template_has_them(person):
    person.drag((100, 50), (180, 210))
    assert rounded(person) == [[140, 50, 2], [180, 90, 2], [140, 210, 2], [100, 90, 2]]
    person.project.undo()
    assert person.shapes == []


def test_the_box_may_be_dragged_from_any_corner(person):
    person.drag((180, 210), (100, 50))
    assert rounded(person) == [[140, 50, 2], [180, 90, 2], [140, 210, 2], [100, 90, 2]]


def test_alt_drops_it_the_other_way_round(person):
    person.drag((100, 50), (180, 210), keys=ALT)
    assert rounded(person) == [[140, 50, 2], [100, 90, 2], [140, 210, 2], [180, 90, 2]]


def test_shift_keeps_it_as_wide_as_in_the_template(person):
    person.drag((100, 50), (300, 210), keys=SHIFT)
    box = person.only.shape.box
    assert (round(box.w), round(box.h)) == (80, 160)


def test_its_points_are_moved_at_once_with_the_tool_still_in_hand(person):
    person.drag((100, 50), (180, 210))
    person.drag((180, 90), (200, 120))
    assert rounded(person)[1] == [200, 120, 2]
    assert len(person.shapes) == 1
    person.press(100, 90, keys=ALT)
    person.release(100, 90, keys=ALT)
    assert person.only.shape.points[:, 2].tolist() == [2, 2, 2, 1]
    person.click(250, 60)
    assert person.canvas.tool.busy, "a click beside them begins the next object"


def test_nothing_is_dropped_beside_the_image_or_after_esc(person):
    person.press(100, 50)
    person.move(180, 210)
    person.keys("Esc", person.canvas)
    person.release(180, 210)
    assert person.shapes == []
    person.drag((300, 200), (500, 400))
    box = person.only.shape.box
    assert (round(box.right), round(box.bottom)) == (400, 300)


def test_a_box_without_width_drops_nothing(person):
    person.drag((100, 50), (100, 210))
    assert person.shapes == []
    assert "thinner" in " ".join(person.page.status_left)


def test_a_class_without_a_skeleton_has_no_template(person):
    person.document.choose_class(2)
    person.drag((100, 50), (180, 210))
    assert person.shapes == []
    person.keys("Return", person.canvas)
    assert rounded(person) == [[180, 210, 2]]
