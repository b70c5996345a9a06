"""The skeleton of a class, written in its dialog and drawn by the hand of the class manager."""

import pytest
from label_hands import label_page
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QToolButton

from cvstudio.core.annotation import Source, State
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import COCO_PERSON, Skeleton
from cvstudio.core.skeleton_template import laid_out
from cvstudio.gui.class_manager import ClassManager
from cvstudio.gui.class_skeleton import SkeletonDialog
from cvstudio.project import class_tree, commands, skeleton_changes, skeletons

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot) as found:
        yield found


def kept(person):
    with person.project.read() as session:
        return skeletons.skeletons(session).get(1)


def bones(person):
    found = kept(person)
    return found.names, found.edges


def write(field, text):
    field.setFocus()
    field.selectAll()
    for line in text.split("\n")[:-1]:
        QTest.keyClicks(field, line)
        QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, text.split("\n")[-1])


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def manager(person, qtbot):
    dialog = ClassManager(person.page, person.studio)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.tree.select_class(1)
    return dialog


def answer(qtbot, manager, do):
    """Press Skeleton in the manager, and do something in the dialog that opens."""
    failures = []

    def act():
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, SkeletonDialog)
        try:
            do(dialog)
        except AssertionError as error:
            failures.append(error)
            dialog.reject()

    qtbot.wait(10)
    (button,) = [b for b in manager.findChildren(QPushButton) if b.text() == "Skeleton"]
    QTimer.singleShot(50, act)
    press(button)
    assert not failures, failures[0]


def test_points_and_edges_are_written_as_lines_and_one_undo_takes_them_back(person, manager, qtbot):
    def do(dialog):
        write(dialog.names, "shoulder\nelbow\nleft-hand")
        write(dialog.edges, "shoulder - elbow\n2-3\nelbow - left-hand")
        assert dialog.go.isEnabled()
        press(dialog.go)

    answer(qtbot, manager, do)
    assert bones(person) == (("shoulder", "elbow", "left-hand"), ((0, 1), (1, 2)))
    person.project.undo()
    assert kept(person) is None


def test_the_person_of_coco_is_one_click_away(person, manager, qtbot):
    def do(dialog):
        press(dialog.person)
        press(dialog.go)

    answer(qtbot, manager, do)
    assert kept(person) == laid_out(COCO_PERSON)


def test_that_no_object_has_keypoints_yet_is_said_in_words(person, manager, qtbot):
    told = []

    def do(dialog):
        press(dialog.person)
        told.append(dialog.effects.text())
        dialog.reject()

    answer(qtbot, manager, do)
    assert told == ["No object of this class has keypoints."]


def test_how_many_objects_have_keypoints_is_said_before(person, manager, qtbot):
    person.add(Keypoints.of([(10, 10, 2), (30, 40, 2)]))
    person.add(Keypoints.of([(10, 10, 2), (30, 40, 2)]), image=2)
    told = []

    def do(dialog):
        press(dialog.person)
        told.append(dialog.effects.text())
        dialog.reject()

    answer(qtbot, manager, do)
    assert told == ["2 objects in 2 images have keypoints of this class."]
    assert kept(person) is None


def test_suggested_points_are_told_apart_from_labelled_ones(person, manager, qtbot):
    with person.project.transaction("Skeleton") as s:
        skeleton_changes.define(s, class_id=1, skeleton=Skeleton(("head", "tail")))
        for state in (State.SUGGESTED, State.REJECTED):
            commands.add_annotation(
                s, image_id=1, class_id=1, shape=Keypoints.of([(10, 10, 2), (30, 40, 2)]),
                source=Source.NETWORK, score=0.5, state=state,
            )  # fmt: skip
    person.add(Keypoints.of([(10, 10, 2), (30, 40, 2)]))
    person.add(Keypoints.of([(10, 10, 2), (30, 40, 2)]), image=2)
    told = []

    def do(dialog):
        write(dialog.names, "head")
        told.append(dialog.effects.text().split("\n"))
        dialog.reject()

    answer(qtbot, manager, do)
    all_of_them = "2 objects in 2 images, 1 suggestion and 1 rejected suggestion"
    assert told[0][0] == "2 objects, 1 suggestion and 1 rejected suggestion lose “tail”."
    assert told[0][1] == f"{all_of_them} have keypoints of this class."


def test_an_edge_to_a_point_that_is_not_there_cannot_be_kept(person, manager, qtbot):
    def do(dialog):
        write(dialog.names, "shoulder\nelbow")
        write(dialog.edges, "shoulder - foot")
        assert not dialog.go.isEnabled()
        assert "“shoulder - foot”" in dialog.effects.text()
        dialog.reject()

    answer(qtbot, manager, do)
    assert kept(person) is None


