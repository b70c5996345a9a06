"""Keypoints by keys: whose turn it is, hidden, absent, skipped, walked through, swapped."""

import numpy as np
import pytest
from label_hands import label_page
from PySide6.QtCore import Qt

from cvstudio.core.annotation import State
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton
from cvstudio.project import skeleton_changes

ARM = Skeleton(("shoulder", "elbow", "wrist"), ((0, 1), (1, 2)))
EYES = Skeleton(("nose", "left_eye", "right_eye"), ((0, 1), (0, 2)))


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot) as found:
        yield found


def give_skeleton(person, skeleton):
    with person.project.transaction("Skeleton") as session:
        skeleton_changes.define(session, class_id=1, skeleton=skeleton)


@pytest.fixture
def armed(person):
    """The tool in hand, and its first class with a skeleton of three points."""
    give_skeleton(person, ARM)
    person.keys("Shift+K", person.canvas)
    return person


@pytest.fixture
def placed(armed):
    """Select in hand, and one object selected."""
    armed.add(Keypoints.of([(100, 100, 2), (140, 120, 2), (180, 110, 1)]))
    armed.keys("V", armed.canvas)
    armed.document.select([armed.only.id])
    return armed


def rounded(person):
    return np.round(person.only.shape.points).tolist()


def known(person):
    return person.only.shape.points[:, 2].tolist()


def tab(person, back=False):
    held = Qt.KeyboardModifier.ShiftModifier if back else Qt.KeyboardModifier.NoModifier
    person.key(Qt.Key.Key_Backtab if back else Qt.Key.Key_Tab, held)


def said(person):
    return person.page.status_right


def said_last(person):
    """What the canvas said last, in the left part of the status bar."""
    return person.page.status_left[-1]


# -- while points are placed


def test_c_hides_the_point_that_was_placed_last_and_shows_it_again(armed):
    armed.click(100, 100)
    armed.keys("C", armed.canvas)
    armed.click(140, 120)
    armed.keys("C", armed.canvas)
    armed.keys("C", armed.canvas)
    armed.click(180, 110)
    assert rounded(armed) == [[100, 100, 1], [140, 120, 2], [180, 110, 2]]


def test_a_point_that_tab_skips_is_asked_for_at_the_end(armed):
    armed.click(100, 100)
    tab(armed)
    assert said(armed).startswith("3 of 3: wrist")
    armed.click(180, 110)
    assert armed.shapes == [], "the elbow is still to come"
    assert said(armed).startswith("2 of 3: elbow")
    armed.click(140, 120)
    assert rounded(armed) == [[100, 100, 2], [140, 120, 2], [180, 110, 2]]


def test_enter_leaves_what_was_skipped_absent(armed):
    armed.click(100, 100)
    tab(armed)
    armed.click(180, 110)
    armed.keys("Return", armed.canvas)
    assert rounded(armed) == [[100, 100, 2], [0, 0, 0], [180, 110, 2]]


def test_shift_tab_goes_back_to_a_point_that_is_placed_anew_hidden_or_taken_away(armed):
    armed.click(100, 100)
    armed.click(140, 120)
    tab(armed, back=True)
    assert said(armed).startswith("2 of 3: elbow, placed")
    armed.keys("C", armed.canvas)
    assert said(armed).startswith("2 of 3: elbow, hidden")
    tab(armed, back=True)
    armed.click(90, 95)
    assert said(armed).startswith("3 of 3: wrist")
    armed.click(180, 110)
    assert rounded(armed) == [[90, 95, 2], [140, 120, 1], [180, 110, 2]]


def test_backspace_takes_back_what_was_done_last_wherever_tab_went(armed):
    armed.click(100, 100)
    armed.click(140, 120)
    tab(armed, back=True)
    armed.keys("X", armed.canvas)
    armed.key(Qt.Key.Key_Backspace)
    armed.click(150, 125)
    armed.click(180, 110)
    assert rounded(armed) == [[100, 100, 2], [150, 125, 2], [180, 110, 2]]


