"""Changes of very many images are made, undone and redone in a thread; the keys come back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from dialog_hands import answer_over, in_manager, press, when_open
from patience import LIMIT
from person import Person
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog

from cvstudio.core.annotation import Review, Split
from cvstudio.core.errors import ProjectError
from cvstudio.gui import travelling
from cvstudio.gui.class_manager import ClassManager
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.history_panel import HistoryPanel
from cvstudio.gui.widgets import progress_dialog
from cvstudio.gui.widgets.progress_dialog import ProgressDialog
from cvstudio.project import commands, queries
from cvstudio.project.project import Project


def gallery(person: Person) -> DataPage:
    page = person.page("data")
    assert isinstance(page, DataPage)
    return page


def reviewed(person: Person) -> int:
    with person.project.read() as s:
        return queries.review_counts(s)[Review.REVIEWED]


def test_a_step_over_very_many_images_is_undone_and_redone_in_a_thread(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_dialog, "MANY_IMAGES", 2)
    project, page = studio_window.project, gallery(studio_window)
    ids = list(page.model.ids)
    with project.transaction("Split all") as s:
        commands.set_split(s, image_ids=ids, split=Split.TEST)
    threads: list[threading.Thread] = []
    project.changed.connect(lambda _changes: threads.append(threading.current_thread()))
    page.grid.setFocus()
    studio_window.key("Ctrl+Z", studio_window.window)
    with project.read() as s:
        assert queries.split_counts(s)[Split.TEST] == 0
    assert studio_window.window.isEnabled()
    assert studio_window.window.focusWidget() is page.grid
    studio_window.key("Ctrl+Y", studio_window.window)
    with project.read() as s:
        assert queries.split_counts(s)[Split.TEST] == len(ids)
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    with project.transaction("Split one") as s:
        commands.set_split(s, image_ids=ids[:1], split=Split.VAL)
    studio_window.key("Ctrl+Z", studio_window.window)
    assert threads[-1] is threading.main_thread(), "a small step needs no dialog"


def test_a_change_of_very_many_images_is_made_in_a_thread(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_dialog, "MANY_IMAGES", 2)
    page = gallery(studio_window)
    threads: list[threading.Thread] = []
    studio_window.project.changed.connect(
        lambda _changes: threads.append(threading.current_thread())
    )
    page.grid.setFocus()
    page.grid.select_ids(page.model.ids)
    studio_window.key("R", page.grid)
    assert reviewed(studio_window) == 10, "two of the twelve have no annotation: they are empty"
    page.grid.select_ids(page.model.ids[:2])
    studio_window.key("T", page.grid)
    assert [each is threading.main_thread() for each in threads] == [False, True]


def test_cancel_on_the_way_leaves_every_image_as_it_was(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_dialog, "MANY_IMAGES", 2)
    page = gallery(studio_window)
    page.grid.select_ids(page.model.ids)
    before, stopped, real = reviewed(studio_window), threading.Event(), commands.set_review

    def slow(*parts: object, **more: object) -> None:
        real(*parts, **more)  # type: ignore[arg-type]
        assert stopped.wait(LIMIT)

    monkeypatch.setattr(commands, "set_review", slow)

    def stop() -> None:
        dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, ProgressDialog)]
        if not any(dialog.isVisible() for dialog in dialogs):
            QTimer.singleShot(20, stop)
            return
        studio_window.click(dialogs[0].cancel)
        stopped.set()

    QTimer.singleShot(20, stop)
    studio_window.key("R", page.grid)
    assert stopped.is_set()
    assert reviewed(studio_window) == before


def test_ctrl_z_in_the_class_manager_takes_a_large_change_back_in_a_thread(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_dialog, "MANY_IMAGES", 2)
    project = studio_window.project
    threads: list[threading.Thread] = []

    def names() -> list[str]:
        with project.read() as s:
            return [c.name for c in queries.classes(s)]

    def use(dialog: ClassManager) -> None:
        dialog.tree.select_class(1)
        answer_over(dialog, lambda question: press("Delete", question))
        dialog.delete()
        assert names() == ["WBC"]
        project.changed.connect(lambda _changes: threads.append(threading.current_thread()))
        ctrl = Qt.KeyboardModifier.ControlModifier
        QTest.keyClick(dialog.tree, Qt.Key.Key_Z, ctrl)
        assert names() == ["RBC", "WBC"]
        assert dialog.tree.topLevelItemCount() == 2
        assert dialog.isEnabled()
        QTest.keyClick(dialog.tree, Qt.Key.Key_Y, ctrl)
        assert names() == ["WBC"]
        QTest.keyClick(dialog.tree, Qt.Key.Key_Z, ctrl)
        assert names() == ["RBC", "WBC"]

    in_manager(studio_window, use)
    assert len(threads) == 3
    assert threading.main_thread() not in threads


def test_a_long_jump_in_the_history_is_made_in_a_thread_that_says_how_far_it_is(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = studio_window.project
    for number in range(travelling.MANY_STEPS + 2):
        with project.transaction(f"Step {number}") as s:
            commands.rename_project(s, name=f"name {number}")
    told, threads = [], []
    monkeypatch.setattr(
        ProgressDialog, "advance", lambda _self, done, total, text: told.append((total, text))
    )
    project.changed.connect(lambda _changes: threads.append(threading.current_thread()))
    monkeypatch.setattr(studio_window.studio, "ask", lambda *_, **__: True)
    studio_window.key("Ctrl+Shift+H")
    (panel,) = studio_window.window.findChildren(HistoryPanel)
    panel.list.setCurrentIndex(panel.list.steps.index(len(panel.list.steps.rows) - 1))
    studio_window.key("Return", panel.list)
    assert project.present_step == 0
    assert threads == [each for each in threads if each is not threading.main_thread()]
    assert len(threads) == 1
    steps = travelling.MANY_STEPS + 2
    assert told[0] == (steps, f"Undo {steps} steps")


def test_a_jump_that_is_stopped_on_its_way_leaves_the_project_where_it_stood(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(travelling, "MANY_STEPS", 2)
    project = studio_window.project
    for number in range(4):
        with project.transaction(f"Step {number}") as s:
            commands.rename_project(s, name=f"name {number}")
    before, real = project.present_step, Project.go_to
    stop = threading.Event()

    def slowly(self: Project, *parts: Any, progress: Any, **more: Any) -> object:
        def look(done: int, total: int) -> None:
            assert done < 2 or stop.wait(LIMIT)
            progress(done, total)

        return real(self, *parts, progress=look, **more)

    monkeypatch.setattr(Project, "go_to", slowly)
    monkeypatch.setattr(studio_window.studio, "ask", lambda *_, **__: True)

    def cancel(dialog: ProgressDialog) -> None:
        studio_window.click(dialog.cancel)
        stop.set()

    studio_window.key("Ctrl+Shift+H")
    (panel,) = studio_window.window.findChildren(HistoryPanel)
    when_open(ProgressDialog, cancel)
    panel.list.setCurrentIndex(panel.list.steps.index(4))
    studio_window.key("Return", panel.list)
    assert stop.is_set()
    assert project.present_step == before
    assert project.name == "name 3"
    assert studio_window.window.isEnabled()


def test_what_goes_wrong_in_the_thread_is_told(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_dialog, "MANY_IMAGES", 2)
    page = gallery(studio_window)
    page.grid.select_ids(page.model.ids)

    def fail(*_parts: object, **_more: object) -> None:
        raise ProjectError("The disk is full.")

    monkeypatch.setattr(commands, "set_review", fail)
    told: list[str] = []

    def read(dialog: QDialog) -> None:
        told.append(dialog.objectName())
        dialog.accept()

    studio_window.answer(read)
    studio_window.key("R", page.grid)
    assert told == ["failure"]
    assert studio_window.window.isEnabled()
