"""The three fields in which a person says how images are divided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout

from cvstudio.core.annotation import Split
from cvstudio.gui.widgets.section import label

_USUAL = (70, 20, 10)


def add_shares(grid: QGridLayout, changed: Callable[[], Any]) -> list[QDoubleSpinBox]:
    """Put a field in percent for train, val and test, each under its name, into a grid's first
    columns."""
    fields = []
    for place, (split, value) in enumerate(zip(Split, _USUAL, strict=True)):
        spin = QDoubleSpinBox()
        spin.setRange(0, 100)
        spin.setDecimals(0)
        spin.setSingleStep(5)
        spin.setSuffix(" %")
        spin.setValue(value)
        spin.setAccessibleName(f"Share of {split}")
        spin.valueChanged.connect(lambda _value: changed())
        grid.addWidget(label(str(split), "muted"), 0, place)
        grid.addWidget(spin, 1, place)
        fields.append(spin)
    return fields
