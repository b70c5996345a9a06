"""Precision against recall, one class at a time, and the score at which both are best together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_USEFUL_F1 = 0.05
"""Below that, the best score is an accident: the network finds next to nothing right."""


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """Precision and recall of one class when predictions from a score upwards count.

    `score` falls; all arrays have one point for each score that occurs. Without annotations recall
    is not-a-number throughout.
    """

    class_id: int
    labelled: int
    score: Floats
    precision: Floats
    recall: Floats

    @classmethod
    def of(cls, class_id: int, labelled: int, score: Floats, correct: NDArray[np.bool_]) -> Curve:
        """The curve of predictions in descending order of score."""
        last = np.append(np.diff(score) != 0, True)[: len(score)]
        true = np.cumsum(correct, dtype=np.float64)[last]
        count = np.arange(1, len(score) + 1, dtype=np.float64)[last]
        recall = true / labelled if labelled else np.full(len(true), np.nan)
        return cls(class_id, labelled, score[last], true / count, recall)

    @property
    def f1(self) -> Floats:
        """2 P R / (P + R) at each point; 0 where nothing is right."""
        if not self.labelled:
            return np.full(len(self.score), np.nan)
        total = self.precision + self.recall
        f1: Floats = np.divide(
            2 * self.precision * self.recall, total, out=np.zeros_like(total), where=total > 0
        )
        return f1

    @property
    def best_score(self) -> float:
        """The score with the highest F1; not-a-number when no score finds anything to speak of."""
        if not self.labelled or not len(self.score) or self.f1.max() < _USEFUL_F1:
            return float("nan")
        return float(self.score[int(np.argmax(self.f1))])

    @property
    def average_precision(self) -> float:
        """Area under the curve at COCO's 101 recalls; not-a-number without annotations."""
        if not self.labelled:
            return float("nan")
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        place = np.searchsorted(self.recall, np.linspace(0, 1, 101), side="left")
        return float(np.append(envelope, 0.0)[place].mean())

    def at(self, score: float) -> tuple[float, float]:
        """Precision and recall when predictions from this score upwards count."""
        place = int(np.searchsorted(-self.score, -score, side="right")) - 1
        if place < 0:
            return float("nan"), 0.0 if self.labelled else float("nan")
        return float(self.precision[place]), float(self.recall[place])


def best_score(curves: Iterable[Curve]) -> float:
    """The one score, in steps of 0.001, at which the F1 of all labelled classes is best on average.

    Where several steps in a row are equally good, the middle one. Not-a-number when nothing is
    labelled, and when no score finds anything to speak of.
    """
    steps = np.arange(1, 1000) / 1000
    rows = []
    for curve in curves:
        if curve.labelled:
            place = np.searchsorted(-curve.score, -steps, side="right")
            rows.append(np.append(0.0, curve.f1)[place])
    if not rows:
        return float("nan")
    mean = np.mean(rows, axis=0)
    if mean.max() < _USEFUL_F1:
        return float("nan")
    first = int(np.argmax(mean))
    worse = np.flatnonzero(mean[first:] < mean[first] - 1e-12)
    last = first + (int(worse[0]) if worse.size else len(mean) - first) - 1
    return float(steps[(first + last) // 2])
