"""Waiting for what threads, processes and timers do, as long as a busy machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtTest import QTest

LIMIT = 90.0
"""Seconds. What does not happen at all fails a test late; what happens late never does."""


def until(condition: Callable[[], object], seconds: float = LIMIT) -> None:
    """Let events happen until something is so; an error of the test when it never is.

    A training may take longer than everything else: then `seconds` says so.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        QTest.qWait(10)
