"""How weights follow the gradient: groups with rates of their own, optimisers, sharpness-aware
steps, and the average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from cvstudio.core.recipe import Optimizer, Start, TrainConfig
from cvstudio.ml.engine.thawing import QUARTERS, quarters_of
from cvstudio.ml.late_compiler import plain

_MOMENTUM = 0.9


def parameter_groups(
    module: nn.Module, *, head: frozenset[str], config: TrainConfig
) -> list[dict[str, Any]]:
    """Groups with their own `share` of the learning rate and their own weight decay.

    Biases and the scales of norms do not decay. A pretrained backbone learns at the config's share
    of the rate, and each quarter towards the input at a share of the next one's.
    """
    quarter = quarters_of(module, head)
    pretrained = config.start is not Start.SCRATCH
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in module.named_parameters():
        share = 1.0
        if pretrained and name in quarter:
            share = config.backbone_rate * config.quarter_rate ** (QUARTERS - 1 - quarter[name])
        decay = config.weight_decay if value.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(value)
    return [
        {"params": values, "share": share, "weight_decay": decay, "lr": config.learning_rate}
        for (share, decay), values in groups.items()
    ]


def optimizer_for(
    groups: Sequence[dict[str, Any]], config: TrainConfig, device: torch.device
) -> torch.optim.Optimizer:
    """The optimiser of the config; the fused kernels where the device has them."""
    fused = device.type in ("cpu", "cuda")
    made: torch.optim.Optimizer
    if config.optimizer is Optimizer.SGD:
        made = plain(torch.optim.SGD)(
            list(groups), lr=config.learning_rate, momentum=_MOMENTUM, nesterov=True, fused=fused
        )
    else:
        made = plain(torch.optim.AdamW)(list(groups), lr=config.learning_rate, fused=fused)
    return made


def set_rates(optimizer: torch.optim.Optimizer, top: float, share: float) -> None:
    """Give every group its rate at this moment of the schedule."""
    for group in optimizer.param_groups:
        group["lr"] = top * share * group["share"]


@contextmanager
def climbed(module: nn.Module, radius: float) -> Iterator[bool]:
    """The weights moved to where the loss is worst within `radius`, for the time of the block.

    Sharpness-aware minimisation (Foret and others, 2021): a step follows the gradient found there.
    The gradients must be those at the weights as they are, scaled or not; they are taken away. Says
    whether it moved: gradients that are not numbers move nothing. Running means of norms stay.
    """
    learning: list[torch.Tensor] = [v for v in module.parameters() if v.grad is not None]
    gradients = [value.grad for value in learning if value.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    if not bool(torch.isfinite(norm)) or not bool(norm > 0):
        yield False
        return
    moves: Any = [gradient * (radius / norm) for gradient in gradients]
    means: list[Any] = [part for part in module.modules() if hasattr(part, "running_mean")]
    momenta = [part.momentum for part in means]
    with torch.no_grad():
        torch._foreach_add_(learning, moves)
    for part in means:
        part.momentum = 0.0
    for value in learning:
        value.grad = None
    try:
        yield True
    finally:
        with torch.no_grad():
            torch._foreach_add_(learning, moves, alpha=-1)
        for part, momentum in zip(means, momenta, strict=True):
            part.momentum = momentum


def average_of(module: nn.Module, decay: float) -> AveragedModel:
    """The running average of a network's weights and of the running means of its norms.

    In the first steps it forgets faster, so that the random start does not stay in it.
    """

    def further(average: Any, now: Any, count: Any) -> None:
        steps = int(count)
        share = 1 - min(decay, (1 + steps) / (10 + steps))
        if average[0].is_floating_point():
            torch._foreach_lerp_(list(average), list(now), share)
        else:
            torch._foreach_copy_(list(average), list(now))

    return AveragedModel(module, multi_avg_fn=further, use_buffers=True)
