"""The ways into a project: open, make, generate or drop one; and what to do when it stays shut."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QWidget

from cvstudio.core.errors import CVStudioError, ProjectDamaged, ProjectError, ProjectLocked
from cvstudio.gui.dropping import refusal, usable
from cvstudio.gui.studio import Studio

if TYPE_CHECKING:
    from cvstudio.project.backup import Backup

PROJECT_FILE = "project.db"

Refused = Callable[[str, str, Callable[[], Any] | None], None]
"""Called with why a project does not open, a link that leads on ("" for none), and what it does."""


class Opening:
    """Asks and opens; the window shows what comes of it, or what `refused` is told."""

    def __init__(self, window: QWidget, studio: Studio, refused: Refused) -> None:
        self._window = window
        self._studio = studio
        self._refused = refused

    def open(self, path: Path, *, write: bool = True) -> bool:
        """Open a project; when it cannot be, say why, with a way forward."""
        try:
            self._studio.open(path, write=write)
        except ProjectError as error:
            self._studio.close()
            words = f"{error.message} {error.hint}".strip()
            self._refused(words, *self._way_forward(path, error))
            return False
        return True

    def _way_forward(self, path: Path, error: ProjectError) -> tuple[str, Callable[[], Any] | None]:
        """What the person can do about a project that does not open: a link and what it does."""
        if isinstance(error, ProjectLocked):
            return "Open for reading only", partial(self.open, path, write=False)
        if isinstance(error, ProjectDamaged):
            from cvstudio.project import backup

            found = backup.backups(path)
            if found:
                when = time.strftime("%d %B, %H:%M", time.localtime(found[0].made))
                return f"Restore the copy of {when}", partial(self._restore, path, found[0])
        return "", None

    def _restore(self, path: Path, copy: Backup) -> None:
        from cvstudio.project import backup

        try:
            backup.restore(path, copy.path)
        except ProjectError as error:
            self._studio.fail(error)
            return
        self.open(path)

    def choose(self) -> None:
        """Ask for the folder of a project and open it."""
        memory = self._studio.memory
        start = str(memory.get("folder", Path.home()))
        found = QFileDialog.getExistingDirectory(
            self._window, "Open the folder of a project", start
        )
        if found:
            memory.set("folder", str(Path(found).parent))
            self.open(Path(found))

    def new(self, sources: list[Path] | None = None) -> None:
        """Ask what the project is to be, make it, and bring in what was dropped, if anything."""
        from cvstudio.gui.new_project import NewProjectDialog
        from cvstudio.project.project import Project

        location = Path(self._studio.memory.get("projects", Path.home() / "CVStudio"))
        dialog = NewProjectDialog(self._window, location)
        dialog.exec()
        answer = dialog.answer
        dialog.deleteLater()
        if answer is None:
            return
        self._studio.memory.set("projects", str(answer.path.parent))
        try:
            project = Project.create(
                answer.path, task=answer.task, name=answer.name, classes=answer.classes,
                several=answer.several,
            )  # fmt: skip
        except CVStudioError as error:
            self._studio.fail(error)
            return
        self._studio.adopt(project)
        if sources:
            self._studio.go_to("data", sources=sources)

    def sample(self, key: str) -> None:
        """Generate a sample project, with progress, and open it."""
        from cvstudio.gui.sample_dialog import make_sample

        path = make_sample(self._window, self._studio, key)
        if path is not None:
            self.open(path)

    def take(self, paths: list[Path]) -> None:
        """Open a dropped project; bring in dropped images and folders."""
        fit = usable(paths)
        if len(paths) == 1 and (paths[0] / PROJECT_FILE).exists():
            self.open(paths[0])
        elif not fit:
            self._studio.toast(refusal(paths), level="warning")
        elif self._studio.project is not None:
            self._studio.go_to("data", sources=fit)
        else:
            self.new(fit)
