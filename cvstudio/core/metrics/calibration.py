"""Whether a network that says 0.8 is right 8 of 10 times, and the temperature that mends it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.resampling import Draws, Measured, share

BINS = 10
_LEAST = 1e-7
"""A chance of 0 stands for one this small: files keep six digits."""
_COLDEST, _HOTTEST = 0.05, 20.0
_GOLDEN = (math.sqrt(5) - 1) / 2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose sureness lies in [low, high), the last one up to 1 included."""

    low: float
    high: float
    count: int
    sureness: float
    """Their mean; not-a-number when there are none."""
    right: Measured
    """The share that is right."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram and its expected calibration error.

    ECE is the mean distance of sureness and share of right answers over the bins, each weighed by
    its answers (Naeini 2015, Guo 2017), here with ten bins of equal width.
    """

    bins: tuple[Bin, ...]
    error: Measured
    count: int

    @property
    def tendency(self) -> float:
        """How much surer it is than right, on average; below 0 it is less sure than right."""
        told = [(b.count, b.sureness - b.right.value) for b in self.bins if b.count]
        return sum(n * gap for n, gap in told) / self.count if self.count else math.nan


def reliability(
    sureness: Floats, right: NDArray[np.bool_], image: NDArray[np.int64], drawn: Draws
) -> Reliability:
    """The diagram of answers with their sureness (n,) from 0 to 1, whether they are right, and the
    place of their image; `drawn` is (draws, images), its first row the whole split."""
    place = np.clip((sureness * BINS).astype(np.int64), 0, BINS - 1)
    cell = image * BINS + place
    images = drawn.shape[1]

    def drawn_sums(values: Floats | None) -> Floats:
        sums = np.bincount(cell, values, minlength=images * BINS).reshape(images, BINS)
        return np.asarray(drawn.astype(np.float64) @ sums)

    count, said = drawn_sums(None), drawn_sums(sureness)
    true = drawn_sums(right.astype(np.float64))
    rows = share(np.abs(said - true).sum(axis=1), count.sum(axis=1))
    shares = share(true, count)
    means = share(said[0], count[0])
    edges = np.linspace(0, 1, BINS + 1)
    bins = tuple(
        Bin(
            float(edges[i]), float(edges[i + 1]), round(count[0, i]), float(means[i]),
            Measured.of(shares[:, i], min(float(count[0, i]), images)),
        )
        for i in range(BINS)
    )  # fmt: skip
    return Reliability(bins, Measured.of(rows), len(sureness))


def fit_temperature(chances: Floats, labelled: NDArray[np.int64]) -> float:
    """The temperature with the highest likelihood of the labels (Guo 2017).

    `chances` are the network's (images, classes), each row summing to 1, `labelled` the place of
    each image's class. Above 1 the network is too sure. Raises ValueError when there is no image.
    """
    if not len(chances):
        raise ValueError("no images")
    logits = np.log(np.clip(chances, _LEAST, None))
    low, high = math.log(_COLDEST), math.log(_HOTTEST)
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    losses = _loss(logits, labelled, inner), _loss(logits, labelled, outer)
    while high - low > 1e-5:
        if losses[0] <= losses[1]:
            high, outer = outer, inner
            inner = high - _GOLDEN * (high - low)
            losses = _loss(logits, labelled, inner), losses[0]
        else:
            low, inner = inner, outer
            outer = low + _GOLDEN * (high - low)
            losses = losses[1], _loss(logits, labelled, outer)
    return math.exp((low + high) / 2)


def _loss(logits: Floats, labelled: NDArray[np.int64], log_temperature: float) -> float:
    scaled = logits / math.exp(log_temperature)
    scaled -= scaled.max(axis=1, keepdims=True)
    own = scaled[np.arange(len(scaled)), labelled]
    return float((np.log(np.exp(scaled).sum(axis=1)) - own).mean())


def at_temperature(chances: Floats, temperature: float) -> Floats:
    """The chances (..., classes) of a network whose logits are divided by a temperature: the
    likeliest class stays the likeliest."""
    logits = np.log(np.clip(chances, _LEAST, None)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return result


def scores_at_temperature(scores: Mapping[int, float], temperature: float) -> dict[int, float]:
    """The same for one answer: a chance by class id."""
    if not scores:
        return {}
    chances = at_temperature(np.array(list(scores.values()), np.float64), temperature)
    return dict(zip(scores, chances.tolist(), strict=True))