# -- the picture


def spot(picture, x, y):
    """A place of the template, 0 to 1, on the widget."""
    return picture.at(x, y).toPoint()


def click(picture, x, y, keys=Qt.KeyboardModifier.NoModifier):
    QTest.mouseClick(picture, LEFT, keys, spot(picture, x, y))


def drag(picture, start, end, keys=Qt.KeyboardModifier.NoModifier):
    a, b = spot(picture, *start), spot(picture, *end)
    QTest.mousePress(picture, LEFT, keys, a)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(picture, a + (b - a) * share)
    QTest.mouseRelease(picture, LEFT, keys, b)


def type_name(dialog, text):
    """Type with a point in hand; the first letter opens the field of its name."""
    QTest.keyClick(dialog.picture, text[0])
    QTest.keyClicks(dialog.picture.name, text[1:])
    QTest.keyClick(dialog.picture.name, Qt.Key.Key_Return)


def draw_arm(dialog):
    for name, place in (("shoulder", (0.2, 0.2)), ("elbow", (0.5, 0.6)), ("wrist", (0.8, 0.3))):
        click(dialog.picture, *place)
        type_name(dialog, name)


def near(layout, *places):
    return all(
        abs(x - a) < 0.01 and abs(y - b) < 0.01
        for (x, y), (a, b) in zip(layout, places, strict=True)
    )


def test_a_skeleton_is_drawn_by_clicks_named_by_typing_and_joined_by_dragging(
    person, manager, qtbot
):
    def do(dialog):
        draw_arm(dialog)
        press(dialog.modes.findChildren(QToolButton)[1])
        drag(dialog.picture, (0.2, 0.2), (0.5, 0.6))
        click(dialog.picture, 0.5, 0.6)
        click(dialog.picture, 0.8, 0.3)
        assert dialog.names.toPlainText() == "shoulder\nelbow\nwrist"
        assert dialog.edges.toPlainText() == "shoulder - elbow\nelbow - wrist"
        press(dialog.go)

    answer(qtbot, manager, do)
    assert bones(person) == (("shoulder", "elbow", "wrist"), ((0, 1), (1, 2)))
    assert near(kept(person).layout, (0.2, 0.2), (0.5, 0.6), (0.8, 0.3))


def test_a_point_is_dragged_and_an_edge_drawn_with_shift(person, manager, qtbot):
    def do(dialog):
        draw_arm(dialog)
        drag(dialog.picture, (0.8, 0.3), (0.7, 0.9))
        drag(dialog.picture, (0.5, 0.6), (0.7, 0.9), keys=Qt.KeyboardModifier.ShiftModifier)
        press(dialog.go)

    answer(qtbot, manager, do)
    assert bones(person)[1] == ((1, 2),)
    assert near(kept(person).layout, (0.2, 0.2), (0.5, 0.6), (0.7, 0.9))


def test_delete_takes_the_chosen_point_with_its_edges_or_one_edge_away(person, manager, qtbot):
    def do(dialog):
        press(dialog.person)
        picture = dialog.picture
        middle = (picture.place_of(5) + picture.place_of(6)) / 2
        QTest.mouseClick(picture, LEFT, pos=middle.toPoint())
        QTest.keyClick(picture, Qt.Key.Key_Delete)
        assert (5, 6) not in picture.skeleton.edges
        assert len(picture.skeleton.names) == 17
        QTest.mouseClick(picture, LEFT, pos=picture.place_of(0).toPoint())
        QTest.keyClick(picture, Qt.Key.Key_Delete)
        press(dialog.go)

    answer(qtbot, manager, do)
    names, edges = bones(person)
    assert names == COCO_PERSON.names[1:]
    assert len(edges) == len(COCO_PERSON.edges) - 3
    assert "nose" not in names


