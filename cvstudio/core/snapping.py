"""Points drawn to the borders of shapes nearby, so that neighbours share an edge exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvstudio.core.geometry import Points


@dataclass(frozen=True, slots=True)
class Snap:
    """A point on a border: in pixels, the number of its ring, and where on it that is.

    `at` is the number of the edge (edge i runs from point i to i + 1) and the share of it.
    """

    x: float
    y: float
    ring: int
    at: float


def snap(rings: Sequence[Points], x: float, y: float, *, reach: float) -> Snap | None:
    """The nearest corner of the rings within reach, else the nearest point of their edges."""
    corner, border = None, None
    near_corner, near_border = reach, reach
    for number, ring in enumerate(rings):
        if len(ring) < 2:
            continue
        away = np.hypot(ring[:, 0] - x, ring[:, 1] - y)
        index = int(away.argmin())
        if away[index] <= near_corner:
            near_corner = float(away[index])
            corner = Snap(float(ring[index, 0]), float(ring[index, 1]), number, float(index))
        along = np.roll(ring, -1, axis=0) - ring
        length = (along**2).sum(axis=1)
        share = ((np.array([x, y]) - ring) * along).sum(axis=1)
        share = np.clip(np.divide(share, length, out=np.zeros(len(ring)), where=length > 0), 0, 1)
        nearest = ring + along * share[:, None]
        away = np.hypot(nearest[:, 0] - x, nearest[:, 1] - y)
        index = int(away.argmin())
        if away[index] <= near_border:
            near_border = float(away[index])
            at = (index + float(share[index])) % len(ring)
            border = Snap(float(nearest[index, 0]), float(nearest[index, 1]), number, at)
    return corner or border


def between(ring: Points, start: float, end: float) -> Points:
    """The ring's own points strictly between two places on it, (n, 2), the shorter way round."""
    forth, back = _walk(ring, start, end), _walk(ring, end, start)[::-1]
    ends = _place(ring, start), _place(ring, end)
    return min(forth, back, key=lambda way: _length(ends[0], way, ends[1]))


def _walk(ring: Points, start: float, end: float) -> Points:
    """The points passed when going up from one place to another."""
    count = len(ring)
    span = (end - start) % count
    first = int(np.floor(start)) + 1
    steps = np.arange(first, first + count + 1)
    return ring[steps[(steps > start) & (steps < start + span)] % count]


def _place(ring: Points, at: float) -> Points:
    index = int(at) % len(ring)
    along = ring[(index + 1) % len(ring)] - ring[index]
    place: Points = ring[index] + along * (at - int(at))
    return place


def _length(start: Points, way: Points, end: Points) -> float:
    return float(np.hypot(*np.diff(np.vstack([start, way, end]), axis=0).T).sum())
