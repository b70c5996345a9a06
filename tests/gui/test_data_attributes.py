"""An attribute of all objects of a class on the selected images: counted before, one step."""

from __future__ import annotations

from pathlib import Path

import pytest
from person import Person, fill_project, make_images
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QDialog

from cvstudio.core.annotation import Source, State, Task
from cvstudio.core.attributes import Attribute, AttributeKind, values_in
from cvstudio.core.geometry import Box
from cvstudio.gui.data.attribute_dialog import AttributeDialog
from cvstudio.gui.data.page import DataPage
from cvstudio.project import attribute_changes, attributes, commands, queries, shaping
from cvstudio.project.attribute_changes import Edit
from cvstudio.project.project import Project

FORM = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"))
TORN = Attribute("torn", AttributeKind.CHECKBOX)
LENGTH = Attribute("length", AttributeKind.NUMBER, low=0, high=50, unit="µm")


def ask_for(project: Project, *definitions: Attribute, class_id: int = 1) -> None:
    with project.transaction("Ask") as s:
        edits = [Edit(each) for each in definitions]
        attribute_changes.define(s, class_id=class_id, edits=edits)


def gallery(person: Person) -> DataPage:
    page = person.page("data")
    assert isinstance(page, DataPage)
    return page


def values(project: Project, ids: list[int]) -> list[dict[str, object]]:
    with project.read() as s:
        found = queries.annotations_of(s, ids)
    return [dict(values_in(a.attributes)) for id in ids for a in found[id] if a.class_id == 1]


def test_q_counts_no_suggestion_and_says_that_they_stay(studio_window: Person) -> None:
    project = studio_window.project
    ask_for(project, FORM)
    page = gallery(studio_window)
    ids = list(page.model.ids[:3])
    page.grid.select_ids(ids)
    with project.transaction("Suggest") as s:
        for state in (State.SUGGESTED, State.SUGGESTED, State.REJECTED):
            commands.add_annotation(
                s, image_id=ids[0], class_id=1, shape=Box(1, 1, 9, 9), source=Source.NETWORK,
                score=0.5, state=state,
            )  # fmt: skip
    told: list[str] = []

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, AttributeDialog)
        assert dialog.class_box.currentText() == "RBC (3)"
        studio_window.until(lambda: dialog.now.text())
        assert dialog.now.text() == "Now: not set (3)"
        dialog.choice.setCurrentIndex(1)
        told.append(dialog.figures.text())
        dialog.reject()

    studio_window.answer(look)
    studio_window.key("Q", page.grid)
    assert told == ["3 objects on 3 images get form = sickle. 2 suggestions stay as they are."]


def test_q_sets_an_attribute_of_a_class_on_the_selected_images_in_one_step(
    studio_window: Person,
) -> None:
    project = studio_window.project
    ask_for(project, FORM, TORN)
    page = gallery(studio_window)
    ids = list(page.model.ids[:3])
    page.grid.select_ids(ids)
    with project.transaction("Prepare") as s:
        first = next(a for a in queries.annotations(s, ids[0]) if a.class_id == 1)
        second = next(a for a in queries.annotations(s, ids[1]) if a.class_id == 1)
        attributes.set_value(s, ids=[second.id], name="form", value="sickle")
        shaping.set_locked(s, ids=[first.id], locked=True)
    told: list[str] = []

    def change(dialog: QDialog) -> None:
        assert isinstance(dialog, AttributeDialog)
        assert dialog.class_box.currentText() == "RBC (3)"
        assert not dialog.go.isEnabled()
        studio_window.until(lambda: dialog.now.text() == "Now: not set (2), sickle (1)")
        assert dialog.figures.text() == "Say which value."
        for choice in ("round", "sickle"):
            dialog.choice.setCurrentIndex(dialog.choice.findText(choice))
            told.append(dialog.figures.text())
        studio_window.click(dialog.go)

    studio_window.answer(change)
    studio_window.key("Q", page.grid)
    assert told == [
        "2 objects on 2 images get form = round. 1 locked one stays.",
        "1 object on 1 image gets form = sickle. 1 stays as it is. 1 locked one stays.",
    ]
    studio_window.until(lambda: "sickle" in str(values(project, ids[2:])))
    assert values(project, ids) == [{}, {"form": "sickle"}, {"form": "sickle"}]
    assert project.undo_label == "Set form of 1 object to sickle"
    studio_window.key("Ctrl+Z", studio_window.window)
    assert values(project, ids) == [{}, {"form": "sickle"}, {}]


