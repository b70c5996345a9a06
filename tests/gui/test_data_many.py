"""What can be done to many images of the gallery at once: by keys and menu, each one undo step."""

from __future__ import annotations

from pathlib import Path

import pytest
from person import Person, fill_project, make_images
from PySide6.QtWidgets import QDialog, QLineEdit

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.gui.data.class_dialog import ClassDialog
from cvstudio.gui.data.export_dialog import ExportDialog
from cvstudio.gui.data.page import DataPage
from cvstudio.project import commands, image_classes, queries, shaping
from cvstudio.project.project import Project


def gallery(person: Person) -> DataPage:
    page = person.page("data")
    assert isinstance(page, DataPage)
    return page


def select(person: Person, page: DataPage, count: int) -> list[int]:
    """Select the first images with the keys."""
    page.grid.setFocus()
    page.grid.select_ids(page.model.ids[:1])
    for _ in range(count - 1):
        person.key("Shift+Right", page.grid)
    ids = list(page.model.ids[:count])
    assert list(person.studio.selection) == ids
    return ids


def classes_on(person: Person, ids: list[int]) -> list[list[str]]:
    with person.project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        found = queries.annotations_of(s, ids)
    return [sorted(names[a.class_id] for a in found[id]) for id in ids]


def test_c_gives_the_objects_of_one_class_on_the_selected_images_another_one(
    studio_window: Person,
) -> None:
    page = gallery(studio_window)
    ids = select(studio_window, page, 3)
    with studio_window.project.transaction("Prepare") as s:
        (first, *_others) = queries.annotations(s, ids[0])
        shaping.set_locked(s, ids=[first.id], locked=True)
    before = classes_on(studio_window, ids)
    assert before == [["RBC", "WBC"]] * 3
    told = []

    def change(dialog: QDialog) -> None:
        assert isinstance(dialog, ClassDialog)
        dialog.source_box.setCurrentIndex(dialog.source_box.findText("RBC (3)"))
        dialog.target_box.setCurrentIndex(dialog.target_box.findText("WBC"))
        told.append(dialog.figures.text())
        studio_window.click(studio_window.button("Change", dialog))

    studio_window.answer(change)
    studio_window.key("C", page.grid)
    assert told == ["2 objects on 2 images will be “WBC”. 1 locked object stays."]
    assert classes_on(studio_window, ids) == [["RBC", "WBC"], ["WBC", "WBC"], ["WBC", "WBC"]]
    assert studio_window.project.undo_label == "Change class on 3 images to “WBC”"
    others = [id for id in page.model.ids if id not in ids]
    assert all("RBC" in found for found in classes_on(studio_window, others[:4]))
    studio_window.key("Ctrl+Z", studio_window.window)
    assert classes_on(studio_window, ids) == before


def test_nothing_is_offered_where_no_object_would_change(studio_window: Person) -> None:
    page = gallery(studio_window)
    page.grid.select_ids(page.model.ids[-2:])  # without annotations
    seen = []

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, ClassDialog)
        seen.append((dialog.figures.text(), dialog.go.isEnabled()))
        dialog.reject()

    studio_window.answer(look)
    studio_window.key("C", page.grid)
    assert seen == [("No object changes.", False)]


def test_images_that_are_classified_get_the_class_themselves(
    studio_window: Person, tmp_path: Path
) -> None:
    made = Project.create(tmp_path / "signs", task=Task.CLASSIFY, classes=["Zero", "One"])
    fill_project(made, make_images(tmp_path / "signed", 4), boxes=0)
    studio_window.studio.adopt(made)
    page = gallery(studio_window)
    ids = select(studio_window, page, 3)

    def change(dialog: QDialog) -> None:
        assert isinstance(dialog, ClassDialog)
        assert dialog.source_box.isHidden()
        dialog.target_box.setCurrentIndex(1)
        assert dialog.figures.text() == "3 images will be “One”."
        studio_window.click(studio_window.button("Change", dialog))

    studio_window.answer(change)
    studio_window.key("C", page.grid)
    assert classes_on(studio_window, ids) == [["One"]] * 3


