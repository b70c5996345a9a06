"""Keys of classes: any free key, with modifiers or two presses, the conflict told; and the chooser
that is opened by one key and typed into."""

import pytest
from label_hands import label_page
from patience import until
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import LabelClass
from cvstudio.core.geometry import Box
from cvstudio.gui.action_table import BY_ID
from cvstudio.gui.label.class_picker import ClassPicker
from cvstudio.gui.shortcuts.class_keys import (
    ClassKeyDialog,
    ClassPresses,
    clashing,
    presses,
    refusal,
)
from cvstudio.gui.shortcuts.dialog import ShortcutDialog
from cvstudio.project import commands, queries

PLAIN, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def person(tmp_path, qtbot, private_home):
    with label_page(tmp_path, qtbot) as person:
        with person.project.transaction("Add classes") as s:
            for number in range(12):
                commands.add_class(s, name=f"class {number}")
        until(lambda: len(person.document.classes) == 15)
        person.page.activateWindow()
        yield person


def give(person, class_id, key):
    with person.project.transaction("Change key") as s:
        commands.set_hotkey(s, id=class_id, hotkey=key)
    until(lambda: person.document.classes[class_id].hotkey == key)


def keys_of(person):
    with person.project.read() as s:
        return {c.id: c.hotkey for c in queries.classes(s) if c.hotkey}


def in_dialog(kind, act):
    """Once a dialog of this kind is up, do something with it."""

    def look():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, kind) or not dialog.isActiveWindow():
            if dialog is not None:
                dialog.activateWindow()
            QTimer.singleShot(20, look)
            return
        try:
            act(dialog)
        finally:
            if dialog.isVisible():
                dialog.reject()

    QTimer.singleShot(0, look)


@pytest.mark.parametrize("key", ["Z", "Ctrl+1", "Alt+G", "Ctrl+Alt+C", "F, 1", "F, Ctrl+2", "T, T"])
def test_a_class_after_the_tenth_is_chosen_by_whatever_free_key_it_has(person, key):
    assert refusal(person.studio.actions, key) == ""
    give(person, 13, key)
    for press in presses(key):
        person.keys(press, person.canvas)
    assert person.document.class_id == 13


def test_two_classes_share_the_first_of_two_presses(person):
    give(person, 12, "F, 1")
    give(person, 13, "F, 2")
    for second, wanted in (("2", 13), ("1", 12)):
        person.keys("F", person.canvas)
        person.keys(second, person.canvas)
        assert person.document.class_id == wanted
    person.keys("2", person.canvas)
    assert person.document.class_id == 2, "alone it is the key of the second class"


@pytest.mark.parametrize(
    ("key", "word"),
    [("R", "Box"), ("Ctrl+Z", "Undo"), ("Space", "moves the picture"), ("Tab", "control"),
     ("R, 1", "Box"), ("1, 2", "by itself"), ("N, Tab", "control"), ("", "no key")],
)  # fmt: skip
def test_a_key_that_something_else_has_is_refused_with_its_name(person, key, word):
    assert word in refusal(person.studio.actions, key)


def test_keys_that_begin_alike_take_each_other_away(person):
    known = [LabelClass(1, "a", "#000000", "G, 1"), LabelClass(2, "b", "#000000", "G, 2"),
             LabelClass(3, "c", "#000000", "1"), LabelClass(4, "d", "#000000")]  # fmt: skip
    assert [c.id for c in clashing("G", known)] == [1, 2]
    assert [c.id for c in clashing("G, 2", known)] == [2]
    assert clashing("Ctrl+1", known) == []
    give(person, 12, "F, 1")
    give(person, 13, "F, 2")
    give(person, 14, "F")
    assert {id: key for id, key in keys_of(person).items() if id > 11} == {14: "F"}


def test_the_menu_of_a_class_asks_for_any_key_and_tells_who_loses_it(person):
    give(person, 12, "Alt+G")
    notes = []

    def act(dialog):
        for key, held, told in ((Qt.Key.Key_R, PLAIN, "Box"), (Qt.Key.Key_G, ALT, "Taken")):
            QTest.keyClick(dialog.field, key, held)
            until(lambda told=told: told in dialog._note.text())
            notes.append((dialog._note.text(), dialog.go.isEnabled()))
        QTest.keyClick(dialog.field, Qt.Key.Key_Return)

    in_dialog(ClassKeyDialog, act)
    menu = person.page.class_list.menu(13)
    keys = next(a.menu() for a in menu.actions() if a.text() == "Key")
    keys.actions()[-1].trigger()
    assert notes[0] == ("R is Box. Give that another key first (F1, Keys).", False)
    assert notes[1] == ("Taken from “class 8” (Alt+G).", True)
    assert {id: key for id, key in keys_of(person).items() if id > 10} == {13: "Alt+G"}
    assert person.project.undo_label == "Change key"


def test_the_shortcut_editor_gives_no_action_the_key_of_a_class(person):
    give(person, 13, "Alt+G")
    dialog = ShortcutDialog(person.page, person.studio.keys, "label")
    dialog.choose("label.box")
    dialog._on_recorded("Alt+G")
    assert "Alt+G" not in person.studio.keys.keys("label.box")
    assert "class 9" in dialog.message._words.text()
    dialog.deleteLater()


def test_one_key_opens_the_chooser_and_the_first_letters_and_enter_choose(person):
    def act(picker):
        QTest.keyClicks(picker.search, "class 11")
        QTest.keyClick(picker.search, Qt.Key.Key_Return)

    in_dialog(ClassPicker, act)
    person.keys("C", person.canvas)
    assert person.document.classes[person.document.class_id].name == "class 11"
    assert "C" in BY_ID["label.class"].keys


def test_the_chooser_gives_the_selected_object_its_class(person):
    person.document.choose_class(1)
    person.document.add(Box(10, 10, 20, 20), label="Add box")
    person.document.select([person.only.id])

    def act(picker):
        QTest.keyClicks(picker.search, "class 7")
        QTest.keyClick(picker.search, Qt.Key.Key_Return)

    in_dialog(ClassPicker, act)
    person.keys("C", person.canvas)
    assert person.document.classes[person.only.class_id].name == "class 7"


def test_where_no_shortcut_can_be_two_presses_are_followed_and_forgotten_when_they_lead_nowhere():
    known = [LabelClass(1, "a", "#000000", "F, 1"), LabelClass(2, "b", "#000000", "1"),
             LabelClass(3, "c", "#000000", "Ctrl+1")]  # fmt: skip
    followed = ClassPresses()

    def press(key, held=Qt.KeyboardModifier.NoModifier, text=""):
        found = followed.feed(QKeyEvent(QEvent.Type.KeyPress, key, held, text), known)
        return found and found.name

    assert [press(Qt.Key.Key_F, text="f"), press(Qt.Key.Key_1, text="1")] == [None, "a"]
    assert press(Qt.Key.Key_1, text="1") == "b"
    assert [press(Qt.Key.Key_F, text="f"), press(Qt.Key.Key_X, text="x")] == [None, None]
    assert press(Qt.Key.Key_1, CONTROL) == "c"
    assert press(Qt.Key.Key_1, Qt.KeyboardModifier.KeypadModifier, "1") == "b"
