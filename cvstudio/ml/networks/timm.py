"""Classification networks of timm."""

from __future__ import annotations

from typing import Any

import timm
import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import nn

from cvstudio.core.networks import NetworkInfo

Weights = dict[str, torch.Tensor]


def build(info: NetworkInfo, *, classes: int, image_size: int) -> nn.Module:
    """The network with random weights and one logit per class."""
    size: dict[str, Any] = {"img_size": image_size} if info.fixed_size else {}
    module: nn.Module = timm.create_model(
        info.architecture, pretrained=False, num_classes=classes, **size
    )
    return module


def adapt(module: nn.Module, weights: Weights) -> Weights:
    """Weights of another image size, fitted to this module."""
    own = getattr(module, "pos_embed", None)
    given = weights.get("pos_embed")
    if own is None or given is None or own.shape == given.shape:
        return weights
    side = round((own.shape[1] - 1) ** 0.5)
    fitted = resample_abs_pos_embed(given, new_size=[side, side], num_prefix_tokens=1)
    return {**weights, "pos_embed": fitted}


def head(module: nn.Module) -> frozenset[str]:
    """The names of the parameters that turn features into classes."""
    classifier = module.get_classifier()  # type: ignore[operator]
    own = {id(parameter) for parameter in classifier.parameters()}
    return frozenset(name for name, value in module.named_parameters() if id(value) in own)
