"""Whether new images are like those that a network knows, from numbers of both; numpy only.

The network's val images, which it did not learn from either, say what is usual: 5 of 100 of them
lie beyond the 95th percentile, and so do about 5 of 100 new ones where nothing has changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.ranks import mid_ranks
from cvstudio.core.metrics.resampling import wilson

Values = NDArray[np.floating]

USUAL_SHARE = 0.05
EDGE, OUT = 0.15, 0.5
"""Shares of new images beyond what is usual from which a network is at the edge of what it knows,
and out of its depth. It is the lower end of the interval that must reach them."""
NOTICEABLE = 0.7
"""How often a new image must have more (or less) of something than a usual one before it is said;
0.5 is never, 1 always."""
NEARLY_ALWAYS = 0.9
"""Share of images with an object from which one without any is next to unknown to a network."""
CERTAIN = 3.0
"""Deviations from chance that a difference must have besides."""
PARTS = 32
"""Directions of the reference set along which distances count; those beyond are mostly noise."""
_AT_ONCE = 4096


class Standing(IntEnum):
    """How new images stand to what a network knows."""

    SAME = 0
    AT_THE_EDGE = 1
    OUT_OF_ITS_DEPTH = 2


@dataclass(frozen=True, slots=True)
class Beyond:
    """How many of the new images lie beyond what is usual; `low` and `high`: 95 % of the share."""

    count: int
    of: int
    limit: float
    low: float
    high: float

    @property
    def standing(self) -> Standing:
        """What this share means."""
        if self.low >= OUT:
            return Standing.OUT_OF_ITS_DEPTH
        return Standing.AT_THE_EDGE if self.low >= EDGE else Standing.SAME


@dataclass(frozen=True, slots=True)
class Silence:
    """On how many new images nothing is found, and how usual that is; `low` and `high`: 95 % of the
    share of the new ones. A network that finds nothing is neither sure nor unsure."""

    count: int
    of: int
    low: float
    high: float
    usual: float
    """The share of its own images that it did not learn from on which it finds nothing either."""
    labelled: float
    """The share of the images that it learned from that had an object."""

    @property
    def standing(self) -> Standing:
        """What so much more of it than usual means."""
        more = self.low - self.usual
        if more >= OUT:
            return Standing.OUT_OF_ITS_DEPTH
        return Standing.AT_THE_EDGE if more >= EDGE else Standing.SAME

    @property
    def surprising(self) -> bool:
        """Whether images without an object were next to unknown where it learned."""
        return self.standing is not Standing.SAME and self.labelled >= NEARLY_ALWAYS


@dataclass(frozen=True, slots=True)
class Shift:
    """How one measure differs: its medians, and how often a new image has more of it."""

    usual: float
    new: float
    more: float
    """The probability that a new image has more of it than a usual one (area under the ROC curve);
    0.5 where nothing differs."""
    certain: bool
    """Whether chance can be ruled out (Mann and Whitney 1947)."""

    @property
    def noticeable(self) -> bool:
        """Whether it is worth a word."""
        return self.certain and max(self.more, 1 - self.more) >= NOTICEABLE


def distances(
    vectors: Values, reference: Values, *, same: bool = False, k: int = 10
) -> NDArray[np.float32]:
    """How far each of the vectors (n, d) lies from a reference set (m, d): the mean distance to its
    k nearest there, in units of the median of the same figure inside the set; (n,).

    Distances are those along the PARTS widest directions of the reference set, not angles as for a
    map and its outliers (similarity.strangeness): what lies far out on a known way is far too.
    `same`: the vectors are the set, none is near to itself.
    """
    mean = np.asarray(reference, np.float64).mean(axis=0)
    _, _, ways = np.linalg.svd(np.asarray(reference, np.float64) - mean, full_matrices=False)
    known, asked = (
        (np.asarray(v, np.float64) - mean) @ ways[:PARTS].T for v in (reference, vectors)
    )
    usual = float(np.median(_to_nearest(known, known, k, same=True)))
    found = _to_nearest(asked, known, k, same=same)
    return np.asarray(found / usual if usual > 0 else np.ones(len(found)), np.float32)


def _to_nearest(
    vectors: NDArray[np.float64], reference: NDArray[np.float64], k: int, *, same: bool
) -> NDArray[np.float64]:
    found = np.empty(len(vectors))
    squares = (reference**2).sum(axis=1)
    for start in range(0, len(vectors), _AT_ONCE):
        some = vectors[start : start + _AT_ONCE]
        apart = (some**2).sum(axis=1)[:, None] + squares - 2 * some @ reference.T
        if same:
            here = np.arange(len(some))
            apart[here, start + here] = np.inf
        nearest = np.partition(apart, min(k, len(reference) - 1 - same), axis=1)[:, :k]
        nearest = np.where(np.isfinite(nearest), np.maximum(nearest, 0), np.nan)
        found[start : start + _AT_ONCE] = np.nanmean(np.sqrt(nearest), axis=1)
    return found


def silence(usual: NDArray[np.bool_], new: NDArray[np.bool_], *, labelled: float) -> Silence:
    """On how many of `new` (m,) nothing is found, beside `usual` (n,), with Wilson's interval."""
    count, of = int(new.sum()), len(new)
    return Silence(count, of, *wilson(count, of), float(usual.mean()), labelled)


def beyond(usual: Values, new: Values) -> Beyond:
    """How many of `new` (m,) are larger than 95 of 100 of `usual` (n,), with Wilson's interval;
    none where there is nothing to compare with."""
    if not len(usual):
        return Beyond(0, 0, 0.0, *wilson(0, 0))
    limit = float(np.quantile(usual, 1 - USUAL_SHARE, method="higher"))
    count, of = int((new > limit).sum()), len(new)
    low, high = wilson(count, of)
    return Beyond(count, of, limit, low, high)


def shift(usual: Values, new: Values) -> Shift:
    """How a measure of new images (m,) differs from that of usual ones (n,)."""
    n, m = len(usual), len(new)
    ranks = mid_ranks(np.concatenate([usual, new]).astype(np.float64))
    more = (float(ranks[n:].sum()) - m * (m + 1) / 2) / (n * m)
    by_chance = math.sqrt((n + m + 1) / (12 * n * m))
    return Shift(
        float(np.median(usual)), float(np.median(new)), more,
        certain=abs(more - 0.5) >= CERTAIN * by_chance,
    )  # fmt: skip
