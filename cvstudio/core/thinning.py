"""Fewer points of a long curve, with its peaks: a spike of one step must not be lost in a day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.events import StepEnded

MOST_STEPS = 2000
"""Steps of a run that are kept in memory; beyond it, the older ones are thinned."""

_NEWEST = 400
"""Steps that are kept whole: what is read off the last ones must stay exact."""


def telling(curves: Sequence[NDArray[np.float64]], most: int) -> NDArray[np.int64]:
    """Which points of curves of one length to keep, rising: at most `most`, 6 or more.

    The first and the last one, and of each stretch between them the lowest and the highest of every
    curve. What is not a number counts as a peak.
    """
    count = len(curves[0])
    if count <= most:
        return np.arange(count)
    many = max((most - 2) // (2 * len(curves)), 1)
    # Stretches as even as can be, the longer ones first.
    least, more = divmod(count - 2, many)
    ends = 1 + np.cumsum(least + (np.arange(many) < more))
    starts = np.concatenate([[1], ends[:-1]])
    # A row for each stretch; where one is shorter than the longest, its last point stands twice.
    longest = int((ends - starts).max())
    places = np.minimum(starts[:, None] + np.arange(longest), (ends - 1)[:, None])
    rows, kept = np.arange(many), [np.array([0, count - 1])]
    for curve in curves:
        values = np.where(np.isnan(curve), np.inf, curve)[places]
        kept += [places[rows, values.argmin(axis=1)], places[rows, values.argmax(axis=1)]]
    return np.unique(np.concatenate(kept))


def thinned(steps: Sequence[StepEnded]) -> list[StepEnded]:
    """The steps of a run, thinned when they are more than MOST_STEPS: about half of them, with the
    peaks of memory and loss, and the newest ones whole."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    old, new = steps[:-_NEWEST], steps[-_NEWEST:]
    memory = np.array([step.memory for step in old], np.float64)
    loss = np.array([sum(step.losses.values()) for step in old], np.float64)
    return [old[place] for place in telling([memory, loss], len(old) // 2)] + list(new)
