"""Suggesting labels in the background: dialog, job, progress, and taking the answers in.

A page asks with studio.go_to("suggest", run_id=3) or studio.go_to("suggest", ids=[7, 8]).
The window has this from its start, so what networks and jobs need is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog

from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork

if TYPE_CHECKING:
    from cvstudio.core.jobdir import JobDir
    from cvstudio.core.run_state import RunState
    from cvstudio.gui.one_job import OneJob
    from cvstudio.gui.suggest_dialog import Wish
    from cvstudio.project.suggestions import Taken

_TITLE = "Suggesting labels"


class Suggesting(QObject):
    """At most one job at a time; others that were left behind wait for it."""

    moved = Signal(str, float)
    """How far it is, in words and as a share from 0 to 1."""
    ended = Signal()
    taken = Signal(object)
    """The Taken of a job whose answers are in the project."""

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._job: OneJob | None = None
        self._taking_in: ThreadWork | None = None
        self._waiting: list[JobDir] = []
        studio.project_closing.connect(self._let_go)

    @property
    def running(self) -> bool:
        return self._taking_in is not None or (self._job is not None and self._job.running)

    @property
    def job(self) -> OneJob:
        """The job that asks the network."""
        if self._job is None:
            from cvstudio.gui.one_job import OneJob

            self._job = OneJob(self._studio, self, tell=self._in_vain, leave=_leave)
            self._job.told.connect(self._progress)
            self._job.done.connect(self._take_in)
            self._job.failed.connect(_leave)
        return self._job

    def ask(
        self, *, run_id: int = 0, ids: Sequence[int] = (), file: Path | None = None, **_more: Any
    ) -> None:
        """Ask the person what they want, and begin."""
        if self._studio.project is None:
            return
        if self.running:
            self._studio.toast("Labels are being suggested already.")
            return
        from cvstudio.gui.suggest_dialog import SuggestDialog

        dialog = SuggestDialog(self._studio.window, self._studio, run_id=run_id, ids=ids, file=file)
        wanted = dialog.exec() == QDialog.DialogCode.Accepted
        wish = dialog.wish
        dialog.deleteLater()
        if wanted and wish is not None:
            self.start(wish)

    def start(self, wish: Wish) -> None:
        """Begin with what the person asked for."""
        project, command = self._studio.project, self._studio.jobs.command
        if project is None or self.running:
            return

        from cvstudio.project import suggesting

        def begin(_control: Control) -> JobDir:
            return suggesting.start(project, wish.config, wish.image_ids, command=command)

        self.job.start(_TITLE, begin)
        self.moved.emit("starting", 0.0)

    def find_left_behind(self) -> None:
        """Go on with jobs that began while another window, or none, was there."""
        from cvstudio.project import suggesting

        project = self._studio.project
        if project is not None and project.writable and not self.running:
            self._waiting = suggesting.left_behind(project)
            self._next()

    def cancel(self) -> None:
        """End the job; nothing of it comes into the project, unless it is coming in already."""
        if self._taking_in is not None:
            return
        self.job.cancel()
        self.ended.emit()

    # -- the job

    def _progress(self, state: RunState) -> None:
        words = f"{state.done:,} of {counted(state.total, 'image')}" if state.total else state.phase
        self.moved.emit(words or "starting", state.share)

    def _take_in(self, job: JobDir) -> None:
        from cvstudio.project import suggestions

        project = self._studio.project
        if project is None:
            return
        self.moved.emit("bringing them in", 1.0)
        self._taking_in = self._studio.tasks.run(
            lambda _control: suggestions.take_in(project, job, source=self),
            title=_TITLE, done=self._taken_in, failed=self._in_vain, owner=self,
        )  # fmt: skip

    def _taken_in(self, taken: Taken) -> None:
        self._over()
        images = taken.images
        plain = bool(taken.suggestions) and not taken.strange and not taken.unread
        if images:
            self._studio.toast(
                " ".join(taken.sentences), level="success" if plain else "warning", link="Show",
                do=lambda: self._studio.go_to("label", image_id=images[0]),
            )  # fmt: skip
        else:
            self._studio.toast(" ".join(taken.sentences), level="info" if not taken.unread else
                               "warning")  # fmt: skip
        self.taken.emit(taken)
        self._next()

    def _in_vain(self, error: BaseException) -> None:
        self._over()
        self._studio.fail(error, doing=_TITLE)
        self._next()

    def _next(self) -> None:
        if self._waiting and not self.running:
            self.job.go_on(_TITLE, [self._waiting.pop(0)])

    def _over(self) -> None:
        self._taking_in = None
        self.ended.emit()

    def _let_go(self) -> None:
        """The project closes: the job goes on, and is found when it is opened again."""
        if self._taking_in is not None:
            self._taking_in.cancel()
        if self._job is not None:
            self._job.stop()
        self._waiting = []
        self._over()


def _leave(job: JobDir) -> None:
    """Its answers are not wanted, also when it is found another day."""
    from cvstudio.project import suggesting

    suggesting.mark_taken(job)
