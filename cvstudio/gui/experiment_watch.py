"""Moves the experiments of the open project on, in a thread: asking Optuna and writing snapshots
take longer than a window may stand still."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QThread, Signal

from cvstudio.core.errors import CVStudioError
from cvstudio.project.experiments import book
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project

log = logging.getLogger(__name__)


class _Look(QThread):
    """One look at all experiments of a project."""

    def __init__(self, steward: Steward, project: Project) -> None:
        super().__init__()
        self._steward, self._project = steward, project
        self.changed = False
        self.trouble = ""

    def run(self) -> None:
        try:
            self.changed = self._steward.look(self._project)
        except CVStudioError as error:
            log.warning("an experiment could not go on", exc_info=error)
            self.trouble = error.message


class ExperimentWatch(QObject):
    """Looks when it is asked to, one look at a time. `moved()`: runs were made, or one was ended;
    `trouble(words)`: an experiment cannot go on."""

    moved = Signal()
    trouble = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steward = Steward()
        self._look: _Look | None = None

    def look(self, project: Project) -> None:
        """Begin a look, unless one is at work or no experiment is going."""
        if self._look is not None or not project.writable or not book.going(project):
            return
        self._look = _Look(self._steward, project)
        self._look.finished.connect(self._looked)
        self._look.start()

    def leave(self) -> None:
        """Wait for a look that is at work, and let go of the project's files."""
        if self._look is not None:
            self._look.wait()
            self._look = None
        self._steward.close()

    def _looked(self) -> None:
        look = self._look
        if look is None or not look.isFinished():  # of a project that was left meanwhile
            return
        # Nobody but this object holds the thread, and it ends before it is let go of: Qt deleting
        # it later, while the last of it was still at work, ended the whole program now and then.
        look.wait()
        self._look = None
        if look.trouble:
            self.trouble.emit(look.trouble)
        if look.changed or look.trouble:
            self.moved.emit()
