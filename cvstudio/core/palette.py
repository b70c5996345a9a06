"""The colours that label classes are given: those of resources/look/tokens.json, then more.

Further ones are the colours of a grid over what a screen can show that look farthest from all that
are taken, to full sight and to those who see no red or no green; they differ in lightness above
all, for that is what is left to the colour-blind.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.colour_sight import difference, lab, least_difference
from cvstudio.core.resources import resources

TELLING = 8.0
"""The least difference (CIEDE2000) that tells two classes apart by their lines alone."""

_SEEN_BY = {"normal": 1.0, "protanopia": 1.0, "deuteranopia": 1.0, "tritanopia": 1.5}
"""Who must tell colours apart, and how much a difference weighs: who sees no blue is one of ten
thousand, who sees no red or green one of twelve men."""
_MOST = 40
"""More colours than this are never told apart by all."""

_STEP = 17  # 16 levels a channel
_LIGHTNESS = (32.0, 92.0)  # L*: what is darker or paler is lost on dark or on pale images
_CHROMA = 12.0  # what is greyer is taken for a locked or rejected object


@cache
def class_colours() -> tuple[str, ...]:
    """The first colours, "#RRGGBB", in the order in which classes take them."""
    tokens = json.loads((resources() / "look" / "tokens.json").read_text("utf-8"))
    return tuple(entry["hex"] for entry in tokens["label_classes"]["colours"])


def next_colour(taken: Iterable[str]) -> str:
    """The colour for one more class beside those that have the taken ones."""
    used = {colour.upper() for colour in taken}
    for colour in class_colours():
        if colour.upper() not in used:
            return colour
    candidates = _candidates()
    nearest = np.full(len(candidates), np.inf)
    for colour in used:
        np.minimum(nearest, _distances(colour), out=nearest)
    return candidates[int(nearest.argmax())]


def colours_for(count: int) -> tuple[str, ...]:
    """The colours of so many classes, in order."""
    found: list[str] = []
    for _ in range(count):
        found.append(next_colour(found))
    return tuple(found)


def tell_apart(colours: Collection[str]) -> bool:
    """Whether these colours tell as many classes apart, without their names, to all who see."""
    if len({colour.upper() for colour in colours}) < len(colours) or len(colours) > _MOST:
        return False
    return _least(colours) >= TELLING


def _least(colours: Collection[str]) -> float:
    """How far apart the two most alike look, to whom they look most alike."""
    return min(least_difference(list(colours), each) * w for each, w in _SEEN_BY.items())


def spread(colours: dict[int, str]) -> dict[int, str]:
    """Other colours for those, by id, that look like one before them; the others stay. Of more
    classes than colours can tell, those look alike that so many need not."""
    enough = min(TELLING, 0.9 * _least(colours_for(len(colours))))
    kept: list[str] = []
    changed: list[int] = []
    for id, colour in colours.items():
        if tell_apart_from(colour, kept, least=enough):
            kept.append(colour)
        else:
            changed.append(id)
    found = {}
    for id in changed:
        found[id] = next_colour(kept)
        kept.append(found[id])
    return found


def tell_apart_from(colour: str, others: Collection[str], *, least: float = TELLING) -> bool:
    """Whether a colour can be told from each of the others."""
    if not others:
        return True
    return all(
        difference(lab([colour], sight), lab(list(others), sight)).min() * weight >= least
        for sight, weight in _SEEN_BY.items()
    )


@cache
def _candidates() -> tuple[str, ...]:
    levels = range(0, 256, _STEP)
    grid = [f"#{r:02X}{g:02X}{b:02X}" for r in levels for g in levels for b in levels]
    seen = lab(grid)
    chroma, (low, high) = np.hypot(seen[:, 1], seen[:, 2]), _LIGHTNESS
    fit = (seen[:, 0] >= low) & (seen[:, 0] <= high) & (chroma >= _CHROMA)
    return tuple(grid[place] for place in np.flatnonzero(fit))


@cache
def _seen() -> tuple[NDArray[np.float64], ...]:
    return tuple(lab(_candidates(), sight) for sight in _SEEN_BY)


@lru_cache(maxsize=512)
def _distances(colour: str) -> NDArray[np.float64]:
    """How far each candidate is from a colour, to whom they look most alike."""
    each = [
        difference(seen, lab([colour], sight)) * weight
        for seen, (sight, weight) in zip(_seen(), _SEEN_BY.items(), strict=True)
    ]
    return np.asarray(np.minimum.reduce(each), np.float64)
