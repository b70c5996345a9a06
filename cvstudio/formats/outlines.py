"""Outlines of a large label file measured together: numpy's calls cost more than small outlines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from cvstudio.core.geometry import Box, Part, Polygon


@dataclass(frozen=True, slots=True)
class Outline:
    """A polygon of one ring with its box and its area."""

    polygon: Polygon
    box: Box
    area: float


def single_rings(items: Iterable[Any], first: int) -> Iterator[tuple[int, list[Any]]]:
    """The segmentations of one ring among COCO's annotations, which are counted from `first`."""
    for number, item in enumerate(items, first):
        rings = item.get("segmentation") if isinstance(item, dict) else None
        if isinstance(rings, list) and len(rings) == 1 and isinstance(rings[0], list):
            yield number, rings[0]


def measured(rings: Iterable[tuple[int, Sequence[Any]]]) -> dict[int, Outline]:
    """The outlines behind flat lists of x and y, each given and returned under a number.

    Only sound ones are returned: at least three points, all of them finite numbers. What is wrong
    with the others is for the caller to find out one by one.
    """
    numbers, flat = [], []
    for number, ring in rings:
        if len(ring) >= 6 and len(ring) % 2 == 0:
            numbers.append(number)
            flat.append(ring)
    if not flat:
        return {}
    try:
        values = np.array(list(chain.from_iterable(flat)), np.float64)
    except (TypeError, ValueError, OverflowError):  # some ring holds something else than numbers
        if len(flat) == 1:
            return {}
        pairs = zip(numbers, flat, strict=True)
        return {n: found for pair in pairs for n, found in measured([pair]).items()}
    if values.ndim != 1:
        return {}
    points = values.reshape(-1, 2)
    ends = np.cumsum([len(ring) // 2 for ring in flat])
    starts = np.concatenate([[0], ends[:-1]])
    after = np.arange(1, len(points) + 1)
    after[ends - 1] = starts
    x, y = points[:, 0], points[:, 1]
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is sorted out below
        low = np.minimum.reduceat(points, starts)
        size = np.maximum.reduceat(points, starts) - low
        areas = np.abs(np.add.reduceat(x * y[after] - y * x[after], starts)) / 2
    sound = np.isfinite(areas) & np.isfinite(size).all(axis=1)
    return {
        number: Outline(Polygon((Part(points[start:end]),)), Box(*corner, *sides), area)
        for number, start, end, corner, sides, area, good in zip(
            numbers, starts.tolist(), ends.tolist(), low.tolist(), size.tolist(), areas.tolist(),
            sound.tolist(), strict=True,
        )
        if good
    }  # fmt: skip
