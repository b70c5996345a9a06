"""Does a heat map show what was learned? The weights are put out of order from the head down, and
the map is made again (Adebayo 2018, "Sanity checks for saliency maps", arXiv:1810.03292).

A map that stays as it was shows edges of the image, and would for any network: it must not be read
as what the network looks at.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.explaining import OCCLUSION
from cvstudio.core.geometry import Box
from cvstudio.core.metrics.ranks import mid_ranks
from cvstudio.core.networks import network as catalogued
from cvstudio.core.opencv import cv2
from cvstudio.ml.explaining.explain import Question, evidence, index_of
from cvstudio.ml.explaining.occlusion import Tell
from cvstudio.ml.explaining.tracing import hooked
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.networks.build import head as head_of
from cvstudio.ml.preprocess import Image

FOLLOWS, STAYS = 0.5, 0.7
"""Likeness of the maps before and after: below the first the map follows what was learned, from the
second on it does not."""
_SIDE = 64
"""Maps are compared at this size: their own is a few places a side."""
_SHARES = (0.0, 1 / 3, 2 / 3, 1.0)
_ROOM = 0.5
"""Around an object, as a share of its box: where the object lies is in the question and not in the
answer, so only what the map shows there is compared."""
_DRAWS = 3
_OF_OBJECTS = (Task.DETECT, Task.INSTANCE)


@dataclass(frozen=True, slots=True)
class Stage:
    """How like the first map the map is with this share of the layers out of order, from the head
    down: correlation of ranks (Spearman) and SSIM, each at most 1."""

    share: float
    ranks: float
    ssim: float

    @property
    def likeness(self) -> float:
        return max((self.ranks + self.ssim) / 2, 0.0)


@dataclass(frozen=True, slots=True)
class Check:
    """The stages, from the head alone to all layers; and what it comes to, in words."""

    stages: tuple[Stage, ...]

    @property
    def likeness(self) -> float:
        """That of the map of a network with nothing learned left in it."""
        return self.stages[-1].likeness

    @property
    def words(self) -> str:
        """A sentence for whoever wants to trust the map."""
        figure = f"{self.likeness:.2f} alike with all weights shuffled"
        if self.likeness < FOLLOWS:
            head = self.stages[0].likeness
            if head >= STAYS:
                return (
                    f"The map follows what was learned ({figure}), but hardly the class: {head:.2f}"
                    " with the head alone."
                )
            return f"The map follows what was learned ({figure})."
        if self.likeness < STAYS:
            return (
                f"Much of this map is there without anything learned ({figure}): read it with care."
            )
        return (
            f"This method would show the same for an untrained network: do not trust it ({figure})."
        )


def check(
    network: LoadedNetwork, rgb: Image, question: Question, *, seed: int = 0,
    tell: Tell | None = None,
) -> Check:  # fmt: skip
    """Ask the question again with more and more of the weights out of order.

    The answer that is explained stays the same class, object or region. The last stage is the
    median of several orders; `tell` hears of the progress. Of an object the maps are compared
    where it is. Raises ConfigError as explain.ask does, and for occlusion, which compares answers
    and nothing else.
    """
    if question.method == OCCLUSION:
        raise ConfigError("Occlusion compares answers only, so there is nothing to check.")
    tensor, placement = network.prepare(network.seen_at_once(rgb))
    index = index_of(network, question.class_id)
    before, traced = evidence(network, tensor, placement, index, question)
    if not before.any():
        raise ConfigError("There is no evidence in this map, so there is nothing to check.")
    parts, heads = layers_from_head(network, tensor)
    where = around(traced.box, before.shape) if network.task in _OF_OBJECTS else ...

    def stage(shuffled: nn.Module, share: float) -> Stage:
        other = replace(network, module=shuffled)
        after, _ = evidence(other, tensor, placement, index, question, told=traced.answer)
        if tell is not None:
            tell(len(stages) + 1, looks)
        return Stage(share, *likeness(before[where], after[where]))

    stages: list[Stage] = []
    looks = len(_SHARES) + _DRAWS - 1
    random = torch.Generator().manual_seed(seed)
    module, done = copy.deepcopy(network.module), 0
    named = dict(module.named_modules())
    for share in _SHARES:
        until = max(round(share * len(parts)), heads)
        for name in parts[done:until]:
            shuffle(named[name], random)
        done = until
        stages.append(stage(module, share))
    for _ in range(1, _DRAWS):
        for name in parts:
            shuffle(named[name], random)
        stages.append(stage(module, 1.0))
    whole = sorted(stages[-_DRAWS:], key=lambda one: one.likeness)
    return Check((*stages[:-_DRAWS], whole[_DRAWS // 2]))


def around(box: Box | None, shape: tuple[int, ...]) -> Any:
    """The part of a map (h, w) around a box; all of it without one."""
    if box is None or box.area <= 0:
        return ...
    wide = Box(
        box.x - _ROOM * box.w, box.y - _ROOM * box.h,
        box.w * (1 + 2 * _ROOM), box.h * (1 + 2 * _ROOM),
    ).clipped(shape[1], shape[0])  # fmt: skip
    rows = slice(int(wide.y), max(int(wide.bottom), int(wide.y) + 2))
    return rows, slice(int(wide.x), max(int(wide.right), int(wide.x) + 2))


def layers_from_head(network: LoadedNetwork, tensor: torch.Tensor) -> tuple[list[str], int]:
    """The names of all parts with weights of their own, the head's first (and how many these are),
    then the last that computes first.

    A part that is never called itself (a table of positions) stands where what holds it does.
    """
    module = network.module
    head = {name.rpartition(".")[0] for name in head_of(catalogued(network.config.network), module)}
    calls: dict[str, int] = {}

    def note(name: str) -> Any:
        def look(_part: nn.Module, _inputs: Any, _output: Any) -> None:
            calls.setdefault(name, len(calls))

        return look

    named = dict(module.named_modules())
    handles = [part.register_forward_hook(note(name)) for name, part in named.items()]
    with hooked(handles), torch.no_grad():
        module(tensor)
    own = [
        name
        for name, part in named.items()
        if next(part.parameters(recurse=False), None) is not None
    ]

    def place(name: str) -> int:
        while name and name not in calls:
            name = name.rpartition(".")[0]
        return calls.get(name, -1) if name else -1  # of the whole network: positions, class token

    own.sort(key=lambda name: (name in head, place(name)), reverse=True)
    return own, max(len(head.intersection(own)), 1)


@torch.no_grad()
def shuffle(part: nn.Module, random: torch.Generator) -> None:
    """Put a part's own weights out of order, each tensor in itself: nothing that was learned is
    left but how large they are, and numbers stay in range."""
    for weight in part.parameters(recurse=False):
        order = torch.randperm(weight.numel(), generator=random).to(weight.device)
        weight.copy_(weight.reshape(-1)[order].reshape(weight.shape))


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[float, float]:
    """Correlation of ranks and SSIM (Wang 2004) of two heat maps of one size; 0 where one is empty,
    as nothing of the other is seen in it."""
    if not a.any() or not b.any():
        return 0.0, 0.0
    small = [
        np.asarray(cv2.resize(m, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
        for m in (a, b)
    ]
    return _spearman(small[0], small[1]), _ssim(small[0], small[1])


def _spearman(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    ranks = np.stack([mid_ranks(values.ravel()) for values in (a, b)])
    if not np.ptp(ranks, axis=1).all():
        return 0.0
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _ssim(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The mean over places, with a Gaussian window of 11 and the constants of the paper."""

    def smooth(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values.astype(np.float64), (11, 11), 1.5))

    one, two = 0.01**2, 0.03**2
    mean_a, mean_b = smooth(a), smooth(b)
    var_a = smooth(a * a) - mean_a**2
    var_b = smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + one) * (2 * both + two)
    below = (mean_a**2 + mean_b**2 + one) * (var_a + var_b + two)
    return float((above / below).mean())


def as_json(found: Check) -> dict[str, Any]:
    """Plain JSON: the words, the likeness, and the stages."""
    rows: Sequence[Stage] = found.stages
    return {
        "words": found.words,
        "likeness": round(found.likeness, 4),
        "stages": [
            {"share": round(s.share, 4), "ranks": round(s.ranks, 4), "ssim": round(s.ssim, 4)}
            for s in rows
        ],
    }
