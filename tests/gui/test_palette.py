"""Ctrl+K lists the actions of every page, says why one is not possible, and goes where it works."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListWidgetItem

from cvstudio.gui.action_table import ACTIONS
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.widgets.told_rows import GREY


def listed(person: Person, text: str) -> list[str]:
    """Open the palette, type, and read its rows."""
    person.key("Ctrl+K", person.window)
    QTest.keyClicks(person.window.header.search, text)
    rows = person.window.search.list
    return [read(rows.item(row)) for row in range(rows.count())]


def read(item: QListWidgetItem) -> str:
    """A row as it is read out: name, what it does or why not, page and key."""
    return str(item.data(Qt.ItemDataRole.AccessibleTextRole) or item.text())


def choose(person: Person, words: str) -> None:
    """Go down to a row with the keys, and take it with Enter."""
    rows = person.window.search.list
    field = person.window.header.search
    for _ in range(rows.count()):
        if rows.item(rows.currentRow()).text().startswith(words):
            break
        person.key("Down", field)
    assert rows.item(rows.currentRow()).text().startswith(words)
    person.key("Return", field)


@pytest.mark.parametrize("page", ["data", "label", "train"])
@pytest.mark.parametrize("text", ["comment", "suggest labels", "magic wand", "start run", "tag"])
def test_an_action_of_any_page_is_found_from_any_page(
    studio_window: Person, page: str, text: str
) -> None:
    studio_window.page(page)
    assert any(row.casefold().startswith(text) for row in listed(studio_window, text))
    studio_window.key("Esc", studio_window.window.header.search)


def test_down_in_the_empty_field_lists_every_action_with_those_of_this_page_first(
    studio_window: Person,
) -> None:
    studio_window.page("label")
    studio_window.key("Ctrl+K", studio_window.window)
    studio_window.key("Down", studio_window.window.header.search)
    rows = studio_window.window.search.list
    said = [read(rows.item(row)) for row in range(rows.count())]
    names = {info.text for info in ACTIONS if info.id != "app.search"}
    assert {name for name in names if any(row.startswith(name) for row in said)} == names
    assert said[0].startswith("Select")
    studio_window.key("Esc", studio_window.window.header.search)
    assert studio_window.window.search.isHidden()


def test_what_is_not_possible_now_stands_in_grey_with_its_reason_and_says_it_when_chosen(
    studio_window: Person,
) -> None:
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))
    page = studio_window.page("data")
    page.grid.clearSelection()  # type: ignore[attr-defined]
    rows = listed(studio_window, "mark as reviewed")
    wanted = "Mark as reviewed · Select images first · R"
    assert wanted in rows
    assert studio_window.window.search.list.item(rows.index(wanted)).data(GREY) is True
    choose(studio_window, "Mark as reviewed")
    assert told == ["Mark as reviewed: select images first."]


def test_choosing_an_action_of_another_page_goes_there_and_does_it(
    studio_window: Person,
) -> None:
    studio_window.page("data")
    wand = "Magic wand · click pixels that are alike; drag for more or fewer · Label · W"
    assert wand in listed(studio_window, "magic wand")
    choose(studio_window, "Magic wand")
    front = studio_window.window.front
    assert isinstance(front, LabelPage)
    assert front.canvas.tool.name == "wand"
    listed(studio_window, "comment")
    choose(studio_window, "Comment")
    assert front.canvas.tool.name == "comment"


def test_the_canvas_has_its_keys_again_after_the_palette(studio_window: Person) -> None:
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    page.canvas.setFocus()
    listed(studio_window, "polygon")
    choose(studio_window, "Polygon")
    assert page.canvas.tool.name == "polygon"
    assert QApplication.focusWidget() is page.canvas
    studio_window.key("B")
    assert page.canvas.tool.name == "brush"


def test_an_action_that_turns_out_impossible_on_its_page_says_why(studio_window: Person) -> None:
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))
    studio_window.page("data")
    listed(studio_window, "accept suggestions")
    choose(studio_window, "Accept suggestions")
    assert studio_window.window.front is studio_window.window.page_named("label")
    assert told == ["Accept suggestions: no suggestion on this image."]


def test_without_a_project_the_palette_says_that_one_is_needed(empty_window: Person) -> None:
    window = empty_window.window
    window.search._search("magic wand")
    assert read(window.search.list.item(0)) == "Magic wand · Open a project first · Label · W"
    window.search.close_()
