"""The history panel: every step by name, the present marked, and a way to any of them."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest
from dialog_hands import press
from person import Person
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QPushButton

from cvstudio.core.geometry import Box
from cvstudio.gui.history_panel import HistoryPanel
from cvstudio.gui.widgets.step_list import StepRow, reach_words, when
from cvstudio.project import commands, database, lock, queries
from cvstudio.project.records import NewImage
from cvstudio.project.steps import Step


def add(person: Person, x: float, label: str = "Add box") -> None:
    with person.project.transaction(label) as s:
        first = queries.image_ids(s)[0]
        commands.add_annotation(s, image_id=first, class_id=1, shape=Box(x, 2, 9, 9))
    person.settle()


def panel(person: Person) -> HistoryPanel:
    person.key("Ctrl+Shift+H")
    (found,) = person.window.findChildren(HistoryPanel)
    assert found.isVisible()
    return found


def rows(found: HistoryPanel) -> list[StepRow]:
    return found.list.steps.rows


def click(person: Person, found: HistoryPanel, title: str) -> None:
    place = [row.title for row in rows(found)].index(title)
    rect = found.list.visualRect(found.list.steps.index(place))
    person.click(found.list.viewport(), rect.center())


def boxes(person: Person) -> list[float]:
    with person.project.read() as s:
        return [a.box.x for a in queries.annotations(s, queries.image_ids(s)[0])]


def look_at_first(person: Person) -> None:
    with person.project.read() as s:
        person.studio.select_image(queries.image_ids(s)[0])


def go_forward(person: Person) -> None:
    (link,) = [
        button for button in person.window.findChildren(QPushButton)
        if button.text() == "Go forward again" and button.isVisible()
    ]  # fmt: skip
    person.click(link)


@pytest.fixture
def worked(studio_window: Person) -> Person:
    """A window in which three boxes were drawn and the last one was undone."""
    for n in range(3):
        add(studio_window, n, f"Add box {n}")
    studio_window.project.undo()
    return studio_window


def test_the_steps_are_named_with_time_and_person_and_the_present_is_marked(
    worked: Person,
) -> None:
    found = panel(worked)
    assert [row.title for row in rows(found)] == [
        "Add box 2", "Add box 1", "Add box 0", "Before these steps",
    ]  # fmt: skip
    assert [row.future for row in rows(found)] == [True, False, False, False]
    assert [row.present for row in rows(found)] == [False, True, False, False]
    assert lock.user() in rows(found)[1].detail
    assert rows(found)[1].detail.endswith("slide_1.png")
    assert found.figure.text().startswith("3 steps · ")
    spoken = found.list.steps.data(found.list.steps.index(1), Qt.ItemDataRole.AccessibleTextRole)
    assert "present" in spoken


@pytest.mark.parametrize("page", ["data", "label", "augment", "train", "analyze", "export"])
def test_the_panel_opens_over_every_page_and_escape_puts_it_away(worked: Person, page: str) -> None:
    worked.page(page)
    found = panel(worked)
    assert QApplication.focusWidget() is found.list
    assert worked.window.rect().contains(found.geometry())
    worked.key("Esc")
    assert not found.isVisible()
    worked.click(worked.window.header.history)
    assert found.isVisible()
    worked.key("Ctrl+Shift+H")
    assert not found.isVisible()


def test_a_click_goes_to_a_step_back_and_forth_and_to_the_beginning(
    worked: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worked.studio, "ask", lambda *_, **__: True)
    before = boxes(worked)[:-2]
    found = panel(worked)
    for title, left in [
        ("Add box 0", [0.0]), ("Add box 2", [0.0, 1.0, 2.0]), ("Before these steps", []),
        ("Add box 1", [0.0, 1.0]),
    ]:  # fmt: skip
        click(worked, found, title)
        assert boxes(worked) == before + left
        assert [row.title for row in rows(found) if row.present] == [title]
    assert worked.project.undo_label == "Add box 1"


def test_arrows_only_look_and_enter_goes(worked: Person) -> None:
    look_at_first(worked)
    found = panel(worked)
    before = boxes(worked)
    QTest.keyClick(found.list, Qt.Key.Key_Down)
    assert boxes(worked) == before
    QTest.keyClick(found.list, Qt.Key.Key_Return)
    assert boxes(worked) == before[:-1]
    assert found.isVisible()


def test_a_step_on_many_images_is_asked_about_first(studio_window: Person) -> None:
    person = studio_window
    with person.project.transaction("Bring in images") as s:
        commands.add_images(s, [NewImage(f"m/{n}.png", width=9, height=9) for n in range(12)])
    add(person, 1, "Add box 1")
    count = person.studio.image_count
    found = panel(person)
    said: list[str] = []

    def refuse(dialog: QDialog) -> None:
        said.append(dialog.windowTitle())
        dialog.reject()

    person.answer(refuse)
    click(person, found, "Before these steps")
    assert said == ["Undo 2 steps?"]
    assert person.window.toasts.texts() == []
    assert person.studio.image_count == count
    assert [row.title for row in rows(found) if row.present] == ["Add box 1"]
    person.answer(lambda dialog: press("Undo", dialog))
    click(person, found, "Before these steps")
    assert person.studio.image_count == count - 12
    person.answer(lambda dialog: press("Do again", dialog))
    click(person, found, "Add box 1")
    assert person.studio.image_count == count


def test_new_work_appears_while_the_panel_is_open_and_drops_what_was_undone(
    worked: Person,
) -> None:
    found = panel(worked)
    add(worked, 7, "Add another")
    assert [row.title for row in rows(found)] == [
        "Add another", "Add box 1", "Add box 0", "Before these steps",
    ]  # fmt: skip
    worked.trigger("edit.undo")
    assert [row.future for row in rows(found)] == [True, False, False, False]


def test_a_long_history_comes_as_it_is_scrolled(studio_window: Person) -> None:
    for n in range(700):
        with studio_window.project.transaction(f"Step {n}") as s:
            commands.rename_project(s, name=f"name {n}")
    found = panel(studio_window)
    assert len(rows(found)) < 700
    bar = found.list.verticalScrollBar()
    for _ in range(5):
        bar.setValue(bar.maximum())
        studio_window.settle()
    assert [row.title for row in rows(found)][-2:] == ["Step 0", "Before these steps"]
    assert len(rows(found)) == 701
    assert found.figure.text().startswith("700 steps · ")


def test_without_a_step_the_panel_says_what_will_be_there(studio_window: Person) -> None:
    found = panel(studio_window)
    assert rows(found) == []
    assert found.none.isVisible()
    assert not found.list.isVisible()


def test_a_project_that_is_closed_takes_the_panel_along(worked: Person) -> None:
    found = panel(worked)
    worked.trigger("project.close")
    assert not found.isVisible()


def test_the_annotations_of_one_image_can_be_restored_from_the_panel(worked: Person) -> None:
    with worked.project.read() as s:
        first = queries.image_ids(s)[0]
    worked.studio.select_image(first)
    worked.page("analyze")
    found = panel(worked)
    said: list[str] = []

    def close(dialog: QDialog) -> None:
        said.append(dialog.windowTitle())
        dialog.reject()

    worked.answer(close)
    worked.click(found.only)
    assert said == ["Restore annotations as of …"]
    assert not found.isVisible()
    assert worked.window.front is worked.page("label")


def test_going_back_far_is_not_said_twice(worked: Person) -> None:
    look_at_first(worked)
    worked.page("train")
    found = panel(worked)
    click(worked, found, "Add box 0")
    assert worked.window._far_step is None
    (told,) = [text for text in worked.window.toasts.texts() if "Undone" in text]
    assert told == "Undone: “Add box 1” on 1 image."


def test_a_click_far_down_says_what_it_would_take_back_and_where_it_stays(
    worked: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worked.project.read() as s:
        second = queries.image_ids(s)[1]
    with worked.project.transaction("Elsewhere") as s:
        commands.add_annotation(s, image_id=second, class_id=1, shape=Box(3, 2, 9, 9))
    worked.settle()
    look_at_first(worked)
    asked: list[tuple[str, str]] = []
    agree = False

    def ask(question: str, text: str, **_: object) -> bool:
        asked.append((question, text))
        return agree

    monkeypatch.setattr(worked.studio, "ask", ask)
    found = panel(worked)
    stays = "in this list until the next new step, which drops what is undone."
    click(worked, found, "Add box 1")
    assert asked.pop() == (
        "Undo “Elsewhere”?", f"It is about 1 image, not the one in view. It stays {stays}",
    )  # fmt: skip
    click(worked, found, "Before these steps")
    assert asked.pop() == ("Undo 3 steps?", f"They are about 2 images. They stay {stays}")
    assert worked.project.undo_label == "Elsewhere", "nothing was agreed to"
    agree = True
    click(worked, found, "Before these steps")
    assert worked.project.present_step == 0
    assert found.note.text().endswith(f"3 undone steps stay {stays[len('in this list ') :]}")
    go_forward(worked)
    assert worked.project.undo_label == "Elsewhere"


def test_going_forward_again_touches_nothing_after_a_new_step(
    worked: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worked.studio, "ask", lambda *_, **__: True)
    found = panel(worked)
    click(worked, found, "Before these steps")
    assert "2 steps" in worked.window.toasts.texts()[-1]
    add(worked, 7, "Add another")
    go_forward(worked)
    assert worked.project.undo_label == "Add another"


def test_times_and_amounts_are_said_in_few_words() -> None:
    now = time.mktime((2026, 11, 21, 15, 0, 0, 0, 0, -1))
    assert when(now - 3600, now) == "14:00"
    assert when(now - 2 * 86400, now) == "19 November, 15:00"
    assert when(now - 400 * 86400, now) == "17 October 2025, 15:00"
    many = Step(1, True, now, "ada", "Import", None, {"image": (20_000, 0, 0)})
    assert reach_words(many) == "20,000 images"
    changed = Step(1, True, now, "ada", "Split", None, {"image": (0, 9_000, 0)})
    assert reach_words(changed) == "more than 5,000 images"
    assert reach_words(Step(1, True, now, "ada", "Rename", 0, {})) == ""


def test_old_steps_are_forgotten_only_when_a_person_chooses_how_old_and_agrees(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        add(studio_window, n, f"Add box {n}")
    with closing(sqlite3.connect(studio_window.project.path / database.FILE)) as file, file:
        file.execute("UPDATE step SET at = at - 100000 WHERE label <> 'Add box 4'")
    found = panel(studio_window)
    asked: list[str] = []

    def ask(title: str, text: str, **_: object) -> bool:
        asked.append(f"{title} {text}")
        return len(asked) > 1

    monkeypatch.setattr(studio_window.studio, "ask", ask)

    def choose() -> None:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        offered.append([action.text() for action in menu.actions()])
        QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Return)

    offered: list[list[str]] = []
    before, drawn = len(rows(found)), len(boxes(studio_window))
    for _ in range(2):
        QTimer.singleShot(50, choose)
        found.forget.click()
        if len(asked) == 1:
            assert len(rows(found)) == before, "not agreed"
    assert [text.split(":")[0] for text in offered[0]] == ["Older than an hour", "Older than a day"]
    assert asked[0].startswith("Forget ")
    assert [row.title for row in rows(found)] == ["Add box 4", "Before these steps"]
    assert len(boxes(studio_window)) == drawn
