"""One job of a page at a time, from its start in a thread to its end, its progress in words."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import CVStudioError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.run_state import RunState
from cvstudio.gui.jobs import SmallJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.project import launch


class OneJob(QObject):
    """`moved` tells in words how far the job is, "" when it is over; `done` gives its JobDir."""

    moved = Signal(str)
    done = Signal(object)

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self.studio = studio
        self._title = ""
        self._starting: ThreadWork | None = None
        self._job: SmallJob | None = None

    @property
    def running(self) -> bool:
        """Whether a job is at work, or about to be."""
        return self._job is not None or self._starting is not None

    def start(self, title: str, begin: Callable[[Control], JobDir]) -> None:
        """Let `begin` start a job, in a thread; nothing happens while another one is at work."""
        if self.running:
            return
        self._title = title

        def work(control: Control) -> JobDir:
            job = begin(control)
            if control.cancelled():
                launch.end(job)
            return job

        self._starting = self.studio.tasks.run(
            work, title=title, done=self._started, failed=self._not_started, owner=self
        )
        self.moved.emit(f"{title}: starting")

    def cancel(self) -> None:
        """End the job, also one that is only being started."""
        if self._starting is not None:
            self._starting.cancel()
        if self._job is not None:
            self._job.cancel()
        if self.running:
            self._over()

    def stop(self) -> None:
        """Stop watching; the page goes away, and the job works on."""
        if self._starting is not None:
            self._starting.cancel()
        self._job = self._starting = None

    def _started(self, job: JobDir) -> None:
        self._starting = None
        self._job = self.studio.jobs.watch(job)
        self._job.progress.connect(self._progress)
        self._job.done.connect(self._done)
        self._job.failed.connect(self._failed)

    def _not_started(self, error: BaseException) -> None:
        self._over()
        self.studio.fail(error, doing=self._title)

    def _progress(self, state: RunState) -> None:
        if self._job is None:
            return
        looking = state.total and state.done < state.total
        share = f", {state.done:,} of {state.total:,}" if looking else ""
        self.moved.emit(f"{self._title}: {state.phase.lower() or 'working'}{share}")

    def _done(self, job: JobDir) -> None:
        self._over()
        self.done.emit(job)

    def _failed(self, text: str) -> None:
        self._over()
        self.studio.fail(CVStudioError(text), doing=self._title)

    def _over(self) -> None:
        self._job = self._starting = None
        self.moved.emit("")
