"""The status bar: what the page at hand tells, its hint, and whether the project is saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel

if TYPE_CHECKING:
    from cvstudio.project.project import Project


class StatusBar(QStatusBar):
    """The page's words at the left, its hint and the state of the project at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setFixedHeight(theme.size("status"))
        left, right = QWidget(), QWidget()
        self._told = QHBoxLayout(left)
        self._told.setContentsMargins(12, 0, 0, 0)
        self._told.setSpacing(20)
        row = QHBoxLayout(right)
        row.setContentsMargins(0, 0, 12, 0)
        row.setSpacing(6)
        self._hint = QLabel()
        row.addWidget(self._hint)
        row.addSpacing(16)
        self._saved_icon = IconLabel("check", "muted", 14)
        self.saved = QLabel()
        row.addWidget(self._saved_icon)
        row.addWidget(self.saved)
        self.addWidget(left, 1)
        self.addPermanentWidget(right)

    def tell(self, told: Iterable[str], *, hint: str = "") -> None:
        """Show what a page tells; `hint` is what keys or gestures do there."""
        empty(self._told)
        for text in told:
            words = QLabel(text)
            words.setTextFormat(Qt.TextFormat.PlainText)
            self._told.addWidget(words)
        self._told.addStretch(1)
        self._hint.setText(hint)

    def tell_saved(self, project: Project | None, *, unsaved: str = "") -> None:
        """Say how it stands with what the person did: there is no Save button. `unsaved`: what
        waits for them to keep it."""
        self._saved_icon.setVisible(project is not None and not unsaved)
        if unsaved:
            self.saved.setText(unsaved)
        elif project is None:
            self.saved.setText("No internet needed")
        elif not project.writable:
            self.saved.setText("Open for reading only")
        else:
            self.saved.setText("All changes saved")
