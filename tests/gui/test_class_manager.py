"""The class manager in the real window: what a change will touch is said before, one step each."""

from __future__ import annotations

import pytest
from dialog_hands import answer_over, in_manager
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QMenu, QPushButton

from cvstudio.core.errors import ProjectError
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.skeleton import Skeleton
from cvstudio.gui.class_manager import ClassManager
from cvstudio.project import class_tree, commands, queries, rows, skeleton_changes
from cvstudio.project.project import Project


def words_of(dialog: QDialog) -> str:
    return "\n".join(part.text() for part in dialog.findChildren(QLabel))


def chosen_in(menu: QMenu, text: str) -> QAction:
    return next(action for action in menu.actions() if action.text().startswith(text))


def names(project: Project) -> list[str]:
    with project.read() as s:
        return [c.name for c in queries.classes(s)]


def test_the_manager_says_what_each_class_has(studio_window: Person) -> None:
    def look(dialog: ClassManager) -> None:
        item = dialog.tree.topLevelItem(0)
        assert item is not None
        assert [item.text(column) for column in range(4)] == ["RBC", "1", "10", "10"]
        studio_window.click(dialog.tree.viewport(), dialog.tree.visualItemRect(item).center())
        assert "RBC: 10 objects in 10 images." in words_of(dialog)

    in_manager(studio_window, look)


def test_merging_tells_before_what_it_will_change_and_is_one_step(studio_window: Person) -> None:
    said: list[str] = []

    def merge(dialog: ClassManager) -> None:
        dialog.tree.select_class(1)
        menu = dialog.merge_menu()
        assert menu.actions()[0].text() == "10 objects in 10 images will change class"

        def agree(question: QDialog) -> None:
            said.append(words_of(question))
            studio_window.click(studio_window.button("Merge", question))

        answer_over(dialog, agree)
        chosen_in(menu, "WBC").trigger()
        assert names(studio_window.project) == ["WBC"]
        studio_window.key("Ctrl+Z", dialog.tree)
        assert names(studio_window.project) == ["RBC", "WBC"]

    in_manager(studio_window, merge)
    assert "10 objects in 10 images become “WBC”, and 1 class goes." in said[0]


def test_a_merge_that_takes_points_away_names_them_before(studio_window: Person) -> None:
    with studio_window.project.transaction("Skeletons") as s:
        arm = Skeleton(("shoulder", "elbow", "wrist"))
        skeleton_changes.define(s, class_id=1, skeleton=arm)
        skeleton_changes.define(s, class_id=2, skeleton=Skeleton(("shoulder", "wrist")))
        points = Keypoints.of([(5, 5, 2), (9, 9, 2), (14, 7, 2)])
        commands.add_annotation(s, image_id=1, class_id=1, shape=points)
    said: list[str] = []

    def merge(dialog: ClassManager) -> None:
        def look(question: QDialog) -> None:
            said.append(words_of(question))
            studio_window.click(studio_window.button("Cancel", question))

        dialog.tree.select_class(1)
        answer_over(dialog, look)
        chosen_in(dialog.merge_menu(), "WBC").trigger()

    in_manager(studio_window, merge)
    assert "1 object loses “elbow”." in said[0]
    assert names(studio_window.project) == ["RBC", "WBC"]


def test_renaming_says_how_many_objects_get_the_name(studio_window: Person) -> None:
    said: list[str] = []

    def rename(dialog: ClassManager) -> None:
        dialog.tree.select_class(2)

        def name(question: QDialog) -> None:
            said.append(words_of(question))
            field = question.findChild(QLineEdit)
            assert field is not None
            field.setText("White cell")
            question.accept()

        answer_over(dialog, name)
        studio_window.click(studio_window.button("Rename", dialog))

    in_manager(studio_window, rename)
    assert "10 objects in 10 images will have the new name." in said[0]
    assert names(studio_window.project) == ["RBC", "White cell"]


