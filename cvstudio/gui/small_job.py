"""A job that a page watches: what it says, how it ended, and ending it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from cvstudio.core import events
from cvstudio.core.jobdir import JobDir
from cvstudio.core.run_state import RunState
from cvstudio.gui.job_watch import Ending, SmallWorker
from cvstudio.project.run_status import cancelled_words, gone_words


class SmallJob(QObject):
    """An evaluate, explain or export job that a page started, or found at work.

    `state` grows while it works; `done` is emitted with the JobDir when it did its work, `failed`
    with words when it did not, also when it was killed or cancelled by somebody else. `cancel` ends
    it, and then only `over` is emitted, as it always is.
    """

    progress = Signal(object)
    done = Signal(object)
    failed = Signal(str)
    over = Signal()
    stuck = Signal(str)
    """It was cancelled, and its process cannot be ended."""

    def __init__(self, job: JobDir, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self.state = RunState()
        self._cancelled = False
        self._ending: Ending | None = None
        self.worker = SmallWorker(job, self)
        self.worker.caught_up.connect(self._caught_up)
        self.worker.events.connect(self._take)
        self.worker.ended.connect(self._ended)
        self.worker.start()

    def cancel(self) -> None:
        """End the job and its whole tree, in the background."""
        self._cancelled = True
        self._ending = Ending(self.job, self)
        self._ending.failed.connect(self.stuck)
        self._ending.start()
        self.over.emit()

    def stop(self) -> None:
        """Stop watching."""
        self.worker.stop()
        if self._ending is not None:
            self._ending.wait()

    def _caught_up(self, state: RunState) -> None:
        self.state = state
        self._tell_progress()

    def _take(self, batch: list[events.Event]) -> None:
        for event in batch:
            self.state.apply(event)
        self._tell_progress()

    def _tell_progress(self) -> None:
        if not self._cancelled:
            self.progress.emit(self.state)

    def _ended(self, _status: str) -> None:
        if self._cancelled:
            return
        self.over.emit()
        trouble = self._trouble()
        if trouble:
            self.failed.emit(trouble)
        else:
            self.done.emit(self.job)

    def _trouble(self) -> str:
        """Why the job did not do its work; "" when it did."""
        if self.state.failed is not None:
            return self.state.failed.text
        if self.state.ended is None:
            return gone_words(self.job)
        cancelled = self.state.ended.outcome is events.Outcome.CANCELLED
        return cancelled_words(self.job) if cancelled else ""
