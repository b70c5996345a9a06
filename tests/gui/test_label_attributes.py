"""Attributes on the Label page: seen, given by mouse and keys, each value one undo step."""

from __future__ import annotations

import numpy as np
import pytest
from label_hands import CTRL, label_page
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Source, State, Task
from cvstudio.core.attributes import Attribute, AttributeKind, values_in
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.gui import theme
from cvstudio.project import attribute_changes, class_tree, rows
from cvstudio.project.attribute_changes import Edit

TORN = Attribute("torn", AttributeKind.CHECKBOX)
FORM = Attribute("form", AttributeKind.CHOICE, choices=("round", "sickle"))
LENGTH = Attribute("length", AttributeKind.NUMBER, low=0, high=50, unit="µm")
NOTE = Attribute("note", AttributeKind.TEXT)
FIRST, SECOND = Box(20, 20, 80, 60), Box(200, 100, 80, 60)


def ask(person, class_id, *definitions):
    with person.project.transaction("Change attributes") as s:
        edits = [Edit(each) for each in definitions]
        attribute_changes.define(s, class_id=class_id, edits=edits)
    QApplication.processEvents()


@pytest.fixture
def person(tmp_path, qtbot, private_home):
    with label_page(tmp_path, qtbot) as made:
        ask(made, 1, FORM, TORN, LENGTH, NOTE)
        yield made


def values(person):
    return [values_in(a.attributes) for a in person.shapes]


def fields(person):
    return {each.attribute.name: each for each in person.page.attributes.panel.fields}


def press(key, keys=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(QApplication.focusWidget(), key, keys)
    QApplication.processEvents()


def start(person):
    """The panel's first field has the keys, as after its key on the canvas."""
    person.keys("Q", person.canvas)


def test_all_values_are_given_without_a_mouse_and_the_canvas_gets_the_keys_back(person):
    person.page.document.select([person.add(FIRST)])
    assert person.page.attributes.panel.isVisible()
    start(person)
    press(Qt.Key.Key_2)
    press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Space)
    press(Qt.Key.Key_Tab)
    QTest.keyClicks(QApplication.focusWidget(), "12.5")
    press(Qt.Key.Key_Tab)
    QTest.keyClicks(QApplication.focusWidget(), "at the rim")
    press(Qt.Key.Key_Return)
    assert values(person) == [
        {"form": "sickle", "torn": True, "length": 12.5, "note": "at the rim"}
    ]
    assert person.canvas.hasFocus()
    assert person.only.class_id == 1
    assert person.project.undo_label == "Set note to at the rim"
    person.project.undo()
    assert values(person) == [{"form": "sickle", "torn": True, "length": 12.5}]


def test_shift_tab_walks_back_and_escape_drops_what_was_typed(person):
    person.page.document.select([person.add(FIRST)])
    start(person)
    press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Tab)
    QTest.keyClicks(QApplication.focusWidget(), "3")
    press(Qt.Key.Key_Escape)
    assert person.canvas.hasFocus()
    assert values(person) == [{}]
    assert fields(person)["length"].line.text() == ""
    start(person)
    press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is fields(person)["form"].editor
    press(Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    assert person.canvas.hasFocus()


def test_several_selected_show_what_they_share_and_take_one_value_in_one_step(person):
    one = person.add(FIRST, attributes={"attributes": {"form": "round", "torn": True}})
    two = person.add(SECOND, attributes={"attributes": {"form": "sickle", "torn": True}})
    person.page.document.select([one, two])
    shown = fields(person)
    assert shown["form"].box.placeholderText() == "several values"
    assert shown["form"].box.currentIndex() == -1
    assert shown["torn"].box.checkState() == Qt.CheckState.Checked
    assert shown["length"].line.placeholderText() == "not set"
    assert person.page.attributes.panel.header.figure.text() == "2 selected"
    start(person)
    press(Qt.Key.Key_1)
    assert [each["form"] for each in values(person)] == ["round", "round"]
    assert shown["form"].box.currentText() == "1  round"
    assert person.project.undo_label == "Set form to round"  # one had it already
    person.project.undo()
    assert [each["form"] for each in values(person)] == ["round", "sickle"]


def test_a_half_ticked_box_says_yes_at_the_first_click_and_no_at_the_second(person):
    one = person.add(FIRST, attributes={"attributes": {"torn": False}})
    two = person.add(SECOND)
    person.page.document.select([one, two])
    box = fields(person)["torn"].box
    assert box.checkState() == Qt.CheckState.PartiallyChecked
    assert box.text() == "several values"
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center() / 4)
    assert [each["torn"] for each in values(person)] == [True, True]
    press(Qt.Key.Key_Space)
    assert [each["torn"] for each in values(person)] == [False, False]
    press(Qt.Key.Key_Delete)
    assert values(person) == [{}, {}]


def test_a_number_outside_its_range_is_refused_in_words_and_nothing_is_stored(person):
    said = []
    person.page.attributes.said.connect(said.append)
    person.page.document.select([person.add(FIRST)])
    before = person.project.undo_label
    field = fields(person)["length"]
    field.editor.setFocus()
    QTest.keyClicks(field.line, "51")
    press(Qt.Key.Key_Return)
    assert said == ["“51” is no value of length: 0 to 50 µm"]
    assert (field.line.text(), person.project.undo_label) == ("", before)


def test_what_was_typed_belongs_to_the_object_it_was_typed_for(person):
    one, two = person.add(FIRST), person.add(SECOND)
    person.page.document.select([one])
    field = fields(person)["note"]
    field.editor.setFocus()
    QTest.keyClicks(field.line, "first")
    person.click(SECOND.x + 40, SECOND.y + 30)
    assert person.page.document.selection == {two}
    assert values(person) == [{"note": "first"}, {}]


