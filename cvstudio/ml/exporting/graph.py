"""The graph of a network for ONNX: simplified, one file, batch free, height and width where it can.

The input is RGB from 0 to 1: the network's own normalisation is inside.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import onnxslim
import torch
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.errors import RunError
from cvstudio.core.export_kinds import USUAL_OPSET, Precision
from cvstudio.core.networks import network as network_info
from cvstudio.core.recipe import Fit
from cvstudio.ml.load import LoadedNetwork, outputs_of
from cvstudio.ml.onnx_file import BOXES, INPUT, MAPS


class PlainNetwork(nn.Module):
    """The network with its normalisation, answering with nothing but what decode.py reads."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: LoadedNetwork, *, dynamic: bool) -> None:
        super().__init__()
        module: Any = copy.deepcopy(network.module).cpu().float().eval()
        module.requires_grad_(False)
        self.task = network.task
        self.plain = not any(network.mean) and set(network.std) == {1}
        self.register_buffer("mean", torch.tensor(network.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(network.std).view(1, -1, 1, 1))
        info = network_info(network.config.network)
        if info.family == "ultralytics" and not info.listed:
            head = module.model[-1]
            head.export, head.format, head.dynamic, head.shape = True, "onnx", dynamic, None
        self.network = module

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not self.plain:
            images = (images - self.mean) / self.std
        return outputs_of(self.task, self.network(images))


def takes_any_size(network: LoadedNetwork) -> bool:
    """Whether height and width of the exported input are free (multiples of 32).

    Segmenters and plain convolutional classifiers take any; detectors only when they were trained
    to see whole images at their own scale.
    """
    if network_info(network.config.network).fixed_size:
        return False
    return network.task in (Task.CLASSIFY, Task.SEGMENT) or network.config.fit is Fit.CROP


def output_names(network: LoadedNetwork) -> list[str]:
    """The names of the outputs, in their order."""
    return [BOXES, MAPS] if network.task is Task.INSTANCE else [BOXES]


def example(network: LoadedNetwork) -> torch.Tensor:
    """An input to trace a network with: (2, channels, size, size), black."""
    size = network.image_size
    return torch.zeros(2, network.preprocessor.channels, size, size)


def to_onnx(network: LoadedNetwork, *, opset: int = USUAL_OPSET) -> onnx.ModelProto:
    """The network as ONNX. Raises RunError where the opset lacks an operator of the network."""
    dynamic = takes_any_size(network)
    module = PlainNetwork(network, dynamic=dynamic).eval()
    names = output_names(network)
    axes: dict[str, dict[int, str]] = {name: {0: "batch"} for name in (INPUT, *names)}
    if dynamic:
        axes[INPUT] |= {2: "height", 3: "width"}
        if network.task is Task.SEGMENT:
            axes[BOXES] |= {2: "height", 3: "width"}
    with TemporaryDirectory() as folder, quiet_tracing():
        path = Path(folder) / "network.onnx"
        try:
            torch.onnx.export(
                module, (example(network),), path, dynamo=False, opset_version=opset,
                input_names=[INPUT], output_names=names, dynamic_axes=axes,
            )  # fmt: skip
        except torch.onnx.errors.OnnxExporterError as error:
            title = network_info(network.config.network).title
            raise RunError(
                f"{title} cannot be written with version {opset} of the ONNX operators.",
                hint=f"Take a later one; {USUAL_OPSET} is the usual one.",
            ) from error
        slim: onnx.ModelProto = onnxslim.slim(onnx.load(path))
    slim.producer_name, slim.producer_version = "CVStudio", metadata.version("cvstudio")
    return slim


@contextmanager
def quiet_tracing() -> Iterator[None]:
    """Without what PyTorch says about tracing: it would rather use its newer exporter, which wants
    a package that we do not ship; that some values become constants is what is wanted, others are
    folded by onnxslim later, and places that are looked up are never counted from the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.filterwarnings("ignore", message="Constant folding")
        warnings.filterwarnings("ignore", message="Exporting aten::index operator")
        yield


def float_nodes(network: LoadedNetwork, precision: Precision) -> list[str]:
    """Parts of the names of nodes that stay in 32 bits in a file of fewer: the head of a detector.

    Of Faster R-CNN it is kept from 8 bits alone: 16 are enough for its products, and its box head
    has most of the weights.
    """
    family = network_info(network.config.network).family
    if family == "torchvision-detection":
        heads = _HEADS if precision is Precision.INT8 else ()
        return [*heads, "NonMaxSuppression", "RoiAlign", "Concat", "Gather"]
    if family != "ultralytics":
        return []
    layers: Any = network.module.model
    return [f"/model.{len(layers) - 1}/", *_AFTER_HEAD]


_AFTER_HEAD = tuple(
    f"/network/{name}" for name in ("Gather", "Sigmoid", "Mul", "Concat", "Transpose")
)
"""What follows the head of RT-DETR: its answers are brought to pixels outside it."""


_HEADS = ("/network/head/", "/box_head/", "/box_predictor/", "/mask_head/", "/mask_predictor/")
"""The parts of Faster R-CNN that find regions, then their boxes and masks, by the names that nodes
have: the first is the `head` of its `rpn`, which a trace names without what it belongs to."""
