"""How images are looked at, kept with the project: one JSON value among its settings."""

from __future__ import annotations

from PySide6.QtCore import QObject

from cvstudio.gui.kept_values import KeptValues
from cvstudio.project.project import Project


class ViewSettings(KeptValues):
    """Those of the Label page."""

    def __init__(self, project: Project, parent: QObject) -> None:
        super().__init__(project, "label.view", parent)
