"""What an answer of the own loop costs: the losses of classify and segment."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from cvstudio.core.annotation import Task
from cvstudio.core.recipe import Loss, TrainConfig
from cvstudio.ml.labels import IGNORE


def loss_for(config: TrainConfig, weights: torch.Tensor | None) -> ClassifyLoss | SegmentLoss:
    """The loss of a classify or segment run; `weights` (k,) is what an error costs per class."""
    return (SegmentLoss if config.task is Task.SEGMENT else ClassifyLoss)(config, weights)


def sum_of(parts: dict[str, torch.Tensor]) -> torch.Tensor:
    """The whole loss from its parts."""
    return torch.stack(list(parts.values())).sum()


class Losses:
    """Sums of a loss and of its parts over many images, on their device until asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._weight = 0.0

    def add(self, parts: dict[str, torch.Tensor], weight: float) -> None:
        """Take in a mean over some images (or pixels), as many as `weight` says."""
        for name, value in parts.items():
            added = value.detach() * weight
            before = self._sums.get(name)
            self._sums[name] = added if before is None else before.to(added.device) + added
        self._weight += weight

    def state(self) -> dict[str, Any]:
        """What an epoch that goes on later must know again."""
        return {"sums": {n: float(v) for n, v in self._sums.items()}, "weight": self._weight}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._sums = {name: torch.tensor(value) for name, value in state["sums"].items()}
        self._weight = float(state["weight"])

    def parts(self) -> dict[str, torch.Tensor]:
        """The mean of each part, still on the device."""
        return {name: value / max(self._weight, 1e-12) for name, value in self._sums.items()}

    def means(self) -> dict[str, float]:
        """The means as "loss", and under their names where the loss has parts; {} before any."""
        means = {name: float(value) for name, value in self.parts().items()}
        named = {name: value for name, value in means.items() if name != "loss"}
        return {"loss": sum(means.values()), **named} if means else {}


