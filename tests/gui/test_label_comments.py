"""Comments pinned to a place on the Label page: placed, answered, resolved, gone through."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from person import Person
from PySide6.QtWidgets import QDialog

from cvstudio.core.errors import ProjectError
from cvstudio.core.settings import Memory
from cvstudio.gui.label.comment_dialog import CommentDialog
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.tools.base import Pointer
from cvstudio.project import comments
from cvstudio.project.project import Project


def label_page(person: Person, image_id: int = 1) -> LabelPage:
    person.studio.select_image(image_id)
    page = person.page("label")
    assert isinstance(page, LabelPage)
    # Not the thumbnail alone: where the picture itself takes long, nobody can draw or pin.
    person.until(lambda: page.canvas.tiles.pyramid is not None)
    assert page.document.image is not None
    assert page.document.image.id == image_id
    return page


def say(person: Person, text: str, button: str) -> Callable[[QDialog], None]:
    def do(dialog: QDialog) -> None:
        assert isinstance(dialog, CommentDialog)
        if text:
            person.type(dialog.field, text)
        person.click(person.button(button, dialog))

    return do


def test_a_comment_is_pinned_answered_and_resolved(studio_window: Person) -> None:
    page = label_page(studio_window)
    studio_window.trigger("label.comment")
    studio_window.answer(say(studio_window, "Is this one cell?", "Comment"))
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    with studio_window.project.read() as s:
        (first,) = comments.comments(s, 1)
    assert first.text == "Is this one cell?"
    assert first.place is not None
    assert abs(first.place[0] - 30) < 1
    assert page.comments.list.isVisible()
    assert page.comments.list.list.item(0).text() == "1  Is this one cell?"
    studio_window.answer(say(studio_window, "Two.", "Resolve"))
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    with studio_window.project.read() as s:
        thread = comments.comments(s, 1)
    assert [(c.text, c.resolved, c.place) for c in thread] == [
        ("Is this one cell?", True, first.place), ("Two.", True, first.place),
    ]  # fmt: skip
    assert page.comments.list.list.item(0).text() == "1  Is this one cell? (+1), resolved"
    assert page.comments.list.header.figure.text() == "all resolved"
    studio_window.trigger("edit.undo")
    studio_window.trigger("edit.undo")
    assert page.comments.list.isHidden()
    assert page.comments.pins.threads == []


def test_a_pin_is_seen_over_the_image(studio_window: Person) -> None:
    page = label_page(studio_window)
    studio_window.idle()
    before = page.canvas.viewport().grab().toImage()
    with studio_window.project.transaction("Comment") as s:
        comments.add_comment(s, image_id=1, text="Look", place=(40, 30))
    studio_window.settle()
    after = page.canvas.viewport().grab().toImage()
    at = page.canvas.to_screen(40, 30).toPoint()
    assert before.pixelColor(at.x() - 6, at.y()) != after.pixelColor(at.x() - 6, at.y())


def test_the_next_image_with_an_open_comment_is_gone_to(studio_window: Person) -> None:
    page = label_page(studio_window)
    with studio_window.project.transaction("Comment") as s:
        for image, text in ((3, "open"), (2, "done")):
            made = comments.add_comment(s, image_id=image, text=text)
            comments.resolve_comments(s, ids=[made], resolved=text == "done")
    studio_window.trigger("label.next_comment")
    assert page.document.image is not None
    assert page.document.image.id == 3
    said: list[str] = []
    page.comments.said.connect(said.append)
    studio_window.trigger("label.next_comment")
    assert said == ["No other image has an open comment"]
    studio_window.idle()


def pinned(person: Person, text: str, place: tuple[float, float] | None, **more: str) -> int:
    with person.project.transaction("Comment") as s:
        id = comments.add_comment(s, image_id=1, text=text, place=place, **more)
    person.settle()
    return id


def stored(person: Person, image_id: int = 1) -> list[comments.Comment]:
    with person.project.read() as s:
        return comments.comments(s, image_id)


def with_dialog(person: Person, do: Callable[[CommentDialog], None]) -> None:
    def act(dialog: QDialog) -> None:
        assert isinstance(dialog, CommentDialog)
        do(dialog)

    person.answer(act)


def in_list(person: Person, page: LabelPage, row: int, keys: str) -> None:
    page.comments.list.list.setFocus()
    page.comments.list.list.setCurrentRow(row)
    person.key(keys, page.comments.list.list)


def test_ones_own_words_are_put_right_and_those_of_others_are_not(studio_window: Person) -> None:
    page = label_page(studio_window)
    own = pinned(studio_window, "One sell?", (30, 20))
    other = pinned(studio_window, "Two.", (30, 20), author="Somebody else")

    def change(dialog: CommentDialog) -> None:
        mine, theirs = dialog.rows
        assert theirs.edit is None
        assert theirs.delete is None
        assert mine.edit is not None
        studio_window.click(mine.edit)
        mine.field.selectAll()
        studio_window.type(mine.field, "One cell?")
        studio_window.click(studio_window.button("Save", dialog))

    with_dialog(studio_window, change)
    in_list(studio_window, page, 0, "Return")
    assert [(c.id, c.text) for c in stored(studio_window)] == [(own, "One cell?"), (other, "Two.")]
    assert studio_window.project.undo_label == "Edit comment"
    studio_window.trigger("edit.undo")
    assert stored(studio_window)[0].text == "One sell?"


def test_ones_own_words_are_taken_back_in_one_step(studio_window: Person) -> None:
    page = label_page(studio_window)
    pinned(studio_window, "First", (30, 20))
    pinned(studio_window, "Second", (30, 20))

    def delete(dialog: CommentDialog) -> None:
        row = dialog.rows[1]
        assert row.delete is not None
        studio_window.click(row.delete)

    with_dialog(studio_window, delete)
    studio_window.trigger("label.comment")
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert [c.text for c in stored(studio_window)] == ["First"]
    studio_window.trigger("edit.undo")
    assert [c.text for c in stored(studio_window)] == ["First", "Second"]


def test_a_pin_is_dragged_to_another_place_with_all_that_was_said(studio_window: Person) -> None:
    page = label_page(studio_window)
    for text in ("First", "Second"):
        pinned(studio_window, text, (30, 20))
    studio_window.trigger("label.comment")
    studio_window.drag(page.canvas, (30, 20), (50, 40))
    assert [(round(c.place[0]), round(c.place[1])) for c in stored(studio_window) if c.place] == [
        (50, 40), (50, 40),
    ]  # fmt: skip
    assert studio_window.project.undo_label == "Move comment"
    studio_window.drag(page.canvas, (50, 40), (500, 40))
    place = stored(studio_window)[0].place
    assert place is not None
    assert 63 < place[0] < 64
    studio_window.trigger("edit.undo")
    studio_window.trigger("edit.undo")
    assert {c.place for c in stored(studio_window)} == {(30, 20)}


def test_escape_puts_a_dragged_pin_back(studio_window: Person) -> None:
    page = label_page(studio_window)
    pinned(studio_window, "Here", (30, 20))
    studio_window.trigger("label.comment")
    tool = page.canvas.tool
    tool.press(Pointer(30, 20))
    tool.move(Pointer(50, 40), held=True)
    assert page.comments.pins.moved is not None
    assert tool.cancel()
    tool.release(Pointer(50, 40))
    assert page.comments.pins.moved is None
    assert stored(studio_window)[0].place == (30, 20)


def test_a_thread_is_resolved_moved_and_deleted_with_keys_alone(studio_window: Person) -> None:
    page = label_page(studio_window)
    pinned(studio_window, "Here", (30, 20))
    in_list(studio_window, page, 0, "Space")
    assert stored(studio_window)[0].resolved
    in_list(studio_window, page, 0, "Space")
    assert not stored(studio_window)[0].resolved
    in_list(studio_window, page, 0, "Shift+Right")
    in_list(studio_window, page, 0, "Shift+Down")
    assert stored(studio_window)[0].place == (31, 21)
    in_list(studio_window, page, 0, "Del")
    assert stored(studio_window) == []
    studio_window.trigger("edit.undo")
    assert [c.text for c in stored(studio_window)] == ["Here"]
    in_list(studio_window, page, 0, "Esc")
    assert page.canvas.hasFocus()


def test_what_others_said_is_not_deleted_with_a_thread(studio_window: Person) -> None:
    page = label_page(studio_window)
    pinned(studio_window, "Mine", (30, 20))
    pinned(studio_window, "Theirs", (30, 20), author="Somebody else")
    said: list[str] = []
    page.comments.said.connect(said.append)
    in_list(studio_window, page, 0, "Del")
    assert len(stored(studio_window)) == 2
    assert said == ["Others have spoken there: resolve it, or open it and delete your words"]


def test_the_right_click_on_a_row_offers_the_same(studio_window: Person) -> None:
    page = label_page(studio_window)
    pinned(studio_window, "Here", None)
    menu = page.comments.list.menu(0)
    assert [action.text() for action in menu.actions() if action.text()] == [
        "Open", "Resolve", "Delete",
    ]  # fmt: skip
    menu.actions()[1].trigger()
    assert stored(studio_window)[0].resolved
    assert page.comments.list.menu(0).actions()[1].text() == "Open again"


def test_the_key_goes_from_comment_to_comment_on_an_image_and_then_on(
    studio_window: Person,
) -> None:
    page = label_page(studio_window)
    for text, place in (("a", (10, 10)), ("done", (20, 20)), ("b", (30, 30))):
        id = pinned(studio_window, text, place)
        if text == "done":
            with studio_window.project.transaction("Resolve") as s:
                comments.resolve_comments(s, ids=[id])
    with studio_window.project.transaction("Comment") as s:
        comments.add_comment(s, image_id=4, text="far", place=(5, 5))
    rows = []
    for _ in range(3):
        studio_window.trigger("label.next_comment")
        assert page.document.image is not None
        rows.append((page.document.image.id, page.comments.list.list.currentRow()))
    assert rows == [(1, 0), (1, 2), (4, 0)]
    studio_window.idle()


def test_ctrl_enter_sends_a_comment_and_enter_begins_a_line(studio_window: Person) -> None:
    page = label_page(studio_window)
    studio_window.trigger("label.comment")

    def write(dialog: CommentDialog) -> None:
        assert "Ctrl+Enter" in dialog.go.toolTip()
        studio_window.type(dialog.field, "First")
        studio_window.key("Return", dialog.field)
        studio_window.type(dialog.field, "second")
        studio_window.key("Ctrl+Return", dialog.field)

    with_dialog(studio_window, write)
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert [comment.text for comment in stored(studio_window)] == ["First\nsecond"]


def test_a_comment_left_with_esc_waits_for_the_next_opening_on_its_image(
    studio_window: Person,
) -> None:
    page = label_page(studio_window)
    studio_window.trigger("label.comment")
    said: list[str] = []
    page.comments.said.connect(said.append)

    def leave(dialog: CommentDialog) -> None:
        studio_window.type(dialog.field, "Is this a platelet?")
        studio_window.key("Esc", dialog.field)

    with_dialog(studio_window, leave)
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert stored(studio_window) == []
    assert said[-1].startswith("Not sent: what you wrote is there")
    found: list[str] = []

    def send(dialog: CommentDialog) -> None:
        found.append(dialog.field.toPlainText())
        studio_window.click(dialog.go)

    with_dialog(studio_window, send)
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert found == ["Is this a platelet?"]
    assert [comment.text for comment in stored(studio_window)] == found


def test_other_words_for_an_older_comment_wait_too_when_esc_leaves_them_also_another_day(
    studio_window: Person,
) -> None:
    page = label_page(studio_window)
    studio_window.trigger("label.comment")
    pin = ((30, 20), (30, 20))

    def write(dialog: CommentDialog) -> None:
        studio_window.type(dialog.field, "A platelet?")
        studio_window.key("Ctrl+Return", dialog.field)

    with_dialog(studio_window, write)
    studio_window.drag(page.canvas, *pin)

    def leave(dialog: CommentDialog) -> None:
        row = dialog.rows[0]
        assert row.edit is not None
        studio_window.click(row.edit)
        studio_window.type(row.field, " Two of them!")
        studio_window.key("Esc", row.field)

    with_dialog(studio_window, leave)
    studio_window.drag(page.canvas, *pin)
    assert [comment.text for comment in stored(studio_window)] == ["A platelet?"]
    path = studio_window.project.path
    studio_window.idle()
    studio_window.studio.close()
    studio_window.studio.adopt(Project.open(path))
    page = label_page(studio_window)
    studio_window.trigger("label.comment")
    found: list[str] = []

    def send(dialog: CommentDialog) -> None:
        found.append(dialog.rows[0].field.toPlainText())
        assert dialog.rows[0].field.isVisible()
        studio_window.click(dialog.go)

    with_dialog(studio_window, send)
    studio_window.drag(page.canvas, *pin)
    assert found == ["A platelet? Two of them!"]
    assert [comment.text for comment in stored(studio_window)] == found
    assert Memory().get("label.comments") == [], "what is sent waits no more"
    studio_window.idle()


def test_a_comment_that_could_not_be_stored_is_not_lost(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = label_page(studio_window)
    studio_window.trigger("label.comment")

    def full(*_args: object, **_more: object) -> int:
        raise ProjectError("The disk is full.")

    def send(dialog: CommentDialog) -> None:
        studio_window.type(dialog.field, "Is this a platelet?")
        studio_window.click(dialog.go)

    told: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(comments, "add_comment", full)
        patch.setattr(studio_window.studio, "fail", told.append)
        with_dialog(studio_window, send)
        studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert len(told) == 1
    assert stored(studio_window) == []
    with_dialog(studio_window, lambda dialog: studio_window.click(dialog.go))
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert [comment.text for comment in stored(studio_window)] == ["Is this a platelet?"]


def test_the_dialog_leaves_the_place_in_sight_and_its_button_names_the_key(
    studio_window: Person,
) -> None:
    page = label_page(studio_window)
    studio_window.trigger("label.comment")
    at = page.canvas.viewport().mapToGlobal(page.canvas.to_screen(30, 20).toPoint())
    seen: list[tuple[bool, str]] = []

    def look(dialog: CommentDialog) -> None:
        seen.append((dialog.frameGeometry().contains(at), dialog.go.text()))
        dialog.reject()

    with_dialog(studio_window, look)
    studio_window.drag(page.canvas, (30, 20), (30, 20))
    assert seen == [(False, "Comment  Ctrl+Enter")]
