"""What a benchmark reports: named figures beside what was measured in the same run."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class Figure:
    """One measured figure; `limit` is the most, or with `at_least` the least, that is asked.

    `value` is None where nothing could be measured; `detail` says why.
    """

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the figure keeps its limit; None when there is none, or nothing was measured."""
        if self.limit is None or self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}


def machine() -> str:
    """The computer in one line, for the head of every report."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )


def processor() -> str:
    """The processor's name as its maker writes it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except FileNotFoundError:
        pass
    return platform.processor() or platform.machine()


def timed(work: Callable[[], Any]) -> float:
    """Seconds that one call took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio_of_pairs(ours: Iterable[float], peers: Iterable[float]) -> float:
    """The median of ours over peer's, pair by pair: steady when the machine's speed drifts."""
    return statistics.median(a / b for a, b in zip(ours, peers, strict=True))


def percentile(values: Iterable[float], share: float = 0.95) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
