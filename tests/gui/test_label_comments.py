"""Comments pinned to a place on the Label page: placed, answered, resolved, gone through."""

from __future__ import annotations

from collections.abc import Callable

from person import Person
from PySide6.QtWidgets import QDialog

from cvstudio.gui.label.comments import CommentDialog
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import comments


def label_page(person: Person, image_id: int = 1) -> LabelPage:
    person.studio.select_image(image_id)
    page = person.page("label")
    assert isinstance(page, LabelPage)
    person.until(lambda: page.document.image is not None and not page.canvas.unseen)
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
