"""The advanced form, grown from the fields of TrainConfig: titles, limits, units and words are
those of the fields, so a new setting appears here by itself."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.networks import NetworkInfo, applies
from cvstudio.core.recipe import Start, TrainConfig, needed, without_effect
from cvstudio.core.recipe_limits import extra, fields, limits, step
from cvstudio.core.recipe_rules import CHOICES
from cvstudio.gui.widgets.section import label, push

FIELD_WIDTH = 136

ABOVE = frozenset({"image_size", "batch"})
"""Settings that stand above the form already, and not in it again."""


class RateBox(QDoubleSpinBox):
    """A spin box for rates: shows 0.001 as such, steps by a tenth of the value's size."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(7)

    def textFromValue(self, value: float) -> str:
        return f"{value:.4g}"

    def stepBy(self, steps: int) -> None:
        factor = 1.25**steps
        low = 10.0**-6 if steps > 0 and self.value() < 10.0**-6 else self.value() * factor
        self.setValue(float(f"{low:.2g}"))


class FileBox(QWidget):
    """A file chosen by a dialog or typed."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText("none")
        self.edit.setAccessibleName("Weights file")
        self.edit.editingFinished.connect(self.changed)
        self.button: QPushButton = push("…", self._choose, small=True)
        self.button.setAccessibleName("Choose the weights file")
        self.button.setFixedWidth(32)
        row.addWidget(self.edit, 1)
        row.addWidget(self.button)

    def _choose(self) -> None:
        kinds = "Weights (*.pt *.pth *.safetensors)"
        name, _ = QFileDialog.getOpenFileName(self, "Weights file", self.edit.text(), kinds)
        if name:
            self.edit.setText(name)
            self.changed.emit()


_OF_RUN = "run:"


class SettingsForm(QWidget):
    """Every setting by group. `changed(name, value)` is emitted when the person changes one.

    `start_chosen(start, file)` tells what a run starts from: the file is a run's checkpoint, None
    for everything that is not a run.
    """

    changed = Signal(str, object)
    start_chosen = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.editors: dict[str, QWidget] = {}
        self._words: dict[str, QWidget] = {}
        self._notes: dict[str, QWidget] = {}
        self._filling = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        groups: dict[str, list[str]] = {}
        for name, field in fields().items():
            if name in ABOVE:
                continue
            groups.setdefault(extra(field, "group"), []).append(name)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)
        for title, names in groups.items():
            heading = label(title, "caption")
            heading.setContentsMargins(0, 6, 0, 0)
            grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
            for name in names:
                self._add_row(grid, name)

    def fill(self, config: TrainConfig) -> None:
        """Show the values of a config, without telling."""
        self._filling = True
        for name, editor in self.editors.items():
            value = getattr(config, name)
            if name != "start":
                _show(editor, value, words=_named(value) if isinstance(value, StrEnum) else "")
        self._grey(config)
        of_run = f"{_OF_RUN}{config.weights_file}" if config.start is Start.RUN else ""
        _show(self.editors["start"], of_run or config.start, words="A run")
        self._filling = False

    def _grey(self, config: TrainConfig) -> None:
        """Let only those settings be changed that have an effect beside the others."""
        for name, editor in self.editors.items():
            field, missing = fields()[name], without_effect(name, config)
            for part in (editor, self._words[name], self._notes.get(name)):
                if part is not None:
                    part.setEnabled(not missing)
            why = str(field.description)
            if missing == "start":
                why = "From scratch there are no pretrained weights."
            elif missing:
                wanted = " or ".join(_word(value) for value in needed(name)[missing])
                why = f"Only with {fields()[missing].title} {wanted}."
            editor.setToolTip(f"{field.title}: {why}")

    def show_for(self, info: NetworkInfo) -> None:
        """Show the settings that have an effect on a network, and the ways in which it can be used.

        Call it before `fill`.
        """
        for name, editor in self.editors.items():
            for part in (editor, self._words[name], self._notes.get(name)):
                if part is not None:
                    part.setVisible(applies(name, info))
        for name, choices in CHOICES.items():
            self._offer(name, [(choice.value, _named(choice)) for choice in choices(info)])

    def set_devices(self, places: list[tuple[str, str]]) -> None:
        """The devices to choose from: the config's value, and words."""
        self._offer("device", places)

    def set_runs(self, runs: list[tuple[str, Path]]) -> None:
        """The runs to start from: words, and the checkpoint."""
        kinds = [(s.value, _named(s)) for s in Start if s is not Start.RUN]
        self._offer("start", kinds + [(f"{_OF_RUN}{path}", words) for words, path in runs])

    def _offer(self, name: str, entries: list[tuple[str, str]]) -> None:
        """Change what a list offers; what is chosen stays chosen."""
        box = self.editors[name]
        assert isinstance(box, QComboBox)
        if [(box.itemData(i), box.itemText(i)) for i in range(box.count())] == entries:
            return
        chosen, words = box.currentData(), box.currentText()
        was_filling, self._filling = self._filling, True
        box.clear()
        for value, text in entries:
            box.addItem(text, value)
        _show(box, chosen, words=words)
        self._filling = was_filling

    def _add_row(self, grid: QGridLayout, name: str) -> None:
        field = fields()[name]
        editor = self._editor(name, field)
        editor.setToolTip(f"{field.title}: {field.description}")
        editor.setAccessibleName(str(field.title))
        editor.setFixedWidth(FIELD_WIDTH)
        words = label(str(field.title))
        words.setToolTip(str(field.description))
        words.setBuddy(editor)
        row = grid.rowCount()
        grid.addWidget(words, row, 0)
        grid.addWidget(editor, row, 1)
        self.editors[name], self._words[name] = editor, words
        if extra(field, "explain"):
            note = label(str(field.description), "caption", wrap=True)
            grid.addWidget(note, row + 1, 0, 1, 2)
            self._notes[name] = note

    def _editor(self, name: str, field: FieldInfo) -> QWidget:
        def tell(value: Any) -> None:
            if not self._filling:
                self.changed.emit(name, value)

        kind = _plain(field.annotation)
        if kind is bool:
            check = QCheckBox()
            check.toggled.connect(tell)
            return check
        if kind is Path:
            file = FileBox()
            file.changed.connect(lambda: tell(file.edit.text() or None))
            return file
        if name == "start":
            kinds = [(s.value, _named(s)) for s in Start if s is not Start.RUN]
            return _choices(kinds, self._tell_start)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return _choices([(choice.value, _named(choice)) for choice in kind], tell)
        if kind is str:  # device is the one setting in words
            return _choices([("auto", "GPU if there is one"), ("cpu", "Processor")], tell)
        return _number(kind, field, tell)

    def _tell_start(self, key: str) -> None:
        if self._filling:
            return
        if key.startswith(_OF_RUN):
            self.start_chosen.emit(Start.RUN.value, Path(key.removeprefix(_OF_RUN)))
        else:
            self.start_chosen.emit(key, None)


