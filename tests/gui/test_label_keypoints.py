"""Keypoints on the Label page: placed, moved, hidden and shown with the mouse and by keys."""

import numpy as np
import pytest
from label_hands import ALT, label_page
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from cvstudio.core.annotation import Kind
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton
from cvstudio.gui.label import turning
from cvstudio.gui.label.annotation_tree import describe
from cvstudio.gui.label.hit import is_on
from cvstudio.project import queries, skeleton_changes

ARM = Skeleton(("shoulder", "elbow", "wrist"), ((0, 1), (1, 2)))
RIGHT = Qt.MouseButton.RightButton


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot) as found:
        yield found


@pytest.fixture
def armed(person):
    """The tool in hand, and its first class with a skeleton of three points."""
    with person.project.transaction("Skeleton") as session:
        skeleton_changes.define(session, class_id=1, skeleton=ARM)
    person.keys("Shift+K", person.canvas)
    assert person.canvas.tool.name == "keypoints"
    return person


def right_click(person, x, y):
    person.press(x, y, button=RIGHT)
    person.release(x, y, button=RIGHT)


def rounded(person):
    return np.round(person.only.shape.points).tolist()


def hint(person):
    return person.page.status_right


def test_clicks_place_the_named_points_one_after_another_and_the_last_one_keeps_them(armed):
    assert hint(armed).startswith("1 of 3: shoulder")
    armed.click(100, 100)
    assert hint(armed).startswith("2 of 3: elbow")
    right_click(armed, 140, 120)
    assert hint(armed).startswith("3 of 3: wrist")
    assert armed.shapes == []
    armed.click(180, 110)
    assert armed.only.kind is Kind.KEYPOINTS
    assert rounded(armed) == [[100, 100, 2], [140, 120, 1], [180, 110, 2]]
    assert "3 of 3 points" in describe(armed.only)
    assert hint(armed).startswith("1 of 3: shoulder"), "the next object begins"
    armed.project.undo()
    assert armed.shapes == []


def test_the_name_of_the_next_point_stands_beside_the_pointer(armed):
    def tag(x, y):
        away, scale = turning._AWAY, armed.canvas.scale
        return colours(armed, x + (away + 20) / scale, y + (away + 9) / scale, 15).count("#111111")

    armed.hover(100, 100)
    assert tag(100, 100) > 20
    assert tag(250, 200) == 0
    armed.hover(250, 200)
    assert tag(250, 200) > 20
    armed.document.choose_class(2)
    armed.hover(251, 200)
    assert tag(250, 200) == 0, "free points have no names"


def test_x_says_that_a_point_is_not_in_the_picture(armed):
    armed.keys("X", armed.canvas)
    assert armed.canvas.tool.name == "keypoints", "X is no tool while points are placed"
    armed.click(140, 120)
    armed.click(180, 110)
    assert rounded(armed) == [[0, 0, 0], [140, 120, 2], [180, 110, 2]]
    assert "2 of 3 points" in describe(armed.only)
    for _ in range(3):
        armed.keys("X", armed.canvas)
    assert len(armed.shapes) == 1, "an object without any point is none"


def test_backspace_takes_the_last_point_back_and_enter_ends_early(armed):
    armed.click(100, 100)
    armed.click(10, 10)
    armed.key(Qt.Key.Key_Backspace)
    armed.click(140, 120)
    armed.keys("Return", armed.canvas)
    assert rounded(armed) == [[100, 100, 2], [140, 120, 2], [0, 0, 0]]


def test_esc_drops_what_was_begun(armed):
    armed.click(100, 100)
    armed.keys("Esc", armed.canvas)
    assert not armed.canvas.tool.busy
    assert armed.shapes == []


def test_a_class_chosen_in_the_middle_is_that_of_the_next_object(armed):
    armed.click(100, 100)
    armed.document.choose_class(2)
    armed.click(140, 120)
    armed.click(180, 110)
    assert armed.only.class_id == 1


def test_a_class_without_a_skeleton_takes_any_points_until_enter(armed):
    armed.document.choose_class(2)
    for x in (50, 80, 110, 140):
        armed.click(x, 60)
    assert armed.shapes == []
    armed.keys("Return", armed.canvas)
    assert rounded(armed) == [[x, 60, 2] for x in (50, 80, 110, 140)]


def test_going_to_the_next_image_keeps_the_points_that_are_there(armed):
    armed.click(100, 100)
    armed.click(140, 120)
    armed.do("label.next")
    with armed.project.read() as session:
        (kept,) = queries.annotations(session, 1)
    assert kept.shape.points[:, 2].tolist() == [2, 2, 0]


@pytest.fixture
def placed(armed):
    """Select in hand, and one object selected."""
    armed.add(Keypoints.of([(100, 100, 2), (140, 120, 2), (180, 110, 1)]))
    armed.keys("V", armed.canvas)
    armed.document.select([armed.only.id])
    return armed


