"""The option of tools that set points: whether the borders of other shapes draw them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from cvstudio.gui.label.borders import Borders
from cvstudio.gui.label.tools.options import ToolOptions


class SnapOptions(ToolOptions):
    """One box to tick; the key of "Snap to borders" does the same."""

    def __init__(self) -> None:
        super().__init__()
        self._borders: Borders | None = None
        self.box = QCheckBox("Snap to borders")
        self.box.setToolTip(
            "Points join borders of other shapes and follow them; not with Alt or Ctrl"
        )
        self.box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.row.addWidget(self.box)
        self.box.clicked.connect(self._set)

    def show_borders(self, borders: Borders) -> None:
        """Show whether they draw points; what is changed here is changed in them."""
        self._borders = borders
        self.box.setChecked(borders.on)

    def _set(self, on: bool) -> None:
        if self._borders is not None:
            self._borders.on = on
            self.changed.emit()
