"""How far embeddings lie from each other: nearest ones, a set's own spread, choosing far apart.

Numpy only. Vectors are rows (n, d) of any float type; they are compared by direction: the distance
of two is 1 - cosine, from 0 (the same) to 2. What is made of that (duplicates, outliers, what to
label next) lives in project/similarity/. Drift has a distance of its own (drift.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]
Floats = NDArray[np.float32]
Places = NDArray[np.intp]

_VALUES_AT_ONCE = 16_000_000
"""Distances that are held at once: 64 MB."""
_SAMPLE = 4_000
"""Vectors from which what is usual in a large set is told."""
_NOTHING = 1e-6
"""Distances below it are those of one and the same picture."""


class Stopped(Exception):
    """Whoever asked has no use for the answer any more."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of n vectors the k nearest of another set, nearest first: `places` (n, k) there, and
    `distances` (n, k). Where the set has fewer than k, k is as many as it has."""

    places: Places
    distances: Floats


def directions(vectors: Vectors) -> Floats:
    """Rows of length one; a row of zeros stays one, and is at distance 1 from everything."""
    rows = np.asarray(vectors, np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)


def centred(vectors: Vectors, reference: Vectors) -> Floats:
    """Vectors about the mean of a reference set. Features after a ReLU all lie in one corner, where
    directions differ little; about their mean they tell images apart."""
    mean = np.asarray(reference, np.float32).mean(axis=0, keepdims=True)
    return np.asarray(np.asarray(vectors, np.float32) - mean, np.float32)


def nearest(
    vectors: Vectors, reference: Vectors, k: int = 1, *, same: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Nearest:  # fmt: skip
    """The k nearest of `reference` (m, d) for each of `vectors` (n, d), in blocks.

    `same`: both are one set, and no vector counts as near to itself. Raises Stopped.
    """
    rows, others = directions(vectors), directions(reference)
    k = max(min(k, len(others) - same), 0)
    places = np.zeros((len(rows), k), np.intp)
    distances = np.zeros((len(rows), k), np.float32)
    if not k:
        return Nearest(places, distances)
    step = max(_VALUES_AT_ONCE // len(others), 1)
    for start in range(0, len(rows), step):
        if stopped():
            raise Stopped
        apart = 1 - rows[start : start + step] @ others.T
        here = np.arange(len(apart))
        if same:
            apart[here, start + here] = np.inf
        first = np.argpartition(apart, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(apart, first, 1), axis=1, kind="stable")
        first = np.take_along_axis(first, order, 1)
        places[start : start + step] = first
        distances[start : start + step] = np.take_along_axis(apart, first, 1)
    return Nearest(places, np.maximum(distances, 0))


def usual_distance(vectors: Vectors, k: int = 1) -> float:
    """The median over a set (n, d) of the mean distance to the k nearest others in it; of a large
    set, over every so manieth vector. 0 where there are fewer than two."""
    step = max(len(vectors) // _SAMPLE, 1)
    known, asked = directions(vectors), directions(vectors)[::step]
    if len(known) < 2:
        return 0.0
    # Each of the asked ones finds itself first.
    found = nearest(asked, known, min(k, len(known) - 1) + 1).distances[:, 1:]
    return float(np.median(found.mean(axis=1)))


def strangeness(
    vectors: Vectors, reference: Vectors, k: int = 10, *, same: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Floats:  # fmt: skip
    """How far each vector lies from a reference set: its mean distance to the k nearest there (n,),
    in units of what is usual inside the set (the median of the same figure over the set itself).

    About 1 is ordinary; k-nearest-neighbour distance, as Sun et al. 2022 use it to tell what a
    network was not trained for. `same`: the vectors are the set. All 1 where the set has no spread.
    """
    known = centred(reference, reference)
    asked = known if same else centred(vectors, reference)
    usual = usual_distance(known, k)
    if usual <= _NOTHING:
        return np.ones(len(asked), np.float32)
    found = nearest(asked, known, k, same=same, stopped=stopped).distances
    return np.asarray(found.mean(axis=1) / usual, np.float32)


def far_apart(
    vectors: Vectors, known: Vectors, count: int, *, weights: Floats | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[list[int], list[float]]:  # fmt: skip
    """Places in `vectors` (n, d), each time the one that is farthest from all of `known` (m, d) and
    from those chosen before it, and these distances (greedy k-centre; core-set of Sener and
    Savarese 2018). `weights` (n,): how much the distance of each counts. Raises Stopped.
    """
    rows = directions(vectors)
    if not len(rows) or count <= 0:
        return [], []
    if len(known):
        gap = nearest(vectors, known, 1, stopped=stopped).distances[:, 0].copy()
    else:
        gap = np.full(len(rows), 2, np.float32)
    weight = np.ones(len(rows), np.float32) if weights is None else weights
    chosen: list[int] = []
    gaps: list[float] = []
    left = np.ones(len(rows), bool)
    while len(chosen) < min(count, len(rows)):
        if stopped():
            raise Stopped
        best = int(np.argmax(np.where(left, gap * weight, -1)))
        chosen.append(best)
        gaps.append(float(gap[best]))
        left[best] = False
        gap = np.minimum(gap, np.maximum(1 - rows @ rows[best], 0))
    return chosen, gaps


def principal(vectors: Vectors, count: int = 2) -> Floats:
    """The first principal components (n, count) of vectors (n, d), the widest spread first; each
    points to where its largest value is positive, so that two machines draw one picture.

    From the covariance where there are more vectors than values, else from their products.
    """
    rows = np.asarray(vectors, np.float32)
    found = np.zeros((len(rows), count), np.float32)
    if len(rows) < 2:
        return found
    rows = rows - rows.mean(axis=0, keepdims=True)
    if rows.shape[1] <= len(rows):
        _, axes = np.linalg.eigh((rows.T @ rows).astype(np.float64))
        parts = rows @ axes[:, ::-1][:, :count].astype(np.float32)
    else:
        spread, sides = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        length = np.sqrt(np.maximum(spread[::-1][:count], 0))
        parts = (sides[:, ::-1][:, :count] * length).astype(np.float32)
    largest = parts[np.abs(parts).argmax(axis=0), np.arange(parts.shape[1])]
    found[:, : parts.shape[1]] = parts * np.where(largest < 0, -1, 1)
    return found
