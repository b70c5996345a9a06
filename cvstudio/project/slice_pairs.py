"""Parts with two properties at once: small objects of one class, a tag within one folder.

Which pairs are looked at is chosen by how many images they hold and never by their figure, so that
the correction for many looks (slicing.corrected) holds for them as for single properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cvstudio.core.metrics.resampling import Draws
from cvstudio.core.metrics.slicing import FEWEST_IMAGES, LEVEL, Bools, Units, chance_beside

Named = tuple[str, str]
"""The kind and the name of a part."""

MOST = 100
"""Pairs that are looked at, those on the most images first: each makes all other looks stricter."""
_NOT_PAIRED = frozenset({"query", "split"})
"""A query can name any pair already; another split has no part in this one."""


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """What two parts of different kinds have in common."""

    first: Named
    second: Named
    part: Bools

    @property
    def name(self) -> str:
        """Both names, for a table."""
        return f"{self.first[1]} · {self.second[1]}"


def pairs_of(parts: Mapping[Named, Bools], units: Units) -> list[Pair]:
    """The pairs worth a look, those on the most images first: two kinds of property, on at least
    FEWEST_IMAGES images, and on as many images less than either of both."""
    known = {
        named: part
        for named, part in parts.items()
        if named[0] not in _NOT_PAIRED and _images(units, part) >= FEWEST_IMAGES
    }
    found: list[tuple[int, Pair]] = []
    for first, second in combinations(known, 2):
        if first[0] == second[0]:
            continue
        both = known[first] & known[second]
        images = _images(units, both)
        beside = min(_images(units, known[named] & ~both) for named in (first, second))
        if min(images, beside) >= FEWEST_IMAGES:
            found.append((images, Pair(first, second, both)))
    found.sort(key=lambda each: -each[0])
    return [pair for _images_of, pair in found[:MOST]]


def explained(pair: Pair, parts: Mapping[Named, Bools], units: Units, drawn: Draws) -> bool:
    """Whether one of both properties explains a pair as well: with it alone, and without the other,
    the figure is as low, or so little higher that chance explains it."""
    return any(
        chance_beside(units, drawn, pair.part, parts[named] & ~pair.part) >= LEVEL
        for named in (pair.first, pair.second)
    )


def _images(units: Units, part: Bools) -> int:
    return int(np.count_nonzero(np.bincount(units.image[part], minlength=units.images)))
