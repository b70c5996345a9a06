"""A button whose meaning changes when it is pressed: a double click is one press.

Where "Make the map" stood stands "Cancel" while it is made; the second half of a double click would
end at once, and without a word, what the first half began.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QPushButton


class _SecondPress(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        return event.type() == QEvent.Type.MouseButtonDblClick


def press_once(button: QPushButton) -> None:
    """Take the second half of a double click away from a button."""
    button.installEventFilter(_SecondPress(button))
