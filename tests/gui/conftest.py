"""The real window with a real project, driven as a person drives it; and the toolkit's police."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from augment_hands import pictures_come
from label_hands import Person as Hands
from label_hands import label_page
from person import Person, fill_project, make_images
from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from cvstudio.core.annotation import Task
from cvstudio.core.settings import Memory, Settings
from cvstudio.gui import theme
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.live import LiveProcess
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.studio import Studio
from cvstudio.gui.style import StudioStyle
from cvstudio.gui.tasks import Tasks, ThreadWork
from cvstudio.project.project import Project

HARMLESS = (
    "This plugin does not support",  # offscreen: raise, propagateSizeHints
    "QStandardPaths",
)
"""What the offscreen platform says of itself."""


@pytest.fixture(autouse=True)
def late_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --late, threads begin and answer at times that nobody chose; see tests/conftest.py."""
    longest: float = request.config.getoption("--late")
    if not longest:
        return
    work, post = ThreadWork.work, Tasks.post

    def begin_late(self: ThreadWork) -> None:
        time.sleep(random.uniform(0, longest))
        work(self)

    def answer_late(self: Tasks, function: Callable[[], None]) -> None:
        if threading.current_thread() is not threading.main_thread():
            time.sleep(random.uniform(0, longest))
        post(self, function)

    monkeypatch.setattr(ThreadWork, "work", begin_late)
    monkeypatch.setattr(Tasks, "post", answer_late)


@pytest.fixture
def qt_warnings() -> Iterator[list[str]]:
    """Everything that Qt complains about during a test."""
    said: list[str] = []

    def take(kind: QtMsgType, context: QMessageLogContext, message: str | None) -> None:
        text = message or ""
        if kind != QtMsgType.QtDebugMsg and not text.startswith(HARMLESS):
            said.append(text)

    before = qInstallMessageHandler(take)
    yield said
    qInstallMessageHandler(before)


@pytest.fixture
def dressed(qapp: QApplication) -> theme.ThemeKeeper:
    """The application in its dark dress."""
    if theme._Now.keeper is None or theme._Now.keeper.parent() is not qapp:
        theme.ThemeKeeper(qapp, StudioStyle())
    keeper = theme.keeper()
    keeper.choose("dark")
    return keeper


@pytest.fixture
def studio(dressed: theme.ThemeKeeper, private_home: Path) -> Iterator[Studio]:
    """The window's context with settings of its own."""
    made = Studio(Settings(), Memory())
    yield made
    made.shut_down()
    made.deleteLater()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A detect project with two classes and twelve images, ten of them labelled."""
    folder = tmp_path / "cells"
    made = Project.create(folder, task=Task.DETECT, name="Cells", classes=["RBC", "WBC"])
    fill_project(made, make_images(tmp_path / "pictures", 12))
    yield made
    made.close()


@pytest.fixture
def studio_window(
    studio: Studio, project: Project, qt_warnings: list[str], leftovers: None
) -> Iterator[Person]:
    """The real window on the project `project`, shown; fails when Qt complained."""
    yield from _opened(studio, project)
    assert not qt_warnings, qt_warnings


@pytest.fixture
def reading(
    studio: Studio, project: Project, qt_warnings: list[str], leftovers: None
) -> Iterator[Person]:
    """The real window on the project `project`, which another one writes to."""
    yield from _opened(studio, project, write=False)
    assert not qt_warnings, qt_warnings


@pytest.fixture
def empty_window(studio: Studio, qt_warnings: list[str], leftovers: None) -> Iterator[Person]:
    """The real window without a project."""
    yield from _opened(studio, None)
    assert not qt_warnings, qt_warnings


def _opened(studio: Studio, project: Project | None, *, write: bool = True) -> Iterator[Person]:
    window = MainWindow(studio)
    window.resize(1440, 900)
    if project is not None and write:
        studio.adopt(project)
    elif project is not None:
        studio.open(project.path, write=False)
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowExposed(window)
    person = Person(window, studio)
    yield person
    for dialog in QApplication.topLevelWidgets():
        if isinstance(dialog, QDialog):
            dialog.close()
    window.close()
    studio.shut_down()
    window.deleteLater()
    person.settle()


@pytest.fixture
def person(request: pytest.FixtureRequest, tmp_path: Path, qtbot: QtBot) -> Iterator[Hands]:
    """Hands on the Label page of a project of three images; its task is DETECT, or the parameter
    that a test gives."""
    with label_page(tmp_path, qtbot, getattr(request, "param", Task.DETECT)) as hands:
        yield hands


@pytest.fixture
def leftovers() -> Iterator[None]:
    """Fails a test that leaves a thread or a visible window behind."""
    before = {t.ident for t in threading.enumerate()}
    shown = {id(w) for w in QApplication.topLevelWidgets() if w.isVisible()}
    yield
    QApplication.processEvents()
    threads = [t.name for t in threading.enumerate() if t.ident not in before and t.is_alive()]
    assert not threads, f"threads left behind: {threads}"
    left = [w for w in QApplication.topLevelWidgets() if w.isVisible() and id(w) not in shown]
    assert not left, f"windows left open: {left}"


@pytest.fixture(scope="module")
def live_process(qapp: QApplication) -> Iterator[LiveProcess]:
    """One live process for the tests of a file: it takes seconds to load its libraries."""
    process = LiveProcess()
    yield process
    process.close()
    process.deleteLater()


@pytest.fixture
def augment_page(studio_window: Person, live_process: LiveProcess) -> Iterator[AugmentPage]:
    """The Augment page of the real window with its first variants."""
    studio_window.studio._live = live_process
    made = studio_window.page("augment")
    assert isinstance(made, AugmentPage)
    if not made.grid.pictures:
        pictures_come(made)
    studio_window.settle()
    yield made
    made.preview.stop()
    studio_window.studio._live = None  # the studio would close it
