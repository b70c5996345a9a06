"""A trained network as everything after training uses it: evaluation, explanation, export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.config import Views
from cvstudio.core.errors import RunError
from cvstudio.core.forms import Form, plain_form
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import network
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.sureness import Correction
from cvstudio.ml.answer import answer, seen_at_once
from cvstudio.ml.checkpoint import Checkpoint, read_checkpoint
from cvstudio.ml.devices import device_of
from cvstudio.ml.networks.build import build
from cvstudio.ml.preprocess import Image, Placement, Preprocessing
from cvstudio.ml.views import seen_from


@dataclass(frozen=True)
class LoadedNetwork:
    """A network in eval mode with its classes and the one preprocessing that belongs to it."""

    config: TrainConfig
    classes: tuple[LabelClass, ...]
    preprocessor: Preprocessing
    module: nn.Module
    device: torch.device
    epoch: int = 0
    snapshot: str = ""
    views: Views = Views.ONE
    own_form: Form | None = None
    correction: Correction | None = None
    """How sure its answers are to sound; None: as they are."""

    @property
    def form(self) -> Form:
        """What it answers with of each object."""
        return self.own_form or plain_form(self.task)

    @property
    def task(self) -> Task:
        return self.config.task

    @property
    def several(self) -> bool:
        """Whether an image may have several classes."""
        return self.config.several_classes

    @property
    def image_size(self) -> int:
        return self.preprocessor.size

    @property
    def mean(self) -> tuple[float, ...]:
        return self.preprocessor.mean

    @property
    def std(self) -> tuple[float, ...]:
        return self.preprocessor.std

    @property
    def preprocessing(self) -> dict[str, Any]:
        """The preprocessing as plain JSON, for the ONNX file."""
        return self.preprocessor.to_json()

    @property
    def class_ids(self) -> tuple[int, ...]:
        return tuple(c.id for c in self.classes)

    def prepare(self, rgb: Image) -> tuple[torch.Tensor, Placement]:
        """An image as ml/seeing.py reads it, as a (1, channels, H, W) float32 tensor."""
        array, placement = self.preprocessor.prepare(rgb)
        return torch.from_numpy(array).to(self.device), placement

    def seen_at_once(self, rgb: Image) -> Image:
        """What of an image goes through the network in one pass (answer.seen_at_once)."""
        return seen_at_once(
            rgb, task=self.task, fit=self.preprocessor.fit, size=self.preprocessor.size
        )

    def raw(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The network's outputs for (N, C, H, W), as decode.decode() takes them per image."""
        return outputs_of(self.task, self.module(batch))

    @torch.no_grad()
    def predict(self, rgbs: Sequence[Image], image_ids: Sequence[int]) -> list[Prediction]:
        """Predictions for RGB images of any sizes, in image coordinates."""

        def compute(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
            outputs = self.raw(torch.from_numpy(batch).to(self.device))
            return [output.float().cpu().numpy() for output in outputs]

        return answer(
            seen_from(compute, self.task, self.views, several=self.several, form=self.form),
            rgbs, image_ids, task=self.task, preprocessor=self.preprocessor,
            class_ids=self.class_ids, several=self.several, form=self.form,
            correction=self.correction,
        )  # fmt: skip

    def corrected(self, correction: Correction | None) -> LoadedNetwork:
        """The same network with answers that are as sure as its run was found to be right."""
        return replace(self, correction=correction)


def outputs_of(task: Task, answer: Any) -> tuple[torch.Tensor, ...]:
    """The tensors that matter in what a module answers in eval mode.

    classify (N, n) logits; segment (N, n + 1, H, W) logits; detect (N, 4 + n, anchors); instance
    that with mask coefficients behind, and (N, m, H / 4, W / 4). Rotated boxes have one row more,
    keypoints three for each point.
    """
    match task:
        case Task.CLASSIFY | Task.SEGMENT:
            return (answer,)
        case Task.DETECT:
            return (answer[0] if isinstance(answer, tuple) else answer,)
        case Task.INSTANCE:
            boxes, maps = answer[0] if isinstance(answer[0], tuple) else answer
            return boxes, maps


def load_network(
    run_directory: Path, *, device: str = "cpu", views: Views = Views.ONE
) -> LoadedNetwork:
    """The network of a run's best checkpoint in eval mode; nothing in the file is executed.

    Raises RunError when there is no checkpoint or it is damaged, UntrustedFile when the file holds
    code, ConfigError when the device is not there.
    """
    path = JobDir(run_directory).best
    if not path.is_file():
        raise RunError(
            f"The run in {run_directory.name} has no checkpoint yet.",
            hint="Wait for its first epoch to end.",
        )
    return replace(from_checkpoint(read_checkpoint(path), device=device), views=views)


def from_checkpoint(checkpoint: Checkpoint, *, device: str = "cpu") -> LoadedNetwork:
    """The network that a checkpoint describes, in eval mode."""
    info, how = network(checkpoint.config.network), checkpoint.preprocessing
    module = build(
        info, classes=len(checkpoint.classes), image_size=how.size, channels=how.channels,
        points=checkpoint.form.points if checkpoint.form is not None else 0,
    )  # fmt: skip
    try:
        module.load_state_dict(checkpoint.weights)
    except RuntimeError as error:
        raise RunError(f"The checkpoint does not fit {info.title}.") from error
    place = device_of(device)
    module = module.to(place).eval()
    if place.type != "mps":
        # Two to three times faster on processors, and what tensor cores want.
        module = module.to(memory_format=torch.channels_last)
    return LoadedNetwork(
        checkpoint.config, checkpoint.classes, checkpoint.preprocessing, module, place,
        checkpoint.epoch, checkpoint.snapshot, own_form=checkpoint.form,
    )  # fmt: skip
