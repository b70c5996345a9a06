"""Keys that a person changes: presets, recording, clashes, what shows them, and the sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dialog_hands import when_open
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QPushButton

from cvstudio.core.settings import Settings
from cvstudio.gui.action_table import ACTIONS, BY_ID
from cvstudio.gui.help_dialog import HelpDialog
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.settings_dialog import SettingsDialog
from cvstudio.gui.shortcuts import sheet
from cvstudio.gui.shortcuts.dialog import ShortcutDialog
from cvstudio.gui.shortcuts.keymap import CLASS_KEYS, OWN, in_force, meets, normal, refusal, unpack
from cvstudio.gui.shortcuts.presets import PRESETS
from cvstudio.gui.studio import Studio

NONE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


@pytest.fixture
def dialog(studio: Studio) -> Iterator[ShortcutDialog]:
    made = ShortcutDialog(None, studio.keys)
    made.show()
    made.activateWindow()
    QTest.qWaitForWindowActive(made)
    yield made
    made.close()
    made.deleteLater()


def record(dialog: ShortcutDialog, id: str, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
    """Mark an action, press its row's Enter, then the key."""
    dialog.choose(id)
    dialog.tree.setFocus()
    QTest.keyClick(dialog.tree, Qt.Key.Key_Return)
    if not dialog.recorder.recording:  # a dialog over a dialog gets no shortcuts offscreen
        QTest.mouseClick(dialog.recorder, Qt.MouseButton.LeftButton)
    assert dialog.recorder.recording
    QTest.keyClick(dialog.recorder, key, held)
    assert not dialog.recorder.recording


def marked(dialog: ShortcutDialog) -> str:
    return dialog.chosen.id if dialog.chosen is not None else ""


def takers(dialog: ShortcutDialog) -> list[QPushButton]:
    """The keys of the footer, each of which takes itself away."""
    found = dialog.findChildren(QPushButton)
    return [cap for cap in found if cap.isVisible() and cap.accessibleName().endswith(" away")]


def in_editor(do: Callable[[ShortcutDialog], None]) -> None:
    """Do something in the editor as soon as it is up, over the dialog from which it is opened."""

    def act(editor: ShortcutDialog) -> None:
        editor.activateWindow()
        QTest.qWaitForWindowActive(editor)
        do(editor)
        editor.accept()

    when_open(ShortcutDialog, act)


def link_of(dialog: ShortcutDialog) -> QPushButton:
    (found,) = dialog.message.findChildren(QPushButton)
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_gives_one_key_to_two_actions_or_loses_a_key_that_it_names(preset: str) -> None:
    held = in_force(preset, {})
    assert set(held) == set(BY_ID)
    seen = [(BY_ID[id], normal(key)) for id, keys in held.items() for key in keys]
    for place, (info, key) in enumerate(seen):
        for other, same in seen[:place]:
            assert key != same or not meets(info, other), f"{key}: {info.id} and {other.id}"
    for id, named in PRESETS[preset].items():
        assert held[id] == named, id


def test_d_goes_on_in_labelme_and_back_in_cvat() -> None:
    assert "D" in in_force("labelme", {})["label.next"]
    assert "D" in in_force("xanylabeling", {})["label.next"]
    assert "D" in in_force("cvat", {})["label.previous"]
    assert in_force("cvat", {})["label.next"][0] == "F"


def test_a_pathologist_finds_the_keys_of_qupath() -> None:
    held = in_force("qupath", {})
    for key, id in (
        ("M", "label.select"), ("R", "label.box"), ("P", "label.polygon"), ("B", "label.brush"),
        ("W", "label.wand"), ("A", "label.hide"), ("G", "label.grid"),
        ("Shift+D", "label.duplicate"), ("Ctrl+L", "app.search"),
    ):  # fmt: skip
        assert key in held[id], (key, id)
    named = {id for id, info in BY_ID.items() if info.keys and not held[id]}
    assert not named, "an action has lost its only key to the preset"


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_leaves_an_action_of_the_label_page_without_a_key(preset: str) -> None:
    held = in_force(preset, {})
    lost = {id for id, info in BY_ID.items() if info.page == "label" and info.keys and not held[id]}
    assert not lost