def test_a_press_places_a_point_and_dragging_on_moves_it_before_the_button_goes_up(armed):
    armed.click(100, 100)
    armed.drag((140, 120), (150, 130))
    armed.drag((180, 110), (190, 105))
    assert rounded(armed) == [[100, 100, 2], [150, 130, 2], [190, 105, 2]]


def test_tab_leaves_the_picture_where_there_is_no_skeleton(armed):
    armed.document.choose_class(2)
    armed.hover(100, 100)
    tab(armed)
    assert not armed.canvas.hasFocus()


def test_tab_goes_to_suggestions_where_there_are_some(armed):
    shape = Keypoints.of([(10, 10, 2), (30, 30, 2), (50, 10, 2)])
    armed.add(shape, state=State.SUGGESTED, score=0.5)
    armed.hover(200, 200)
    assert Qt.Key.Key_Tab not in armed.canvas.tool.own_keys
    armed.click(100, 100)
    tab(armed)
    assert said(armed).startswith("3 of 3: wrist"), "in the middle of an object Tab skips"


# -- points that are there


def test_tab_walks_through_the_points_and_names_each(placed):
    names = []
    for _ in range(4):
        tab(placed)
        names.append(said_last(placed))
    assert names == [
        "1 of 3: shoulder", "2 of 3: elbow", "3 of 3: wrist, hidden", "1 of 3: shoulder",
    ]  # fmt: skip
    tab(placed, back=True)
    assert said_last(placed) == "3 of 3: wrist, hidden"


def test_the_point_in_hand_is_nudged_hidden_and_taken_away_by_keys_alone(placed):
    tab(placed)
    tab(placed)
    placed.keys("Shift+Right", placed.canvas)
    placed.keys("Ctrl+Shift+Down", placed.canvas)
    assert rounded(placed) == [[100, 100, 2], [141, 130, 2], [180, 110, 1]]
    placed.keys("C", placed.canvas)
    assert known(placed) == [2, 1, 1]
    placed.keys("X", placed.canvas)
    assert known(placed) == [2, 0, 1]
    placed.hover(150, 140)
    placed.keys("X", placed.canvas)
    assert rounded(placed) == [[100, 100, 2], [150, 140, 2], [180, 110, 1]]


def test_esc_puts_the_point_down_first_and_the_whole_moves_again(placed):
    tab(placed)
    placed.keys("Esc", placed.canvas)
    assert len(placed.document.selection) == 1
    placed.keys("Shift+Right", placed.canvas)
    assert rounded(placed) == [[101, 100, 2], [141, 120, 2], [181, 110, 1]]
    placed.keys("Esc", placed.canvas)
    assert not placed.document.selection


def test_a_click_on_a_point_takes_it_in_hand(placed):
    placed.click(180, 110)
    assert said_last(placed) == "3 of 3: wrist, hidden"
    placed.keys("C", placed.canvas)
    assert known(placed) == [2, 2, 2]


def test_a_locked_object_keeps_its_points(placed):
    placed.do("label.lock")
    tab(placed)
    placed.hover(140, 120)
    placed.keys("C", placed.canvas)
    assert known(placed) == [2, 2, 1]


def test_left_and_right_are_swapped_in_one_step(person):
    give_skeleton(person, EYES)
    person.add(Keypoints.of([(100, 100, 2), (80, 90, 2), (0, 0, 0)]))
    person.document.select([person.only.id])
    person.do("label.swap_sides")
    assert rounded(person) == [[100, 100, 2], [0, 0, 0], [80, 90, 2]]
    person.project.undo()
    assert rounded(person) == [[100, 100, 2], [80, 90, 2], [0, 0, 0]]


def test_what_cannot_be_swapped_is_said(placed):
    placed.do("label.swap_sides")
    assert said_last(placed) == "None of these points has a left and a right"
    assert known(placed) == [2, 2, 1]


def test_keypoints_are_turned_around_their_middle(placed):
    for _ in range(9):
        placed.do("label.turn_far_right")
    assert rounded(placed) == [[150, 70, 2], [130, 110, 2], [140, 150, 1]]
