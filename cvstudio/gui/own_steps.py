"""The undo steps that were made in a dialog: there, only these are undone and done again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import ProjectError
from cvstudio.gui.studio import Studio
from cvstudio.project.changes import ChangeSet, Reach
from cvstudio.project.project import Project


class OwnSteps:
    """Knows the steps of one dialog; what goes far is taken back in a thread."""

    def __init__(self, studio: Studio, project: Project, dialog: QWidget) -> None:
        self._studio, self._project, self._dialog = studio, project, dialog
        self._done: set[int] = set()
        self._undone: set[int] = set()

    def note(self, before: int) -> None:
        """Whatever step has come since `before` was the present one is one of this dialog."""
        if self._project.present_step != before:
            self._done.add(self._project.present_step)

    def takes(self, event: QKeyEvent) -> bool:
        """Undo or redo when a key asks for it; False for every other key."""
        plain = event.modifiers() == Qt.KeyboardModifier.ControlModifier
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif event.matches(QKeySequence.StandardKey.Redo) or (
            plain and event.key() == Qt.Key.Key_Y
        ):
            self.redo()
        else:
            return False
        return True

    def undo(self) -> None:
        """Take back the newest step, when it is one of this dialog: others are asked about, and
        seen, where they were made."""
        project, newest = self._project, self._project.present_step
        if newest not in self._done:
            self._studio.toast("No change that was made here is left to undo", level="info")
        elif self._went(f"Undo {project.undo_label}", project.undo, project.undo_reach, newest):
            self._done.discard(newest)
            self._undone.add(newest)

    def redo(self) -> None:
        """Do again what was taken back here last."""
        project, following = self._project, self._project.next_step
        if following not in self._undone:
            self._studio.toast("No change that was undone here is left to redo", level="info")
        elif self._went(f"Redo {project.redo_label}", project.redo, project.redo_reach, following):
            self._undone.discard(following)
            self._done.add(following)

    def _went(
        self, title: str, go: Callable[..., ChangeSet | None], reach: Reach, step: int
    ) -> bool:
        try:
            return self._studio.travel(title, go, reach, step, parent=self._dialog)
        except ProjectError as error:
            self._studio.toast(error.message, level="warning")
            return False
