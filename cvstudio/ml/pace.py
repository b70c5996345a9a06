"""How long a training waits for its images, beside the time in which it computes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import torch


class Pace:
    """Clocks the batches of a loop.

    On an NVIDIA card steps are only queued by the loop, which may wait for images while the card is
    still at work: there, what counts is the time in which the card itself stood still.
    """

    def __init__(self, device: torch.device) -> None:
        self._queued = device.type == "cuda"
        self._waited = 0.0
        self._gaps: list[tuple[torch.cuda.Event, torch.cuda.Event, float]] = []
        self._since = time.perf_counter()

    def batches(self, source: Iterable[Any]) -> Iterator[Any]:
        """The same batches, clocked."""
        iterator = iter(source)
        end = object()
        self._since, self._waited = time.perf_counter(), 0.0
        self._gaps.clear()
        while True:
            before = self._mark()
            begun = time.perf_counter()
            batch = next(iterator, end)
            waited = time.perf_counter() - begun
            if batch is end:
                return
            after = self._mark()
            if before is not None and after is not None:
                self._gaps.append((before, after, waited))
            else:
                self._waited += waited
            yield batch

    def share(self) -> float:
        """The share of the time since the last call that was waited for images, 0 to 1.

        Call it when the card is known to have done its steps.
        """
        now = time.perf_counter()
        waited, later = self._waited, []
        for before, after, wall in self._gaps:
            if after.query():  # type: ignore[no-untyped-call]
                waited += min(before.elapsed_time(after) / 1000, wall)
            else:
                later.append((before, after, wall))
        elapsed = max(now - self._since, 1e-9)
        self._since, self._waited, self._gaps = now, 0.0, later
        return min(waited / elapsed, 1.0)

    def _mark(self) -> torch.cuda.Event | None:
        """A mark in the card's queue: it is passed when all steps so far are done."""
        if not self._queued:
            return None
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event
