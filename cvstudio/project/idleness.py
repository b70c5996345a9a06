"""Whether somebody works at this computer: input in the window, and how busy processor and GPU are.

The loads are averaged, so that a moment's work of the system is no reason to wait on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from cvstudio.core.words import percent
from cvstudio.project.device import Device

PROCESSOR, GPU = 0.25, 0.15
"""Shares of time at work from which on somebody is taken to use them."""

_MEMORY = 20.0
"""Seconds over which loads are averaged."""


class Idleness:
    """Looked at every few seconds; `clock` and `load` (0 to 1) can be others in tests."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        load: Callable[[], float] = lambda: psutil.cpu_percent() / 100,
    ) -> None:
        self._clock, self._load = clock, load
        self._input = self._quiet = self._seen = clock()
        self._processor = self._gpu = 0.0
        load()  # the first answer says nothing: it is over no time

    def touched(self) -> None:
        """Somebody moved the mouse or pressed a key."""
        self._input = self._clock()

    def look(self, device: Device | None = None) -> None:
        """Take in how busy the computer is now."""
        now = self._clock()
        share = min((now - self._seen) / _MEMORY, 1.0)
        self._seen = now
        self._processor += share * (self._load() - self._processor)
        gpus = [d.busy for d in (device, *device.others) if d.busy is not None] if device else []
        self._gpu += share * (max(gpus, default=0.0) - self._gpu)
        if self._processor >= PROCESSOR or self._gpu >= GPU:
            self._quiet = now

    def waits_for(self, minutes: int) -> str:
        """What is still waited for, as a sentence; "" when it has been quiet for long enough."""
        now = self._clock()
        needed = f"It starts after {minutes} min without work here"
        if self._processor >= PROCESSOR:
            return f"{needed}: the processor is {percent(self._processor)} busy."
        if self._gpu >= GPU:
            return f"{needed}: the GPU is {percent(self._gpu)} busy."
        quiet = now - max(self._input, self._quiet)
        left = minutes * 60 - quiet
        if left <= 0:
            return ""
        last = "mouse or keys last used" if self._input >= self._quiet else "last busy"
        return f"{needed}: {last} {_ago(quiet)} ago."


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
