"""A plain button that does what an action does, with its key on its face."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton

from cvstudio.gui import keys
from cvstudio.gui.widgets.verbatim import face


class ActionButton(QPushButton):
    """Words, key, tooltip and whether it can be pressed are the action's."""

    def __init__(self, action: QAction, text: str = "") -> None:
        """`text`: other words than the action's."""
        super().__init__()
        self._action, self._own = action, text
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(True)
        self.clicked.connect(lambda _checked=False: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def set_text(self, text: str) -> None:
        """Other words than the action's; "" for those."""
        self._own = text
        self._follow()

    def _follow(self) -> None:
        words, key = self._own or self._action.text(), keys.words(self._action.shortcut())
        self.setText(face(f"{words}   {key}" if key else words))
        self.setEnabled(self._action.isEnabled())
        self.setToolTip(self._action.toolTip())
        self.setAccessibleDescription("" if self.isEnabled() else self._action.toolTip())
        self.setAccessibleName(words)
