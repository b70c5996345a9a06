"""Which keys are in force: the table of actions, over it a preset, over that a person's own keys.

A key belongs to one action where it works: an action of a page shares its keys with that page and
with the actions that work everywhere. Where two layers give one key away, the upper layer has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence

from cvstudio.core.settings import Settings
from cvstudio.gui import keys
from cvstudio.gui.action_table import ACTIONS, BY_ID, ActionInfo
from cvstudio.gui.actions import Actions
from cvstudio.gui.shortcuts.presets import PRESETS

Keys = Mapping[str, tuple[str, ...]]

PRESET, OWN = "label.keys", "keys.own"
"""The settings that hold the name of the preset and the person's own keys."""

CLASS_KEYS = tuple("1234567890")

FIXED: Keys = {
    "edit.undo": ("Ctrl+Z",),
    "label.finish": ("Return",),
    "label.cancel": ("Esc",),
    "label.suggestion_next": ("Tab",),
    "label.suggestion_previous": ("Shift+Tab",),
}
"""Keys that stay with their action, because sentences and dialogs count on them."""

_ARROWS = ("Left", "Right", "Up", "Down")
_HELD = {
    "Space": "moves the picture while it is held",
    "Backspace": "takes a point back",
    **{f"Shift+{arrow}": "moves what is selected" for arrow in _ARROWS},
    **{f"Ctrl+Shift+{arrow}": "moves what is selected" for arrow in _ARROWS},
}
_MOVES = ("Tab", "Shift+Tab", "Shift+Backtab", "Backtab")


def normal(key: str) -> str:
    """One spelling for each key; "" for what is no key."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)


def meets(one: ActionInfo, other: ActionInfo) -> bool:
    """Whether two actions can be wanted by one key at one place."""
    return one.page == other.page or not one.page or not other.page


def refusal(info: ActionInfo, key: str) -> str:
    """Why a key cannot be given to an action; "" when it can."""
    key = normal(key)
    words = keys.words(key)
    if key in map(normal, FIXED.get(info.id, ())):
        return ""
    if key in _MOVES:
        return f"{words} moves from control to control."
    owner = _fixed_owner(info, key)
    if owner is not None:
        return f"{words} stays with {owner.text}."
    if info.page not in ("", "label"):
        return ""
    if key in CLASS_KEYS:
        return f"{words} chooses a class on the Label page."
    return kept_for(key)


def kept_for(key: str) -> str:
    """Why neither a class nor an action of the Label page can have a key; "" when they can."""
    key = normal(key)
    words = keys.words(key)
    if key in _MOVES:
        return f"{words} moves from control to control."
    if key in _HELD:
        return f"{words} {_HELD[key]} on the Label page."
    return ""


def _fixed_owner(info: ActionInfo, key: str) -> ActionInfo | None:
    for id, kept in FIXED.items():
        if id != info.id and meets(info, BY_ID[id]) and key in map(normal, kept):
            return BY_ID[id]
    return None


def in_force(preset: str, own: Keys) -> dict[str, tuple[str, ...]]:
    """The keys of every action. No key is given to two actions that meet."""
    result: dict[str, tuple[str, ...]] = {}
    owners: dict[str, list[ActionInfo]] = {}
    table = {info.id: info.keys for info in ACTIONS}
    for layer in (own, PRESETS[preset], table):
        for id, wanted in layer.items():
            if id in result:
                continue
            info = BY_ID[id]
            given = []
            for key in dict.fromkeys((*FIXED.get(id, ()), *wanted)):
                there = owners.setdefault(normal(key), [])
                if not any(meets(info, other) for other in there) and not refusal(info, key):
                    there.append(info)
                    given.append(key)
            result[id] = tuple(given)
    return result


def unpack(text: str) -> dict[str, tuple[str, ...]]:
    """Own keys as the setting holds them; what cannot be read or is no action is left out."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {id: _keys(value) for id, value in found.items() if id in BY_ID}


def _keys(value: Any) -> tuple[str, ...]:
    wanted = value if isinstance(value, list) else []
    return tuple(key for item in wanted if isinstance(item, str) and (key := normal(item)))


class KeyBook(QObject):
    """Gives the actions their keys, and is the one way to change them."""

    changed = Signal()

    def __init__(self, actions: Actions, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions, self._settings = actions, settings
        self.class_keys: dict[str, str] = {}
        """What begins the key of a class of the open project, and the class's name."""
        settings.listen(self._on_setting)
        self._apply()

    @property
    def preset(self) -> str:
        return str(self._settings.get(PRESET))

    def choose_preset(self, name: str) -> None:
        """Other keys to begin with; own changes stay."""
        self._settings.set(PRESET, name)

    @property
    def own(self) -> dict[str, tuple[str, ...]]:
        """What the person changed, by action."""
        return unpack(str(self._settings.get(OWN)))

    def keys(self, id: str) -> tuple[str, ...]:
        """The keys of an action that are in force, the one that is shown first."""
        return self._actions.keys(id)

    def origin(self, id: str) -> str:
        """Where the keys of an action come from: "own", the name of a preset, or ""."""
        if id in self.own:
            return "own"
        if id in PRESETS[self.preset]:
            return self.preset
        return ""

    def owner(self, id: str, key: str) -> ActionInfo | None:
        """The other action that a key would clash with."""
        info, key = BY_ID[id], normal(key)
        for other in ACTIONS:
            if other.id != id and meets(info, other) and key in map(normal, self.keys(other.id)):
                return other
        return None

    def give(self, id: str, key: str) -> None:
        """Add a key to an action and take it from the others that it would clash with."""
        own = self.own
        key = normal(key)
        for other in ACTIONS:
            if other.id in own and meets(BY_ID[id], other):
                own[other.id] = tuple(k for k in own[other.id] if normal(k) != key)
        own[id] = tuple(dict.fromkeys((*map(normal, self.keys(id)), key)))
        self._write(own)

    def take(self, id: str, key: str) -> None:
        """An action loses a key."""
        own = self.own
        own[id] = tuple(k for k in self.keys(id) if normal(k) != normal(key))
        self._write(own)

    def reset(self, id: str) -> None:
        """The keys of the preset again, for one action."""
        own = self.own
        own.pop(id, None)
        self._write(own)

    def reset_all(self) -> None:
        """The keys of the preset again, for all actions."""
        self._write({})

    def _write(self, own: Mapping[str, Sequence[str]]) -> None:
        content = {id: list(held) for id, held in own.items()}
        self._settings.set(OWN, json.dumps(content, sort_keys=True) if content else "")

    def _on_setting(self, key: str, _value: object) -> None:
        if key in (PRESET, OWN) and shiboken6.isValid(self):
            self._apply()

    def _apply(self) -> None:
        self._actions.set_keys(in_force(self.preset, self.own))
        self.changed.emit()
