"""What a tool computes in a thread while the pointer goes on: the newest question is answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cvstudio.gui.label.document import Document
from cvstudio.gui.tasks import ThreadWork
from cvstudio.imaging.regions.view import Place, Sight, View

Work = Callable[[], Any]
Done = Callable[[Any], None]


class Thinking:
    """One question is worked on and the newest one waits; those between are forgotten.

    An answer is told although a newer question waits, so that a drag without end is followed;
    `drop` forgets both. An error is told to the person as that of any other work is.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._work: ThreadWork | None = None
        self._waiting: tuple[Work, Done] | None = None

    @property
    def busy(self) -> bool:
        """Whether there is a question without its answer."""
        return self._work is not None or self._waiting is not None

    def ask(self, work: Work, done: Done) -> None:
        """Compute `work()` in a thread and tell `done` the answer on the window's thread."""
        if self._work is not None:
            self._waiting = (work, done)
        else:
            self._waiting = None
            self._start(work, done)

    def drop(self) -> None:
        """Forget every question; what still runs is not told."""
        self._waiting = None
        if self._work is not None:
            self._work.ended = None
            self._work.cancel()
            self._work = None

    def _start(self, work: Work, done: Done) -> None:
        begun = self._document.studio.tasks.run(
            lambda _control: work(), title="Look at the picture", done=partial(self._tell, done),
            owner=self._document,
        )  # fmt: skip
        begun.ended = self._next
        self._work = begun

    def _tell(self, done: Done, answer: Any) -> None:
        self._work = None  # the listener may ask again, or finish for good
        done(answer)

    def _next(self) -> None:
        if self._work is not None and self._work.running:
            return  # the listener has asked already
        self._work = None
        if self._waiting is not None:
            work, done = self._waiting
            self._waiting = None
            self._start(work, done)


class LastView:
    """The view that was taken last, for questions that come again about the same place."""

    def __init__(self) -> None:
        self._kept: tuple[Sight, View] | None = None

    def take(self, sight: Sight, place: Place) -> View:
        """The displayed pixels of a place. Safe in any thread."""
        kept = self._kept
        if kept is not None and kept[0] == sight and kept[1].place == place:
            return kept[1]
        view = sight.take(place)
        self._kept = (sight, view)
        return view

    def forget(self) -> None:
        self._kept = None
