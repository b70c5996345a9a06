"""What trying learning rates tells: a smoothed curve of the loss, and the rate to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH = 6.0
"""Tries before and after one that its point of the curve is a mean of: standard deviation of their
weights. Batches differ far more from each other than neighbouring rates do."""
_WORSE = 4.0
"""A loss that many times the one of the first tries has diverged."""
_FEWEST = 10
_BEGUN = 0.3
"""Share of the fall that is over where it is looked for: above that, bumps are as steep."""
_AT_MOST = 4.0
"""How many times the rate of the fastest fall is suggested at most."""
_FAR = 4.0
"""Times by which a suggestion differs from the usual rate when that is worth a word."""
_SURE = 3.5
"""How many standard errors of the curve a fall must have."""


def smoothed(losses: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each loss and those of its neighbours, weighed by how near they are."""
    reach = round(3 * WIDTH)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / WIDTH) ** 2)
    total = np.convolve(np.asarray(losses, np.float64), weights)
    share = np.convolve(np.ones(len(losses)), weights)
    return np.asarray(total / share, np.float64)[reach : reach + len(losses)]


def diverged(losses: Sequence[float]) -> bool:
    """Whether the loss has left what can be learned at: no higher rate needs to be tried."""
    if not np.isfinite(losses[-1]):
        return True
    begun = float(np.mean(losses[:_FEWEST]))
    return len(losses) > _FEWEST and bool(smoothed(losses)[-1] > _WORSE * begun)


@dataclass(frozen=True, slots=True)
class Fall:
    """The rates at which a loss falls fastest, and beyond which it falls no more."""

    fastest: float
    lowest: float

    @property
    def rate(self) -> float:
        """The rate to take: in the middle of the two, as factors go, near the fastest fall.

        The fastest fall alone is too careful (Smith, 2017, goes up to where the curve turns): the
        network is new there, and a run warms up before its highest rate and slows down after.
        """
        middle = (self.fastest * self.lowest) ** 0.5
        return float(f"{max(min(middle, _AT_MOST * self.fastest), self.fastest):.2g}")

    def told(self, usual: float) -> str:
        """What was found, in words, beside the rate that such runs usually have."""
        words = (
            f"The loss falls fastest at {self.fastest:g} and no more beyond {self.lowest:g}:"
            f" {self.rate:g} lies between."
        )
        apart = max(self.rate / usual, usual / self.rate)
        if apart < _FAR:
            return words
        return f"{words} That is far from the usual {usual:g}: a few epochs of both tell which."


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The learning rate that a curve of tries speaks for; None when the loss never falls."""
    found = fall(rates, losses)
    return None if found is None else found.rate


def fall(rates: Sequence[float], losses: Sequence[float]) -> Fall | None:
    """Where the loss falls; None when it never does.

    Rates rise by a constant factor. Looked at is the last fall to the lowest place of the smoothed
    curve; one that the spread of single batches explains is none.
    """
    known = int(np.argmax(~np.isfinite(losses))) if not np.all(np.isfinite(losses)) else len(losses)
    if known < _FEWEST:
        return None
    # What has run away would hide the fall before it.
    tried = np.minimum(losses[:known], _WORSE * float(np.mean(losses[:_FEWEST])))
    curve = smoothed(tried)
    end = int(curve.argmin())
    if end < 2:
        return None
    top, low = float(curve[: end + 1].max()), float(curve[end])
    spread = 1.4826 * float(np.median(np.abs(tried - curve)))
    error = spread / np.sqrt(2 * np.sqrt(np.pi) * WIDTH)
    if top - low <= _SURE * error:
        return None
    above = np.flatnonzero(curve[: end + 1] >= top - _BEGUN * (top - low))
    begin = int(above[-1])
    steps = np.gradient(curve)[begin : end + 1]
    fastest = begin + int(steps.argmin())
    return Fall(float(f"{rates[fastest]:.2g}"), float(f"{rates[end]:.2g}"))
