"""One job of a page at a time, from its start in a thread to its end, its progress in words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import CVStudioError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.run_state import RunState
from cvstudio.gui.small_job import SmallJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.project import launch


class OneJob(QObject):
    """`moved` tells in words how far the job is, "" when it is over; `told` gives the RunState
    behind these words. `done` gives its JobDir, and `failed` too where the job began and did not do
    its work: killed, cancelled elsewhere or in trouble of its own, which the person is told next.
    """

    moved = Signal(str)
    told = Signal(object)
    done = Signal(object)
    failed = Signal(object)

    def __init__(
        self, studio: Studio, parent: QObject, *,
        tell: Callable[[BaseException], None] | None = None,
        leave: Callable[[JobDir], None] | None = None,
    ) -> None:  # fmt: skip
        """`tell` gets what went wrong, where the window is not to say it. `leave` is called with a
        job that is cancelled here, at once or, for one that is only being started, in its thread.
        """
        super().__init__(parent)
        self.studio, self._tell, self._leave = studio, tell or self._fail, leave
        self._title = ""
        self._starting: ThreadWork | None = None
        self._unwanted = threading.Event()
        self._made: list[JobDir] = []
        """What the thread that starts the job has made, at most one."""
        self._job: SmallJob | None = None

    @property
    def running(self) -> bool:
        """Whether a job is at work, or about to be."""
        return self._job is not None or self._starting is not None

    @property
    def directory(self) -> JobDir | None:
        """That of the job at work; None while it is only being started, or when there is none."""
        return self._job.job if self._job is not None else None

    def start(
        self, title: str, begin: Callable[[Control], JobDir], *, run_id: int | None = None
    ) -> None:
        """Let `begin` start a job, in a thread; nothing happens while another one is at work.

        `run_id`: the run that it is about, where the header tells of such jobs.
        """
        if self.running:
            return
        self._title = title
        unwanted, made = threading.Event(), list[JobDir]()
        self._unwanted, self._made = unwanted, made

        def work(control: Control) -> JobDir:
            job = begin(control)
            made.append(job)  # first: cancelling looks here after it has said so
            if unwanted.is_set():
                self._left(job)
                launch.end(job)
            return job

        def begun(job: JobDir) -> None:
            if self._made is made:  # else it was let go of meanwhile
                self._watch(job, run_id)

        self._starting = self.studio.tasks.run(
            work, title=title, done=begun, failed=self._not_started, owner=self
        )
        self.moved.emit(f"{title}: starting")

    def go_on(self, title: str, jobs: Sequence[JobDir], *, run_id: int | None = None) -> None:
        """Watch the first of these jobs, which are at work already: that of a window which was
        closed meanwhile. Nothing happens while this one watches another, or where there is none."""
        if self.running or not jobs:
            return
        self._title = title
        self._watch(jobs[0], run_id)
        self.moved.emit(title)

    def cancel(self) -> None:
        """End the job, also one that is only being started."""
        if self._starting is not None:
            self._unwanted.set()
            self._starting.cancel()
            for job in self._made:  # its thread may have looked a moment too early
                self._left(job)
                self.studio.jobs.watch(job).cancel()
        if self._job is not None:
            self._left(self._job.job)
            self._job.cancel()
        if self.running:
            self._over()

    def _left(self, job: JobDir) -> None:
        if self._leave is not None:
            self._leave(job)

    def stop(self) -> None:
        """Stop watching; the page goes away, and the job works on."""
        self._job = self._starting = None
        self._made = []

    def _watch(self, job: JobDir, run_id: int | None) -> None:
        self._starting = None
        self._job = self.studio.jobs.watch(job, run_id=run_id)
        self._job.progress.connect(self._progress)
        self._job.done.connect(self._done)
        self._job.failed.connect(self._failed)

    def _not_started(self, error: BaseException) -> None:
        self._over()
        self._tell(error)

    def _fail(self, error: BaseException) -> None:
        self.studio.fail(error, doing=self._title)

    def _progress(self, state: RunState) -> None:
        if self._job is None or self.sender() is not self._job:
            return  # one that was let go of, and whose last words still come in
        looking = state.total and state.done < state.total
        share = f", {state.done:,} of {state.total:,}" if looking else ""
        self.moved.emit(f"{self._title}: {state.phase.lower() or 'working'}{share}")
        self.told.emit(state)

    def _done(self, job: JobDir) -> None:
        if self._job is not None and self.sender() is self._job:
            self._over()
            self.done.emit(job)

    def _failed(self, text: str) -> None:
        job = self._job
        if job is not None and self.sender() is job:
            self._over()
            self.failed.emit(job.job)
            self._tell(CVStudioError(text))

    def _over(self) -> None:
        self._job = self._starting = None
        self.moved.emit("")
