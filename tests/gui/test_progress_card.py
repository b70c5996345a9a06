"""The progress card of Label: its key, what it counts, and that it does not get in the way."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest
from label_hands import label_page
from patience import until
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from cvstudio.core.geometry import Box
from cvstudio.gui.label.progress_card import ProgressCard


@pytest.fixture
def person(tmp_path, qtbot, private_home, monkeypatch):
    clock = count(1_800_000_000.0, 45.0)
    ours = SimpleNamespace(time=lambda: next(clock))  # the time of steps only
    monkeypatch.setattr("cvstudio.project.steps.time", ours)
    with label_page(tmp_path, qtbot) as hands:
        yield hands


def test_its_key_shows_and_hides_it_and_the_choice_is_kept(person):
    card = person.page.progress
    assert card.isHidden()
    person.keys("Shift+P")
    assert card.isVisible()
    assert person.studio.settings.get("label.progress") is True
    assert person.studio.actions["label.progress"].isChecked()
    person.keys("Shift+P")
    assert card.isHidden()
    assert person.studio.settings.get("label.progress") is False


def test_it_tells_pace_rest_and_classes_as_work_goes_on(person):
    card = person.page.progress
    person.keys("Shift+P")
    assert card.figure("Images per hour") == "not yet known"
    assert card.figure("To go") == "3"
    assert card.figure("Time left") == "after a few images"
    for image in (1, 2, 3):
        person.add(Box(10, 10, 40, 40), image=image)
    until(lambda: card.figure("Images per hour") == "80")
    assert card.figure("Reviewed") == "0 of 3"
    assert card.figure("Time left") == "about 2 min"
    assert card.class_figures()[0] == ("Cell", "3")
    person.keys("Ctrl+Return")
    until(lambda: card.figure("Reviewed") == "1 of 3")
    assert card.figure("To go") == "2"


def corner(person):
    """Where the card lies: "lower left"."""
    middle, centre = person.page.progress.geometry().center(), person.canvas.rect().center()
    side = "right" if middle.x() > centre.x() else "left"
    return f"{'upper' if middle.y() < centre.y() else 'lower'} {side}"


def drag_card(person, x, y):
    """Drag the card by its title until its middle is near a place of the canvas."""
    handle, card = person.page.progress.handle, person.page.progress
    grip = handle.rect().center()
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(handle, left, none, grip)
    for share in (0.3, 0.7, 1.0):
        start = card.geometry().center()
        goal = QPoint(round(x), round(y))
        by = (goal - start) * share
        QTest.mouseMove(handle, grip + by)
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(grip + by), QPointF(handle.mapToGlobal(grip + by)),
            Qt.MouseButton.NoButton, left, none,
        )  # fmt: skip
        QApplication.sendEvent(handle, event)
    QTest.mouseRelease(handle, left, none, grip)


@pytest.mark.parametrize(
    ("where", "x", "y"),
    [("upper right", 0.9, 0.1), ("lower right", 0.9, 0.9), ("upper left", 0.1, 0.1)],
)
def test_the_card_is_dragged_to_another_corner_and_is_found_there_again(person, where, x, y):
    person.keys("Shift+P")
    assert corner(person) == "lower left"
    room = person.canvas.size()
    drag_card(person, room.width() * x, room.height() * y)
    assert corner(person) == where
    card = person.page.progress
    assert person.canvas.rect().contains(card.geometry())
    again = ProgressCard(person.page.document, person.canvas)
    again.show_card(True)
    assert again.geometry() == card.geometry(), "the next window shows it there as well"


def test_enter_on_the_title_takes_the_next_corner_and_finishes_no_shape(person):
    person.keys("Shift+P")
    person.page.progress.handle.setFocus()
    seen = [corner(person)]
    for _ in range(4):
        QTest.keyClick(person.page.progress.handle, Qt.Key.Key_Return)
        seen.append(corner(person))
    assert seen == ["lower left", "upper left", "upper right", "lower right", "lower left"]


def test_a_box_can_be_drawn_through_it(person):
    person.keys("Shift+P")
    card = person.page.progress
    middle = person.canvas.mapToScene(card.geometry().center())
    x, y = middle.x(), middle.y()
    person.keys("R")
    person.drag((x, y), (x + 50, y - 50))
    assert len(person.shapes) == 1


def test_it_stays_in_its_corner_when_the_window_grows(person):
    person.keys("Shift+P")
    card, canvas = person.page.progress, person.canvas
    for size in ((1280, 720), (1500, 900)):
        person.page.resize(*size)
        until(lambda: canvas.height() - card.geometry().bottom() < 20)
        assert card.x() == 12
        assert canvas.rect().contains(card.geometry())
        for words in card.findChildren(QLabel):
            needed = words.sizeHint()
            assert words.height() >= needed.height(), words.text()
            assert words.width() >= needed.width(), words.text()
