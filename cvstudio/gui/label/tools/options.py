"""What a tool puts into the options bar: a row of fields that shows the settings of one tool."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from cvstudio.gui.actions import Actions


class ToolOptions(QWidget):
    """A row of the options bar, made once for all tools that name its type.

    It changes the tool's settings by itself and tells so. Spin boxes and text fields in it give
    the keys back to the canvas at Enter and Esc.
    """

    changed = Signal()
    """The settings are other ones."""
    tool_wanted = Signal(str)
    """The person chose another tool here, by the id of its action."""

    def __init__(self) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(8)

    def show_keys(self, actions: Actions) -> None:
        """Tooltips that name keys name those in force; options without such have nothing to do."""
