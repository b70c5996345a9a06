"""Which images an epoch shows, how often, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.recipe import Sampling, TrainConfig

Pick = tuple[int, int]
"""An item, and how often the epoch has shown it before."""


class Order:
    """The items of every epoch, shuffled by seed and epoch.

    `weights` draws items with that share each, as many as there are, some several times; `repeats`
    shows each so often, a broken number sometimes more and sometimes less. Every epoch is equally
    long.
    """

    def __init__(
        self,
        count: int,
        *,
        seed: int,
        weights: NDArray[np.float64] | None = None,
        repeats: NDArray[np.float64] | None = None,
    ) -> None:
        self.count, self.seed = count, seed
        self._weights = None if weights is None else torch.from_numpy(weights)
        self._repeats = None if repeats is None else torch.from_numpy(repeats)

    def epoch(self, number: int) -> list[Pick]:
        """The items of an epoch (from 1)."""
        generator = torch.Generator().manual_seed(self.seed * 100_003 + number)
        if self._weights is not None:
            drawn = torch.multinomial(self._weights, self.count, True, generator=generator)
        elif self._repeats is not None:
            drawn = _repeated(self._repeats, generator)
        else:
            return [
                (index, 0) for index in torch.randperm(self.count, generator=generator).tolist()
            ]
        return _counted(drawn.tolist())


def _repeated(repeats: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    whole = repeats.floor().long()
    rest = repeats - whole
    extra = round(float(rest.sum()))
    if extra:
        chosen = torch.multinomial(rest, min(extra, int((rest > 0).sum())), generator=generator)
        whole[chosen] += 1
    drawn = torch.repeat_interleave(torch.arange(len(whole)), whole)
    return drawn[torch.randperm(len(drawn), generator=generator)]


def _counted(drawn: Iterable[int]) -> list[Pick]:
    seen: dict[int, int] = {}
    picks = []
    for index in drawn:
        picks.append((index, seen.get(index, 0)))
        seen[index] = seen.get(index, 0) + 1
    return picks


def order_for(config: TrainConfig, classes: Sequence[frozenset[int]]) -> Order:
    """The order of a run; `classes` are those that occur in each item."""
    match config.sampling:
        case Sampling.BALANCED:
            return Order(len(classes), seed=config.seed, weights=balanced(classes))
        case Sampling.REPEAT:
            repeats = repeat_factors(classes, below=config.rare_below)
            return Order(len(classes), seed=config.seed, repeats=repeats)
        case Sampling.ALL:
            return Order(len(classes), seed=config.seed)


def balanced(classes: Sequence[frozenset[int]]) -> NDArray[np.float64]:
    """Shares by which every class is the reason for as many draws as every other one.

    An item with several classes counts for its rarest; those without any count as a class.
    """
    counts = _counts(classes)
    reason = [min(own, key=lambda c: (counts[c], c)) if own else -1 for own in classes]
    how_many = {c: reason.count(c) for c in set(reason)}
    return np.array([1 / how_many[c] for c in reason], np.float64)


def repeat_factors(classes: Sequence[frozenset[int]], *, below: float) -> NDArray[np.float64]:
    """How often an epoch shows each item (Gupta and others, 2019): sqrt(below / share) for its
    rarest class where the share of items with that class is under `below`, else once."""
    counts = _counts(classes)
    factor = {c: max(1.0, (below * len(classes) / n) ** 0.5) for c, n in counts.items()}
    return np.array([max((factor[c] for c in own), default=1.0) for own in classes], np.float64)


def _counts(classes: Sequence[frozenset[int]]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for own in classes:
        for number in own:
            counts[number] = counts.get(number, 0) + 1
    return counts
