"""The advanced form, grown from the fields of TrainConfig: titles, limits, units and words are
those of the fields, so a new setting appears here by itself.

Groups fold; a field at the top finds settings by their words; what differs from the preset is
marked and goes back with one click; what needs a value of another setting is there when it has it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.networks import NetworkInfo, applies
from cvstudio.core.recipe import Start, TrainConfig, without_effect
from cvstudio.core.recipe_effects import out_of_reach, wanted
from cvstudio.core.recipe_limits import extra, fields
from cvstudio.core.recipe_rules import CHOICES
from cvstudio.core.words import counted
from cvstudio.gui.train.setting_editors import (
    FileBox,
    choice_box,
    named,
    number_box,
    plain_type,
    show_value,
)
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import FoldSection, label, link, tool

FIELD_WIDTH = 132

ABOVE = frozenset({"image_size", "batch"})
"""Settings that stand above the form already: in it they are only found, by words or by change."""

_OF_RUN = "run:"


class SettingRow(QWidget):
    """One setting: a mark when it differs from the preset, its name, its editor, the way back."""

    def __init__(self, name: str, editor: QWidget, back: Callable[[], Any]) -> None:
        super().__init__()
        self.name, self.editor = name, editor
        field = fields()[name]
        self.title, self.group = str(field.title), extra(field, "group")
        self.differs = self.needed = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.mark = IconLabel("circle-medium", "link", 12)
        policy = self.mark.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.mark.setSizePolicy(policy)
        self.words = label(self.title, wrap=True)
        self.words.setMinimumWidth(64)
        self.words.setToolTip(str(field.description))
        self.words.setBuddy(editor)
        editor.setAccessibleName(self.title)
        editor.setFixedWidth(FIELD_WIDTH)
        self.back = tool(icon_name="undo-variant", side=24, icon_side=14, do=back)
        self.back.setAccessibleName(f"{self.title}: back to the preset")
        policy = self.back.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.back.setSizePolicy(policy)
        row.addWidget(self.mark)
        row.addWidget(self.words, 1)
        row.addWidget(editor)
        row.addWidget(self.back)
        column.addLayout(row)
        self.note = label("", "caption", wrap=True)
        below = QHBoxLayout()  # a label's own margins are lost when it is styled anew
        below.setContentsMargins(16, 0, 24, 2)
        below.addWidget(self.note)
        column.addLayout(below)
        self._explained = str(field.description) if extra(field, "explain") else ""

    def show_state(self, config: TrainConfig, preset: TrainConfig) -> None:
        """Mark what differs, and say what keeps the setting from having an effect."""
        field = fields()[self.name]
        mine, usual = getattr(config, self.name), getattr(preset, self.name)
        self.differs = mine != usual
        self.mark.setVisible(self.differs)
        self.back.setVisible(self.differs)
        told = f"{preset.preset.value.capitalize()} has {_in_words(field, usual)}"
        self.mark.setToolTip(told)
        self.back.setToolTip(f"Back to the preset: {_in_words(field, usual)}")
        missing = without_effect(self.name, config)
        self.needed = not missing
        why = str(field.description)
        if "start" in missing:
            why = "From scratch there are no pretrained weights."
        elif missing:
            why = f"Only with {wanted(missing, config)}."
        beyond = "" if missing else out_of_reach(self.name, config)
        for part in (self.editor, self.words):
            part.setEnabled(self.needed)
        self.editor.setToolTip(f"{field.title}: {why}")
        now = f"No effect now: {beyond}." if beyond else self._explained
        self.note.setText(why if missing else now)
        self.note.setVisible(bool(self.note.text()))

    @property
    def meaning(self) -> str:
        """The setting's name and sentence, and what keeps it from having an effect."""
        return self.editor.toolTip()

    def found_by(self, words: str) -> bool:
        """Whether each of some words occurs in what the setting is called or said to do."""
        field = fields()[self.name]
        kind = plain_type(field.annotation)
        choices = [named(c) for c in kind] if _is_choice(kind) else []
        text = " ".join([self.title, self.name, self.group, str(field.description), *choices])
        return all(part in text.casefold() for part in words.casefold().split())


