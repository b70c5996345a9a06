"""Networks whose images have other channels than red, green and blue."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

Weights = dict[str, torch.Tensor]

COLOURS = 3
"""The channels for which the libraries build networks, and which published weights know."""


def with_channels(module: nn.Module, channels: int) -> nn.Module:
    """The module with a first layer for that many channels, its weights drawn at random.

    The first convolution over three channels is the one that sees the image, in every network of
    every library here: a test builds one of each kind.
    """
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d) and part.in_channels == COLOURS and part.groups == 1:
            owner = module.get_submodule(name.rpartition(".")[0])
            setattr(owner, name.rpartition(".")[2], _widened(part, channels))
            return module
    raise ValueError("no layer of the network sees the image")


def _widened(part: nn.Conv2d, channels: int) -> nn.Conv2d:
    """A layer of the same kind for other channels. Subclasses keep what they do otherwise."""
    weight = part.weight
    part.in_channels = channels
    part.weight = nn.Parameter(
        weight.new_empty(weight.shape[0], channels, *weight.shape[2:]),
        requires_grad=weight.requires_grad,
    )
    nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return part


def for_channels(own: Mapping[str, torch.Tensor], given: Weights) -> Weights:
    """Weights whose first layer knows colours, for one with other channels.

    The rule is timm's: a single channel gets the sum over the colours; more repeat them in turn, at
    a strength at which the layer answers as strongly as before.
    """
    return {
        name: _spread(value, own[name].shape[1])
        if name in own and _is_first(own[name].shape, value.shape) else value
        for name, value in given.items()
    }  # fmt: skip


def _is_first(own: torch.Size, given: torch.Size) -> bool:
    return (
        len(own) == 4 and len(given) == 4 and given[1] == COLOURS != own[1]
        and (own[0], *own[2:]) == (given[0], *given[2:])
    )  # fmt: skip


def _spread(weight: torch.Tensor, channels: int) -> torch.Tensor:
    whole = weight.float()
    if channels == 1:
        return whole.sum(dim=1, keepdim=True)
    turns = -(-channels // COLOURS)
    return whole.repeat(1, turns, 1, 1)[:, :channels] * (COLOURS / channels)
