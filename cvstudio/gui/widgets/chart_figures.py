"""The figures of charts: round ticks and ends of axes, values as people read them, smoothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def round_ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Three to five round values inside a range."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / (most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.9)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """The logarithms of round values inside a range of logarithms: powers of ten, and where there
    are few of them twice and five times as much."""
    within = range(math.floor(low), math.ceil(high) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [power + math.log10(f) for power in within for f in factors]
        found = [tick for tick in found if low - 1e-9 <= tick <= high + 1e-9]
        if len(found) >= 3:
            break
    return found[:: -(-len(found) // 6)] if found else [low]


def round_up(value: float) -> float:
    """The next round figure that leaves a little air above a value."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 1.2, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * power >= value)


def shown(value: float) -> str:
    """A value with as many digits as a person reads: 1.26, 0.0069, 1,240."""
    if value != value:
        return "–"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 0.01:
        return np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return f"{value:.3g}" if size >= 100 else f"{value:.3f}".rstrip("0").rstrip(".")


def smoothed(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A running mean (n,) in which what was before weighs `share` (0: the values as they are).

    The first values are not pulled towards zero; values that are not numbers stay so and are
    passed over.
    """
    if share <= 0:
        return values
    result = np.full_like(values, np.nan)
    mean = weight = 0.0
    for place, value in enumerate(values):
        if np.isfinite(value):
            mean = share * mean + (1 - share) * float(value)
            weight = share * weight + (1 - share)
            result[place] = mean / weight
    return result
