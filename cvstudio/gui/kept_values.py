"""How a page is looked at, kept with the project: one JSON value among its settings."""

from __future__ import annotations

import logging
from typing import Any

from PySide6.QtCore import QObject, QTimer

from cvstudio.core.errors import ProjectError
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

log = logging.getLogger(__name__)

_WRITTEN_AFTER = 400  # ms without another change


class KeptValues(QObject):
    """Read once, written a moment after the last change; no undo step, and no image is touched."""

    def __init__(self, project: Project, key: str, parent: QObject) -> None:
        super().__init__(parent)
        self._project, self._key = project, key
        with project.read() as session:
            kept = queries.setting(session, key, {})
        self._values: dict[str, Any] = kept if isinstance(kept, dict) else {}
        self._written = True
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_WRITTEN_AFTER)
        self._later.timeout.connect(self.write)

    def get(self, name: str, default: Any = None) -> Any:
        """A JSON value."""
        return self._values.get(name, default)

    def set(self, name: str, value: Any) -> None:
        """Keep a JSON value."""
        if self._values.get(name) != value:
            self._values[name] = value
            self._written = False
            self._later.start()

    def write(self) -> None:
        """Write now what waits to be written; the page is about to go."""
        self._later.stop()
        if self._written:
            return
        self._written = True
        try:
            with self._project.transaction("View", source=self, undoable=False) as session:
                commands.set_setting(session, self._key, dict(self._values))
        except ProjectError as error:
            log.warning("how a page is looked at is not kept: %s", error)