def test_kinds_ask_what_their_class_asks_and_several_classes_what_they_share(person):
    with person.project.transaction("Nest") as s:
        class_tree.set_parent(s, id=2, parent_id=1)
    ask(person, 2, Attribute("phase", AttributeKind.CHOICE, choices=("M", "S")))
    cell, nucleus, other = (person.add(FIRST, class_id=each) for each in (1, 2, 3))
    select = person.page.document.select
    select([nucleus])
    assert list(fields(person)) == ["form", "torn", "length", "note", "phase"]
    select([cell, nucleus])
    assert list(fields(person)) == ["form", "torn", "length", "note"]
    select([cell, other])
    assert not person.page.attributes.panel.isVisible()


def test_the_key_says_why_there_is_nothing_to_give(person):
    said = []
    person.page.attributes.said.connect(said.append)
    start(person)
    person.page.document.select([person.add(FIRST, class_id=3)])
    start(person)
    assert said == [
        "Select an annotation first",
        "“Other” asks for no attributes: Manage classes defines them",
    ]


def test_a_value_makes_a_suggestion_the_persons_own_and_leaves_locked_ones_alone(person):
    suggested = person.add(FIRST, source=Source.NETWORK, state=State.SUGGESTED, score=0.7)
    locked = person.add(SECOND)
    with person.project.transaction("Lock") as s:
        rows.change(s, "annotation", [locked], locked=1)
    person.page.document.select([suggested, locked])
    start(person)
    press(Qt.Key.Key_1)
    assert values(person) == [{"form": "round"}, {}]
    assert person.shapes[0].state == State.ACCEPTED


def test_the_list_says_what_annotations_are_and_carries_what_imports_knew(person):
    carried = {"difficult": 1, "attributes": {"form": "round", "torn": True, "length": 9}}
    id = person.add(FIRST, attributes=carried)
    model = person.page.tree.rows
    index = model.index_of(person.page.document.get(id))
    assert index.data() == "round, torn, 9 µm · 80 × 60 px"
    told = index.data(Qt.ItemDataRole.ToolTipRole)
    assert "difficult: 1" in told
    assert "round, torn, 9 µm · 80 × 60 px" in told, "a narrow panel cuts the row"


def test_the_area_of_a_mask_stands_where_a_narrow_panel_does_not_cut_it(person):
    id = person.add(Mask.from_patch(np.ones((200, 300), np.uint8)))
    index = person.page.tree.rows.index_of(person.page.document.get(id))
    assert index.data() == "60,000 px², 300 × 200 px"


def test_copies_say_what_their_original_says(person):
    person.page.document.select([person.add(FIRST, attributes={"attributes": {"form": "round"}})])
    person.key(Qt.Key.Key_D, CTRL)
    person.key(Qt.Key.Key_C, CTRL)
    person.key(Qt.Key.Key_V, CTRL)
    assert values(person) == [{"form": "round"}] * 3


def test_where_images_are_classified_the_image_has_the_attributes_of_its_class(
    tmp_path, qtbot, private_home
):
    with label_page(tmp_path, qtbot, task=Task.CLASSIFY) as person:
        ask(person, 1, FORM)
        assert not person.page.attributes.panel.isVisible()
        person.key(Qt.Key.Key_1)
        start(person)
        press(Qt.Key.Key_2)
        assert values(person) == [{"form": "sickle"}]
        assert person.only.class_id == 1


def test_attributes_are_seen_beside_a_display_that_was_opened_on_a_small_screen(person):
    person.page.resize(1280, 606)  # what is left of 720 by header, bar and status
    side = person.page.side
    id = person.add(FIRST)
    QTest.mouseClick(side.display.section.arrow, Qt.MouseButton.LeftButton)
    person.page.document.select([id])
    QApplication.processEvents()
    panel = person.page.attributes.panel
    for field in panel.fields:
        assert field.editor.visibleRegion().boundingRect() == field.editor.rect()
    assert side.display.is_open
    assert side.tree.viewport().height() >= theme.size("row_compact") * 2
    assert side.stack.widget(0).y() == 0
    assert panel.mapTo(side.stack, panel.rect().bottomLeft()).y() < side.display.y()


def test_a_number_that_a_file_carries_shows_as_the_choice_that_it_is(person):
    ask(person, 2, Attribute("grade", AttributeKind.CHOICE, choices=("0", "1", "2")))
    id = person.add(FIRST, class_id=2, attributes={"attributes": {"grade": 1}})
    person.page.document.select([id])
    field = fields(person)["grade"]
    assert field.box.currentText() == "2  1"
    assert field.state_words == ""


def test_a_number_and_a_text_of_several_are_shown_as_such_and_set_for_all_in_one_step(person):
    ids = [
        person.add(box, attributes={"attributes": {"length": length, "note": note}})
        for box, length, note in ((FIRST, 1, "a"), (SECOND, 2, "a"), (Box(5, 200, 9, 9), 3, "b"))
    ]
    person.page.document.select(ids)
    shown = fields(person)
    for name in ("length", "note"):
        assert shown[name].line.text() == ""
        assert shown[name].line.placeholderText() == "several values"
    start(person)
    press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is shown["length"].line
    press(Qt.Key.Key_Tab)  # nothing was typed: nothing is set
    assert [each["length"] for each in values(person)] == [1, 2, 3]
    QTest.keyClicks(QApplication.focusWidget(), "rim")
    press(Qt.Key.Key_Return)
    assert [each["note"] for each in values(person)] == ["rim"] * 3
    assert person.project.undo_label == "Set note of 3 objects to rim"
    person.project.undo()
    assert [each["note"] for each in values(person)] == ["a", "a", "b"]
