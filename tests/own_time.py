"""What work costs by itself, whatever else a busy machine does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable


def own_seconds(work: Callable[[], object], *, tries: int = 3) -> float:
    """Seconds of the processor that this thread spends on some work, of several tries the least."""
    took = []
    for _ in range(tries):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return min(took)
