"""Classification networks of timm."""

from __future__ import annotations

import sys
from typing import Any

import timm
import torch
from torch import nn

from cvstudio.core.networks import NetworkInfo

Weights = dict[str, torch.Tensor]


def build(info: NetworkInfo, *, classes: int, image_size: int, channels: int = 3) -> nn.Module:
    """The network with random weights and one logit per class."""
    told = info.fixed_size and info.least != info.most  # else there is nothing to be told
    size: dict[str, Any] = {"img_size": image_size} if told else {}
    module: nn.Module = timm.create_model(
        info.architecture, pretrained=False, num_classes=classes, in_chans=channels, **size
    )
    return module


def adapt(module: nn.Module, weights: Weights) -> Weights:
    """Weights as they were published, under this module's names and for its image size.

    timm has a function for that beside each network that needs one; positions of a transformer
    are fitted to another grid there.
    """
    fitting = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    if fitting is None or _is_own(module, weights):
        return weights
    fitted: Weights = dict(fitting(dict(weights), module))
    return fitted


def _is_own(module: nn.Module, weights: Weights) -> bool:
    """Whether all backbone weights have this module's names and shapes already."""
    heads = head(module)
    return all(
        name in weights and weights[name].shape == value.shape
        for name, value in module.state_dict().items()
        if name not in heads
    )


def head(module: nn.Module) -> frozenset[str]:
    """The names of the parameters that turn features into classes."""
    found: Any = module.get_classifier()  # type: ignore[operator]
    classifiers = found if isinstance(found, tuple | list) else (found,)  # distilled ones have two
    own = {id(value) for part in classifiers for value in part.parameters()}
    return frozenset(name for name, value in module.named_parameters() if id(value) in own)
