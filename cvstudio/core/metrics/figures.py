"""What a confusion says about each class, and the ratios and means that may have no figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The figures of one class. Not-a-number where a ratio has no denominator."""

    class_id: int
    labelled: int
    predicted: int
    correct: int
    precision: float
    recall: float
    f1: float


def class_figures(confusion: NDArray[np.int64], class_ids: Sequence[int]) -> list[ClassFigures]:
    """Each class's figures, in the order of class_ids.

    Rows of the confusion are labelled, columns predicted; both begin with class_ids and may have
    one more for nothing.
    """
    rows = []
    for place, class_id in enumerate(class_ids):
        labelled = int(confusion[place].sum())
        predicted = int(confusion[:, place].sum())
        correct = int(confusion[place, place])
        rows.append(
            ClassFigures(
                class_id=class_id,
                labelled=labelled,
                predicted=predicted,
                correct=correct,
                precision=ratio(correct, predicted),
                recall=ratio(correct, labelled),
                f1=ratio(2 * correct, labelled + predicted),
            )
        )
    return rows


def ratio(part: float, whole: float) -> float:
    """A share; not-a-number of nothing."""
    return float(part) / float(whole) if whole else float("nan")


def mean_of_known(values: Sequence[float] | NDArray[np.float64]) -> float:
    """The mean of the values that are numbers; not-a-number when none is."""
    array = np.asarray(values, np.float64)
    known = array[~np.isnan(array)]
    return float(known.mean()) if known.size else float("nan")


def counting(
    class_ids: Iterable[int], score: float, own: Mapping[int, float | None]
) -> list[float]:
    """The score from which each class counts: its own, else the common one."""
    found = (own.get(class_id) for class_id in class_ids)
    return [score if each is None else each for each in found]