def test_keys_that_move_what_is_selected_can_be_given_to_nothing() -> None:
    for key in ("Shift+Left", "Ctrl+Shift+Down"):
        assert "moves what is selected" in refusal(BY_ID["label.box"], key)
        assert not refusal(BY_ID["data.tag"], key)


def test_without_changes_every_action_has_the_keys_of_the_table() -> None:
    held = in_force("cvstudio", {})
    assert all(held[info.id] == info.keys for info in ACTIONS)


def test_the_keys_of_classes_can_be_given_to_nothing_on_the_label_page() -> None:
    for key in CLASS_KEYS:
        assert refusal(BY_ID["label.box"], key)
        assert refusal(BY_ID["edit.undo"], key)
        assert not refusal(BY_ID["data.tag"], key)
        assert key not in in_force("cvstudio", {"label.box": (key,)})["label.box"]
    assert refusal(BY_ID["label.box"], "Tab")
    assert refusal(BY_ID["label.box"], "Esc")


def test_a_damaged_setting_leaves_the_table_in_force() -> None:
    for text in ("", "{", "[]", '{"no.such": ["F2"]}', '{"label.box": 3}', '{"label.box": [1]}'):
        assert all(not keys for keys in unpack(text).values())


def test_a_recorded_key_works_at_once_and_is_there_on_another_day(
    dialog: ShortcutDialog, studio: Studio
) -> None:
    record(dialog, "label.box", Qt.Key.Key_F2, CTRL)
    assert studio.actions.keys("label.box") == ("R", "Ctrl+F2")
    assert [s.toString() for s in studio.actions["label.box"].shortcuts()] == ["R", "Ctrl+F2"]
    again = Studio(Settings(), studio.memory)
    assert again.actions.keys("label.box") == ("R", "Ctrl+F2")
    again.shut_down()


def test_a_clash_is_told_and_nothing_changes_until_the_key_is_taken(
    dialog: ShortcutDialog, studio: Studio
) -> None:
    record(dialog, "label.box", Qt.Key.Key_P)
    assert dialog.message.isVisible()
    assert any("P is Polygon on the Label page." in w.text() for w in _labels(dialog))
    assert studio.actions.keys("label.box") == ("R",)
    assert link_of(dialog).text() == "Take it from Polygon"
    assert QApplication.focusWidget() is link_of(dialog)
    QTest.keyClick(link_of(dialog), Qt.Key.Key_Return)
    assert studio.actions.keys("label.box") == ("R", "P")
    assert studio.actions.keys("label.polygon") == ()
    assert any("Polygon has no key now." in w.text() for w in _labels(dialog))


def test_a_key_of_another_page_is_free_and_one_that_works_everywhere_is_not(
    dialog: ShortcutDialog, studio: Studio
) -> None:
    record(dialog, "label.box", Qt.Key.Key_F)  # Fix this label, on Analyze
    assert studio.actions.keys("label.box") == ("R", "F")
    record(dialog, "label.box", Qt.Key.Key_K, CTRL)
    assert link_of(dialog).text() == "Take it from Search"
    record(dialog, "app.search", Qt.Key.Key_F5)  # Check again, on Data; Evaluate again, on Analyze
    assert link_of(dialog).text() == "Take it from Check again"
    QTest.mouseClick(link_of(dialog), Qt.MouseButton.LeftButton)
    assert studio.actions.keys("data.health") == ()
    assert studio.actions.keys("analyze.evaluate") == ()


def test_a_refused_key_says_why(dialog: ShortcutDialog, studio: Studio) -> None:
    record(dialog, "label.box", Qt.Key.Key_3)
    assert any("3 chooses a class" in words.text() for words in _labels(dialog))
    record(dialog, "label.box", Qt.Key.Key_Tab)
    assert any("Tab moves" in words.text() for words in _labels(dialog))
    record(dialog, "label.box", Qt.Key.Key_Escape)
    assert studio.actions.keys("label.box") == ("R",)
    assert not studio.settings.get(OWN)