def test_where_images_have_several_classes_the_dialog_says_what_comes_and_what_goes(
    studio_window: Person, tmp_path: Path
) -> None:
    made = Project.create(tmp_path / "signs", task=Task.CLASSIFY, classes=["Zero", "One"])
    ids = fill_project(made, make_images(tmp_path / "signed", 4), boxes=0)
    with made.transaction("Prepare") as s:
        image_classes.allow_several(s, True)
        commands.set_image_class(s, image_ids=ids[:1], class_id=1)
    studio_window.studio.adopt(made)
    page = gallery(studio_window)
    ids = select(studio_window, page, 3)
    told = []

    def change(dialog: QDialog) -> None:
        assert isinstance(dialog, ClassDialog)
        told.append(dialog.figures.text())
        studio_window.click(studio_window.button("Change", dialog))

    for _ in range(2):
        studio_window.answer(change)
        studio_window.key("C", page.grid)
    assert told == [
        "2 images will be “Zero” as well.", "All are “Zero” already, and will be no longer.",
    ]  # fmt: skip
    assert classes_on(studio_window, ids) == [[], [], []]


@pytest.mark.parametrize(
    ("keys", "typed"), [("Ctrl+T", "night"), ("Ctrl+Backspace", "cells are missing")]
)
def test_a_tag_and_a_rejection_reach_every_selected_image(
    studio_window: Person, keys: str, typed: str
) -> None:
    page = gallery(studio_window)
    ids = select(studio_window, page, 4)

    def answer(dialog: QDialog) -> None:
        field = dialog.findChild(QLineEdit)
        assert field is not None
        field.setText(typed)
        dialog.accept()

    studio_window.answer(answer)
    studio_window.key(keys, page.grid)
    with studio_window.project.read() as s:
        tagged = queries.tags_of(s, ids)
        rejected = [image.reject_reason for image in queries.images(s, ids)]
    if keys == "Ctrl+T":
        assert all(list(tagged[id]) == ["night"] for id in ids)
    else:
        assert rejected == [typed] * 4


def test_split_review_and_removal_by_keys_reach_every_selected_image(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = gallery(studio_window)
    ids = select(studio_window, page, 4)
    studio_window.key("Shift+2", page.grid)
    studio_window.key("R", page.grid)
    with studio_window.project.read() as s:
        images = queries.images(s, ids)
    assert {image.split for image in images} == {Split.VAL}
    assert {image.review for image in images} == {Review.REVIEWED}
    monkeypatch.setattr(studio_window.studio, "ask", lambda *_words, **_more: True)
    studio_window.key("Del", page.grid)
    assert not set(ids) & set(page.model.ids)
    studio_window.key("Ctrl+Z", studio_window.window)
    assert set(ids) <= set(page.model.ids)


def test_export_offers_just_the_selected_images(studio_window: Person) -> None:
    page = gallery(studio_window)
    select(studio_window, page, 3)
    offered = []

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, ExportDialog)
        offered.extend(dialog.which.itemText(row) for row in range(dialog.which.count()))
        dialog.reject()

    studio_window.answer(look)
    studio_window.key("Ctrl+E", page.grid)
    assert "The 3 selected images" in offered


def test_the_menu_of_the_gallery_offers_all_of_it(studio_window: Person) -> None:
    page = gallery(studio_window)
    select(studio_window, page, 2)
    menu = page.context_menu()
    words = {action.text() for action in menu.actions()}
    assert {
        "Set class", "Set split", "Tag", "Mark as reviewed", "Reject", "Remove from project",
        "Export labels", "Suggest labels",
    } <= words  # fmt: skip
    menu.deleteLater()


def test_a_box_drawn_meanwhile_is_counted(studio_window: Person) -> None:
    page = gallery(studio_window)
    (id,) = select(studio_window, page, 1)
    with studio_window.project.transaction("Prepare") as s:
        commands.add_annotation(s, image_id=id, class_id=1, shape=Box(1, 1, 9, 9))
    seen = []

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, ClassDialog)
        seen.append([dialog.source_box.itemText(n) for n in range(dialog.source_box.count())])
        dialog.reject()

    studio_window.answer(look)
    studio_window.key("C", page.grid)
    assert seen == [["All classes (3)", "RBC (2)", "WBC (1)"]]
