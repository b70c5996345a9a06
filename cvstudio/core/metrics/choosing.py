"""The score of a class for the highest F1, or for a precision or recall that somebody wants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cvstudio.core.metrics.curves import Curve
from cvstudio.core.metrics.several import ENOUGH_FOR_OWN
from cvstudio.core.thresholds import Aim


@dataclass(frozen=True, slots=True)
class Choice:
    """The score from which a class should count, and what it then has on the images it was chosen
    on; `score` is None with the reason in `why_not`."""

    class_id: int
    score: float | None
    precision: float = math.nan
    recall: float = math.nan
    why_not: str = ""


def choose(curve: Curve, aim: Aim, wanted: float | None = None) -> Choice:
    """The score of one class. Of the scores with the wanted precision that with the most recall, of
    those with the wanted recall that with the highest score.

    It lies halfway to the next lower score that occurs, so that it holds for answers a little less
    sure. Below five labels any choice is chance. Raises ValueError without a wanted precision or
    recall.
    """
    if curve.labelled < ENOUGH_FOR_OWN:
        return Choice(curve.class_id, None, why_not=f"{curve.labelled} labelled: too few to choose")
    if aim is Aim.F1:
        best = curve.best_score
        place = -1 if math.isnan(best) else int(np.argmax(curve.f1))
        why = "no score finds anything to speak of"
    elif wanted is None:
        raise ValueError("what is wanted?")
    else:
        figures = curve.precision if aim is Aim.PRECISION else curve.recall
        reached = np.flatnonzero(figures >= wanted - 1e-12)
        pick = -1 if aim is Aim.PRECISION else 0
        place = int(reached[pick]) if reached.size else -1
        why = f"no score reaches a {aim.value} of {wanted:g}"
    if place < 0:
        return Choice(curve.class_id, None, why_not=why)
    lower = float(curve.score[place + 1]) if place + 1 < len(curve.score) else 0.0
    score = (float(curve.score[place]) + lower) / 2
    return Choice(curve.class_id, score, float(curve.precision[place]), float(curve.recall[place]))
