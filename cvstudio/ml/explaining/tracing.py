"""One question to a network, with the feature maps on the way kept: what every method works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cvstudio.core.errors import ConfigError
from cvstudio.core.explaining import ALL_LAYERS
from cvstudio.core.geometry import Box
from cvstudio.ml.explaining.heat import Layer

Arrange = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What is explained, so that another network can be asked the same: a class (its output), and
    `place`, which is an anchor (detect, instance), corners in the input (R-CNNs), a region of the
    input (segment), or None."""

    index: int
    place: Any = None


@dataclass(frozen=True, eq=False, slots=True)
class Traced:
    """An answer and the maps that it came through.

    `maps` are those that are looked at, from the last to the first, with their graph; `arrange`
    makes (1, C, h, w) of one. `logit` is the class's own, `contrast` what speaks for it rather than
    for the others (or the same, where classes do not exclude each other). `layers` are all that
    could be looked at, `chosen` which of them were.
    """

    maps: Sequence[torch.Tensor]
    arrange: Arrange
    logit: torch.Tensor
    contrast: torch.Tensor
    answer: Answer
    class_index: int
    score: float
    layers: tuple[Layer, ...]
    chosen: tuple[int, ...]
    box: Box | None = None

    def gradients(self, wanted: torch.Tensor) -> list[torch.Tensor | None]:
        """Those of `wanted` by each map; None for a map that the answer does not come through."""
        if not wanted.requires_grad:
            return [None for _ in self.maps]
        return list(torch.autograd.grad(wanted, list(self.maps), allow_unused=True))


def places_of(layer: str, layers: Sequence[Layer], usual: Sequence[int]) -> tuple[int, ...]:
    """The places of the layers that a key means: "" those of the method, "all" every one.

    Raises ConfigError for a key that the network has not.
    """
    if not layer:
        return tuple(usual)
    if layer == ALL_LAYERS:
        return tuple(range(len(layers)))
    for place, known in enumerate(layers):
        if known.key == layer:
            return (place,)
    offered = "; ".join(f"{known.key} = {known.words}" for known in layers)
    raise ConfigError(
        f"The network has no map {layer}.", hint=f"It has: {offered}; or {ALL_LAYERS}."
    )


def contrast(logits: torch.Tensor, chosen: int) -> torch.Tensor:
    """What speaks for a class rather than for the others: its log odds.

    A logit alone can fall everywhere and still be the largest; then there would be no heat at all.
    """
    others = torch.cat([logits[:chosen], logits[chosen + 1 :]])
    if not len(others):
        return logits[chosen]
    return logits[chosen] - others.logsumexp(0)


def kept(output: torch.Tensor, into: list[torch.Tensor]) -> torch.Tensor:
    """Keep a map and give what the network goes on with, which it may change in place.

    The first map on the way is where the graph begins: nothing before it is recorded.
    """
    if not output.requires_grad:
        output = output.detach().requires_grad_(True)
    into.append(output)
    return output.clone()


@contextmanager
def readable(module: nn.Module) -> Iterator[None]:
    """Eval mode and no gradient for any weight, gradients for what hooks keep."""
    modes = [(part, part.training) for part in module.modules()]
    asking = [(weight, weight.requires_grad) for weight in module.parameters()]
    module.eval()
    for weight, _ in asking:
        weight.requires_grad_(False)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode
        for weight, asked in asking:
            weight.requires_grad_(asked)


@contextmanager
def hooked(handles: Sequence[Any]) -> Iterator[None]:
    """Take hooks away at the end, whatever happens."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
