"""Work in threads, and what the window does when something fails."""

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from patience import LIMIT, until
from person import Person
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLabel,
)

from cvstudio.core.errors import ProjectError, file_trouble
from cvstudio.gui.one_step import make_step
from cvstudio.gui.studio import Studio, in_words
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.progress_dialog import ProgressDialog
from cvstudio.project import commands
from cvstudio.project.project import Project


def test_an_error_on_saving_names_the_file_that_was_chosen(tmp_path: Path) -> None:
    chosen = tmp_path / "table.csv"
    refused = PermissionError(errno.EPERM, "Operation not permitted", f"{chosen}.part")
    assert file_trouble(refused) == f"{chosen} may not be changed by you."
    words, advice = in_words(refused)
    assert words == f"There is no permission to use {chosen}."
    assert advice == "Choose another folder."


def test_work_in_a_thread_tells_progress_and_its_result(studio: Studio, qtbot: object) -> None:
    seen: list[tuple[int, int, str]] = []
    got: list[int] = []

    def work(control: object) -> int:
        control.progress(3, 3, "counting")  # type: ignore[attr-defined]
        return 42

    studio.tasks.run(work, done=got.append, progress=lambda *p: seen.append(p))
    until(lambda: bool(got))
    assert (got, seen) == ([42], [(3, 3, "counting")])


def test_cancelled_work_stops_and_says_nothing_more(studio: Studio) -> None:
    got: list[object] = []

    def work(control: object) -> None:
        while True:
            control.check()  # type: ignore[attr-defined]

    running = studio.tasks.run(work, done=got.append, failed=got.append)
    running.cancel()
    until(lambda: not running.running)
    assert not got


def test_what_was_whole_before_it_was_to_stop_is_told_as_done(studio: Studio) -> None:
    begun, go, got = threading.Event(), threading.Event(), list[int]()

    def work(_control: Control) -> int:
        begun.set()
        assert go.wait(LIMIT)
        return 42

    running = studio.tasks.run(work, done=got.append, whole=True)
    assert begun.wait(LIMIT)
    running.cancel()
    go.set()
    until(lambda: not running.running)
    assert got == [42]


def test_a_step_that_is_stored_when_cancel_is_pressed_is_not_called_cancelled(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, go, transaction = threading.Event(), threading.Event(), Project.transaction

    @contextmanager
    def slowly(project: Project, *parts: Any, **more: Any) -> Iterator[Any]:
        with transaction(project, *parts, **more) as session:
            yield session
        stored.set()
        assert go.wait(LIMIT)

    def cancel() -> None:
        shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, ProgressDialog)]
        if stored.is_set() and shown and shown[0].isVisible():
            shown[0].cancel.click()
            go.set()
        else:
            QTimer.singleShot(20, cancel)

    monkeypatch.setattr(Project, "transaction", slowly)
    QTimer.singleShot(0, cancel)
    outcome = make_step(
        studio_window.studio, studio_window.window, "Rename",
        lambda s: commands.rename_project(s, name="Other"), far=True,
    )  # fmt: skip
    assert not outcome.cancelled
    assert outcome.error is None
    assert studio_window.project.undo_label == "Rename"


def test_an_answer_for_a_widget_that_is_gone_is_dropped(studio: Studio) -> None:
    import shiboken6
    from PySide6.QtCore import QObject

    owner = QObject()
    got: list[int] = []
    running = studio.tasks.run(lambda _c: 1, done=got.append, owner=owner)
    shiboken6.delete(owner)
    until(lambda: not running.running)
    assert not got


def _failure_of(studio_window: Person, error: BaseException) -> tuple[list[str], str]:
    """What the dialog about an error says at once, and what is folded away."""
    from PySide6.QtWidgets import QPlainTextEdit

    said: list[str] = []
    folded: list[str] = []

    def look(dialog: QDialog) -> None:
        said.extend(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())
        for details in dialog.findChildren(QPlainTextEdit):
            assert not details.isVisible()
            folded.append(details.toPlainText())
        dialog.accept()

    studio_window.answer(look)
    studio_window.studio.fail(error)
    return said, "".join(folded)


def test_a_foreseen_error_is_told_in_words_and_not_by_a_traceback(studio_window: Person) -> None:
    error = ProjectError("The disk is full.", hint="Free some space.")
    said, folded = _failure_of(studio_window, error)
    assert "The disk is full." in said
    assert "Free some space." in said
    assert not folded
    assert "Details" not in said


def test_the_details_of_an_unforeseen_error_are_folded_away(studio_window: Person) -> None:
    said, folded = _failure_of(studio_window, ZeroDivisionError("oops"))
    assert any("did not foresee" in text for text in said)
    assert "ZeroDivisionError: oops" in folded


def test_an_uncaught_error_is_told_and_the_window_stays(studio_window: Person) -> None:
    from cvstudio.gui import app

    before = sys.excepthook, threading.excepthook
    seen: list[str] = []
    try:
        app._catch_everything(studio_window.studio)

        def look(dialog: QDialog) -> None:
            seen.append(dialog.objectName())
            dialog.accept()

        studio_window.answer(look)
        error = ZeroDivisionError("oops")
        sys.excepthook(type(error), error, None)
        studio_window.until(lambda: seen == ["failure"])
    finally:
        sys.excepthook, threading.excepthook = before
    assert studio_window.window.isVisible()


def test_closing_the_window_ends_its_threads(
    studio: Studio, project: Project, leftovers: None
) -> None:
    from cvstudio.gui.main_window import MainWindow

    window = MainWindow(studio)
    studio.adopt(project)
    window.show()
    QTest.qWait(200)
    window.close()
    assert studio.project is None
    assert not studio.tasks.working
    window.deleteLater()


@pytest.mark.parametrize("watched", [True, False])
def test_closing_asks_before_it_stops_an_import_and_not_before_a_reading(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(studio_window.studio, "ask", lambda text, *_, **__: asked.append(text))

    def wait_until_cancelled(control: Control) -> None:
        while not control.cancelled():
            time.sleep(0.01)

    work = studio_window.studio.tasks.run(
        wait_until_cancelled,
        title="Import 3 images" if watched else "Read the runs",
        progress=(lambda *_: None) if watched else None,
    )
    stayed = not studio_window.window.close()
    work.cancel()
    studio_window.until(lambda: not work.running)
    assert asked == (["Stop “Import 3 images”?"] if watched else [])
    assert stayed is watched
