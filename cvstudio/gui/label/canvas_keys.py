"""Keys that the canvas needs itself, before the shortcuts of the window: what the tool does with
them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from cvstudio.gui.label.tools.base import Tool

IN_THE_MIDDLE = "Not finished yet: Enter keeps it, Esc drops it, then the arrows go on"
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


def is_for(tool: Tool, event: QKeyEvent) -> bool:
    """Whether a key is for the tool in hand rather than for the window."""
    key = event.key()
    if key in _ARROWS and tool.busy:
        return True  # in the middle of a shape nobody goes to another image
    if key in _ARROWS and tool.nudges:
        return _step(event) > 0
    own = _plain(event)
    if own is not None and own in tool.own_keys:
        return True
    return tool.busy and (
        key == Qt.Key.Key_Backspace or event.matches(QKeySequence.StandardKey.Undo)
    )


def give(tool: Tool, event: QKeyEvent) -> None:
    """Let the tool have a key that is for it.

    Shift and an arrow move what is selected. Plain arrows go to other images, and never move
    anything: not from the middle of a shape either, which is said.
    """
    key = event.key()
    own = _plain(event)
    if own is not None and own in tool.own_keys:
        tool.own_key(own)
        return
    if key not in _ARROWS:
        if not tool.step_back():
            tool.cancel()
        return
    (dx, dy), far = _ARROWS[Qt.Key(key)], _step(event)
    if far:
        tool.nudge(dx * far, dy * far)
    else:
        tool.surface.say(IN_THE_MIDDLE)


def _plain(event: QKeyEvent) -> Qt.Key | None:
    """A key that is pressed alone; Shift and Tab are one, which goes back. None with others."""
    key, held = Qt.Key(event.key()), event.modifiers()
    if key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab) and held == Qt.KeyboardModifier.ShiftModifier:
        return Qt.Key.Key_Backtab
    return key if held == Qt.KeyboardModifier.NoModifier else None


def _step(event: QKeyEvent) -> int:
    """By how many pixels of the image an arrow key moves what is selected; 0: not at all."""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if held == Qt.KeyboardModifier.ShiftModifier:
        return 1
    both = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
    return 10 if held == both else 0
