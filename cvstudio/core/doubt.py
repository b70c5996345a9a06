"""How unsure a network is of its answer for an image: 0 it is sure, 1 it could not be less so.

Numpy only. What a person labels next should be what the network knows least about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FOUND_AT_ALL = 0.05
"""Objects below this score say nothing about an image: detectors leave hundreds of them."""
_OBJECTS = 3


def of_classes(scores: Mapping[int, float], *, several: bool = False) -> float:
    """Of one class: how close the second is to the first (1 - margin; Scheffer et al. 2001). Of
    `several`: the class that is nearest to even odds."""
    values = sorted(scores.values(), reverse=True)
    if not values:
        return 0.0
    if several:
        return max(of_object(value) for value in values)
    return 1 - (values[0] - values[1]) if len(values) > 1 else 0.0


def of_object(score: float) -> float:
    """Of one object or class for itself: 1 at even odds, 0 where it is surely there or not."""
    return 1 - abs(2 * score - 1)


def of_objects(scores: Sequence[float]) -> float:
    """Of an image with objects: the mean over the three of which the network is least sure."""
    unsure = sorted((of_object(s) for s in scores if s >= FOUND_AT_ALL), reverse=True)[:_OBJECTS]
    return float(sum(unsure) / _OBJECTS)


def of_pixels(logits: NDArray[np.float32]) -> float:
    """Of an image whose pixels have classes, logits (classes, h, w): the mean over the pixels of
    how close the second class is to the first."""
    if len(logits) < 2:
        return 0.0
    shifted = np.exp(logits - logits.max(axis=0, keepdims=True))
    chances = shifted / shifted.sum(axis=0, keepdims=True)
    best = np.partition(chances, -2, axis=0)[-2:]
    return float(1 - (best[1] - best[0]).mean())
