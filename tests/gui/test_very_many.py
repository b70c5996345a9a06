"""Changes of very many images are made, undone and redone in a thread; the keys come back."""

from __future__ import annotations

import threading

import pytest
from person import Person
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog

from cvstudio.core.annotation import Review, Split
from cvstudio.core.errors import ProjectError
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.widgets import progress_dialog
from cvstudio.gui.widgets.progress_dialog import ProgressDialog
from cvstudio.project import commands, queries


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
        assert stopped.wait(20)

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
