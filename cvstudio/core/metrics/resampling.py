"""How sure a figure is, and whether two figures differ: the images are drawn again, with repeats.

A draw says how often each image counts. Giving two runs the same draws pairs them: what is hard in
an image is hard for both and falls out of the difference (paired bootstrap).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.objects import ObjectMatches

DRAWS = 500

Draws = NDArray[np.float32]
"""Shape (draws, images): how often each image was drawn."""
Floats = NDArray[np.float64]

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""The ten overlaps over which COCO takes the mean."""
RECALLS = np.linspace(0, 1, 101)
_MOST_WORK = 4_000_000
"""Predictions times draws; larger splits are drawn less often, but never fewer than _FEWEST."""
_FEWEST = 100
_MOST_CELLS = 8_000_000
"""Predictions times draws that are held at once."""
_Z = 1.959963984540054
"""Of a normal distribution 95 % lie so many deviations around its middle."""
_ENOUGH_IMAGES = 30
"""From which on the share of objects found bounds an average precision well."""
TOO_FEW = "too few for a range"
"""What stands in the place of a range that drawing the images again cannot tell."""


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


def wilson(count: float, of: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); of nothing it is 0 to 1."""
    if of == 0:
        return 0.0, 1.0
    part, z2 = count / of, _Z**2
    middle = (part + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * math.sqrt(part * (1 - part) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    # At 0 and 1 one end is the share itself, which rounding may miss by its last digit.
    return min(max(middle - half, 0.0), part), max(min(middle + half, 1.0), part)


def interval(figures: Floats) -> tuple[float, float] | None:
    """The range of the middle 95 of 100; None when there are too few figures to tell."""
    known = figures[~np.isnan(figures)]
    if known.size < 2:
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def interval_of_share(figures: Floats, value: float, units: float) -> tuple[float, float] | None:
    """The range of a share of `units` things that were judged, from the draws' figures.

    Where all of them are right, or none is, every draw says the same, however few they are: the far
    end is then Wilson's (1927), which for 18 right of 18 is 0.82 and not 1.
    """
    between = interval(figures)
    if between is None or between[0] != between[1] or value not in (0.0, 1.0):
        return between
    return wilson(value * units, units)


def interval_of_average(figures: Floats, value: float, images: float) -> tuple[float, float] | None:
    """The range of an average precision of objects that lie on so many images.

    Where every draw says the same, drawing tells nothing: the few objects that there are were all
    found, or none was. An average precision is no share, so there is no range then, unless the
    objects lie on enough images that the share of those found bounds it (`interval_of_share`).
    """
    between = interval(figures)
    if between is None or between[0] != between[1]:
        return between
    return interval_of_share(figures, value, images) if images >= _ENOUGH_IMAGES else None


def difference(value: float, first: Floats, second: Floats, *, images: int) -> Difference | None:
    """The difference `value` of two figures with its range, from both figures of the same draws.

    None when there are too few images to tell.
    """
    between = interval(first - second) if images > 1 else None
    return None if between is None else Difference(value, *between, images)


def draws_worth(work: int) -> int:
    """How many draws are worth their time when each costs `work` predictions."""
    return DRAWS if not work else max(min(DRAWS, _MOST_WORK // work), _FEWEST)


def with_whole(drawn: Draws) -> Draws:
    """The draws behind a first one in which every image is once: figures of it are the figures."""
    return np.vstack([np.ones((1, drawn.shape[1]), np.float32), drawn])


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure and the range in which 95 of 100 lie when the images are drawn again; the range is
    not-a-number where there are too few images to tell."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, rows: Floats, units: float | None = None) -> Measured:
        """From the figure of each of the draws `with_whole`; `units` are the things of which it is
        a share, where it is one (see `interval_of_share`)."""
        value = float(rows[0])
        drawn = rows[1:]
        found = interval(drawn) if units is None else interval_of_share(drawn, value, units)
        return cls(value, *(found or (math.nan, math.nan)))

    @classmethod
    def of_average(cls, rows: Floats, images: float) -> Measured:
        """The same of an average precision of objects that lie on so many images."""
        value = float(rows[0])
        return cls(value, *(interval_of_average(rows[1:], value, images) or (math.nan, math.nan)))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The range, where there is one."""
        return None if math.isnan(self.low) else (self.low, self.high)

    @property
    def why_no_range(self) -> str:
        """In words why a known figure has no range; "" where it has one, or there is no figure."""
        return TOO_FEW if math.isnan(self.low) and not math.isnan(self.value) else ""


