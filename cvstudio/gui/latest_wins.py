"""Work that is asked again before it is answered: one is at work, and the newest one waits.

    latest = LatestWins(studio.tasks, owner=self)
    latest.request(function, done, failed)      # function(control) in a thread, done(its result)

For previews, statistics and searches the answer of an older request is dropped. With
`followed=True` it is told as well, so that a drag without end is followed on the screen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject

from cvstudio.gui.tasks import Control, Done, Failed, Tasks, ThreadWork

Function = Callable[[Control], Any]


@dataclass(eq=False)
class _Request:
    """Work that a thread of the window does, or `settle` when it cannot wait for one."""

    function: Function
    done: Done
    failed: Failed | None
    answers: list[Any] = field(default_factory=list)
    at_work: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, control: Control) -> Any:
        """The answer, computed once: who asks second waits for the first."""
        with self.at_work:
            if not self.answers:
                self.answers.append(self.function(control))
            return self.answers[0]


class _Awaited:
    """The control of work that is waited for: nobody watches it and nothing stops it."""

    def progress(self, done: int, total: int = 0, text: str = "") -> None: ...

    def cancelled(self) -> bool:
        return False

    def check(self) -> None: ...


class LatestWins:
    """Requests of which the newest matters. No two of them are ever at work at once."""

    def __init__(
        self, tasks: Tasks, *, owner: QObject | None = None, title: str = "",
        followed: bool = False,
    ) -> None:  # fmt: skip
        """`title`: what the work is called when an error is told to the person."""
        self.title = title
        self._tasks, self._owner, self._followed = tasks, owner, followed
        self._work: ThreadWork | None = None
        self._at_work: _Request | None = None
        """What the thread does, although its answer may not be wanted any more."""
        self._asked: _Request | None = None
        self._waiting: _Request | None = None

    @property
    def busy(self) -> bool:
        """Whether there is a request without its answer."""
        return self._asked is not None or self._waiting is not None

    def request(self, function: Function, done: Done, failed: Failed | None = None) -> None:
        """Compute `function(control)` in a thread and tell `done` on the window's thread.

        `failed` is called with what the work raised; without it the person is told.
        """
        request = _Request(function, done, failed)
        if self._work is None or not self._work.running:
            self._start(request)
            return
        if not self._followed:
            self.drop()
        self._waiting = request

    def drop(self) -> None:
        """Forget every request; what still runs is not told."""
        self._asked = self._waiting = None
        if self._work is not None:
            self._work.cancel()

    def settle(self) -> None:
        """Wait for the answer of the newest request and tell it now, since what it is about is
        going to be left."""
        before, newest = self._at_work, self._waiting or self._asked
        self._asked = self._waiting = None
        if newest is None:
            return
        if self._work is not None and before is not None and before is not newest:
            self._work.cancel()  # nobody wants its answer
            with before.at_work:
                before.answers.append(None)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(newest.answer, _Awaited())
            error = answer.exception()
        if error is None:
            newest.done(answer.result())
        else:
            self._tell_error(newest, error)

    def _start(self, request: _Request) -> None:
        self._asked, self._waiting, self._at_work = request, None, request
        self._work = self._tasks.run(
            request.answer, title=self.title, owner=self._owner,
            done=lambda answer: self._over(request, answer),
            failed=lambda error: self._failed(request, error),
        )  # fmt: skip
        self._work.ended = self._next

    def _over(self, request: _Request, answer: Any) -> None:
        if request is self._asked:  # else `settle` has told it
            self._asked = None  # the listener may ask again, or finish for good
            request.done(answer)

    def _failed(self, request: _Request, error: BaseException) -> None:
        if request is self._asked:
            self._asked = None
            self._tell_error(request, error)

    def _tell_error(self, request: _Request, error: BaseException) -> None:
        if request.failed is not None:
            request.failed(error)
        else:
            self._tasks.tell(self.title, error)

    def _next(self) -> None:
        """A thread has ended; the listener may have begun the next one already."""
        if self._work is not None and self._work.running:
            return
        self._at_work = None
        if self._work is not None and self._work.stopped:
            self._asked = self._waiting = None  # what it was about is closed
            return
        if self._waiting is not None:
            self._start(self._waiting)
