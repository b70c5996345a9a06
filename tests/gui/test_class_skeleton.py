"""The skeleton of a class, written in its dialog and drawn by the hand of the class manager."""

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import COCO_PERSON, Skeleton
from cvstudio.gui.class_manager import ClassManager
from cvstudio.gui.class_skeleton import SkeletonDialog
from cvstudio.project import skeletons
from tests.gui.label_hands import label_page


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot) as found:
        yield found


def kept(person):
    with person.project.read() as session:
        return skeletons.skeletons(session).get(1)


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
    assert kept(person) == Skeleton(("shoulder", "elbow", "left-hand"), ((0, 1), (1, 2)))
    person.project.undo()
    assert kept(person) is None


def test_the_person_of_coco_is_one_click_away(person, manager, qtbot):
    def do(dialog):
        press(dialog.person)
        press(dialog.go)

    answer(qtbot, manager, do)
    assert kept(person) == COCO_PERSON


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


def test_an_edge_to_a_point_that_is_not_there_cannot_be_kept(person, manager, qtbot):
    def do(dialog):
        write(dialog.names, "shoulder\nelbow")
        write(dialog.edges, "shoulder - foot")
        assert not dialog.go.isEnabled()
        assert "“shoulder - foot”" in dialog.effects.text()
        dialog.reject()

    answer(qtbot, manager, do)
    assert kept(person) is None
