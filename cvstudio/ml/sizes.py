"""The side of the images that a step learns from: growing over the run, or changing by batch."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from cvstudio.augment.view import item_seed
from cvstudio.core.recipe import SIZE_STEP, TrainConfig

_GROWN = 0.75
"""Share of the run after which images have their full size."""


class Sizes:
    """The side of a batch in an epoch, a multiple of 32."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    @property
    def change(self) -> bool:
        """Whether the side is ever another than the config's."""
        first = self.config.first_size
        return 0 < first < self.config.image_size or self.config.multi_scale > 0

    def side(self, epoch: int, step: int) -> int:
        """The side of the batch of a step (from 1) of an epoch (from 1)."""
        config, size = self.config, self.config.image_size
        if 0 < config.first_size < size:
            share = min((epoch - 1) / max(config.epochs * _GROWN - 1, 1), 1.0)
            size = _rounded(config.first_size + (size - config.first_size) * share)
        if config.multi_scale:
            random = np.random.default_rng(item_seed(config.seed, epoch, f"size/{step}"))
            size = _rounded(size * (1 + config.multi_scale * random.uniform(-1, 1)))
        return size


def _rounded(side: float) -> int:
    return max(round(side / SIZE_STEP) * SIZE_STEP, SIZE_STEP)


def resized(images: torch.Tensor, side: int) -> torch.Tensor:
    """(n, c, h, w) float brought to (n, c, side, side), averaged on the way down."""
    if images.shape[-2:] == (side, side):
        return images
    smaller = side < images.shape[-1]
    return functional.interpolate(
        images, size=(side, side), mode="bilinear", antialias=smaller, align_corners=False
    )


def resized_labels(labels: torch.Tensor, side: int) -> torch.Tensor:
    """(n, h, w) whole numbers brought to (n, side, side), none of them mixed."""
    if labels.shape[-2:] == (side, side):
        return labels
    rows = torch.arange(side, device=labels.device)
    places = ((rows + 0.5) * labels.shape[-1] / side).long()
    return labels[:, places][:, :, places]
