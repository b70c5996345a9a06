"""How often answers that are as sure as one agree with the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.trust import LEAST_RIGHT

Floats = NDArray[np.float64]

CAUTION = float(LEAST_RIGHT)
"""Disagreeing answers that are added to every group, so that a share reaches a half only with as
many right answers as trust.py asks for: few answers prove nothing."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """The share of answers that agree with labels, by their score: never falling as it rises.

    Fitted by isotonic regression (pool adjacent violators: Ayer et al. 1955; for the scores of
    networks Zadrozny and Elkan 2002). `edges` is the lowest score of each group, `shares` its
    share.
    """

    edges: Floats
    shares: Floats

    @classmethod
    def of(cls, scores: Floats, agree: NDArray[np.bool_]) -> Agreement:
        """From the scores of answers (n,) and whether each agrees with its label."""
        values, place = np.unique(np.asarray(scores, np.float64), return_inverse=True)
        right = np.bincount(place, weights=np.asarray(agree, np.float64), minlength=len(values))
        count = np.bincount(place, minlength=len(values)).astype(np.float64)
        return cls._pooled(values, right.astype(np.float64), count)

    @classmethod
    def of_counts(cls, right: Floats, count: Floats) -> Agreement:
        """From how many answers with each score 0, 1, 2, … agree, and how many there are."""
        there = np.flatnonzero(count)
        return cls._pooled(there.astype(np.float64), right[there], count[there])

    @classmethod
    def _pooled(cls, values: Floats, right: Floats, count: Floats) -> Agreement:
        edges, right, count = _pool(values, right, count)
        # The caution would let a small group fall below the one before it.
        shares = np.maximum.accumulate(right / (count + CAUTION)) if len(edges) else edges
        return cls(edges, shares)

    def at(self, scores: Floats) -> Floats:
        """The share (n,) of answers as sure as these that agree; 0 where none was ever given."""
        if not len(self.edges):
            return np.zeros(np.shape(scores))
        place = np.searchsorted(self.edges, np.asarray(scores, np.float64), side="right") - 1
        shares: Floats = np.where(place < 0, 0.0, self.shares[np.maximum(place, 0)])
        return shares


def _pool(values: Floats, agree: Floats, many: Floats) -> tuple[Floats, Floats, Floats]:
    """Groups of neighbours whose shares rise: lowest score, how many agree, how many there are."""
    starts: list[float] = []
    right: list[float] = []
    count: list[float] = []
    for value, one, all_of in zip(values.tolist(), agree.tolist(), many.tolist(), strict=True):
        starts.append(value)
        right.append(one)
        count.append(all_of)
        while len(starts) > 1 and right[-2] * count[-1] >= right[-1] * count[-2]:
            right[-2:] = [right[-2] + right[-1]]
            count[-2:] = [count[-2] + count[-1]]
            starts.pop()
    return np.array(starts), np.array(right), np.array(count)
