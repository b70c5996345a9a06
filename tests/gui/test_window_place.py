"""The window comes back where it was: not a pixel smaller, and on the screens of today."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cvstudio.core.settings import Memory
from cvstudio.gui import window_place

Start = Callable[[], QWidget]


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "window.json")


@pytest.fixture
def start(qtbot: QtBot, memory: Memory) -> Iterator[Start]:
    """Starts a window as the program does; the one before is closed and remembered first."""
    running: list[QWidget] = []

    def again() -> QWidget:
        end()
        window = QWidget()
        window_place.restore(window, memory)
        window.show()
        assert QTest.qWaitForWindowExposed(window)
        QApplication.processEvents()
        running.append(window)
        return window

    def end() -> None:
        while running:
            window = running.pop()
            window_place.remember(window, memory)
            window.close()
            window.deleteLater()

    yield again
    end()


def room() -> QRect:
    return QGuiApplication.primaryScreen().availableGeometry()


@pytest.mark.parametrize("less", [0, 1, 30, 200])
def test_a_window_keeps_its_size_and_place_over_many_starts(start: Start, less: int) -> None:
    window = start()
    window.resize(room().size() - QSize(less, less))
    window.move(less // 3, less // 4)
    QApplication.processEvents()
    place = window.geometry()
    assert place.size() == room().size() - QSize(less, less)
    for _ in range(4):
        assert start().geometry() == place


def test_a_maximised_window_comes_back_maximised_and_knows_where_it_was_before(
    start: Start,
) -> None:
    window = start()
    window.setGeometry(60, 70, 500, 400)
    QApplication.processEvents()
    window.showMaximized()
    QApplication.processEvents()
    for _ in range(2):
        window = start()
        assert window.isMaximized()
    window.showNormal()
    QApplication.processEvents()
    assert window.size() == QSize(500, 400)


def test_a_window_of_a_screen_that_is_gone_comes_back_in_sight(
    start: Start, memory: Memory
) -> None:
    memory.set(
        "window",
        {"corner": [9000, -4000], "size": [6000, 5000], "frame": [4, 4], "maximized": False},
    )
    place = start().frameGeometry()
    assert room().contains(place)
    assert place.width() > 300


def test_the_first_window_fits_the_screen(start: Start) -> None:
    window = start()
    assert window.width() <= room().width()
    assert window.height() <= room().height()