def share(part: Floats, whole: Floats) -> Floats:
    """A share for each draw; not-a-number of nothing."""
    result: Floats = np.divide(
        part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0
    )
    return result


def mean_known(values: Floats) -> Floats:
    """The mean over the last axis of what is a number; not-a-number where nothing is."""
    known = ~np.isnan(values)
    return share(np.where(known, values, 0.0).sum(-1), known.sum(-1).astype(np.float64))


def mean_average_precision(matches: ObjectMatches, drawn: Draws) -> Floats:
    """mAP50-95 for each draw: COCO's ten overlaps and 101 recalls, over the classes labelled in it.

    Not-a-number where a draw has no annotation.
    """
    labelled = {c: matches.labelled_in(c) for c in matches.class_ids}
    totals = {c: np.asarray(drawn @ n, np.float64) for c, n in labelled.items() if n.any()}
    if not totals:
        return np.full(len(drawn), np.nan)
    rows = np.zeros((len(totals), len(drawn)))
    for iou in OVERLAPS:
        rankings = matches.rankings(float(iou))
        for place, (class_id, total) in enumerate(totals.items()):
            rows[place] += average_precision(drawn, *rankings[class_id], total) / len(OVERLAPS)
    return mean_known(rows.T)


def average_precision(
    drawn: Draws, image: NDArray[np.int64], right: NDArray[np.bool_], labelled: Floats
) -> Floats:
    """The area under the curve at COCO's 101 recalls for each draw: (draws, images) -> (draws).

    `image` and `right` are the predictions of a class from the surest on, `labelled` how many
    annotations each draw has; not-a-number where it has none.
    """
    places = np.flatnonzero(right)
    if not places.size:
        return np.where(labelled > 0, 0.0, np.nan)
    # Between two right ones precision only falls: the curve's corners are the right ones, and what
    # comes after the last of them does not matter.
    image = image[: places[-1] + 1]
    starts = np.append(0, places[:-1] + 1)
    step = max(_MOST_CELLS // image.size, 1)
    rows = [
        _areas(drawn[begin : begin + step], image, places, starts, labelled[begin : begin + step])
        for begin in range(0, len(drawn), step)
    ]
    return np.concatenate(rows)


def _areas(
    drawn: Draws, image: NDArray[np.int64], places: NDArray[np.int64], starts: NDArray[np.int64],
    labelled: Floats,
) -> Floats:  # fmt: skip
    weights = drawn[:, image]
    count = np.cumsum(np.add.reduceat(weights, starts, axis=1), axis=1, dtype=np.float64)
    true = np.cumsum(weights[:, places], axis=1, dtype=np.float64)
    precision = np.divide(true, count, out=np.zeros_like(true), where=count > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    at = np.hstack([envelope, np.zeros((len(drawn), 1))])
    areas = np.take_along_axis(at, _reached(true, labelled), axis=1).mean(axis=1)
    return np.where(labelled > 0, areas, np.nan)


def _reached(true: Floats, labelled: Floats) -> NDArray[np.int64]:
    """For each draw and recall the first place where so much is found; one behind the last where
    it never is. Counts are compared and not shares, so that all draws can be searched at once:
    the least count whose share of the labels is not below the recall, as floats compare."""
    total = np.maximum(labelled, 1.0)[:, None]
    least = np.ceil(RECALLS * total)
    least = np.where((least - 1) / total >= RECALLS, least - 1, least)
    least = np.where(least / total < RECALLS, least + 1, least)
    rows, width = true.shape
    apart = np.arange(rows)[:, None] * (float(total.max()) + 3)
    found = np.searchsorted((true + apart).ravel(), (np.maximum(least, 0) + apart).ravel())
    places: NDArray[np.int64] = found.reshape(rows, -1) - np.arange(rows)[:, None] * width
    return places
