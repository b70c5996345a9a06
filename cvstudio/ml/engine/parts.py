"""The parts of the own training loop: losses, parameter groups, schedule, class weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from cvstudio.core.recipe import Optimizer, TrainConfig
from cvstudio.ml.labels import IGNORE

_QUARTER_SHARE = 0.7
"""Each quarter of the backbone learns at this share of the next one's rate, towards the input."""


class ClassifyLoss(nn.Module):
    """Cross entropy over (n, k) logits and (n,) classes."""

    def __init__(self, weights: torch.Tensor | None, *, smoothing: float) -> None:
        super().__init__()
        self.cross_entropy = nn.CrossEntropyLoss(weights, label_smoothing=smoothing)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self.cross_entropy(logits.float(), targets.long())
        return loss


class SegmentLoss(nn.Module):
    """Cross entropy plus Dice over (n, k, h, w) logits and (n, h, w) labels; IGNORE counts nowhere.

    Dice (Milletari and others, 2016) is taken per class over the whole batch and averaged over the
    classes that occur in it, so small classes weigh as much as large ones.
    """

    def __init__(self, weights: torch.Tensor | None, *, smoothing: float) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.smoothing = smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits, targets = logits.float(), targets.long()
        known = targets != IGNORE
        if not known.any():
            return logits.sum() * 0  # a batch that teaches nothing
        weights = self.weights if isinstance(self.weights, torch.Tensor) else None
        cross = functional.cross_entropy(
            logits, targets, weights, ignore_index=IGNORE, label_smoothing=self.smoothing
        )
        shares = logits.softmax(dim=1)
        classes = torch.where(known, targets, 0)
        # (n, h, w, k) as channels last: the layout that the logits have.
        truth = functional.one_hot(classes, logits.shape[1]).permute(0, 3, 1, 2)
        mask = known.unsqueeze(1)
        axes = (0, 2, 3)
        shares, truth = shares * mask, (truth * mask).to(shares.dtype)
        both = (shares * truth).sum(axes)
        total, occurring = shares.sum(axes) + truth.sum(axes), truth.sum(axes) > 0
        dice = 1 - (2 * both + 1) / (total + 1)
        return cross + (dice * occurring).sum() / occurring.sum()


def class_weights(counts: NDArray[Any], *, power: float) -> torch.Tensor:
    """A weight per class from how often it occurs: (mean count / count) ** power, at most 10.

    A class that never occurs weighs 1.
    """
    counts = counts.astype(np.float64)
    present = counts > 0
    mean = counts[present].mean() if present.any() else 1.0
    weights = np.where(present, (mean / np.maximum(counts, 1)) ** power, 1.0)
    return torch.from_numpy(np.minimum(weights, 10.0)).float()


@dataclass(frozen=True)
class Schedule:
    """The learning rate as a share of its top: a linear warm-up, then a cosine to `final`."""

    epochs: int
    warmup: float
    final: float

    def __call__(self, at: float) -> float:
        """The share at a time in epochs from 0."""
        warmup = min(self.warmup, self.epochs / 2)
        if at < warmup:
            return max(at / warmup, 1e-3)
        done = min((at - warmup) / max(self.epochs - warmup, 1e-9), 1.0)
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * done)) / 2


def parameter_groups(
    module: nn.Module, *, head: frozenset[str], config: TrainConfig, pretrained: bool
) -> list[dict[str, Any]]:
    """Groups with their own `share` of the learning rate and their own weight decay.

    Biases and the scales of norms do not decay. A pretrained backbone learns at the config's share
    of the rate, and more slowly the nearer a layer is to the input.
    """
    named = [(name, value) for name, value in module.named_parameters()]
    backbone = [name for name, _ in named if name not in head]
    depth = {name: place / max(len(backbone), 1) for place, name in enumerate(backbone)}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in named:
        share = 1.0
        if pretrained and name in depth:
            share = config.backbone_rate * _QUARTER_SHARE ** (3 - int(depth[name] * 4))
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
    if config.optimizer is Optimizer.SGD:
        return torch.optim.SGD(
            list(groups), lr=config.learning_rate, momentum=0.9, nesterov=True, fused=fused
        )
    return torch.optim.AdamW(list(groups), lr=config.learning_rate, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, top: float, share: float) -> None:
    """Give every group its rate at this moment of the schedule."""
    for group in optimizer.param_groups:
        group["lr"] = top * share * group["share"]


def freeze(module: nn.Module, *, head: frozenset[str], frozen: bool) -> None:
    """Let only the head learn, or everything."""
    for name, value in module.named_parameters():
        value.requires_grad_(not frozen or name in head)


def train_mode(module: nn.Module) -> None:
    """Training mode, except for norms that are frozen: their running means must not drift."""
    module.train()
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        if own and not any(value.requires_grad for value in own):
            part.eval()
