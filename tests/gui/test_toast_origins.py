"""Toasts of one origin take each other's place, and those about an image go with it."""

from __future__ import annotations

from person import Person

from cvstudio.core.geometry import Box
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands


def _label_with_a_hidden_shape_and_steps(person: Person) -> LabelPage:
    page = person.page("label")
    assert isinstance(page, LabelPage)
    document = page.document
    assert document.image is not None
    for place in range(3):
        with person.project.transaction(f"Add box {place}") as session:
            commands.add_annotation(
                session, image_id=document.image.id, class_id=1, shape=Box(2 + place, 2, 9, 9)
            )
    person.settle()
    document.select([document.annotations[0].id])
    document.toggle_hidden()
    return page


def test_undo_again_and_again_with_a_hidden_shape_leaves_one_toast(studio_window: Person) -> None:
    _label_with_a_hidden_shape_and_steps(studio_window)
    for action in ("edit.undo", "edit.undo", "edit.redo"):
        studio_window.trigger(action)
    (toast,) = studio_window.window.toasts.texts()
    assert toast.startswith("Done again: Add box 1. 1 hidden shape stays hidden")


def test_what_a_toast_says_of_hidden_shapes_goes_with_their_image(studio_window: Person) -> None:
    page = _label_with_a_hidden_shape_and_steps(studio_window)
    studio_window.trigger("edit.undo")
    studio_window.studio.toast("A run has ended.")
    assert len(studio_window.window.toasts.texts()) == 2
    studio_window.studio.select_image(page.order.ids[1])
    assert studio_window.window.toasts.texts() == ["A run has ended."], "that is no image's"


def test_a_toast_with_the_same_words_or_the_same_link_takes_the_place_of_the_one_before(
    studio_window: Person,
) -> None:
    studio, toasts = studio_window.studio, studio_window.window.toasts
    for _ in range(3):
        studio.toast("Labels are being suggested already.")
    assert toasts.texts() == ["Labels are being suggested already."]
    studio.toast("1 image removed.", link="Undo", do=studio.undo)
    studio.toast("2 images removed.", link="Undo", do=studio.undo)
    assert toasts.texts() == ["Labels are being suggested already.", "2 images removed."]


def test_the_smart_tools_field_in_the_settings_says_that_no_file_is_chosen(
    studio_window: Person,
) -> None:
    from PySide6.QtWidgets import QLineEdit

    from cvstudio.gui.settings_dialog import SettingsDialog

    dialog = SettingsDialog(studio_window.window, studio_window.studio.settings)
    dialog.show()
    field = dialog.editors["label.smart_network"]
    assert isinstance(field, QLineEdit)
    assert field.text() == ""
    assert field.placeholderText() == "No file chosen"
    dialog.close()
