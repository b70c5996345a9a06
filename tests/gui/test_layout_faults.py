"""No words are cut and nothing lies on something else, on every page and in the dialogs."""

from __future__ import annotations

import pytest
from layout_faults import faults
from person import Person
from PySide6.QtCore import QRect
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from cvstudio.core.annotation import Kind
from cvstudio.gui.label.adjust_popup import AdjustPopup
from cvstudio.gui.widgets.dialogs import StudioDialog

PAGES = ("data", "label", "augment", "train", "analyze", "export", "predict")
DIALOGS = (
    "app.keys", "app.words", "app.settings", "data.import", "data.export", "data.split",
    "data.classes", "label.reject", "label.class", "label.copy_next", "label.restore",
    "label.suggest",
)  # fmt: skip
SIZES = ((1280, 720), (1440, 900))


@pytest.mark.parametrize("size", SIZES)
def test_on_no_page_words_are_cut(studio_window: Person, size: tuple[int, int]) -> None:
    studio_window.window.resize(*size)
    for name in PAGES:
        page = studio_window.page(name)
        studio_window.idle()
        studio_window.settle()  # a row that was just filled gets its height with the next events
        assert faults(page) == [], name
    assert faults(studio_window.window.header) == []
    assert faults(studio_window.window.rail) == []


def test_in_no_dialog_words_are_cut(studio_window: Person) -> None:
    studio_window.window.resize(1280, 720)
    studio_window.page("label")
    studio_window.label_page().document.select([1])
    found: dict[str, list[str]] = {}
    for action in DIALOGS:
        studio_window.page(action.split(".")[0] if not action.startswith("app.") else "label")
        studio_window.answer(lambda dialog, name=action: look(studio_window, dialog, found, name))
        studio_window.trigger(action)
    assert set(found) == set(DIALOGS), "each has opened"
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def look(person: Person, dialog: QWidget, found: dict[str, list[str]], name: str) -> None:
    """Note the faults of a dialog and leave it."""
    person.settle()
    found[name] = faults(dialog)
    assert dialog.height() <= 720, name
    dialog.close()


def test_the_kinds_to_convert_to_have_their_height_after_simplify(
    qtbot: QtBot, studio_window: Person
) -> None:
    around = QWidget()
    around.resize(900, 600)
    qtbot.addWidget(around)
    around.show()
    popup = AdjustPopup(around)
    for kind in (None, Kind.MASK, None, Kind.BOX):
        popup.begin("Convert", "Tolerance", 1.0, kind, about=QRect(0, 0, 10, 10))
        studio_window.settle()
        assert faults(popup) == [], kind


def test_what_is_cut_or_covered_is_found(qtbot: QtBot) -> None:
    whole = QWidget()
    qtbot.addWidget(whole)
    row = QHBoxLayout(whole)
    narrow, button = QLabel("A sentence that needs its room"), QPushButton("And a button")
    for part in (narrow, button):
        row.addWidget(part)
    whole.show()
    assert faults(whole) == []
    narrow.setFixedWidth(20)
    button.setFixedWidth(20)
    assert len(faults(whole)) == 2


def test_a_button_of_a_dialog_has_room_at_once_for_words_that_grow(qtbot: QtBot) -> None:
    dialog = StudioDialog(None, "Edit split", width=640)
    qtbot.addWidget(dialog)
    button = dialog.add_button("Divide", dialog.accept, next=True)
    dialog.show()
    assert QTest.qWaitForWindowExposed(dialog)
    button.setText("Divide 120,000 images of the project")
    dialog.note("One step, undone with Ctrl+Z.")
    assert faults(dialog) == []