def test_what_is_sought_is_what_the_footer_changes(dialog: ShortcutDialog, studio: Studio) -> None:
    dialog.choose("app.search")
    dialog.field.setText("brush")
    assert marked(dialog) == "label.brush"
    assert dialog.name.text() == BY_ID["label.brush"].text
    dialog.field.setText("no such action")
    assert not marked(dialog)
    assert not dialog.recorder.isEnabled()
    assert not dialog.reset.isEnabled()
    QTest.qWait(0)
    assert not takers(dialog)
    dialog.field.setText("Ctrl+K")
    assert marked(dialog) == "app.search"


def test_the_last_key_does_not_go_without_a_word_nor_its_row_from_under_the_hand(
    dialog: ShortcutDialog, studio: Studio
) -> None:
    dialog.field.setText("Ctrl+K")
    (cap,) = [
        w for w in dialog.findChildren(QPushButton) if w.accessibleName() == "Take Ctrl+K away"
    ]
    QTest.mouseClick(cap, Qt.MouseButton.LeftButton)
    assert studio.actions.keys("app.search") == ()
    assert marked(dialog) == "app.search"
    assert not dialog._items["app.search"].isHidden()
    assert any("Search has no key now." in w.text() for w in _labels(dialog))


def test_the_search_field_draws_no_key_when_there_is_none(studio_window: Person) -> None:
    field = studio_window.window.header.search
    (cap,) = field.findChildren(QLabel)
    assert cap.isVisible()
    studio_window.studio.keys.take("app.search", "Ctrl+K")
    assert not cap.isVisible()
    field.setText("a")
    field.clear()
    assert not cap.isVisible()
    studio_window.studio.keys.give("app.search", "Ctrl+K")
    assert cap.isVisible()


def test_one_action_or_all_go_back_to_the_preset(dialog: ShortcutDialog, studio: Studio) -> None:
    record(dialog, "label.box", Qt.Key.Key_F2)
    record(dialog, "label.polygon", Qt.Key.Key_F3)
    dialog.choose("label.box")
    QTest.mouseClick(dialog.reset, Qt.MouseButton.LeftButton)
    assert studio.actions.keys("label.box") == ("R",)
    assert studio.actions.keys("label.polygon") == ("P", "F3")
    QTest.mouseClick(dialog.reset_all, Qt.MouseButton.LeftButton)
    assert studio.actions.keys("label.polygon") == ("P",)
    assert not dialog.reset_all.isEnabled()


def test_a_key_can_be_taken_away_by_its_cap(dialog: ShortcutDialog, studio: Studio) -> None:
    dialog.choose("label.next")
    caps = [b for b in dialog.findChildren(QPushButton) if b.accessibleName() == "Take PgDown away"]
    caps = caps or [
        b for b in dialog.findChildren(QPushButton) if b.accessibleName().startswith("Take PgD")
    ]
    QTest.mouseClick(caps[0], Qt.MouseButton.LeftButton)
    assert studio.actions.keys("label.next") == ("D", "Right")


def test_own_keys_stay_over_another_preset(dialog: ShortcutDialog, studio: Studio) -> None:
    record(dialog, "label.box", Qt.Key.Key_F2)
    dialog.preset.setCurrentIndex(dialog.preset.findData("cvat"))
    assert studio.settings.get("label.keys") == "cvat"
    assert studio.actions.keys("label.next")[0] == "F"
    assert "F2" in studio.actions.keys("label.box")
    item = dialog._items["label.box"]
    assert (item.text(2), dialog._items["label.next"].text(2)) == ("you", "CVAT")


def test_the_list_is_found_by_name_and_by_key(dialog: ShortcutDialog) -> None:
    QTest.keyClicks(dialog.field, "magic")
    shown = [id for id, item in dialog._items.items() if not item.isHidden()]
    assert shown == ["label.wand"]
    dialog.field.clear()
    QTest.keyClicks(dialog.field, "ctrl+shift+z")
    assert [id for id, item in dialog._items.items() if not item.isHidden()] == ["edit.redo"]


