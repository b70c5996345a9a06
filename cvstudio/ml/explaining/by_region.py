"""Evidence for the class of a region (segment): the encoder's feature maps.

Seg-Grad-CAM (Vinogradova 2020, arXiv:2002.11434): what is explained is the class's score summed
over the region; any method reads the maps by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from cvstudio.core.geometry import Box
from cvstudio.ml.explaining.choosing import choose_region
from cvstudio.ml.explaining.heat import layer_of
from cvstudio.ml.explaining.tracing import Answer, Traced, hooked, kept, places_of
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.preprocess import Placement

_COARSEST_STRIDE = 4
"""Maps finer than that see colours and edges; they are not joined unless they are asked for."""


def trace(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, index: int | None,
    box: Box | None, *, layer: str, joined: bool, told: Answer | None = None,
) -> Traced:  # fmt: skip
    """Ask for a class (None: the most frequent one) in a region; `told` asks what was asked."""
    encoder: Any = network.module.encoder
    maps: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Sequence[torch.Tensor]) -> Any:
        return [kept(feature, maps) for feature in output]

    with hooked([encoder.register_forward_hook(keep)]):
        (logits,) = network.raw(tensor)
    chances = logits[0].detach().float().softmax(0)
    if told is None:
        chosen, region = choose_region(chances.cpu().numpy(), placement, index, box)
        told = Answer(chosen, torch.from_numpy(region).to(logits.device))
    deep = [
        feature
        for feature in reversed(maps)
        if feature.shape[1] and feature.shape[2] < tensor.shape[2]
    ]
    layers = tuple(layer_of(p, *feature.shape[2:]) for p, feature in enumerate(deep))
    usual = [
        p for p, feature in enumerate(deep)
        if feature.shape[2] * _COARSEST_STRIDE <= tensor.shape[2]
    ]  # fmt: skip
    places = places_of(layer, layers, usual if joined else (0,))
    wanted = logits[0, told.index][told.place].sum()
    return Traced(
        maps=[deep[place] for place in places],
        arrange=lambda values: values,
        logit=wanted,
        contrast=wanted,
        answer=told,
        class_index=told.index - 1,
        score=float(chances[told.index][told.place].mean()),
        layers=layers,
        chosen=places,
        box=box,
    )
