"""Work that is asked again before it is answered: which answers and which errors are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import shiboken6
from patience import LIMIT, until
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.tasks import Control, Tasks


class Gate:
    """Work that stands still until the test opens the way."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self.at_work = self.most_at_work = 0

    def pass_with(self, answer: object) -> Callable[[Control], object]:
        def work(_control: Control) -> object:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
            self.begun.set()
            assert self.open.wait(LIMIT)
            self.at_work -= 1
            if isinstance(answer, Exception):
                raise answer
            return answer

        return work


@pytest.fixture
def tasks(qapp: QtBot) -> Iterator[Tasks]:
    made = Tasks()
    yield made
    made.stop()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture(params=["newest", "followed"])
def latest(request: pytest.FixtureRequest, tasks: Tasks) -> LatestWins:
    return LatestWins(tasks, title="Look", followed=request.param == "followed")


def test_of_several_requests_only_the_newest_is_answered(tasks: Tasks, gate: Gate) -> None:
    latest, told = LatestWins(tasks), list[object]()
    for number in range(5):
        latest.request(gate.pass_with(number), told.append)
    gate.open.set()
    until(lambda: not latest.busy)
    assert told == [4]
    latest.request(gate.pass_with(9), told.append)
    until(lambda: told == [4, 9])


def test_a_drag_without_end_is_followed_and_only_the_newest_question_waits(
    tasks: Tasks, gate: Gate
) -> None:
    latest, told = LatestWins(tasks, followed=True), list[object]()
    latest.request(gate.pass_with("first"), told.append)
    for number in range(20):
        latest.request(gate.pass_with(number), told.append)
    assert latest.busy
    gate.open.set()
    until(lambda: not latest.busy)
    assert told == ["first", 19]


def test_an_older_request_is_asked_to_stop_when_nobody_wants_its_answer(tasks: Tasks) -> None:
    latest, told, begun = LatestWins(tasks), list[str](), threading.Event()

    def until_stopped(control: Control) -> str:
        begun.set()
        while True:
            control.check()

    latest.request(until_stopped, told.append)
    assert begun.wait(LIMIT)
    latest.request(lambda _control: "newer", told.append)
    until(lambda: told == ["newer"])


def test_what_was_dropped_is_never_told_and_no_two_are_at_work(
    latest: LatestWins, tasks: Tasks, gate: Gate
) -> None:
    told: list[object] = []
    latest.request(gate.pass_with(1), told.append)
    latest.request(gate.pass_with(2), told.append)
    latest.drop()
    assert not latest.busy
    assert gate.begun.wait(LIMIT)
    latest.request(gate.pass_with(3), told.append)
    gate.open.set()
    until(lambda: told == [3])
    until(lambda: not tasks.working)
    assert told == [3]
    assert gate.most_at_work == 1


def test_an_error_is_told_once_and_the_next_request_is_answered(
    latest: LatestWins, tasks: Tasks, gate: Gate
) -> None:
    told: list[object] = []
    shown: list[tuple[str, BaseException]] = []
    tasks.failed.connect(lambda title, error: shown.append((title, error)))
    error = ValueError("torn")
    gate.open.set()
    latest.request(gate.pass_with(error), told.append)
    until(lambda: bool(shown))
    assert shown == [("Look", error)]
    latest.request(gate.pass_with(error), told.append, told.append)
    until(lambda: told == [error])
    assert len(shown) == 1, "who takes the error tells it"
    assert not latest.busy
    latest.request(gate.pass_with(7), told.append)
    until(lambda: told == [error, 7])


def test_after_an_error_the_request_that_waited_is_answered(latest: LatestWins, gate: Gate) -> None:
    told: list[object] = []
    latest.request(gate.pass_with(ValueError("torn")), told.append, lambda _error: None)
    assert gate.begun.wait(LIMIT)
    latest.request(gate.pass_with("newer"), told.append)
    gate.open.set()
    until(lambda: told == ["newer"])


@pytest.mark.parametrize("another_waits", [False, True])
def test_the_newest_answer_is_told_before_one_goes_on(
    latest: LatestWins, tasks: Tasks, gate: Gate, another_waits: bool
) -> None:
    told: list[object] = []
    latest.request(gate.pass_with(1), told.append)
    if another_waits:
        latest.request(gate.pass_with(2), told.append)
    assert gate.begun.wait(LIMIT)
    threading.Timer(0.05, gate.open.set).start()
    latest.settle()
    assert told == [2 if another_waits else 1]
    assert not latest.busy
    until(lambda: not tasks.working)
    assert len(told) == 1, "the thread's own end tells nothing more"
    assert gate.most_at_work == 1


def test_an_error_of_what_is_waited_for_is_told_once(
    latest: LatestWins, tasks: Tasks, gate: Gate
) -> None:
    told: list[object] = []
    latest.request(gate.pass_with(ValueError("torn")), told.append, lambda _e: told.append("bad"))
    assert gate.begun.wait(LIMIT)
    threading.Timer(0.05, gate.open.set).start()
    latest.settle()
    until(lambda: not tasks.working)
    assert told == ["bad"]


def test_nothing_is_told_to_a_widget_that_is_gone(tasks: Tasks, gate: Gate) -> None:
    owner, told = QObject(), list[object]()
    latest = LatestWins(tasks, owner=owner)
    latest.request(gate.pass_with(1), told.append)
    shiboken6.delete(owner)
    gate.open.set()
    until(lambda: not tasks.working)
    assert told == []
