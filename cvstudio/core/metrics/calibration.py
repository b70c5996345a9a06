"""Whether a network that says 0.8 is right 8 of 10 times, and what mends it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.resampling import Draws, Measured, share
from cvstudio.core.sureness import LEAST, Platt

BINS = 10
_COLDEST, _HOTTEST = 0.05, 20.0
_STEPS, _STILL, _FLATTEST = 100, 1e-9, 0.01
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
    return Reliability(bins, Measured.of(_without_bias(rows)), len(sureness))


def _without_bias(errors: Floats) -> Floats:
    """The errors of the draws, less by what drawing adds: a drawn split has the chance of the split
    and its own, both lie to one side, and so its error is larger on average."""
    drawn = errors[1:]
    known = drawn[~np.isnan(drawn)]
    if not known.size:
        return errors
    return np.append(errors[0], np.maximum(drawn - (known.mean() - errors[0]), 0.0))


def fit_temperature(chances: Floats, labelled: NDArray[np.int64]) -> float:
    """The temperature with the highest likelihood of the labels (Guo 2017).

    `chances` are the network's (images, classes), each row summing to 1, `labelled` the place of
    each image's class. Above 1 the network is too sure. Raises ValueError when there is no image.
    """
    if not len(chances):
        raise ValueError("no images")
    logits = np.log(np.clip(chances, LEAST, None))
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


def fit_platt(scores: Floats, right: NDArray[np.bool_]) -> Platt | None:
    """The Platt scaling with the highest likelihood of which answers are right, of the scores (n,)
    of objects; None where surer answers are not more often right, or there is nothing to fit.

    Newton's method on Platt's own targets (1999), which keep both numbers finite where scores part
    right from wrong altogether.
    """
    true, false = int(right.sum()), int((~right).sum())
    if not true or not false:
        return None
    near = np.clip(scores, LEAST, 1 - LEAST)
    x = np.stack([np.log(near / (1 - near)), np.ones(len(near))], axis=1)
    target = np.where(right, (true + 1) / (true + 2), 1 / (false + 2))
    found = np.array([1.0, 0.0])
    loss = _logistic_loss(x, target, found)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-(x @ found)))
        slope = x.T @ (chance - target)
        bend = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        while (after := _logistic_loss(x, target, found - step)) > loss:
            step = step / 2
            if np.abs(step).max() < _STILL:
                break
        found, loss = found - step, min(after, loss)
        if np.abs(step).max() < _STILL:
            break
    return Platt(float(found[0]), float(found[1])) if found[0] > _FLATTEST else None


def _logistic_loss(x: Floats, target: Floats, weights: Floats) -> float:
    z = x @ weights
    return float((np.logaddexp(0.0, z) - target * z).sum())