class ClassifyLoss(nn.Module):
    """The loss of (n, k) logits for targets: (n,) classes, or (n, k) shares of them."""

    def __init__(self, config: TrainConfig, weights: torch.Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.kind, self.smoothing, self.focus = config.loss, config.label_smoothing, config.focus

    def parts(self, logits: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the loss is the sum of, by name: of one answer per image it is one whole."""
        return {"loss": self(logits, targets)}

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = logits.float()
        weights = _present(self.weights)
        targets = targets.float() if targets.ndim == 2 else targets.long()
        match self.kind:
            case Loss.BINARY:
                return _binary(logits, targets, weights, self.smoothing)
            case Loss.FOCAL:
                return _focal(logits, targets, weights, self.focus, self.smoothing)
            case _:
                return functional.cross_entropy(
                    logits, targets, weights, label_smoothing=self.smoothing
                )


class SegmentLoss(nn.Module):
    """The loss of (n, k, h, w) logits for (n, h, w) labels; IGNORE counts nowhere.

    Shares of overlap (Dice, Tversky) are taken per class over the whole batch and averaged over the
    classes that occur in it, so small classes weigh as much as large ones.
    """

    def __init__(self, config: TrainConfig, weights: torch.Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.kind, self.smoothing, self.focus = config.loss, config.label_smoothing, config.focus
        self.miss = config.miss_weight
        self.lovasz: nn.Module | None = None
        if self.kind is Loss.LOVASZ:
            from segmentation_models_pytorch.losses import LovaszLoss

            self.lovasz = LovaszLoss("multiclass", ignore_index=IGNORE)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return sum_of(self.parts(logits, targets))

    def parts(self, logits: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the loss is the sum of, by name."""
        logits, targets = logits.float(), targets.long()
        known = targets != IGNORE
        if not known.any():
            return {"loss": logits.sum() * 0}  # a batch that teaches nothing
        match self.kind:
            case Loss.CROSS_ENTROPY:
                return {"loss": self._cross(logits, targets)}
            case Loss.FOCAL:
                return {"loss": self._focal(logits, targets, known)}
            case Loss.DICE:
                return {"loss": _overlap(logits, targets, known, misses=0.5)}
            case Loss.TVERSKY:
                return {"loss": _overlap(logits, targets, known, misses=self.miss)}
            case Loss.LOVASZ:
                assert self.lovasz is not None
                return {"loss": self.lovasz(logits, targets)}
            case _:
                return {
                    "cross-entropy": self._cross(logits, targets),
                    "Dice": _overlap(logits, targets, known, misses=0.5),
                }

    def _cross(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(
            logits, targets, _present(self.weights),
            ignore_index=IGNORE, label_smoothing=self.smoothing,
        )  # fmt: skip

    def _focal(
        self, logits: torch.Tensor, targets: torch.Tensor, known: torch.Tensor
    ) -> torch.Tensor:
        pixels = logits.movedim(1, -1)[known]
        return _focal(pixels, targets[known], _present(self.weights), self.focus, self.smoothing)


def _present(weights: Any) -> torch.Tensor | None:
    return weights if isinstance(weights, torch.Tensor) else None


def _shares(targets: torch.Tensor, count: int, smoothing: float) -> torch.Tensor:
    """Targets as (n, k) shares, a part of each given to all classes alike."""
    whole = functional.one_hot(targets, count).float() if targets.ndim == 1 else targets
    return whole * (1 - smoothing) + smoothing / count


def _binary(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, smoothing: float
) -> torch.Tensor:
    """Each class on its own, present or not; the mean over the images of the sum over classes."""
    wanted = _shares(targets, logits.shape[1], 0.0)
    wanted = wanted * (1 - smoothing) + smoothing / 2
    loss = functional.binary_cross_entropy_with_logits(
        logits, wanted, pos_weight=weights, reduction="none"
    )
    return loss.sum(dim=1).mean()


def _focal(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, focus: float,
    smoothing: float,
) -> torch.Tensor:  # fmt: skip
    """Cross entropy times (1 - p) ** focus (Lin and others, 2017), over (n, k) logits."""
    wanted = _shares(targets, logits.shape[1], smoothing)
    logs = functional.log_softmax(logits, dim=1)
    terms = -wanted * (1 - logs.exp()) ** focus * logs
    if weights is None:
        return terms.sum(dim=1).mean()
    return (terms * weights).sum() / (wanted * weights).sum()


def _overlap(
    logits: torch.Tensor, targets: torch.Tensor, known: torch.Tensor, *, misses: float
) -> torch.Tensor:
    """1 - the Tversky index (Salehi and others, 2017), where missed pixels weigh `misses` and
    wrongly found ones 1 - `misses`; at a half that is Dice (Milletari and others, 2016)."""
    shares = logits.softmax(dim=1)
    classes = torch.where(known, targets, 0)
    # (n, h, w, k) as channels last: the layout that the logits have.
    truth = functional.one_hot(classes, logits.shape[1]).permute(0, 3, 1, 2)
    mask = known.unsqueeze(1)
    axes = (0, 2, 3)
    shares, truth = shares * mask, (truth * mask).to(shares.dtype)
    both, found, labelled = (shares * truth).sum(axes), shares.sum(axes), truth.sum(axes)
    of_all = both + (1 - misses) * (found - both) + misses * (labelled - both)
    occurring = labelled > 0
    index = (both + 0.5) / (of_all + 0.5)
    return ((1 - index) * occurring).sum() / occurring.sum()


def presence_weights(present: NDArray[Any]) -> torch.Tensor:
    """What missing a class costs beside finding one that is not there, from (n, k) 0 or 1: images
    that lack it for each that has it, from 0.1 to 10. A class that never occurs weighs 1."""
    having = present.sum(axis=0).astype(np.float64)
    weights = np.where(having > 0, (len(present) - having) / np.maximum(having, 1), 1.0)
    return torch.from_numpy(np.clip(weights, 0.1, 10.0)).float()


def class_weights(counts: NDArray[Any], *, power: float) -> torch.Tensor:
    """A weight per class from how often it occurs: (mean count / count) ** power, at most 10.

    A class that never occurs weighs 1.
    """
    counts = counts.astype(np.float64)
    present = counts > 0
    mean = counts[present].mean() if present.any() else 1.0
    weights = np.where(present, (mean / np.maximum(counts, 1)) ** power, 1.0)
    return torch.from_numpy(np.minimum(weights, 10.0)).float()
