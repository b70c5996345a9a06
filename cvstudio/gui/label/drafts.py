"""What becomes of an unfinished shape when the person goes on is told, with a way back.

One rule for every tool, see Tool.settle: what is a shape already is kept, the rest is dropped. Esc
drops in any case.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from cvstudio.core.errors import ProjectError
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.tools.base import Tool
from cvstudio.gui.studio import Studio
from cvstudio.gui.workspace import Workspace
from cvstudio.project import commands, queries
from cvstudio.project.changes import ChangeSet
from cvstudio.project.project import Project

_BUILT_UPON = "Later steps build on it: the history takes them back one by one"


class Drafts(QObject):
    """Tells what became of a draft because the person went on, and that one waits."""

    def __init__(self, studio: Studio, canvas: Canvas, page: Workspace) -> None:
        super().__init__(page)
        self._studio, self._canvas, self._page = studio, canvas, page
        self._latest: ChangeSet | None = None
        canvas.unfinished.ended.connect(self._tell)
        canvas.unfinished.changed.connect(self._show_waiting)
        studio.project_changed.connect(self._on_changes)

    def release(self) -> None:
        """The page is about to go."""
        self._studio.project_changed.disconnect(self._on_changes)

    def _on_changes(self, changes: ChangeSet) -> None:
        if changes.step:
            self._latest = changes

    def _show_waiting(self) -> None:
        tool = self._canvas.unfinished.waiting
        self._page.set_unsaved(f"{tool.drawn} not kept yet" if tool is not None else "")

    def _tell(self, tool: Tool, why_dropped: str) -> None:
        image = self._canvas.document.image
        assert image is not None
        if why_dropped and tool.busy:  # it stays with its image
            if left := tool.left_behind():
                back = partial(self._studio.select_image, image.id)
                self._studio.toast(f"{left} on {image.title}", link="Go back", do=back)
        elif why_dropped:
            self._studio.toast(f"{tool.drawn} on {image.title} dropped: {why_dropped}")
        elif self._latest is not None:
            self._studio.toast(
                f"{tool.drawn} kept on {image.title}",
                link="Undo",
                do=partial(self._take_back, self._canvas.document.project, self._latest, image.id),
            )

    def _take_back(self, project: Project, kept: ChangeSet, image_id: int) -> None:
        """Undo the step while it is the last one; after others, delete what it has added."""
        if self._studio.project is not project:
            return
        if project.present_step == kept.step:
            self._studio.undo(only=kept.step)
            return
        added = sorted(kept.ids("annotation") or ())
        with project.read() as session:
            there = [id for id in added if queries.annotation(session, id) is not None]
        came, changed, went = kept.counts().get("annotation", (0, 0, 0))
        if added and not there:
            self._studio.toast("It is gone already")
        elif changed or went or not came:
            self._studio.select_image(image_id)
            self._studio.toast(_BUILT_UPON)
        else:
            try:
                with project.transaction(f"Undo {kept.label}", source=self) as session:
                    commands.delete_annotations(session, ids=there)
            except ProjectError as error:
                self._studio.fail(error)
