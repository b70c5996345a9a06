"""A file of ultralytics as a source of suggestions: what is in it is shown before it is asked."""

from __future__ import annotations

from pathlib import Path

from onnx_hands import ultralytics_file
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.gui.suggest_dialog import SuggestDialog
from cvstudio.gui.suggest_file import LEFT

NAMES = ("rbc", "platelet", "dust")


def opened(person: Person, file: Path) -> SuggestDialog:
    """The dialog about a file, when that was read or refused."""
    dialog = SuggestDialog(person.window, person.studio, file=file)
    dialog.show()
    person.until(lambda: dialog.panel.facts is not None or dialog.panel.trouble)
    person.settle()
    return dialog


def shown(dialog: SuggestDialog) -> list[tuple[str, str]]:
    model = dialog.panel.table.model()
    return [
        (str(model.index(row, 0).data()), str(model.index(row, 1).data()))
        for row in range(model.rowCount())
    ]


def test_what_is_in_the_file_is_shown_before_it_is_asked(
    studio_window: Person, tmp_path: Path
) -> None:
    dialog = opened(studio_window, ultralytics_file(tmp_path / "net.onnx", NAMES))
    words = dialog.panel.words.text()
    for part in ("boxes", "64 × 64 px", "ultralytics", "Score inside: none", "by CVStudio"):
        assert part in words
    assert shown(dialog) == [("rbc", "RBC"), ("platelet", "left out"), ("dust", "left out")]
    assert dialog.panel.figure.text() == "1 of 3 classes known, 2 left out"
    assert dialog.go.isEnabled()
    dialog.close()
    inside = opened(studio_window, ultralytics_file(tmp_path / "in.onnx", NAMES, inside=True))
    assert "Doubles removed: inside the file" in inside.panel.words.text()
    inside.close()


def test_classes_are_mapped_by_keyboard_to_known_and_new_ones_or_left_out(
    studio_window: Person, tmp_path: Path
) -> None:
    dialog = opened(studio_window, ultralytics_file(tmp_path / "net.onnx", NAMES))
    panel = dialog.panel
    panel.table.setFocus()
    panel.table.selectRow(1)
    next(a for a in panel.menu().actions() if a.text() == "WBC").trigger()
    panel.table.selectRow(2)
    next(a for a in panel.menu().actions() if a.text().startswith("New class")).trigger()
    assert shown(dialog) == [("rbc", "RBC"), ("platelet", "WBC"), ("dust", "new class “dust”")]
    panel.table.selectRow(0)
    next(a for a in panel.menu().actions() if a.text() == "Leave out").trigger()
    studio_window.click(dialog.go)
    assert dialog.wish is not None
    assert dialog.wish.config.classes == {1: LEFT, 2: 2, 3: "dust"}


def test_nothing_can_be_asked_while_every_class_is_left_out(
    studio_window: Person, tmp_path: Path
) -> None:
    dialog = opened(studio_window, ultralytics_file(tmp_path / "net.onnx", ("cat", "dog")))
    assert not dialog.go.isEnabled()
    assert "at least one class" in dialog.trouble.text
    dialog.panel.all_new.setFocus()
    QTest.keyClick(dialog.panel.all_new, Qt.Key.Key_Space)
    assert [to for _, to in shown(dialog)] == ["new class “cat”", "new class “dog”"]
    assert dialog.go.isEnabled()
    dialog.close()


def test_a_file_that_cannot_be_used_says_why_before_it_is_asked(
    studio_window: Person, tmp_path: Path
) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"no network")
    dialog = opened(studio_window, file)
    assert "net.onnx is not a usable ONNX file." in dialog.trouble.text
    assert not dialog.go.isEnabled()
    dialog.close()