def _named(choice: StrEnum) -> str:
    return _word(choice.value)


def _word(choice: str) -> str:
    """A choice as people write it."""
    return _NAMES.get(choice, choice.capitalize())


_NAMES = {
    "adamw": "AdamW", "sgd": "SGD", "lovasz": "Lovász", "last": "Last quarter", "head": "New alone",
    "binary": "Each class alone", "restarts": "Warm restarts", "plateau": "On a plateau",
    "one-cycle": "One cycle", "bfloat16": "bfloat16", "float16": "float16",
}  # fmt: skip


def _plain(kind: Any) -> Any:
    """A type without "or None"."""
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def _choices(entries: list[tuple[str, str]], tell: Callable[[Any], None]) -> QComboBox:
    box = QComboBox()
    for value, words in entries:
        box.addItem(words, value)
    box.currentIndexChanged.connect(lambda _index: tell(box.currentData()))
    return box


def _number(kind: Any, field: FieldInfo, tell: Callable[[Any], None]) -> QSpinBox | QDoubleSpinBox:
    low, high = limits(field)
    unit = extra(field, "unit")
    box = QSpinBox() if kind is int else RateBox()
    if isinstance(box, QSpinBox):
        box.setSingleStep(step(field))
        box.setRange(int(low), int(min(high, 2**31 - 1)))
    else:
        box.setRange(low, high)
    if unit:
        box.setSuffix(f" {unit}")
    if unit == "epochs":
        box.valueChanged.connect(lambda n: box.setSuffix(" epoch" if n == 1 else " epochs"))
    box.setKeyboardTracking(False)
    box.valueChanged.connect(tell)
    return box


def _show(editor: QWidget, value: Any, *, words: str = "") -> None:
    """Show a value; one that a list does not offer is added to it, under `words`."""
    match editor:
        case QCheckBox():
            editor.setChecked(bool(value))
        case QComboBox():
            index = editor.findData(str(value))
            if index < 0:
                editor.addItem(words or str(value), str(value))
                index = editor.count() - 1
            editor.setCurrentIndex(index)
        case QSpinBox() | QDoubleSpinBox():
            editor.setValue(value)
        case FileBox():
            editor.edit.setText(str(value or ""))