def test_steps_in_the_picture_are_undone_there_and_nothing_else(person, manager, qtbot):
    def do(dialog):
        draw_arm(dialog)
        QTest.keyClick(dialog.picture, Qt.Key.Key_Delete)
        assert dialog.names.toPlainText() == "shoulder\nelbow"
        QTest.keyClick(dialog.picture, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert dialog.names.toPlainText() == "shoulder\nelbow\nwrist"
        both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(dialog.picture, Qt.Key.Key_Z, both)
        assert dialog.names.toPlainText() == "shoulder\nelbow"
        dialog.reject()

    answer(qtbot, manager, do)
    assert kept(person) is None


def test_keys_alone_walk_move_and_name_points(person, manager, qtbot):
    def do(dialog):
        press(dialog.person)
        picture = dialog.picture
        x, y = picture.skeleton.layout[1]
        QTest.keyClick(picture, Qt.Key.Key_PageDown)
        QTest.keyClick(picture, Qt.Key.Key_PageDown)
        assert picture.accessibleDescription() == "Point 2 of 17: left_eye"
        QTest.keyClick(picture, Qt.Key.Key_Right)
        QTest.keyClick(picture, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
        assert near(picture.skeleton.layout[1:2], (x + 0.01, y + 0.05))
        QTest.keyClick(picture, Qt.Key.Key_F2)
        QTest.keyClicks(picture.name, "eye one")
        QTest.keyClick(picture.name, Qt.Key.Key_Escape)
        assert picture.skeleton.names[1] == "left_eye", "Esc keeps the name, and the dialog open"
        assert dialog.isVisible()
        dialog.reject()

    answer(qtbot, manager, do)


def test_a_name_that_is_changed_in_the_lines_changes_in_the_edges_and_the_point_stays(
    person, manager, qtbot
):
    def do(dialog):
        draw_arm(dialog)
        drag(dialog.picture, (0.2, 0.2), (0.5, 0.6), keys=Qt.KeyboardModifier.ShiftModifier)
        dialog.names.setFocus()
        dialog.names.moveCursor(QTextCursor.MoveOperation.Start)
        dialog.names.moveCursor(QTextCursor.MoveOperation.EndOfLine)
        QTest.keyClicks(dialog.names, " blade")
        assert dialog.edges.toPlainText() == "shoulder blade - elbow"
        assert near(dialog.picture.skeleton.layout, (0.2, 0.2), (0.5, 0.6), (0.8, 0.3))
        write(dialog.names, "wrist\nelbow\nshoulder blade")
        press(dialog.go)

    answer(qtbot, manager, do)
    assert bones(person) == (("wrist", "elbow", "shoulder blade"), ((2, 1),))
    assert near(kept(person).layout, (0.8, 0.3), (0.5, 0.6), (0.2, 0.2))


def test_the_other_sides_are_added_mirrored(person, manager, qtbot):
    def do(dialog):
        click(dialog.picture, 0.5, 0.2)
        type_name(dialog, "head")
        click(dialog.picture, 0.8, 0.6)
        type_name(dialog, "left hand")
        drag(dialog.picture, (0.5, 0.2), (0.8, 0.6), keys=Qt.KeyboardModifier.ShiftModifier)
        press(dialog.sides)
        press(dialog.go)

    answer(qtbot, manager, do)
    assert bones(person) == (("head", "left hand", "right hand"), ((0, 1), (0, 2)))
    assert near(kept(person).layout, (0.5, 0.2), (0.8, 0.6), (0.2, 0.6))


def test_the_points_can_lie_as_in_what_is_labelled(person, manager, qtbot):
    with person.project.transaction("Skeleton") as session:
        skeleton_changes.define(session, class_id=1, skeleton=Skeleton(("a", "b", "c"), ((0, 1),)))
    person.add(Keypoints.of([(0, 60, 2), (60, 60, 2), (120, 0, 2)]))

    def do(dialog):
        assert not dialog.go.isEnabled(), "looking at it changes nothing"
        press(dialog.labelled)
        press(dialog.go)

    answer(qtbot, manager, do)
    assert near(kept(person).layout, (0.1, 0.7), (0.5, 0.7), (0.9, 0.3))


def test_esc_asks_before_it_drops_what_was_drawn(person, manager, qtbot):
    asked = []

    def keep(question):
        asked.append(question.windowTitle())
        question.reject()

    def do(dialog):
        draw_arm(dialog)
        QTimer.singleShot(50, lambda: keep(QApplication.activeModalWidget()))
        QTest.keyClick(dialog.picture, Qt.Key.Key_Escape)
        assert dialog.isVisible()
        press(dialog.go)

    answer(qtbot, manager, do)
    assert asked == ["Leave the skeleton as it was?"]
    assert bones(person)[0] == ("shoulder", "elbow", "wrist")


def test_esc_leaves_at_once_when_nothing_was_drawn_even_where_the_class_above_has_the_skeleton(
    person, manager, qtbot
):
    with person.project.transaction("A kind") as session:
        skeleton_changes.define(session, class_id=2, skeleton=COCO_PERSON)
        class_tree.set_parent(session, id=1, parent_id=2)
    manager.refresh()
    manager.tree.select_class(1)
    shown = []

    def do(dialog):
        shown.append(dialog.picture.skeleton.names)
        QTest.keyClick(dialog.picture, Qt.Key.Key_Escape)
        assert not dialog.isVisible()

    answer(qtbot, manager, do)
    assert shown == [COCO_PERSON.names]
