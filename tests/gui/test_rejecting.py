"""Labels sent back with a reason: from Label and from the gallery, found again, taken back."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtWidgets import QComboBox, QDialog

from cvstudio.core.annotation import Review
from cvstudio.core.errors import ProjectError
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands, queries, rejecting
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter


def give(reason: str):  # type: ignore[no-untyped-def]
    def answer(dialog: QDialog) -> None:
        field = dialog.findChild(QComboBox)
        assert field is not None
        field.setEditText(reason)
        dialog.accept()

    return answer


def rejected(project: Project) -> dict[int, str]:
    with project.read() as s:
        ids = queries.image_ids(s, ImageFilter(rejected=True))
        return {image.id: image.reject_reason for image in queries.images(s, ids)}


def test_ctrl_backspace_rejects_with_a_reason_and_goes_on(studio_window: Person) -> None:
    studio_window.studio.select_image(1)
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    assert page.document.image is not None
    assert page.document.image.id == 1
    studio_window.answer(give("cells are missing"))
    studio_window.key("Ctrl+Backspace", page.canvas)
    assert rejected(studio_window.project) == {1: "cells are missing"}
    assert page.document.image is not None
    assert page.document.image.id == 2
    assert page.rejecting.note.isHidden()
    studio_window.studio.select_image(1)
    studio_window.settle()
    assert page.rejecting.note.isVisible()
    assert page.rejecting.note.text() == "Rejected: cells are missing"
    studio_window.trigger("label.approve")
    assert rejected(studio_window.project) == {}
    studio_window.trigger("edit.undo")
    assert rejected(studio_window.project) == {1: "cells are missing"}
    studio_window.trigger("edit.undo")
    assert rejected(studio_window.project) == {}
    studio_window.idle()


def test_selected_images_are_rejected_and_found_again(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    page.grid.select_ids([2, 3])
    studio_window.studio.select((2, 3))
    studio_window.answer(give("wrong class"))
    studio_window.trigger("data.reject")
    assert rejected(studio_window.project) == dict.fromkeys((2, 3), "wrong class")
    page.views.views.chosen.emit("rejected")
    studio_window.settle()
    assert page.filter == ImageFilter(rejected=True)
    assert sorted(page.model.ids) == [2, 3]
    assert page.gallery.words.text().startswith("rejected")


def test_a_rejected_image_waits_for_review_and_a_reason_is_required(project: Project) -> None:
    with project.transaction("Review") as s:
        commands.set_review(s, image_ids=[1], review=Review.REVIEWED)
        rejecting.reject(s, image_ids=[1], reason=" loose ")
        assert queries.image(s, 1).review == Review.LABELLED
        assert rejecting.reasons(s) == ["loose"]
    with pytest.raises(ProjectError, match="needs a reason"), project.transaction("No") as s:
        rejecting.reject(s, image_ids=[1], reason=" ")