def test_the_new_key_works_in_the_window_and_is_shown_wherever_the_old_one_was(
    studio_window: Person,
) -> None:
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    page.canvas.setFocus()

    def change(dialog: ShortcutDialog) -> None:
        record(dialog, "label.brush", Qt.Key.Key_F2)
        dialog._take("label.brush", "B")
        record(dialog, "label.smaller", Qt.Key.Key_F3)
        dialog._take("label.smaller", "[")
        record(dialog, "app.settings", Qt.Key.Key_F11)
        dialog._take("app.settings", "Ctrl+,")

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, HelpDialog)
        in_editor(change)
        studio_window.click(studio_window.button("Change keys", dialog))
        said = [words for _row, words in dialog.keys.rows if words.startswith("brush ")]
        assert said == ["brush paint the selected mask f2"]
        dialog.accept()

    studio_window.answer(look)
    studio_window.key("F1")
    page.canvas.setFocus()
    studio_window.key("B")
    assert page.canvas.tool.name == "select"
    studio_window.key("F2")
    assert page.canvas.tool.name == "brush"
    assert "F3 and ] change the size" in page.status_right
    assert "F2" in page.palette_bar.buttons["label.brush"].toolTip()
    assert "F2" in page.bar.options.mode._group.button(0).toolTip()
    rail = studio_window.button("Settings")
    assert "F11" in rail.toolTip()
    assert "Ctrl+," not in rail.toolTip()


def test_the_editor_opens_from_the_settings_and_its_preset_shows_there(
    studio_window: Person,
) -> None:
    def choose(dialog: ShortcutDialog) -> None:
        dialog.preset.setCurrentIndex(dialog.preset.findData("labelme"))

    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, SettingsDialog)
        in_editor(choose)
        studio_window.click(studio_window.button("Change keys", dialog))
        assert dialog.editors["label.keys"].currentData() == "labelme"  # type: ignore[attr-defined]
        dialog.accept()

    studio_window.answer(look)
    studio_window.key("Ctrl+,")
    assert studio_window.studio.actions.keys("label.polygon")[0] == "Ctrl+N"


@pytest.mark.parametrize("name", ["keys.pdf", "keys.html", "keys"])
def test_a_sheet_of_the_keys_in_force_is_saved(
    dialog: ShortcutDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    record(dialog, "label.box", Qt.Key.Key_F2, CTRL)
    answer: Callable[..., tuple[str, str]] = lambda *_a: (str(tmp_path / name), "")  # noqa: E731
    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    QTest.mouseClick(_button(dialog, "Save a sheet"), Qt.MouseButton.LeftButton)
    if name.endswith("html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "<b>R</b> or <b>Ctrl+F2</b>" in text
        assert all(info.tip.split("'")[0] in text for info in ACTIONS if info.keys)
    else:
        content = (tmp_path / "keys.pdf").read_bytes()
        assert content.startswith(b"%PDF-")
        assert len(content) > 5000
        pages = content.count(b"/Type /Page\n")
        text = sheet.paper(dialog._book, preset="CVStudio")
        assert pages == text.count("page-break-before") + 1, "no column runs over its page"


def test_the_sheet_names_every_key_and_no_heading_stands_alone(dialog: ShortcutDialog) -> None:
    text = sheet.paper(dialog._book, preset="CVStudio")
    document = QTextDocument()
    document.setHtml(text)
    plain = document.toPlainText()
    for info in ACTIONS:
        assert not info.keys or f"\n{info.text}\n" in plain, info.id
    assert "Shift+Arrows" in plain
    assert "</h2><h2>" not in text
    assert not re.search("</h2></td>", text)


def test_a_sheet_that_cannot_be_written_is_told(
    dialog: ShortcutDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = str(tmp_path / "gone" / "keys.pdf")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (nowhere, ""))
    QTest.mouseClick(_button(dialog, "Save a sheet"), Qt.MouseButton.LeftButton)
    assert any("keys.pdf cannot be written" in words.text() for words in _labels(dialog))


def _labels(dialog: ShortcutDialog) -> list[QLabel]:
    return dialog.message.findChildren(QLabel)


def _button(dialog: ShortcutDialog, text: str) -> QPushButton:
    return next(b for b in dialog.findChildren(QPushButton) if b.text() == text)
