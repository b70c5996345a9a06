"""From a name in the table to a module: built, and started from a file of weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from cvstudio.core.errors import UntrustedFile
from cvstudio.core.forms import Answers
from cvstudio.core.networks import NetworkInfo
from cvstudio.ml.checkpoint import load_plain
from cvstudio.ml.failures import JobFailure
from cvstudio.ml.networks.channels import COLOURS, for_channels, with_channels
from cvstudio.ml.networks.remap import Rows, carried_over, class_rows

_TAKE_CHANNELS = ("timm", "smp", "ultralytics")
"""The libraries that build networks for other channels themselves."""

Remap = tuple[dict[str, Rows], dict[int, int]]
"""Which weights have rows for classes, and the old place of each new class that was known."""


@dataclass(frozen=True)
class Taken:
    """Which of a module's parameters a file of weights filled."""

    names: frozenset[str]
    total: int

    @property
    def share(self) -> float:
        return len(self.names) / self.total if self.total else 0.0


def family(info: NetworkInfo) -> ModuleType:
    """The file that knows a network's library; a library is imported when it is first needed."""
    match info.family:
        case "torchvision":
            from cvstudio.ml.networks import torchvision

            return torchvision
        case "timm":
            from cvstudio.ml.networks import timm

            return timm
        case "smp":
            from cvstudio.ml.networks import smp

            return smp
        case "ultralytics":
            from cvstudio.ml.networks import ultralytics

            return ultralytics
        case "torchvision-detection":
            from cvstudio.ml.networks import torchvision_detection

            return torchvision_detection


def build(
    info: NetworkInfo, *, classes: int, image_size: int, points: int = 0, channels: int = COLOURS
) -> nn.Module:
    """The network with random weights from torch's present seed, in training mode; `points` are
    those of each object, for networks that answer with keypoints, `channels` those of images."""
    more = {"points": points} if info.answers is Answers.KEYPOINTS else {}
    own = {"channels": channels} if info.family in _TAKE_CHANNELS else {}
    module: nn.Module = family(info).build(
        info, classes=classes, image_size=image_size, **more, **own
    )
    return module if own or channels == COLOURS else with_channels(module, channels)


def head(info: NetworkInfo, module: nn.Module) -> frozenset[str]:
    """The names of the parameters that are new for a new set of classes."""
    names: frozenset[str] = family(info).head(module)
    return names


def start_from(
    info: NetworkInfo, module: nn.Module, path: Path, *, other_classes: Remap | None = None
) -> Taken:
    """Fill a module with the weights of a file where name and shape agree.

    With `other_classes` the rows of classes go where those classes are now.

    The file is a checkpoint of CVStudio, a state dict, a .safetensors file or, for ultralytics'
    networks, one of its own .pt files. Raises RunError when it is missing, damaged or fits nowhere;
    UntrustedFile when loading it would run code.
    """
    own = module.state_dict()
    given = for_channels(own, family(info).adapt(module, _weights(info, path)))
    if other_classes is not None:
        rows, places = other_classes
        given = {**given, **carried_over(own, given, rows, places)}
    fitting = {
        name: value
        for name, value in given.items()
        if name in own and own[name].shape == value.shape
    }
    parameters = {name for name, _ in module.named_parameters()}
    taken = Taken(frozenset(parameters & fitting.keys()), len(parameters))
    if not taken.names:
        raise JobFailure(
            "weights",
            f"The weights in {path.name} do not fit {info.title}.",
            hint="Choose the file that belongs to this network, or start from scratch.",
        )
    module.load_state_dict(fitting, strict=False)
    return taken


def rows_of(
    info: NetworkInfo, module: nn.Module, *, classes: int, image_size: int, points: int = 0
) -> dict[str, Rows]:
    """Which weights of a module have rows for classes; another network is built to compare it with,
    which draws nothing from the run's own random numbers."""
    with torch.random.fork_rng(devices=[]):
        larger = build(info, classes=classes + 1, image_size=image_size, points=points)
    return class_rows(module.state_dict(), larger.state_dict(), classes)


def _weights(info: NetworkInfo, path: Path) -> dict[str, torch.Tensor]:
    try:
        content = load_plain(path)
    except UntrustedFile:
        if info.family != "ultralytics":
            raise
        release: dict[str, torch.Tensor] = family(info).release_weights(path)
        return release
    return _tensors(content)


def _tensors(content: Any) -> dict[str, torch.Tensor]:
    """The state dict in a file, also when it lies under one of the usual names."""
    if not isinstance(content, dict):
        return {}
    for name in ("weights", "state_dict", "model", "model_state_dict"):
        if isinstance(content.get(name), dict):
            return _tensors(content[name])
    return {
        name.removeprefix("module."): value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
