"""Keys of label classes: any key that nothing else has, alone, with Ctrl, Alt or Shift, or two
pressed one after the other; asked for in a dialog that says what a key would clash with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QKeySequenceEdit, QMenu, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.words import quoted
from cvstudio.gui import keys
from cvstudio.gui.action_table import ACTIONS
from cvstudio.gui.actions import Actions
from cvstudio.gui.shortcuts.keymap import CLASS_KEYS, kept_for, normal
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.verbatim import face


def presses(key: str) -> list[str]:
    """The presses of a class's key, each in the spelling of `normal`: "G, 1" has two."""
    found = QKeySequence(key)
    # PySide's stubs know no place of a sequence.
    each = (found[place] for place in range(found.count()))  # type: ignore[index]
    return [normal(QKeySequence(one).toString()) for one in each]


def refusal(actions: Actions, key: str) -> str:
    """Why no class can have a key; "" when one can. An action keeps its key: the person may give
    it another one first."""
    first = next(iter(presses(key)), "")
    if not first:
        return "That is no key."
    for press in presses(key):
        if reason := kept_for(press):
            return reason
    if first in CLASS_KEYS:
        return "" if key in CLASS_KEYS else f"{first} chooses a class by itself."
    for info in ACTIONS:
        if info.page in ("", "label") and first in map(normal, actions.keys(info.id)):
            return f"{keys.words(first)} is {info.text}. Give that another key first (F1, Keys)."
    return ""


def clashing(key: str, classes: Iterable[LabelClass]) -> list[LabelClass]:
    """The classes that lose their key to this one: the same, or one that begins the other."""
    mine = presses(key)
    found = []
    for each in classes:
        theirs = presses(each.hotkey)
        if mine and theirs and all(a == b for a, b in zip(mine, theirs, strict=False)):
            found.append(each)
    return found


class ClassPresses:
    """Follows what is pressed where no shortcut can: which class's key is complete."""

    def __init__(self) -> None:
        self._before: list[str] = []

    def feed(self, event: QKeyEvent, classes: Iterable[LabelClass]) -> LabelClass | None:
        """The class whose key this press completes."""
        press = normal(keys.pressed(event))
        if not press:
            return None
        by_key = {tuple(presses(each.hotkey)): each for each in classes if each.hotkey}
        for held in ([*self._before, press], [press]):
            if tuple(held) in by_key:
                self._before = []
                return by_key[tuple(held)]
        begun = [*self._before, press]
        goes_on = any(key[: len(begun)] == tuple(begun) for key in by_key)
        self._before = begun if goes_on else []
        return None


class ClassKeyDialog(StudioDialog):
    """Asks for the key of a class: `key`, once it was accepted."""

    def __init__(
        self, parent: QWidget | None, actions: Actions, chosen: LabelClass,
        classes: Iterable[LabelClass],
    ) -> None:  # fmt: skip
        super().__init__(parent, f"Key of {quoted(chosen.name)}", width=460)
        self.setObjectName("class key")
        self._actions, self._others = actions, [c for c in classes if c.id != chosen.id]
        row = QHBoxLayout()
        row.addWidget(label("Key"))
        self.field = QKeySequenceEdit(QKeySequence(chosen.hotkey))
        self.field.setAccessibleName("Key of the class, one press or two")
        self.field.setMaximumSequenceLength(2)
        self.field.setClearButtonEnabled(True)
        row.addWidget(self.field, 1)
        self.content.addWidget(
            label(
                "Press a key, alone or with Ctrl, Alt or Shift, or two one after the other.",
                "muted",
                wrap=True,
            )
        )
        self.content.addLayout(row)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Set", self.accept, next=True)
        self.field.keySequenceChanged.connect(self._judge)
        self.field.installEventFilter(self)
        self.field.setFocus()
        self._judge()

    @property
    def key(self) -> str:
        """The key as the project keeps it: "G", "Ctrl+1", "G, 1"."""
        return ", ".join(presses(self.field.keySequence().toString()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter and Esc are the dialog's, as anywhere; no class can have them."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.accept()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.reject()
                return True
        return super().eventFilter(watched, event)

    def accept(self) -> None:
        """Close with the key, unless something else has it."""
        self._judge()  # the field tells of a press only once it is sure that no second one comes
        if self.go.isEnabled():
            super().accept()

    def _judge(self) -> None:
        refused = refusal(self._actions, self.key)
        losing = [] if refused else clashing(self.key, self._others)
        taken = ", ".join(f"{quoted(each.name)} ({keys.words(each.hotkey)})" for each in losing)
        self.note(refused or (f"Taken from {taken}." if taken else "Free."))
        self.go.setEnabled(not refused)


def fill_menu(
    menu: QMenu, chosen: LabelClass, classes: Iterable[LabelClass],
    give: Callable[[str], object], ask: Callable[[], object],
) -> None:  # fmt: skip
    """The digits, each with the class that would lose it, none, and any other key."""
    holders = {c.hotkey: c.name for c in classes if c.hotkey and c.id != chosen.id}
    own = [] if chosen.hotkey in CLASS_KEYS or not chosen.hotkey else [chosen.hotkey]
    for key in (*CLASS_KEYS, *own, ""):
        taken = f", taken from {holders[key]}" if key in holders else ""
        action = menu.addAction(face(f"{keys.words(key) or 'None'}{taken}"))
        action.setCheckable(True)
        action.setChecked(key == chosen.hotkey)
        action.triggered.connect(partial(_give, give, key))
    menu.addAction("Another key…", lambda: ask())


def _give(give: Callable[[str], object], key: str, _checked: bool = False) -> None:
    give(key)


def ask_key(
    parent: QWidget | None, actions: Actions, chosen: LabelClass, classes: Iterable[LabelClass]
) -> str | None:
    """The key that the person wants for a class; None when they want no change."""
    dialog = ClassKeyDialog(parent, actions, chosen, classes)
    wanted = dialog.key if dialog.exec() else None
    dialog.deleteLater()
    return None if wanted == chosen.hotkey else wanted
