"""Two images of a batch in one: MixUp (Zhang and others, 2018), CutMix (Yun and others, 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from cvstudio.augment.view import item_seed
from cvstudio.core.annotation import Task
from cvstudio.core.recipe import TrainConfig

Batch = tuple[torch.Tensor, torch.Tensor, list[int]]


class Mixer:
    """Mixes each image of a batch with the one before it; `classes` is how many there are.

    What an epoch draws depends on the run's seed, the epoch and the batch's first image only.
    """

    def __init__(self, config: TrainConfig, classes: int) -> None:
        self.seed, self.classes, self.task = config.seed, classes, config.task
        self.mixup = config.mixup if config.task is Task.CLASSIFY else 0.0
        self.cutmix = config.cutmix

    @property
    def works(self) -> bool:
        """Whether anything is mixed at all."""
        return self.mixup > 0 or self.cutmix > 0

    def __call__(self, batch: Batch, *, epoch: int) -> Batch:
        """(n, h, w, channels) and targets mixed; classes become (n, k) shares of them."""
        images, targets, places = batch
        random = np.random.default_rng(
            item_seed(self.seed, epoch, f"mix/{places[0]}/{len(places)}")
        )
        cuts = self.cutmix and (not self.mixup or random.random() < 0.5)
        alpha = self.cutmix if cuts else self.mixup
        kept = float(random.beta(alpha, alpha))
        if cuts:
            images, targets, kept = self._cut(images, targets, kept, random)
        else:
            other = images.roll(1, 0).float()
            mixed = torch.lerp(other, images.float(), kept)
            images = mixed.round().to(torch.uint8) if images.dtype == torch.uint8 else mixed
        if self.task is Task.CLASSIFY:
            several = targets.ndim == 2
            shares = targets if several else functional.one_hot(targets.long(), self.classes)
            shares = shares.float()
            targets = torch.lerp(shares.roll(1, 0), shares, kept)
        return images, targets, places

    def _cut(
        self, images: torch.Tensor, targets: torch.Tensor, kept: float, random: Any
    ) -> tuple[torch.Tensor, torch.Tensor, float]:
        """A window of the other image laid over each; the share that stays what it was."""
        height, width = images.shape[1:3]
        side = (1 - kept) ** 0.5
        half_h, half_w = round(height * side / 2), round(width * side / 2)
        y, x = int(random.integers(height)), int(random.integers(width))
        rows = slice(max(y - half_h, 0), min(y + half_h, height))
        columns = slice(max(x - half_w, 0), min(x + half_w, width))
        images = images.clone()
        images[:, rows, columns] = images.roll(1, 0)[:, rows, columns]
        if targets.ndim == 3:
            targets = targets.clone()
            targets[:, rows, columns] = targets.roll(1, 0)[:, rows, columns]
        covered = (rows.stop - rows.start) * (columns.stop - columns.start)
        return images, targets, 1 - covered / (height * width)
