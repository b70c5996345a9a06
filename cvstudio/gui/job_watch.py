"""Threads beside a job: one hears what its process says and sees its end, one ends it."""

from __future__ import annotations

import threading
from itertools import count

from PySide6.QtCore import QObject, QThread, Signal

from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import EventTail, JobDir
from cvstudio.core.run_state import RunState
from cvstudio.project import launch
from cvstudio.project.run_status import RunStatus, observe

LOOK_SECONDS = 0.05
"""How often a watched job's event file is read."""

LOOKS = 5
"""How often that is until its process is looked at, which costs more."""


class TrainingWorker(QThread):
    """Watches one job: tails its events, notices its end or its death, tells the window.

    The job's process is its own master; this thread can be stopped and another one started later.
    """

    caught_up = Signal(object)
    """The RunState of everything that was said before the watching began."""
    events = Signal(object)
    """A list of events, in their order."""
    ended = Signal(str)
    """The job's process is gone; what it became, as a RunStatus."""

    def __init__(self, job: JobDir, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self._stop = threading.Event()

    def run(self) -> None:
        tail = EventTail(self.job.events)
        state = RunState()
        for event in tail.new():
            state.apply(event)
        self.caught_up.emit(state)
        for look in count():
            status = RunStatus.RUNNING
            if look % LOOKS == 0:
                # Asked first: whatever a dying job said is in the file when it is found dead.
                status = self.look()
            batch = list(tail.new())
            if batch:
                self.events.emit(batch)
            if status is not RunStatus.RUNNING:
                self.ended.emit(status.value)
                return
            if self._stop.wait(LOOK_SECONDS):
                return

    def look(self) -> RunStatus:
        """What the job is now."""
        return observe(self.job, stored=RunStatus.RUNNING)

    def stop(self) -> None:
        """Stop watching; the job goes on."""
        self._stop.set()
        self.wait()


class SmallWorker(TrainingWorker):
    """Watches a job that has no row in the project: dead is dead, even where its last word cannot
    be written because the disk is full or its directory is gone."""

    def look(self) -> RunStatus:
        alive = launch.alive(self.job)
        status = super().look()
        return RunStatus.FAILED if status is RunStatus.RUNNING and not alive else status


class Ending(QThread):
    """Cancels a job: asking, terminating and killing takes up to 13 seconds."""

    failed = Signal(str)

    def __init__(self, job: JobDir, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._job = job

    def run(self) -> None:
        try:
            launch.end(self._job)
        except RunError as error:
            self.failed.emit(error.message)
