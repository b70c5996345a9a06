"""How sure a figure is, and whether two figures differ: the images are drawn again, with repeats.

A draw says how often each image counts. Giving two runs the same draws pairs them: what is hard in
an image is hard for both and falls out of the difference (paired bootstrap).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.objects import ObjectMatches

DRAWS = 500

Draws = NDArray[np.float32]
"""Shape (draws, images): how often each image was drawn."""
Floats = NDArray[np.float64]

_OVERLAPS = np.linspace(0.5, 0.95, 10)


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger one figure is than another, both over the same images."""

    value: float
    low: float
    high: float
    """95 of 100 draws lie between these two."""
    images: int

    @property
    def certain(self) -> bool:
        """Whether the two differ whichever way the images are drawn."""
        return self.low > 0 or self.high < 0


def draw(images: int, *, draws: int = DRAWS, seed: int = 0) -> Draws:
    """Draw as many images as there are, with repeats, again and again."""
    if images == 0:
        return np.zeros((draws, 0), np.float32)
    random = np.random.default_rng(seed)
    counts = random.multinomial(images, np.full(images, 1 / images), size=draws)
    return counts.astype(np.float32)


def interval(figures: Floats) -> tuple[float, float] | None:
    """The range of the middle 95 of 100; None when there are too few figures to tell."""
    known = figures[~np.isnan(figures)]
    if known.size < 2:
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def difference(value: float, first: Floats, second: Floats, *, images: int) -> Difference | None:
    """The difference `value` of two figures with its range, from both figures of the same draws.

    None when there are too few images to tell.
    """
    between = interval(first - second) if images > 1 else None
    return None if between is None else Difference(value, *between, images)


def mean_average_precision(matches: ObjectMatches, drawn: Draws) -> Floats:
    """mAP50-95 for each draw: COCO's ten overlaps and 101 recalls, over the classes labelled in it.

    Not-a-number where a draw has no annotation.
    """
    sums, known = np.zeros(len(drawn)), np.zeros(len(drawn))
    for class_id in matches.class_ids:
        labelled = np.asarray(drawn @ matches.labelled_in(class_id), np.float64)
        if not labelled.any():
            continue
        for iou in _OVERLAPS:
            image, right = matches.ranking(class_id, float(iou))
            sums += _average_precision(drawn, image, right, labelled) / len(_OVERLAPS)
        known += labelled > 0
    mean: Floats = np.divide(sums, known, out=np.full(len(drawn), np.nan), where=known > 0)
    return mean


def _average_precision(
    drawn: Draws, image: NDArray[np.int64], right: NDArray[np.bool_], labelled: Floats
) -> Floats:
    grid = np.linspace(0, 1, 101)
    rows = np.zeros(len(drawn))
    for row, (counts, total) in enumerate(zip(drawn, labelled, strict=True)):
        weights = counts[image]
        seen = weights > 0
        if total <= 0 or not seen.any():
            continue
        count = np.cumsum(weights[seen], dtype=np.float64)
        true = np.cumsum(weights[seen] * right[seen], dtype=np.float64)
        envelope = np.maximum.accumulate((true / count)[::-1])[::-1]
        place = np.searchsorted(true / total, grid, side="left")
        rows[row] = np.append(envelope, 0.0)[place].mean()
    return rows
