"""Keyboard shortcuts in the words that stand on key caps: "Ctrl+Enter", "Del"."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence


def words(keys: QKeySequence | str) -> str:
    """A shortcut as a person reads it; "" for none."""
    text = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return text.replace("Return", "Enter")
