"""Keyboard shortcuts in the words that stand on key caps: "Ctrl+Enter", "Del"."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QEvent, QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence


def words(keys: QKeySequence | str) -> str:
    """A shortcut as a person reads it; "" for none."""
    text = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return text.replace("Return", "Enter")


def claimed(event: QEvent, own: Collection[Qt.Key]) -> bool:
    """Whether an event asks if a key is for a widget before it is a shortcut, and the key is one of
    its own. It is accepted then: the widget gets the key, and the page or the window does not."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if event.key() not in own:
        return False
    event.accept()
    return True


def pressed(event: QKeyEvent) -> str:
    """The shortcut that a key press stands for, as QKeySequence writes it.

    Shift does not count where a sign is typed that is not to be had without it ("?", "+"), and
    neither does the keypad: Enter there is Return.
    """
    key = Qt.Key(event.key())
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    typed = event.text()
    sign = bool(typed) and typed[0].isprintable() and not typed[0].isalnum()
    if sign and not typed[0].isspace():
        held &= ~Qt.KeyboardModifier.ShiftModifier
    if key == Qt.Key.Key_Enter:
        key = Qt.Key.Key_Return
    if key == Qt.Key.Key_Backtab:
        key, held = Qt.Key.Key_Tab, held | Qt.KeyboardModifier.ShiftModifier
    sequence = QKeySequence(QKeyCombination(held, key))
    return sequence.toString(QKeySequence.SequenceFormat.PortableText)