def test_a_name_that_is_used_is_refused_while_it_is_typed(studio_window: Person) -> None:
    said: list[tuple[str, bool]] = []

    def rename(dialog: ClassManager) -> None:
        dialog.tree.select_class(2)

        def name(question: QDialog) -> None:
            field = question.findChild(QLineEdit)
            assert field is not None
            (go,) = [b for b in question.findChildren(QPushButton) if b.text() == "Rename"]
            for text in ("RBC", "White cell"):
                field.setText(text)
                said.append((words_of(question), go.isEnabled()))
            question.reject()

        answer_over(dialog, name)
        studio_window.click(studio_window.button("Rename", dialog))

    in_manager(studio_window, rename)
    (refused, possible), (fine, after) = said
    assert "There is a class “RBC” already. “Merge into” joins the two." in refused
    assert "will have the new name" not in refused
    assert not possible
    assert "10 objects in 10 images will have the new name." in fine
    assert after


def test_a_class_that_was_added_is_the_selected_one(studio_window: Person) -> None:
    chosen: list[list[int]] = []

    def add(dialog: ClassManager) -> None:
        dialog.tree.select_class(1)

        def name(question: QDialog) -> None:
            field = question.findChild(QLineEdit)
            assert field is not None
            field.setText("Platelet")
            question.accept()

        answer_over(dialog, name)
        studio_window.click(studio_window.button("Add", dialog))
        chosen.append(dialog.tree.chosen())

    in_manager(studio_window, add)
    assert names(studio_window.project) == ["RBC", "WBC", "Platelet"]
    assert chosen == [[3]]


def test_a_class_dropped_on_another_becomes_a_kind_of_it(studio_window: Person) -> None:
    def drop(dialog: ClassManager) -> None:
        tree = dialog.tree
        # A drag's own loop does not run offscreen: the row is moved as the drop moves it.
        moved, above = tree.takeTopLevelItem(0), tree.topLevelItem(0)
        assert moved is not None
        assert above is not None
        above.addChild(moved)
        tree.arranged.emit(tree.arrangement())
        studio_window.settle()

    in_manager(studio_window, drop)
    with studio_window.project.read() as s:
        assert class_tree.parents(s) == {2: None, 1: 2}
    studio_window.trigger("edit.undo")
    with studio_window.project.read() as s:
        assert class_tree.parents(s) == {1: None, 2: None}


def test_a_class_is_split_by_an_attribute_of_its_objects(studio_window: Person) -> None:
    project = studio_window.project
    with project.read() as s:
        ids = [a.id for a in queries.annotations(s, 1) if a.class_id == 1]
    with project.transaction("Attributes") as s:
        rows.change(s, "annotation", ids, attributes='{"form": "sickle"}')

    def split(dialog: ClassManager) -> None:
        dialog.tree.select_class(1)
        menu = dialog.split_menu()

        def agree(question: QDialog) -> None:
            assert "RBC sickle: 1 object in 1 image" in words_of(question)
            studio_window.click(studio_window.button("Split", question))

        answer_over(dialog, agree)
        chosen_in(menu, "form: 1 value, 1 object").trigger()

    in_manager(studio_window, split)
    assert names(project) == ["RBC", "WBC", "RBC sickle"]


def test_ctrl_z_in_the_manager_takes_back_its_own_changes_and_nothing_from_before(
    studio_window: Person,
) -> None:
    project = studio_window.project
    with project.transaction("Import") as s:
        commands.rename_class(s, id=2, name="imported")
    before, told = names(project), []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))

    def undo(dialog: ClassManager) -> None:
        dialog._change("Add class", lambda s: commands.add_class(s, name="mine"))
        assert names(project) == [*before, "mine"]
        for _ in range(2):
            QTest.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
            assert names(project) == before

    in_manager(studio_window, undo)
    assert told == ["No change that was made here is left to undo"]
    assert project.undo_label == "Import"


def test_an_undo_that_fails_in_the_manager_is_said_in_words(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, told = studio_window.project, []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))

    def fail(*, only: int | None = None) -> None:
        raise ProjectError("The disk is full.")

    def undo(dialog: ClassManager) -> None:
        dialog._change("Add class", lambda s: commands.add_class(s, name="mine"))
        monkeypatch.setattr(project, "undo", fail)
        QTest.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    in_manager(studio_window, undo)
    assert told == ["The disk is full."]
