"""The settings dialog, grown from the table in core/settings.py; each change holds at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.settings import SETTINGS, Setting, Settings
from cvstudio.gui import theme
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import SectionHeader, label, link


class SettingsDialog(StudioDialog):
    """Every setting in its group, with its words. There is no OK: a change is a change.

    `offered` names the choices of settings that depend on this computer, by key; `more` a link
    under a setting, by key: its words and what it does.
    """

    def __init__(
        self,
        parent: QWidget | None,
        settings: Settings,
        offered: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        more: Mapping[str, tuple[str, Callable[[], Any]]] | None = None,
    ) -> None:
        super().__init__(parent, "Settings", width=640, height=640)
        self.setObjectName("settings")
        self._settings = settings
        self._offered = offered or {}
        self._more = more or {}
        self.editors: dict[str, QWidget] = {}
        area = QScrollArea()
        area.setAccessibleName("Settings")
        theme.mark(area, plain=True)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        for group, records in groupby((s for s in SETTINGS if s.shown), key=lambda s: s.group):
            column.addWidget(SectionHeader(group, padded=False))
            for record in records:
                column.addLayout(self._row(record))
        column.addStretch(1)
        area.setWidget(inside)
        self.content.addWidget(area)
        settings.listen(self._follow)
        self.finished.connect(lambda _result: settings.unlisten(self._follow))
        self.note("Changes take effect at once.")
        self.add_button("Close", self.accept)

    def _row(self, record: Setting) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(16)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(label(record.title))
        words.addWidget(label(record.description, "caption", wrap=True))
        if record.key in self._more:
            text, do = self._more[record.key]
            more = link(text, partial(self._do_more, record, do))
            words.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)  # else all is as narrow as it
        row.addLayout(words, 1)
        editor = make_editor(
            record,
            self._settings.get(record.key),
            partial(self._settings.set, record.key),
            choices=self._offered.get(record.key, record.choices),
        )
        editor.setAccessibleName(record.title)
        self.editors[record.key] = editor
        row.addWidget(editor, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        return row

    def _do_more(self, record: Setting, do: Callable[[], Any]) -> None:
        """What stands under a setting may have changed it."""
        do()
        editor = self.editors[record.key]
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(self._settings.get(record.key)))

    def _follow(self, key: str, value: object) -> None:
        """What was chosen elsewhere is read in its field."""
        editor = self.editors.get(key)
        if isinstance(editor, QLineEdit):
            editor.setText(str(value))


def make_editor(
    record: Setting,
    value: Any,
    changed: Callable[[Any], None],
    *,
    choices: Sequence[tuple[Any, str]] = (),
) -> QWidget:
    """The control that fits a setting, showing a value and telling of changes."""
    if choices:
        combo = QComboBox()
        for choice, words in choices:
            combo.addItem(words, choice)
        if combo.findData(value) < 0:  # chosen on another day, when this computer had it
            combo.addItem(str(value), value)
        combo.setCurrentIndex(combo.findData(value))
        combo.currentIndexChanged.connect(lambda index: changed(combo.itemData(index)))
        combo.setMinimumWidth(160)
        return combo
    if isinstance(record.default, bool):
        box = QCheckBox()
        box.setChecked(bool(value))
        box.toggled.connect(changed)
        return box
    if isinstance(record.default, int):
        spin = QSpinBox()
        spin.setRange(int(record.low or 0), int(record.high if record.high is not None else 10**6))
        spin.setSuffix(f" {record.unit}" if record.unit else "")
        spin.setValue(int(value))
        spin.valueChanged.connect(changed)
        return spin
    field = QLineEdit(str(value))
    field.setPlaceholderText(record.empty)
    field.setMinimumWidth(200)
    field.editingFinished.connect(lambda: changed(field.text()))
    return field
