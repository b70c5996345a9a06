"""What is pressed in vain is told of: greyed pages of the rail, keys of another page; and start."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from cvstudio.core.annotation import Task
from cvstudio.gui.start import RecentRow
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project.project import Project


def told(person: Person) -> list[str]:
    return [toast.words.text() for toast in person.window.findChildren(ToastFrame)]


def in_status(person: Person) -> list[str]:
    return [part.text() for part in person.window.status.findChildren(QLabel)]


def test_a_greyed_page_says_what_it_waits_for_when_it_is_pressed(empty_window: Person) -> None:
    empty_window.click(empty_window.window.rail.buttons["train"])
    assert told(empty_window) == ["Train: Open a project first"]
    empty_window.click(empty_window.window.rail.buttons["label"])
    assert told(empty_window) == ["Label: Open a project first"], "one word, not a heap of them"


def test_a_greyed_page_says_so_under_the_pointer_too(empty_window: Person) -> None:
    button = empty_window.window.rail.buttons["analyze"]
    for place in (QPoint(9, 9), QPoint(12, 12)):  # where it is already, moving it would do nothing
        QTest.mouseMove(button, place)
    empty_window.until(lambda: "Analyze: Open a project first" in in_status(empty_window))
    QTest.mouseMove(empty_window.window.stack, QPoint(300, 300))
    empty_window.until(lambda: "Analyze: Open a project first" not in in_status(empty_window))


def test_a_page_that_can_be_gone_to_is_gone_to_without_a_word(studio_window: Person) -> None:
    studio_window.click(studio_window.window.rail.buttons["train"])
    assert studio_window.window.front is studio_window.window.page_named("train")
    assert told(studio_window) == []
    studio_window.idle()


@pytest.mark.parametrize("visited", [False, True])
def test_a_key_of_data_says_on_train_where_it_works_and_leads_there(
    studio_window: Person, visited: bool
) -> None:
    if visited:
        studio_window.page("data")
    studio_window.page("train")
    studio_window.key("Ctrl+O")
    assert told(studio_window) == ["Ctrl+O is “Choose a folder” on the page Data."]
    (link,) = [
        b for b in studio_window.window.findChildren(QPushButton) if b.text() == "Go to Data"
    ]
    studio_window.click(link)
    assert studio_window.window.front is studio_window.window.page_named("data")
    studio_window.idle()


def test_keys_say_without_a_project_that_they_need_one(empty_window: Person) -> None:
    empty_window.key("Alt+4")
    assert told(empty_window) == ["Train: Open a project first"]
    empty_window.key("Ctrl+I")
    assert told(empty_window) == ["Import: Open a project first"]


def test_letters_and_keys_without_a_meaning_say_nothing(studio_window: Person) -> None:
    studio_window.page("train")
    for keys in ("B", "Ctrl+Shift+F11", "Ctrl+Z"):
        studio_window.key(keys, studio_window.window)
    assert told(studio_window) == []
    studio_window.idle()


def test_recent_projects_are_called_by_their_names_with_the_folder_below(
    studio_window: Person, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("more") / "bccd"
    studio_window.idle()
    studio_window.studio.adopt(Project.create(other, task=Task.DETECT, name="Blood smears"))
    studio_window.idle()
    studio_window.trigger("project.close")
    rows = studio_window.window.findChildren(RecentRow)
    said = [[part.text() for part in row.findChildren(QLabel) if part.text()] for row in rows]
    assert [words[:2] for words in said if words[0] == "Blood smears"] == [
        ["Blood smears", str(other)]
    ]
    assert any(words[0] == "Cells" for words in said)
    assert "Open Blood smears" in [row.accessibleName() for row in rows]
