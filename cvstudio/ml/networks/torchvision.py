"""Classification networks of torchvision."""

from __future__ import annotations

import torch
import torchvision
from torch import nn

from cvstudio.core.networks import NetworkInfo

Weights = dict[str, torch.Tensor]


def build(info: NetworkInfo, *, classes: int, image_size: int) -> nn.Module:
    """The network with random weights and one logit per class."""
    size = {"image_size": image_size} if info.fixed_size else {}
    module: nn.Module = torchvision.models.get_model(
        info.architecture, weights=None, num_classes=classes, **size
    )
    return module


def adapt(module: nn.Module, weights: Weights) -> Weights:
    """Weights of another image size, fitted to this module."""
    if not isinstance(module, torchvision.models.VisionTransformer):
        return weights
    name = "encoder.pos_embedding"
    if name not in weights or weights[name].shape == module.encoder.pos_embedding.shape:
        return weights
    from torchvision.models.vision_transformer import interpolate_embeddings

    fitted: Weights = dict(
        interpolate_embeddings(module.image_size, module.patch_size, dict(weights))
    )
    return fitted


def head(module: nn.Module) -> frozenset[str]:
    """The names of the parameters that turn features into classes."""
    last = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)][-1]
    return frozenset(name for name, _ in module.named_parameters() if name.startswith(last + "."))
