"""What trying learning rates tells: a smoothed curve of the loss, and the rate to take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SMOOTHING = 0.9
"""Share of the curve so far in each of its points."""
_WORSE = 4.0
"""A loss that many times the one of the first tries has diverged."""
_FEWEST = 10


def smoothed(losses: Sequence[float]) -> NDArray[np.float64]:
    """The running mean of losses, each point corrected for the few before it."""
    curve, mean = np.empty(len(losses)), 0.0
    for place, loss in enumerate(losses):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        curve[place] = mean / (1 - SMOOTHING ** (place + 1))
    return curve


def diverged(losses: Sequence[float]) -> bool:
    """Whether the loss has left what can be learned at: no higher rate needs to be tried."""
    if not np.isfinite(losses[-1]):
        return True
    begun = float(np.mean(losses[:_FEWEST]))
    return len(losses) > _FEWEST and bool(smoothed(losses)[-1] > _WORSE * begun)


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the loss falls fastest (Smith, 2017); None when it never falls.

    Rates rise by a constant factor. The first tries, whose mean is of few, and all from the lowest
    loss on are left out.
    """
    known = int(np.argmax(~np.isfinite(losses))) if not np.all(np.isfinite(losses)) else len(losses)
    curve = smoothed(losses[:known])
    begin = min(_FEWEST // 2, len(curve))
    if len(curve) < _FEWEST:
        return None
    end = int(curve.argmin())
    if end - begin < 2:
        return None
    steps = np.gradient(curve[begin : end + 1])
    steepest = int(steps.argmin())
    if steps[steepest] >= 0:
        return None
    return float(f"{rates[begin + steepest]:.2g}")
