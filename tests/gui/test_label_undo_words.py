"""Undo on the Label page: the class that is drawn next comes back too, and questions are true."""

from __future__ import annotations

from person import Person

from cvstudio.core.geometry import Box
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.undoing import words
from cvstudio.project.changes import Reach


def test_undo_of_a_class_change_gives_back_the_class_that_is_drawn_next(
    studio_window: Person,
) -> None:
    studio_window.studio.select_image(1)
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    document = page.document
    studio_window.until(lambda: bool(document.annotations) and not page.canvas.unseen)
    first = document.annotations[0]
    document.select([first.id])
    other = next(id for id in document.classes if id != first.class_id)
    page.classes.use(other)
    assert document.class_id == other
    studio_window.trigger("edit.undo")
    assert document.class_id == first.class_id
    studio_window.trigger("edit.redo")
    assert document.class_id == other
    studio_window.idle()


def test_undo_of_something_else_leaves_the_class_that_is_drawn_next(studio_window: Person) -> None:
    studio_window.studio.select_image(1)
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    document = page.document
    studio_window.until(lambda: bool(document.annotations) and not page.canvas.unseen)
    first = document.annotations[0]
    document.select([first.id])
    document.reshape({first.id: Box(1, 2, 8, 9)}, label="Move")
    other = next(id for id in document.classes if id != first.class_id)
    document.choose_class(other)
    studio_window.trigger("edit.undo")
    assert document.class_id == other
    studio_window.idle()


def test_the_question_about_a_kept_label_does_not_say_that_it_is_of_another_image() -> None:
    asked, text = words("Keep the label", Reach(), redo=False)
    assert asked == "Undo “Keep the label”?"
    assert text == "It changes no image and no label. Redo does it again."
