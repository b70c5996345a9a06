"""Ranks of values, and how well classes are told apart by them whatever the threshold: AUROC, and
the share among the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.resampling import Draws, Floats, share

_MOST_CELLS = 8_000_000


def mid_ranks(values: NDArray[np.floating]) -> Floats:
    """Ranks (n,) of values from 1 on; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(middle[place], np.float64)


def auroc_drawn(scores: Floats, positive: NDArray[np.bool_], drawn: Draws) -> Floats:
    """The chance that an image of the class has a higher score than one of another, ties by half.

    `scores` and `positive` are (images,), `drawn` is (draws, images); not-a-number where a draw
    lacks either kind.
    """
    order = np.argsort(scores, kind="stable")
    ordered, right = scores[order], positive[order].astype(np.float32)
    starts = np.flatnonzero(np.append(True, np.diff(ordered) > 0))[: len(ordered)]
    if not len(ordered):
        return np.full(len(drawn), np.nan)
    step = max(_MOST_CELLS // len(ordered), 1)
    rows = []
    for begin in range(0, len(drawn), step):
        weights = drawn[begin : begin + step, order]
        true = np.add.reduceat(weights * right, starts, axis=1).astype(np.float64)
        false = np.add.reduceat(weights * (1 - right), starts, axis=1).astype(np.float64)
        below = np.cumsum(false, axis=1) - false / 2
        rows.append(share((true * below).sum(axis=1), true.sum(axis=1) * false.sum(axis=1)))
    return np.concatenate(rows)


def among_first(scores: Floats, labelled: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Of each image (images, classes), whether fewer than `count` classes are likelier than its
    own; of classes that are as likely the one with the lower place comes first."""
    own = scores[np.arange(len(scores)), labelled][:, None]
    before = np.arange(scores.shape[1])[None, :] < labelled[:, None]
    ahead = (scores > own) | ((scores == own) & before)
    first: NDArray[np.bool_] = ahead.sum(axis=1) < count
    return first
