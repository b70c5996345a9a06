"""How sure an answer sounds, corrected as fits val: a temperature, or Platt scaling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 1e-7
"""A chance of 0 stands for one this small: files keep six digits."""
_NEXT = 2e-16
"""How near to 0 and 1 a corrected chance may lie."""
_FARTHEST = 36.0
"""A logit from which on a chance is 1 to the last digit."""


def at_temperature(chances: Floats, temperature: float) -> Floats:
    """The chances (..., classes) of a network whose logits are divided by a temperature: the
    likeliest class stays the likeliest."""
    logits = np.log(np.clip(chances, LEAST, None)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return result


def scores_at_temperature(scores: Mapping[int, float], temperature: float) -> dict[int, float]:
    """The same for one answer: a chance by class id."""
    if not scores:
        return {}
    chances = at_temperature(np.array(list(scores.values()), np.float64), temperature)
    return dict(zip(scores, chances.tolist(), strict=True))


def _logit(chance: float, least: float = LEAST) -> float:
    """The logarithm of the odds; of 0 and 1 that of a chance so near to them."""
    near = min(max(chance, least), 1 - least)
    return math.log(near / (1 - near))


@dataclass(frozen=True, slots=True)
class Platt:
    """Platt scaling (1999) of the score of an object: the logistic function of slope times its
    logit plus shift. The slope is above 0: what was surer stays surer."""

    slope: float
    shift: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.shift) and self.slope > 0):
            raise ValueError((self.slope, self.shift))

    def of(self, score: float) -> float:
        """A score of the network as it is to be read."""
        z = min(max(self.slope * _logit(score) + self.shift, -_FARTHEST), _FARTHEST)
        return 1 / (1 + math.exp(-z))

    def back(self, score: float) -> float:
        """The network's own score that is read as this one, to nine places: those of files, which
        keep six, come back as they were."""
        z = (_logit(score, _NEXT) - self.shift) / self.slope
        return round(1 / (1 + math.exp(-min(max(z, -_FARTHEST), _FARTHEST))), 9)


@dataclass(frozen=True, slots=True)
class Correction:
    """What corrects a network: one of the two. A temperature divides the logits of classes or
    pixels; Platt scaling is for the scores of objects."""

    temperature: float | None = None
    platt: Platt | None = None

    @property
    def words(self) -> str:
        """Its name with its figures: "temperature 1.42"."""
        if self.platt is not None:
            return f"Platt scaling {self.platt.slope:.2f} and {self.platt.shift:+.2f}"
        return f"temperature {self.temperature:.2f}" if self.temperature is not None else ""
