"""Segmentation networks of segmentation-models-pytorch; output 0 is background."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from torch import nn

from cvstudio.core.networks import NetworkInfo

Weights = dict[str, torch.Tensor]


def build(info: NetworkInfo, *, classes: int, image_size: int) -> nn.Module:
    """The network with random weights: (N, 3, H, W) to logits (N, classes + 1, H, W).

    It works at any height and width that 32 divides, so `image_size` is not needed.
    """
    module: nn.Module = smp.create_model(
        info.architecture, encoder_name=info.encoder, encoder_weights=None, classes=classes + 1
    )
    return module


def adapt(module: nn.Module, weights: Weights) -> Weights:
    """Weights of an encoder alone, under the names that they have in the whole network."""
    if any(name.startswith("encoder.") for name in weights):
        return weights
    return {f"encoder.{name}": value for name, value in weights.items()}


def head(module: nn.Module) -> frozenset[str]:
    """The names of all parameters behind the encoder."""
    return frozenset(
        name for name, _ in module.named_parameters() if not name.startswith("encoder.")
    )