def test_values_that_are_there_can_be_left_and_a_value_can_be_taken_away(
    studio_window: Person,
) -> None:
    project = studio_window.project
    ask_for(project, LENGTH)
    page = gallery(studio_window)
    ids = list(page.model.ids[:3])
    page.grid.select_ids(ids)
    with project.transaction("Prepare") as s:
        one = next(a for a in queries.annotations(s, ids[0]) if a.class_id == 1)
        attributes.set_value(s, ids=[one.id], name="length", value=3)

    def fill(dialog: QDialog) -> None:
        assert isinstance(dialog, AttributeDialog)
        studio_window.until(lambda: dialog.now.text() == "Now: not set (2), 3 (1)")
        studio_window.type(dialog.line, "99")
        words = "“99” is no value of length: 0 to 50 µm."
        assert dialog.figures.text() == words
        assert not dialog.go.isEnabled()
        dialog.line.clear()
        studio_window.type(dialog.line, "7.5")
        assert dialog.figures.text() == "3 objects on 3 images get length = 7.5."
        studio_window.click(dialog.keep, QPoint(8, dialog.keep.height() // 2))
        assert dialog.figures.text() == "2 objects on 2 images get length = 7.5. 1 stays as it is."
        studio_window.key("Return", dialog.line)

    studio_window.answer(fill)
    studio_window.key("Q", page.grid)
    assert values(project, ids) == [{"length": 3}, {"length": 7.5}, {"length": 7.5}]

    assert studio_window.window.focusWidget() is page.grid, "one goes on with the keys"

    def clear(dialog: QDialog) -> None:
        assert isinstance(dialog, AttributeDialog)
        studio_window.until(lambda: dialog.now.text() == "Now: 7.5 (2), 3 (1)")
        for box in (dialog.keep, dialog.away):
            studio_window.click(box, QPoint(8, box.height() // 2))
        assert not dialog.keep.isEnabled()
        assert dialog.figures.text() == "3 objects on 3 images lose the value of “length”."
        studio_window.click(dialog.go)

    studio_window.answer(clear)
    studio_window.key("Q", page.grid)
    assert values(project, ids) == [{}, {}, {}]
    assert project.undo_label == "Clear length of 3 objects"


def test_without_an_attribute_on_the_selected_images_the_way_to_one_is_said(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = gallery(studio_window)
    page.grid.select_ids(page.model.ids[:2])
    said: list[str] = []
    monkeypatch.setattr(studio_window.studio, "toast", lambda words, **_more: said.append(words))
    studio_window.key("Q", page.grid)
    assert said == [
        "No object on the selected images is asked for an attribute:"
        " Manage classes says what a class asks."
    ]


def test_images_that_are_classified_have_the_attributes_of_their_class(
    studio_window: Person, tmp_path: Path
) -> None:
    made = Project.create(tmp_path / "signs", task=Task.CLASSIFY, classes=["Zero", "One"])
    ids = fill_project(made, make_images(tmp_path / "signed", 4), boxes=0)
    ask_for(made, TORN)
    with made.transaction("Prepare") as s:
        commands.set_image_class(s, image_ids=ids[:3], class_id=1)
    studio_window.studio.adopt(made)
    page = gallery(studio_window)
    page.grid.select_ids(ids)

    def change(dialog: QDialog) -> None:
        assert isinstance(dialog, AttributeDialog)
        studio_window.until(lambda: dialog.now.text() == "Now: not set (3)")
        assert dialog.choice.currentIndex() == -1
        dialog.choice.setCurrentIndex(0)
        assert dialog.figures.text() == "3 images get torn = yes."
        studio_window.click(dialog.go)

    studio_window.answer(change)
    studio_window.key("Q", page.grid)
    assert values(made, ids) == [{"torn": True}] * 3
