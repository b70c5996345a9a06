"""Segmentation networks of segmentation-models-pytorch; output 0 is background."""

from __future__ import annotations

from typing import Any

import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.decoders.pspnet.decoder import PSPBlock
from torch import nn
from torch.nn import functional

from cvstudio.core.networks import NetworkInfo
from cvstudio.ml.networks.channels import COLOURS, with_channels

Weights = dict[str, torch.Tensor]


def build(info: NetworkInfo, *, classes: int, image_size: int, channels: int = 3) -> nn.Module:
    """The network with random weights: (N, channels, H, W) to logits (N, classes + 1, H, W).

    It works at any height and width that 32 divides, so `image_size` is not needed.
    """
    named: dict[str, Any] = {
        "arch": info.architecture, "encoder_name": info.encoder, "encoder_weights": None,
        "classes": classes + 1,
    }  # fmt: skip
    module: nn.Module
    if info.encoder.startswith("mit_"):  # SegFormer's encoders are for colours alone
        module = smp.create_model(**named)
        if channels != COLOURS:
            module = with_channels(module, channels)
    else:
        module = smp.create_model(**named, in_channels=channels)
    for part in list(module.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d) and child.output_size not in (1, (1, 1)):
                setattr(part, name, _Pool(child.output_size))
            if isinstance(child, PSPBlock):
                setattr(part, name, _Level(child.pool))
    return module


class _Pool(nn.AdaptiveAvgPool2d):
    """Means over a few places, which goes into ONNX as two products of matrices: the standard has
    no operator for windows of different sizes."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if not torch.onnx.is_in_onnx_export():
            return super().forward(maps)
        size = self.output_size
        down, across = size if isinstance(size, tuple) else (size, size)
        rows = _means(int(maps.shape[2]), int(down or maps.shape[2])).to(maps)
        columns = _means(int(maps.shape[3]), int(across or maps.shape[3])).to(maps)
        return rows @ maps @ columns.T


class _Level(nn.Module):
    """A level of PSPNet's pyramid, which pools for ONNX as everywhere: the library's own would ask
    there for windows of different sizes."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        size = (maps.shape[2], maps.shape[3])
        return functional.interpolate(self.pool(maps), size, mode="bilinear", align_corners=True)


def _means(length: int, places: int) -> torch.Tensor:
    """A matrix (places, length) that takes the mean of each window of an adaptive pooling."""
    matrix = torch.zeros(places, length)
    for place in range(places):
        start, end = place * length // places, -(-(place + 1) * length // places)
        matrix[place, start:end] = 1 / (end - start)
    return matrix


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
