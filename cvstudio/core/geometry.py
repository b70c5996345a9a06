"""Boxes and polygons in float pixels of the image as displayed; origin top left, y down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import mul

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Shape (n, 2): x and y in pixels."""

FEW = 24
"""Up to that many points, plain numbers are faster than numpy, whose every call takes half a
microsecond: large imports measure hundreds of thousands of outlines."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box: left, top, width, height in pixels."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h

    @property
    def area(self) -> float:
        return self.w * self.h

    @classmethod
    def from_corners(cls, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The box between two opposite corners given in any order."""
        return cls(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))

    @classmethod
    def around(cls, points: Points) -> Box:
        """The smallest box around at least one point."""
        if len(points) <= FEW:
            xs, ys = points.T.tolist()
            x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        else:
            x0, y0 = points.min(axis=0).tolist()
            x1, y1 = points.max(axis=0).tolist()
        return cls(x0, y0, x1 - x0, y1 - y0)

    def clipped(self, width: float, height: float) -> Box:
        """The part inside an image of that size; of no area when it lies outside."""
        x0, y0 = min(max(self.x, 0.0), width), min(max(self.y, 0.0), height)
        x1, y1 = min(max(self.right, 0.0), width), min(max(self.bottom, 0.0), height)
        return Box(x0, y0, max(x1 - x0, 0.0), max(y1 - y0, 0.0))

    def moved(self, dx: float, dy: float) -> Box:
        return Box(self.x + dx, self.y + dy, self.w, self.h)

    def contains(self, x: float, y: float) -> bool:
        return self.x <= x <= self.right and self.y <= y <= self.bottom


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One piece of a polygon: an outline of (n, 2) points and the outlines of its holes."""

    outer: Points
    holes: tuple[Points, ...] = ()

    def rings(self) -> tuple[Points, ...]:
        return (self.outer, *self.holes)


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """One or several parts, each with any number of holes; no ring repeats its first point."""

    parts: tuple[Part, ...]

    @classmethod
    def simple(cls, points: Iterable[tuple[float, float]] | Points) -> Polygon:
        """A polygon of one part without holes."""
        array = points if isinstance(points, np.ndarray) else np.array(list(points), np.float64)
        return cls((Part(array.reshape(-1, 2).astype(np.float64, copy=False)),))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polygon) or len(self.parts) != len(other.parts):
            return False
        return all(
            len(mine.rings()) == len(theirs.rings())
            and all(np.array_equal(a, b) for a, b in zip(mine.rings(), theirs.rings(), strict=True))
            for mine, theirs in zip(self.parts, other.parts, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @property
    def box(self) -> Box:
        if len(self.parts) == 1:
            return Box.around(self.parts[0].outer)
        return Box.around(np.concatenate([part.outer for part in self.parts]))

    @property
    def area(self) -> float:
        """Outlines less holes, in square pixels; parts are taken not to overlap."""
        return sum(
            ring_area(part.outer) - sum(ring_area(hole) for hole in part.holes)
            for part in self.parts
        )

    def rings(self) -> list[Points]:
        """Every ring: of each part its outline, then its holes."""
        return [ring for part in self.parts for ring in part.rings()]

    def moved(self, dx: float, dy: float) -> Polygon:
        shift = np.array([dx, dy])
        return Polygon(
            tuple(Part(p.outer + shift, tuple(h + shift for h in p.holes)) for p in self.parts)
        )


def ring_area(ring: Points) -> float:
    """The area inside a ring by the shoelace formula, never negative."""
    if len(ring) <= FEW:
        xs, ys = ring.T.tolist()
        forth = sum(map(mul, xs, ys[1:] + ys[:1]))
        return float(abs(forth - sum(map(mul, ys, xs[1:] + xs[:1]))) / 2)
    x, y = ring[:, 0], ring[:, 1]
    # Slices and the closing edge: np.roll would take most of the time of a large import.
    open_sum = np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:])
    return abs(float(open_sum + x[-1] * y[0] - y[-1] * x[0])) / 2


def ring_contains(ring: Points, x: float, y: float) -> bool:
    """Whether a point lies inside a ring (even-odd rule)."""
    x0, y0 = ring[:, 0], ring[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crosses = (y0 > y) != (y1 > y)
    if not crosses.any():
        return False
    at = x0[crosses] + (y - y0[crosses]) * (x1 - x0)[crosses] / (y1 - y0)[crosses]
    return bool(np.count_nonzero(x < at) % 2)


def polygon_contains(polygon: Polygon, x: float, y: float) -> bool:
    """Whether a point lies in a part and in none of its holes."""
    return any(
        ring_contains(part.outer, x, y)
        and not any(ring_contains(hole, x, y) for hole in part.holes)
        for part in polygon.parts
    )


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    rows = [np.array([[box.x, box.y, box.w, box.h]], np.float64) for box in (a, b)]
    return float(iou_matrix(*rows)[0, 0])


def iou_matrix(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (n, 4) and (m, 4) given as x, y, w, h; result (n, m)."""
    left = np.maximum(a[:, None, 0], b[None, :, 0])
    top = np.maximum(a[:, None, 1], b[None, :, 1])
    right = np.minimum((a[:, 0] + a[:, 2])[:, None], (b[:, 0] + b[:, 2])[None, :])
    bottom = np.minimum((a[:, 1] + a[:, 3])[:, None], (b[:, 1] + b[:, 3])[None, :])
    shared = np.clip(right - left, 0, None) * np.clip(bottom - top, 0, None)
    union = (a[:, 2] * a[:, 3])[:, None] + (b[:, 2] * b[:, 3])[None, :] - shared
    iou: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou
