"""What a tool computes in a thread while the pointer goes on: the newest question is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cvstudio.gui.label.document import Document
from cvstudio.gui.tasks import ThreadWork
from cvstudio.imaging.regions.view import Place, Sight, View

Work = Callable[[], Any]
Done = Callable[[Any], None]
Failed = Callable[[], None]

_TITLE = "Look at the picture"


@dataclass(eq=False)
class _Question:
    """Work that the thread does, or the window itself when it cannot wait for the thread."""

    work: Work
    done: Done
    failed: Failed | None
    answers: list[Any] = field(default_factory=list)
    at_work: threading.Lock = field(default_factory=threading.Lock)

    def answer(self) -> Any:
        """The answer, computed once: who asks second waits for the first."""
        with self.at_work:
            if not self.answers:
                self.answers.append(self.work())
            return self.answers[0]


class Thinking:
    """One question is worked on and the newest one waits; those between are forgotten.

    An answer is told although a newer question waits, so that a drag without end is followed;
    `drop` forgets both. A new question begins when the thread of the one before has ended, so
    that no two are at work. An error is told to the person as that of any other work is.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._work: ThreadWork | None = None
        self._asked: _Question | None = None
        self._waiting: _Question | None = None

    @property
    def busy(self) -> bool:
        """Whether there is a question without its answer."""
        return self._asked is not None or self._waiting is not None

    def ask(self, work: Work, done: Done, failed: Failed | None = None) -> None:
        """Compute `work()` in a thread and tell `done` the answer on the window's thread.

        `failed` is called instead when the work raised, after the person has been told.
        """
        question = _Question(work, done, failed)
        if self._work is not None and self._work.running:
            self._waiting = question
        else:
            self._start(question)

    def drop(self) -> None:
        """Forget every question; what still runs is not told."""
        self._asked = self._waiting = None
        if self._work is not None:
            self._work.cancel()

    def settle(self) -> None:
        """Tell the answer of the newest question now: what it is about is going to be left."""
        before, newest = self._asked, self._waiting or self._asked
        self.drop()
        if newest is None:
            return
        if before is not None and before is not newest:
            with before.at_work:
                before.answers.append(None)  # no two are at work; nobody wants this one any more
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(newest.answer)
            error = answer.exception()
        if error is None:
            newest.done(answer.result())
        else:
            self._tell_failed(newest, error)

    def _start(self, question: _Question) -> None:
        self._asked, self._waiting = question, None
        self._work = self._document.studio.tasks.run(
            lambda _control: question.answer(), title=_TITLE, owner=self._document,
            done=lambda answer: self._tell(question, answer),
            failed=lambda error: self._tell_failed(question, error),
        )  # fmt: skip
        self._work.ended = self._next

    def _tell(self, question: _Question, answer: Any) -> None:
        self._asked = None  # the listener may ask again, or finish for good
        question.done(answer)

    def _tell_failed(self, question: _Question, error: BaseException) -> None:
        self._asked = None
        self._document.studio.tasks.failed.emit(_TITLE, error)
        if question.failed is not None:
            question.failed()

    def _next(self) -> None:
        """A thread has ended; the listener may have begun the next one already."""
        waiting = self._waiting
        if waiting is not None and (self._work is None or not self._work.running):
            self._start(waiting)


class LastView:
    """The view that was taken last, for questions that come again about the same place."""

    def __init__(self) -> None:
        self._kept: tuple[Sight, View] | None = None
        self._forgotten = 0

    def take(self, sight: Sight, place: Place) -> View:
        """The displayed pixels of a place. Safe in any thread."""
        kept, begun = self._kept, self._forgotten
        if kept is not None and kept[0] == sight and kept[1].place == place:
            return kept[1]
        view = sight.take(place)
        if begun == self._forgotten:
            self._kept = (sight, view)
        return view

    def forget(self) -> None:
        """Let the pixels go; a thread that is about to keep some does not any more."""
        self._forgotten += 1
        self._kept = None
