"""When the interpreter may search for circular garbage: not while very many objects are made."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_resting = 0
_was_on = False
_aside = False


@contextmanager
def collector_at_rest(*, aside: bool = False) -> Iterator[None]:
    """No search for circular garbage while hundreds of thousands of objects are made: each search
    looks at all of them again, and there are no circles. Safe from several threads at once.

    With `aside` later searches leave out all that is there in the end, until `bring_back`. It is
    for what stays: looking at a million objects takes a second. What nobody holds is freed as ever,
    but for circles.
    """
    global _resting, _was_on, _aside
    with _lock:
        if not _resting:
            _was_on = gc.isenabled()
            gc.disable()
        _resting += 1
    try:
        yield
    finally:
        with _lock:
            _resting -= 1
            _aside = _aside or aside
            if not _resting:
                # Into the oldest generation without a look at each, or the next search would
                # begin with one.
                gc.freeze()
                if not _aside:
                    gc.unfreeze()
                if _was_on:
                    gc.enable()


def bring_back() -> None:
    """Let searches look again at what was set aside."""
    global _aside
    with _lock:
        _aside = False
        gc.unfreeze()


def at_rest() -> bool:
    """Whether some thread makes very many objects just now."""
    return _resting > 0
