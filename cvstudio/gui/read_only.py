"""The banner over every page of a project that is open for reading only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton

from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.message import Message

_LOOK = "You can look at everything; nothing can be changed."


class Follow(QObject):
    """A button that does what an action does can be pressed only when the action can be chosen."""

    def __init__(self, button: QAbstractButton, action: QAction) -> None:
        super().__init__(button)
        self._button, self._action = button, action
        action.changed.connect(self._take)
        self._take()

    def _take(self) -> None:
        self._button.setEnabled(self._action.isEnabled())
        self._button.setToolTip(self._action.toolTip())


class ReadOnlyBanner(Message):
    """Hidden while the project can be changed; `open_project` opens it to be written to."""

    def __init__(self, studio: Studio, open_project: Callable[[Path], Any]) -> None:
        super().__init__(
            "warning", "", link_text="Try to open it for writing", do=self._open_again
        )  # fmt: skip
        self._studio, self._open = studio, open_project
        self.setAccessibleName("Open for reading only")
        self.hide()
        studio.project_opened.connect(lambda _project: self._show())
        studio.project_closed.connect(self.hide)

    def _show(self) -> None:
        project = self._studio.project
        self.setVisible(project is not None and not project.writable)
        if project is not None and not project.writable:
            why = "another window or run works on this project"
            if not os.access(project.path, os.W_OK):
                why = "you may not write to the project's folder"
            self.set("warning", f"Open for reading only: {why}. {_LOOK}")

    def _open_again(self) -> None:
        if self._studio.project is not None:
            self._open(self._studio.project.path)
