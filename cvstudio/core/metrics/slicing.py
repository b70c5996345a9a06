"""A figure of a part of what was judged, against the rest, and whether many looks explain it.

What is judged are units: an image, an annotation, a prediction, a class of an image. Each adds to a
numerator and a denominator, so that the figure of any part is one division, and so is that of each
draw of the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.resampling import Draws, Floats, Measured, share

FEWEST_IMAGES = 10
"""Images from which a part may be called worse than the rest."""
LEVEL = 0.05
"""How often at most any part is called worse when none is (Holm 1979)."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Units:
    """What was judged: (n,) each; `image` is the place of the unit's image among the draws'."""

    image: NDArray[np.int64]
    right: Floats
    """What each adds to the numerator, 0 to 1."""
    images: int

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, slots=True)
class PartFigure:
    """The figure of a part of the units, how far it lies above that of the rest, and how likely so
    low a one is where nothing is different (one-sided, one look)."""

    figure: Measured
    above_rest: Measured
    chance: float
    units: int
    images: int


def figure_of(units: Units, drawn: Draws, part: Bools | None = None) -> Measured:
    """The share of right among the units, or a part; `drawn` begins with the whole split."""
    part = np.ones(len(units), bool) if part is None else part
    return Measured.of(_figures(units, drawn, part), _images(units, part))


def part_figure(units: Units, drawn: Draws, part: Bools) -> PartFigure:
    """The figure of a part, against the rest of the units in the same draws."""
    own, rest = _figures(units, drawn, part), _figures(units, drawn, ~part)
    images = _images(units, part)
    return PartFigure(
        Measured.of(own, images), Measured.of(own - rest), _chance(own, rest, images),
        int(part.sum()), images,
    )  # fmt: skip


def chance_beside(units: Units, drawn: Draws, part: Bools, beside: Bools) -> float:
    """How likely so low a figure of a part is beside that of some other units of the split, when
    nothing is different (one-sided, one look)."""
    own, rest = _figures(units, drawn, part), _figures(units, drawn, beside)
    return _chance(own, rest, _images(units, part))


def apart_figure(units: Units, drawn: Draws, others: Units, drawn_others: Draws) -> PartFigure:
    """The figure of other units than those of the split, against these; both were drawn for
    themselves, as often."""
    own = _figures(others, drawn_others, np.ones(len(others), bool))
    rest = _figures(units, drawn, np.ones(len(units), bool))
    return PartFigure(
        Measured.of(own, others.images), Measured.of(own - rest),
        _chance(own, rest, others.images), len(others),
        others.images,
    )  # fmt: skip


def _images(units: Units, part: Bools) -> int:
    """On how many images a part lies: what of one image is alike and counts once."""
    return len(np.unique(units.image[part]))


def _figures(units: Units, drawn: Draws, part: Bools) -> Floats:
    image = units.image[part]
    right = np.bincount(image, units.right[part], minlength=units.images)
    count = np.bincount(image, minlength=units.images)
    weights = drawn.astype(np.float64)
    return share(weights @ right, weights @ count)


def _chance(own: Floats, rest: Floats, images: int) -> float:
    """From the spread of the difference over the draws; a part that is all right or all wrong, and
    so the same in each, has that of one that has one more of either (Agresti and Coull 1998)."""
    gap = own - rest
    known = gap[1:][~np.isnan(gap[1:])]
    if math.isnan(gap[0]) or known.size < 2:
        return 1.0
    spread = float(known.std())
    if own[0] in (0.0, 1.0):
        share_right = (own[0] * images + 1) / (images + 2)
        spread = max(spread, math.sqrt(share_right * (1 - share_right) / (images + 2)))
    if spread == 0:
        return 1.0
    return 0.5 * math.erfc(-gap[0] / spread / math.sqrt(2))


def corrected(chances: Sequence[float]) -> list[float]:
    """Chances after as many looks (Holm 1979): each times the looks that are at least as likely."""
    order = np.argsort(chances, kind="stable")
    result = [1.0] * len(chances)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(chances[index] * (len(chances) - place), 1.0))
        result[index] = highest
    return result


def is_worse(part: PartFigure, whole: float, chance: float) -> bool:
    """Whether a part may be called worse: enough images, an interval below the whole's figure, and
    a `chance` that many looks do not explain."""
    between = part.figure.interval
    return (
        part.images >= FEWEST_IMAGES
        and between is not None
        and between[1] < whole
        and chance < LEVEL
    )
