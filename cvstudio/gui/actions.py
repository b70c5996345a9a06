"""The actions of the table as QActions: enabled or not with a reason, with keys, handled by pages.

How a page uses it
    actions = studio.actions
    actions.connect("label.box", self._take_box, self)   # handler; keys work inside this page only
    button.setDefaultAction(actions["label.box"])
    actions.allow("label.paste", False, why="Copy an annotation first")
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from cvstudio.gui import keys
from cvstudio.gui.action_table import ACTIONS, BY_ID, READING, REASONS, ActionInfo, writes
from cvstudio.gui.widgets.icons import icon


def tooltip(info: ActionInfo, reason: str = "", key: str = "") -> str:
    """Name, colon, what it does, and the key; for a disabled action the reason instead."""
    text = f"{escape(info.text)}: {escape(reason or info.tip)}"
    if not key or reason:
        return text
    return f"<span>{text} &nbsp;<b>{escape(keys.words(key))}</b></span>"


class Actions(QObject):
    """The table as QActions. Made once, by the studio."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        self._facts: frozenset[str] = frozenset()
        self._barred: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._keys = {info.id: info.keys for info in ACTIONS}
        self._handlers: dict[str, list[tuple[Callable[..., Any], QWidget | None]]] = {}
        for info in ACTIONS:
            self._actions[info.id] = self._make(info)
        self._update()

    def _make(self, info: ActionInfo) -> QAction:
        action = QAction(info.text, self)
        action.setObjectName(info.id)
        action.setIcon(icon(info.icon))
        action.setProperty("iconName", info.icon)
        action.setShortcuts([QKeySequence(key) for key in info.keys])
        action.setCheckable(info.checkable)
        action.setShortcutContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
            if info.page
            else Qt.ShortcutContext.WindowShortcut
        )
        return action

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def all(self) -> Iterable[tuple[ActionInfo, QAction]]:
        """Every action with its record, in the order of the table."""
        return ((info, self._actions[info.id]) for info in ACTIONS)

    def keys(self, id: str) -> tuple[str, ...]:
        """The keys of an action that are in force now (gui/shortcuts), the one shown first."""
        return self._keys[id]

    def reason(self, id: str) -> str:
        """Why an action is not possible now, as a page that is made knows it; "" when it is."""
        return self._reasons[id]

    def works(self, id: str) -> bool:
        """Whether somebody does something when it is triggered: tools differ between tasks."""
        return any(w is None or isValid(w) for _handler, w in self._handlers.get(id, ()))

    def key_words(self, id: str) -> str:
        """The key that is shown with an action, as a person reads it; "" for none."""
        return keys.words(next(iter(self._keys[id]), ""))

    def said(self, text: str) -> str:
        """Words in which "{label.smaller}" stands for the key of that action that is in force.

        Braces around anything else stay: a class may be named like that.
        """

        def key(found: re.Match[str]) -> str:
            known = found[1] in self._keys
            return (self.key_words(found[1]) or "no key") if known else found[0]

        return re.sub(r"\{([a-z_.]+)\}", key, text)

    def set_keys(self, wanted: Mapping[str, tuple[str, ...]]) -> None:
        """Other keys for some actions; menus and tooltips follow."""
        for id, held in wanted.items():
            if self._keys[id] != held:
                self._keys[id] = held
                self._actions[id].setShortcuts([QKeySequence(key) for key in held])
                self._update_one(BY_ID[id])

    def connect(  # type: ignore[override]
        self, id: str, handler: Callable[..., Any], widget: QWidget | None = None
    ) -> QAction:
        """Call `handler()` when the action is triggered (`handler(checked)` when checkable).

        `widget` is the page: the keys then work while it, or something in it, has the focus, and
        the handler is forgotten when the page is gone.
        """
        action = self._actions[id]
        if id not in self._handlers:
            self._handlers[id] = []
            action.triggered.connect(lambda checked=False: self._dispatch(id, checked))
        self._handlers[id].append((handler, widget))
        if widget is not None:
            widget.addAction(action)
        return action

    def forget_gone(self) -> None:
        """Let go of the handlers of pages that are gone, and so of all that these pages held."""
        for id, known in self._handlers.items():
            self._handlers[id] = [(h, w) for h, w in known if w is None or isValid(w)]

    def _dispatch(self, id: str, checked: bool) -> None:
        for handler, widget in tuple(self._handlers[id]):
            if widget is not None and not isValid(widget):
                continue
            if BY_ID[id].checkable:
                handler(checked)
            else:
                handler()

    def trigger(self, id: str) -> bool:
        """Do what the action does, as if its key were pressed; False while it is disabled."""
        action = self._actions[id]
        if not action.isEnabled():
            return False
        action.trigger()
        return True

    def allow(self, id: str, allowed: bool, *, why: str = "") -> None:
        """Let a page disable one of its actions, with the reason that its tooltip gives."""
        if allowed:
            self._barred.pop(id, None)
        else:
            self._barred[id] = why or "Not possible now"
        self._update_one(BY_ID[id])

    def set_facts(self, facts: Iterable[str]) -> None:
        """What is true now, out of REASONS; the studio calls this."""
        new = frozenset(facts)
        if new != self._facts:
            self._facts = new
            self._update()

    def _update(self) -> None:
        for info in ACTIONS:
            self._update_one(info)

    def _update_one(self, info: ActionInfo) -> None:
        action = self._actions[info.id]
        missing = [need for need in info.needs if need not in self._facts]
        reason = REASONS[missing[0]] if missing else self._barred.get(info.id, "")
        if READING in self._facts and writes(info):
            reason = "This project is open for reading only"
        self._reasons[info.id] = reason
        action.setEnabled(not reason)
        action.setToolTip(tooltip(info, reason, next(iter(self._keys[info.id]), "")))
