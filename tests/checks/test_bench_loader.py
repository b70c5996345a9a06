"""`cvstudio bench loader`: what it says of an epoch's start, and of how fast images come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cvstudio.checks import bench_loader


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(bench_loader, "time", made)
    return made


def test_the_start_of_an_epoch_is_told_beside_how_fast_images_come(clock: Clock) -> None:
    def late() -> Iterator[int]:
        clock.now += 2.0
        yield from range(4)

    work = bench_loader._measured(late())
    assert work.first == 2.0
    assert work.speed == 2.0, "the start counts where images a second are told"


def test_an_epoch_without_a_late_start_says_so(clock: Clock) -> None:
    def slow() -> Iterator[int]:
        for nth in range(4):
            yield nth
            clock.now += 1.0

    work = bench_loader._measured(slow())
    assert work.first == 0.0
    assert work.speed == 1.0


def test_time_that_others_kept_the_core_is_told_apart(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = {7: 0.0, 8: 0.0}
    monkeypatch.setattr(bench_loader, "_waited", lambda own: sum(waited[each] for each in own))

    def disturbed() -> Iterator[int]:
        yield from range(6)
        clock.now += 3.0
        waited[7], waited[8] = 0.5, 2.5  # each waited 1.5 s on the average

    work = bench_loader._measured(disturbed(), [7, 8])
    assert work.speed == 2.0
    assert work.undisturbed == 4.0
