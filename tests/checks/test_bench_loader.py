"""`cvstudio bench loader`: what it says of an epoch's start, and of how fast images come."""

from __future__ import annotations

import time
from collections.abc import Iterator

from cvstudio.checks.bench_loader import _measured


def test_the_start_of_an_epoch_is_told_beside_how_fast_images_come() -> None:
    def late() -> Iterator[int]:
        time.sleep(0.2)
        yield from range(4)

    work = _measured(late())
    assert work.first >= 0.2
    assert work.speed <= 4 / work.first, "the start counts where images a second are told"


def test_an_epoch_without_a_late_start_says_so() -> None:
    def slow() -> Iterator[int]:
        for nth in range(4):
            yield nth
            time.sleep(0.1)

    work = _measured(slow())
    assert work.first < 4 / work.speed / 2
