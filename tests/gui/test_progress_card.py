"""The progress card of Label: its key, what it counts, and that it does not get in the way."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest
from label_hands import label_page
from patience import until
from PySide6.QtWidgets import QLabel

from cvstudio.core.geometry import Box


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
