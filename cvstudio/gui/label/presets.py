"""Keys for people who come from another program: what differs from the table of actions."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence

from cvstudio.gui.actions import BY_ID, Actions

PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    "cvstudio": {},
    "labelme": {
        "label.select": ("Ctrl+J", "V"),
        "label.box": ("Ctrl+R", "R"),
        "label.hide": ("Ctrl+H", "H"),
    },
    "cvat": {
        "label.next": ("F", "PgDown"),
        "label.previous": ("D", "PgUp"),
        "label.next_open": ("Shift+F", "Right"),
        "label.previous_open": ("Shift+D", "Left"),
        "label.hide": ("T", "H"),
        "label.slice": ("Alt+J",),
        "label.subtract": ("Shift+J",),
    },
}
"""By preset and action: all of its keys, the first one is shown."""


def apply_preset(actions: Actions, preset: str) -> None:
    """Give the actions of the Label page the keys of a preset."""
    other = PRESETS[preset]
    for action_id, info in BY_ID.items():
        if info.page == "label":
            keys = other.get(action_id, info.keys)
            actions[action_id].setShortcuts([QKeySequence(key) for key in keys])
