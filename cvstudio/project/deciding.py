"""Whether one run is better than another, and which images decide it.

An image decides as much as the difference of the two runs would change without it (the jackknife of
B. Efron and C. Stein, The Jackknife Estimate of Variance, Annals of Statistics 9, 1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.resampling import Difference
from cvstudio.core.words import counted
from cvstudio.project import better_worse, certainty
from cvstudio.project.verdict import Analysis

Floats = NDArray[np.float64]

MOST = 200
"""Images that are left out one by one: those whose own figures differ the most."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one image adds to the difference of two runs, and its own figure by the older and by the
    newer one, 0 to 1. `share` is above 0 where the image speaks for the newer run."""

    image_id: int
    share: float
    before: float
    after: float


@dataclass(frozen=True)
class WhatDecides:
    """How much better the newer run is, and the images that decide it, the weightiest first."""

    change: Difference
    parts: tuple[Part, ...]
    enough: int
    """Without so many of the first `parts` the better run is no better; 0 where it takes more."""

    @property
    def deciding(self) -> tuple[Part, ...]:
        """The images without which the better run is no better; all that speak for it where even
        without those it is."""
        speak = [part for part in self.parts if part.share * self.change.value > 0]
        return tuple(speak[: self.enough] if self.enough else speak)


def decide(newer: Analysis, older: Analysis) -> WhatDecides | None:
    """Compare two runs by the labels of the newer one; None where they cannot be compared.

    Takes seconds on large splits: call it in a thread.
    """
    change, pair = certainty.compare(newer, older), certainty.paired(newer, older)
    if change is None or pair is None:
        return None
    first, second = pair
    after, before = better_worse.figures(first), better_worse.figures(second)
    known = [i for i in first.images if i in after and i in before and after[i] != before[i]]
    known.sort(key=lambda i: (-abs(after[i] - before[i]), i))
    known = known[: min(MOST, len(certainty.draws_for(first)))]
    places = {image_id: place for place, image_id in enumerate(first.images)}
    without = _difference(first, second, [[places[i]] for i in known])
    parts = [
        Part(i, change.value - left, before[i], after[i])
        for i, left in zip(known, without.tolist(), strict=True)
        if not math.isnan(left) and left != change.value
    ]  # fmt: skip
    sign = 1 if change.value >= 0 else -1
    parts.sort(key=lambda part: (-sign * part.share, part.image_id))
    return WhatDecides(change, tuple(parts), _enough(first, second, parts, places, sign))


def _enough(
    first: Analysis, second: Analysis, parts: list[Part], places: dict[int, int], sign: int
) -> int:
    """How many of the images that speak for the better run must go until it is no better."""
    speak = [places[part.image_id] for part in parts if sign * part.share > 0]
    left = _difference(first, second, [speak[: n + 1] for n in range(len(speak))])
    even = np.flatnonzero(~(sign * left > 0))
    return int(even[0]) + 1 if len(even) else 0


def _difference(first: Analysis, second: Analysis, without: list[list[int]]) -> Floats:
    """The difference of the main figure when these places are left out, one set after another."""
    if not without:
        return np.zeros(0)
    weights = np.ones((len(without), len(first.images)), np.float32)
    for row, gone in enumerate(without):
        weights[row, gone] = 0
    found: Floats = certainty.main_figure(first, weights) - certainty.main_figure(second, weights)
    return found


def words(decision: WhatDecides, *, newer: int, older: int, metric: str) -> str:
    """The answer in sentences: whether run `newer` is better than run `older`, and by what."""
    change = decision.change
    if change.value == 0:
        return f"Runs {newer} and {older} have the same {metric}."
    better, worse = (newer, older) if change.value > 0 else (older, newer)
    low, high = sorted((abs(change.low), abs(change.high))) if change.certain else (0.0, 0.0)
    between = f"95 %: {low:.3f} to {high:.3f}" if change.certain else (
        f"95 %: {change.low:+.3f} to {change.high:+.3f}"
    )  # fmt: skip
    said = (
        f"Run {better} is better than run {worse} by {abs(change.value):.3f} {metric} ({between})"
        f" on the {counted(change.images, 'image')} that both were judged on."
    )
    if not change.certain:
        return f"{said} That may be chance: other images of the kind could turn it."
    if decision.enough:
        return (
            f"{said} That is more than chance. {counted(decision.enough, 'image')}"
            f" {'decides' if decision.enough == 1 else 'decide'} it: without"
            f" {'it' if decision.enough == 1 else 'them'} the two would be even."
        )
    return f"{said} That is more than chance, and no few images decide it."