def test_a_point_is_dragged_and_the_others_stay(placed):
    placed.drag((140, 120), (150, 160))
    assert rounded(placed) == [[100, 100, 2], [150, 160, 2], [180, 110, 1]]
    placed.project.undo()
    assert rounded(placed)[1] == [140, 120, 2]


def test_a_point_at_the_corner_of_the_box_is_a_point_and_no_handle(placed):
    placed.drag((100, 100), (90, 95))
    assert rounded(placed) == [[90, 95, 2], [140, 120, 2], [180, 110, 1]]


def test_alt_click_hides_a_point_and_shows_it_again(placed):
    placed.click(140, 120, keys=ALT)
    assert placed.only.shape.points[:, 2].tolist() == [2, 1, 1]
    placed.click(180, 110, keys=ALT)
    assert placed.only.shape.points[:, 2].tolist() == [2, 1, 2]
    placed.project.undo()
    placed.project.undo()
    assert placed.only.shape.points[:, 2].tolist() == [2, 2, 1]


def test_x_takes_a_point_away_and_places_it_again_where_the_pointer_is(placed):
    placed.hover(140, 120)
    placed.keys("X", placed.canvas)
    assert rounded(placed) == [[100, 100, 2], [0, 0, 0], [180, 110, 1]]
    placed.hover(150, 130)
    placed.keys("X", placed.canvas)
    assert rounded(placed) == [[100, 100, 2], [150, 130, 2], [180, 110, 1]]
    placed.keys("X", placed.canvas)
    placed.hover(100, 100)
    placed.keys("X", placed.canvas)
    placed.hover(180, 110)
    placed.keys("X", placed.canvas)
    assert placed.only.shape.points[:, 2].tolist() == [0, 0, 1], "the last point stays"
    placed.document.select([])
    placed.keys("X", placed.canvas)
    assert placed.canvas.tool.name != "select", "without keypoints in hand X is a tool again"


def test_the_whole_is_dragged_nudged_and_deleted(placed):
    placed.drag((140, 106), (150, 126))
    assert rounded(placed) == [[110, 120, 2], [150, 140, 2], [190, 130, 1]]
    placed.keys("Shift+Right", placed.canvas)
    assert rounded(placed)[0] == [111, 120, 2]
    placed.keys("Del", placed.canvas)
    assert placed.shapes == []


def test_an_absent_point_stays_absent_when_the_whole_moves(placed):
    placed.keys("Del", placed.canvas)
    placed.document.select([placed.add(Keypoints.of([(0, 0, 0), (140, 120, 2), (180, 160, 2)]))])
    placed.keys("Ctrl+Shift+Down", placed.canvas)
    assert rounded(placed) == [[0, 0, 0], [140, 130, 2], [180, 170, 2]]


def test_a_click_on_a_bone_takes_the_keypoints_and_not_the_box_around_them(placed):
    small = placed.add(Box(105, 100, 30, 15))
    placed.document.select([])
    placed.click(120, 110)
    assert placed.document.selected()[0].kind is Kind.KEYPOINTS
    placed.document.select([])
    placed.click(128, 106)
    assert placed.document.selection == {small}


def test_edges_are_hit_between_their_points_only():
    shape = Keypoints.of([(100, 100, 2), (140, 120, 2), (180, 110, 0)])
    assert is_on(shape, ((0, 1),), 120, 110, reach=2)
    assert not is_on(shape, ((0, 1),), 160, 130, reach=2)
    assert not is_on(shape, (), 120, 110, reach=2)


def colours(person, x, y, side=9):
    """The colours of the pixels of the screen around a place of the image."""
    place = person.canvas.to_screen(x, y).toPoint()
    picture = person.canvas.viewport().grab().toImage()
    half = side // 2
    return [
        picture.pixelColor(place.x() + dx, place.y() + dy).name()
        for dx in range(-half, half + 1)
        for dy in range(-half, half + 1)
    ]


def test_no_handle_hides_a_point(placed):
    placed.hover(5, 5)
    own = placed.document.colour(1).name()
    assert colours(placed, 100, 100, 1) == [own], "a corner of the box, but a point"
    assert colours(placed, 180, 120, 1) == ["#ffffff"], "a corner with nothing else on it"


def test_visible_points_are_full_and_hidden_ones_hollow(placed):
    placed.document.select([])
    placed.hover(5, 5)
    own = placed.document.colour(1).name()
    assert colours(placed, 100, 100, 1) == [own]
    assert own not in colours(placed, 180, 110, 1)
    assert own in colours(placed, 180, 110, 13), "its ring has the colour of the class"

    def like(name):
        parts = zip(QColor(name).getRgb()[:3], QColor(own).getRgb()[:3], strict=True)
        return max(abs(a - b) for a, b in parts) < 70  # one smooth pixel over noise

    assert any(map(like, colours(placed, 120, 110, 5))), "and so has the edge"
