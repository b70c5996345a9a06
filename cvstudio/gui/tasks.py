"""Work in threads of the window: with progress, cancel and an answer on the window's thread.

How a page uses it
    work = studio.tasks.run(
        lambda control: importing.run(project, plan, progress=control.progress,
                                      cancelled=control.cancelled),
        title="Import 364 images",
        done=self._imported,        # called with what the function returned
        failed=self._not_imported,  # called with the exception; without it a toast tells the user
        progress=self._show_share,  # called with (done, total, text), at most 20 times a second
        owner=self,                 # nothing is called any more once this widget is gone
    )
    work.cancel()
For what is asked again before it is answered, such as previews: `LatestWins` in latest_wins.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal, Slot

log = logging.getLogger(__name__)

Done = Callable[[Any], None]
Failed = Callable[[BaseException], None]
Progress = Callable[[int, int, str], None]
Function = Callable[["Control"], Any]

_PROGRESS_EVERY = 0.05


class Cancelled(Exception):  # it is an answer, not an error
    """Raised by `Control.check` when the person pressed Cancel."""


class Control(Protocol):
    """What a function in a thread may do with the window."""

    def progress(self, done: int, total: int = 0, text: str = "") -> None: ...
    def cancelled(self) -> bool: ...
    def check(self) -> None: ...


class ThreadWork:
    """One function at work in a thread.

    The thread holds nothing but this object: the function with all that it refers to, listeners
    and the answer are let go of on the window's thread, for there may be widgets among them.
    """

    def __init__(
        self, tasks: Tasks, function: Function, title: str, *, done: Done | None,
        failed: Failed | None, progress: Progress | None, owner: QObject | None, whole: bool,
    ) -> None:  # fmt: skip
        self.title = title
        self._tasks = tasks
        self._function: Function | None = function
        self._done, self._failed, self._progress = done, failed, progress
        self._owner, self._whole = owner, whole
        self._cancel = threading.Event()
        self._returned = False
        self._last_progress = 0.0
        self._answer: Any = None
        self._error: BaseException | None = None
        self.watched = progress is not None
        """Whether a person follows how far it is: work to ask about before it is stopped."""
        self.running = True
        self.stopped = False
        """Whether it was ended because the project or the window closed."""
        self.ended: Callable[[], None] | None = None
        """Called on the window's thread at every end, after `done` or `failed`, unless the owner
        is gone."""

    def cancel(self) -> None:
        """Ask the function to stop; its `done` and `failed` are not called any more, unless it is
        whole by then: see `Tasks.run`."""
        self._cancel.set()

    def cancelled(self) -> bool:
        """Whether somebody asked to stop. For the function; cheap."""
        return self._cancel.is_set()

    def check(self) -> None:
        """Raise Cancelled when somebody asked to stop. For the function."""
        if self._cancel.is_set():
            raise Cancelled

    def progress(self, done: int, total: int = 0, text: str = "") -> None:
        """Tell how far the work is. For the function; calls that come too fast are dropped."""
        now = time.monotonic()
        if not self.watched or (now - self._last_progress < _PROGRESS_EVERY and done != total):
            return
        self._last_progress = now
        self._tasks.post(lambda: self._tell(self._progress, done, total, text))

    def _tell(self, listener: Callable[..., None] | None, *values: Any) -> None:
        if listener is not None and self._wanted() and not self._cancel.is_set():
            listener(*values)

    def _wanted(self) -> bool:
        return self._owner is None or shiboken6.isValid(self._owner)

    def work(self) -> None:
        """Run in the thread; every end, good or bad, is told on the window's thread."""
        assert self._function is not None
        try:
            self._answer = self._function(self)
            self._returned = True
        except Cancelled:
            self._cancel.set()
        except BaseException as error:  # noqa: BLE001  # told to the person, never lost
            self._error = error
        self._tasks.post(self._over)

    def stop(self) -> None:
        """Called on the window's thread when no thread is at it any more: tells nothing but that
        it is over."""
        self.stopped = True
        self.cancel()
        self._end()

    def _over(self) -> None:
        if not self.running:
            return
        self._tasks.forget(self)
        self.running = False
        if self._returned and self._whole:
            if self._done is not None and self._wanted():
                self._done(self._answer)
        elif self._error is None:
            self._tell(self._done, self._answer)
        elif self._failed is not None:
            self._tell(self._failed, self._error)
        elif not self._cancel.is_set():
            self._tasks.failed.emit(self.title, self._error)
        self._end()

    def _end(self) -> None:
        self.running = False
        ended, wanted = self.ended, self._wanted()
        self._function = self._done = self._failed = self._progress = self._owner = None
        self._answer = self._error = self.ended = None
        if ended is not None and wanted:
            ended()


class Tasks(QObject):
    """The threads of the window. `failed(title, exception)` fires for work that nobody watches."""

    failed = Signal(str, object)
    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None, *, threads: int = 4) -> None:
        super().__init__(parent)
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._working: list[ThreadWork] = []
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def run(
        self, function: Function, *, title: str = "", done: Done | None = None,
        failed: Failed | None = None, progress: Progress | None = None,
        owner: QObject | None = None, whole: bool = False,
    ) -> ThreadWork:  # fmt: skip
        """Call `function(control)` in a thread and `done(result)` on the window's thread.

        `whole`: the function changes something, all of it or nothing. Where it has come to its end
        before it saw that it was to stop, it is told as done: what it changed is there.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="cvstudio")
        work = ThreadWork(
            self, function, title, done=done, failed=failed, progress=progress, owner=owner,
            whole=whole,
        )  # fmt: skip
        self._working.append(work)
        self._pool.submit(work.work)
        return work

    def post(self, function: Callable[[], None]) -> None:
        """Call a function on the window's thread, soon. Safe from every thread."""
        if shiboken6.isValid(self):
            self._posted.emit(function)

    def tell(self, title: str, error: BaseException) -> None:
        """Tell the person that work failed; for those who have `failed` called and go on."""
        self.failed.emit(title, error)

    def forget(self, work: ThreadWork) -> None:
        """Called by the work itself when it is over."""
        if work in self._working:
            self._working.remove(work)

    @property
    def working(self) -> tuple[ThreadWork, ...]:
        """What is at work or waiting for a thread."""
        return tuple(self._working)

    def stop(self) -> None:
        """Cancel everything and wait for the threads to end."""
        for work in self._working:
            work.cancel()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        stopped, self._working = self._working, []
        for work in stopped:
            work.stop()

    @Slot(object)
    def _call(self, function: Callable[[], None]) -> None:
        function()
