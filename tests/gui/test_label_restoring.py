"""Restore an image's annotations as of an earlier step: seen before, one step, only this image."""

import threading

import numpy as np
import pytest
from dialog_hands import when_open
from label_hands import label_page
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.gui.label.restoring import FIRST, RestoreDialog
from cvstudio.project import commands, queries, restoring


@pytest.fixture
def person(tmp_path, qtbot, private_home):
    with label_page(tmp_path, qtbot) as person:
        yield person


def rows(dialog):
    return [(row.title, row.present, row.future) for row in dialog.list.steps.rows]


def choose(dialog, title):
    place = [row.title for row in dialog.list.steps.rows].index(title)
    rect = dialog.list.visualRect(dialog.list.steps.index(place))
    QTest.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())


def with_dialog(person, act):
    """Ask for the dialog, and do something with it once it is up."""
    seen = []

    def look(dialog):
        seen.append(dialog)
        try:
            act(dialog)
        finally:
            if dialog.isVisible():
                dialog.reject()

    when_open(RestoreDialog, look)
    person.do("label.restore")
    assert seen, "no dialog came up"


def drawn(person, *lefts):
    ids = []
    for left in lefts:
        person.document.choose_class(1)
        ids.append(person.document.add(Box(left, 20, 30, 30), label=f"Add box {left}"))
    return ids


def test_a_moment_is_seen_before_it_is_restored_as_one_step(person):
    first, second = drawn(person, 10, 60)
    person.document.relabel([first], 2)
    person.document.delete([second])
    before = person.shapes
    told = {}

    def act(dialog):
        assert not dialog.go.isEnabled()
        assert [title for title, *_ in rows(dialog)] == [
            "Delete annotation", "Change class to “Nucleus”", "Add box 60", "Add box 10", FIRST,
        ]  # fmt: skip
        until(lambda: dialog.view._image is not None)
        choose(dialog, "Add box 60")
        told["boxes"] = [item.shape.x for item in dialog.view._items]
        told["strong"] = [item.strong for item in dialog.view._items]
        told["words"], told["note"] = dialog.words.text(), dialog._note.text()
        dialog.go.click()

    with_dialog(person, act)
    assert told["boxes"] == [10, 60]
    assert told["strong"] == [True, True]
    assert told["words"] == "Cell 2"
    assert told["note"].startswith("1 annotation comes back, 1 changes. One step")
    assert [(a.id, a.class_id, a.box.x) for a in person.shapes] == [(first, 1, 10), (second, 1, 60)]
    assert person.project.undo_label.startswith("Restore annotations as of ")
    person.project.undo()
    assert person.shapes == before


def test_other_images_keep_what_was_done_since(person):
    (mine,) = drawn(person, 10)
    other = person.add(Box(5, 5, 9, 9), image=2)
    person.document.delete([mine])

    def act(dialog):
        choose(dialog, "Add box 10")
        QTest.keyClick(dialog.list, Qt.Key.Key_Tab)
        dialog.go.click()

    with_dialog(person, act)
    assert [a.id for a in person.shapes] == [mine]
    with person.project.read() as session:
        assert [a.id for a in queries.annotations(session, 2)] == [other]


def test_what_was_undone_can_be_brought_back_from_the_list(person):
    drawn(person, 10, 60)
    person.project.undo()

    def act(dialog):
        assert rows(dialog)[:2] == [("Add box 60", False, True), ("Add box 10", True, False)]
        choose(dialog, "Add box 60")
        dialog.go.click()

    with_dialog(person, act)
    assert [a.box.x for a in person.shapes] == [10, 60]
    assert person.project.redo_label is None


def test_cancel_changes_nothing_and_the_canvas_has_the_keys_again(person):
    drawn(person, 10, 60)
    label = person.project.undo_label

    def act(dialog):
        choose(dialog, FIRST)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    with_dialog(person, act)
    assert len(person.shapes) == 2
    assert person.project.undo_label == label
    assert person.page.focusWidget() is person.canvas


def test_the_first_of_very_many_changes_of_an_image_is_reached_by_scrolling(person):
    with person.project.transaction("Draw the first") as s:
        id = commands.add_annotation(s, image_id=1, class_id=1, shape=Box(5, 5, 9, 9))
    for number in range(450):
        with person.project.transaction(f"Move {number}") as s:
            commands.set_shape(s, id=id, shape=Box(6 + number % 40, 5, 9, 9))

    def act(dialog):
        assert rows(dialog)[0][0] == "Move 449"
        assert len(rows(dialog)) < 450
        bar = dialog.list.verticalScrollBar()

        def complete():
            bar.setValue(bar.maximum())
            return rows(dialog)[-1][0] == FIRST

        until(complete)
        assert [row[0] for row in rows(dialog)[-3:]] == ["Move 0", "Draw the first", FIRST]
        assert len(rows(dialog)) == 452
        choose(dialog, "Draw the first")
        dialog.go.click()

    with_dialog(person, act)
    assert person.only.shape == Box(5, 5, 9, 9)


def test_an_image_without_steps_says_so_instead_of_an_empty_list(person):
    person.studio.select_image(3)
    with person.project.transaction("Prepare", undoable=False) as s:
        commands.add_annotation(s, image_id=3, class_id=1, shape=Box(1, 1, 5, 5))
    said = []
    person.page.restoring.said.connect(said.append)
    person.do("label.restore")
    assert said == ["No step that is kept has changed this image's annotations"]


def test_what_cannot_come_back_is_told(person):
    drawn(person, 10)
    person.document.choose_class(3)
    person.document.add(Box(60, 20, 30, 30), label="Add other")
    with person.project.transaction("Delete class") as s:
        commands.delete_class(s, id=3)
    said, seen = [], []
    person.page.restoring.said.connect(said.append)

    def act(dialog):
        choose(dialog, "Add other")
        seen.append(dialog.words.text())
        dialog.go.click()

    with_dialog(person, act)
    assert seen == ["Cell 1 · 1 annotation of a class that is gone"]
    assert said == ["1 annotation stayed away: the class is gone"]
    assert len(person.shapes) == 1


def test_masks_are_seen_and_come_back_to_the_last_pixel(tmp_path, qtbot, private_home):
    with label_page(tmp_path, qtbot, Task.SEGMENT) as person:
        patch = (np.random.default_rng(0).random((40, 50)) > 0.5).astype(np.uint8)
        person.document.choose_class(1)
        person.document.add(Mask.from_patch(patch, 30, 20), label="Paint")
        before = person.only.shape
        person.document.delete([person.only.id])

        def act(dialog):
            choose(dialog, "Paint")
            assert dialog.view._items[0].shape == before
            dialog.go.click()

        with_dialog(person, act)
        assert person.only.shape == before


def test_the_history_is_looked_through_beside_the_window(person, monkeypatch):
    drawn(person, 10, 60)
    threads, moments = [], restoring.moments

    def looked(*args, **more):
        threads.append(threading.current_thread())
        return moments(*args, **more)

    monkeypatch.setattr(restoring, "moments", looked)
    with_dialog(person, lambda dialog: None)
    assert threads
    assert threading.main_thread() not in threads
