"""Waiting for what threads, processes and timers do, as long as a busy machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtTest import QTest

LIMIT = 120.0
"""Seconds. What does not happen at all fails a test late; what happens late never does."""


def until(condition: Callable[[], object]) -> None:
    """Let events happen until something is so; an error of the test when it never is."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        QTest.qWait(10)