class SettingsForm(QWidget):
    """Every setting by group. `changed(name, value)` is emitted when the person changes one, and
    `back(name)` when it is to be the preset's again; "" stands for all of them.

    `start_chosen(start, file)` tells what a run starts from: the file is a run's checkpoint, None
    for everything that is not a run. `explained(words)` says what the setting means that has the
    focus, "" when none has: beneath it those words would move what the person is about to press.
    """

    changed = Signal(str, object)
    back = Signal(str)
    start_chosen = Signal(str, object)
    explained = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.editors: dict[str, QWidget] = {}
        self.rows: dict[str, SettingRow] = {}
        self.groups: dict[str, FoldSection] = {}
        self._open: set[str] = set()
        self._info: NetworkInfo | None = None
        self._deep = False
        self._filling = False
        self._told = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a setting")
        self.search.setAccessibleName("Find a setting")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition).setText(
            "Find a setting"
        )
        self.search.textChanged.connect(lambda _text: self._show_rows())
        column.addWidget(self.search)
        head = QHBoxLayout()
        head.setContentsMargins(0, 4, 0, 0)
        self.only_changed = QCheckBox("")
        self.only_changed.setToolTip("Show only the settings that differ from the preset")
        self.only_changed.toggled.connect(lambda _on: self._show_rows())
        self.all_back = link("All back", lambda: self.back.emit(""))
        self.all_back.setToolTip("All back: every setting as the preset has it")
        head.addWidget(self.only_changed)
        head.addStretch(1)
        head.addWidget(self.all_back)
        column.addLayout(head)
        self.nothing = label("No setting has these words.", "muted")
        column.addWidget(self.nothing)
        self._make_groups(column)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_moved)

    def _focus_moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        """Say what the setting means that the person has come to, for as long as they are there."""
        row = next((r for r in self.rows.values() if now is not None and r.isAncestorOf(now)), None)
        told = row.meaning if row is not None else ""
        if told != self._told:
            self._told = told
            self.explained.emit(told)

    def _make_groups(self, column: QVBoxLayout) -> None:
        bodies: dict[str, QVBoxLayout] = {}
        for name, field in fields().items():
            group = extra(field, "group")
            if group not in bodies:
                body = QWidget()
                bodies[group] = QVBoxLayout(body)
                bodies[group].setContentsMargins(0, 0, 0, 4)
                bodies[group].setSpacing(4)
                section = FoldSection(group, body, open_=False)
                section.header.row.setContentsMargins(0, 0, 0, 0)
                section.toggled.connect(partial(self._turned, group))
                self.groups[group] = section
                column.addWidget(section)
            editor = self._editor(name, field)
            row = SettingRow(name, editor, partial(self.back.emit, name))
            self.editors[name], self.rows[name] = editor, row
            bodies[group].addWidget(row)

    def _turned(self, group: str, on: bool) -> None:
        """Remember what the person opens; what a search opens folds again with it."""
        if not self._searching:
            (self._open.add if on else self._open.discard)(group)

    @property
    def _searching(self) -> bool:
        return bool(self.search.text().strip()) or self.only_changed.isChecked()

    def open_group(self, group: str) -> None:
        """Unfold a group of settings."""
        self.groups[group].set_open(True)

    def fill(self, config: TrainConfig, preset: TrainConfig | None = None) -> None:
        """Show the values of a config, without telling, beside those that its preset has."""
        self._filling = True
        for name, editor in self.editors.items():
            value = getattr(config, name)
            if name != "start":
                show_value(editor, value, words=named(value) if isinstance(value, StrEnum) else "")
        of_run = f"{_OF_RUN}{config.weights_file}" if config.start is Start.RUN else ""
        show_value(self.editors["start"], of_run or config.start, words="A run")
        self._filling = False
        for row in self.rows.values():
            row.show_state(config, preset if preset is not None else config)
        self._show_rows()

    def _show_rows(self) -> None:
        """Show what applies to the network, has an effect, and is looked for."""
        words, only = self.search.text().strip(), self.only_changed.isChecked()
        counts = {group: [0, 0] for group in self.groups}
        above = 0
        for name, row in self.rows.items():
            holds = self._info is None or applies(name, self._info)
            if extra(fields()[name], "data") == "deep" and not (self._deep or row.differs):
                holds = False
            # One that needs another setting is found by its words all the same, and says so.
            wanted = row.found_by(words) if words else row.needed
            visible = holds and wanted and (not only or row.differs)
            if name in ABOVE and not self._searching:
                above += holds and row.differs
                row.setVisible(False)
                continue
            row.setVisible(visible)
            counts[row.group][0] += visible
            counts[row.group][1] += holds and row.differs
        for group, section in self.groups.items():
            shown, differing = counts[group]
            section.setVisible(bool(shown))
            section.header.figure.setText(f"{differing} changed" if differing else "")
            was = section.blockSignals(True)
            section.set_open(self._searching or group in self._open)
            section.blockSignals(was)
        total = above + sum(differing for _, differing in counts.values())
        self.only_changed.setText(f"Only {counted(total, 'changed setting')}")
        self.only_changed.setVisible(bool(total) or only)
        self.all_back.setVisible(bool(total))
        self.nothing.setVisible(not any(shown for shown, _ in counts.values()))

    def show_for(self, info: NetworkInfo) -> None:
        """Show the settings that have an effect on a network, and the ways in which it can be used.

        Call it before `fill`.
        """
        self._info = info
        for name, choices in CHOICES.items():
            self._offer(name, [(choice.value, named(choice)) for choice in choices(info)])

    def set_deep(self, deep: bool) -> None:
        """Whether the project has images with more than 8-bit colour: then settings matter that
        say what of them the network sees."""
        if deep != self._deep:
            self._deep = deep
            self._show_rows()

    def set_devices(self, places: list[tuple[str, str]]) -> None:
        """The devices to choose from: the config's value, and words."""
        self._offer("device", places)

    def set_runs(self, runs: list[tuple[str, Path]]) -> None:
        """The runs to start from: words, and the checkpoint."""
        kinds = [(s.value, named(s)) for s in Start if s is not Start.RUN]
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
        show_value(box, chosen, words=words)
        self._filling = was_filling

    def _editor(self, name: str, field: FieldInfo) -> QWidget:
        def tell(value: Any) -> None:
            if not self._filling:
                self.changed.emit(name, value)

        kind = plain_type(field.annotation)
        if kind is bool:
            check = QCheckBox()
            check.toggled.connect(tell)
            return check
        if kind is Path:
            file = FileBox()
            file.changed.connect(lambda: tell(file.edit.text() or None))
            return file
        if name == "start":
            kinds = [(s.value, named(s)) for s in Start if s is not Start.RUN]
            return choice_box(kinds, self._tell_start)
        if _is_choice(kind):
            return choice_box([(choice.value, named(choice)) for choice in kind], tell)
        if kind is str:  # device is the one setting in words
            return choice_box([("auto", "GPU if there is one"), ("cpu", "Processor")], tell)
        return number_box(kind, field, tell)

    def _tell_start(self, key: str) -> None:
        if self._filling:
            return
        if key.startswith(_OF_RUN):
            self.start_chosen.emit(Start.RUN.value, Path(key.removeprefix(_OF_RUN)))
        else:
            self.start_chosen.emit(key, None)


def _is_choice(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _in_words(field: FieldInfo, value: Any) -> str:
    """A value as its editor shows it: "60 epochs", "Cosine", "off"."""
    if isinstance(value, StrEnum):
        return named(value)
    if isinstance(value, bool):
        return "it on" if value else "it off"
    if value is None:
        return "none"
    if value == 0 and extra(field, "zero"):
        return extra(field, "zero")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {extra(field, 'unit')}".rstrip()
