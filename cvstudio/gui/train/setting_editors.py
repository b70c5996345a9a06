"""The editors of single settings: choices in words, numbers with units, rates, files."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from cvstudio.core.recipe_effects import word
from cvstudio.core.recipe_limits import extra, limits, step
from cvstudio.gui.widgets.section import push


class RateBox(QDoubleSpinBox):
    """A spin box for rates: shows 0.001 as such, steps by a quarter of the value, or by `even`."""

    def __init__(self, even: float = 0.0) -> None:
        super().__init__()
        self.setDecimals(7)
        self._even = even

    def textFromValue(self, value: float) -> str:
        return f"{value:.4g}"

    def stepBy(self, steps: int) -> None:
        if self._even:
            self.setValue(round(self.value() + steps * self._even, 7))
            return
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


def named(choice: StrEnum) -> str:
    """A choice in words."""
    return word(choice.value)


def plain_type(kind: Any) -> Any:
    """A type without "or None"."""
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def choice_box(entries: list[tuple[str, str]], tell: Callable[[Any], None]) -> QComboBox:
    """A list of choices, given as value and words; `tell` gets the value that is chosen."""
    box = QComboBox()
    for value, words in entries:
        box.addItem(words, value)
    box.currentIndexChanged.connect(lambda _index: tell(box.currentData()))
    return box


def number_box(
    kind: Any, field: FieldInfo, tell: Callable[[Any], None]
) -> QSpinBox | QDoubleSpinBox:
    """A number within the limits of its field, with its unit; what 0 means is said in words."""
    low, high = limits(field)
    unit = extra(field, "unit")
    box = QSpinBox() if kind is int else RateBox(float(extra(field, "step") or 0))
    if extra(field, "zero"):
        box.setSpecialValueText(extra(field, "zero").capitalize())
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


def show_value(editor: QWidget, value: Any, *, words: str = "") -> None:
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
