"""The recipe of a training run: every setting, with its title, its limits and its sentence.

The advanced form, the command line's help and the documentation show these; nothing repeats them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Step
from cvstudio.core.record import Record


class Preset(StrEnum):
    """How long a run may take."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


class Start(StrEnum):
    """Which weights a run starts from."""

    PRETRAINED = "pretrained"
    SCRATCH = "scratch"
    FILE = "file"
    RUN = "run"


class Optimizer(StrEnum):
    """How weights follow the gradient."""

    ADAMW = "adamw"
    SGD = "sgd"


class Fit(StrEnum):
    """How an image of another shape is brought to the network's size."""

    PAD = "pad"
    STRETCH = "stretch"
    CROP = "crop"


def _group(name: str, **more: Any) -> dict[str, Any]:
    """Where a setting stands in the form, and what else is to be known of it.

    `holds` names the tasks and families of networks that have the setting; without it all have.
    """
    return {"group": name, **more}


def holds_for(name: str) -> frozenset[str] | None:
    """The tasks and families of networks on which a setting has an effect; None means all."""
    more = TrainConfig.model_fields[name].json_schema_extra
    holds = more.get("holds") if isinstance(more, dict) else None
    return None if holds is None else frozenset(map(str, holds))  # type: ignore[arg-type]


class TrainConfig(Record):
    """One training run."""

    kind: Literal["train"] = "train"
    task: Task
    network: str
    """A name of the network table."""
    preset: Preset = Preset.BALANCED

    start: Start = Field(
        Start.PRETRAINED, title="Start from", json_schema_extra=_group("Weights"),
        description="Pretrained weights need far fewer images than starting from scratch.",
    )  # fmt: skip
    weights_file: Path | None = Field(
        None, title="Weights file", json_schema_extra=_group("Weights"),
        description="The file to start from, when another one than the library's is wanted.",
    )  # fmt: skip
    epochs: int = Field(
        50, ge=1, le=10_000, title="Epochs", json_schema_extra=_group("Length"),
        description="How often the network sees every training image.",
    )  # fmt: skip
    patience: int = Field(
        20, ge=0, le=10_000, title="Stop early after",
        json_schema_extra=_group("Length", unit="epochs", explain=True),
        description="The run ends when that many epochs in a row bring no better result on val;"
        " 0 never stops early.",
    )  # fmt: skip
    image_size: int = Field(
        640, ge=32, le=4096, multiple_of=32, title="Image size",
        json_schema_extra=_group("Images", unit="px"),
        description="Side of the square that the network sees. Larger finds smaller objects.",
    )  # fmt: skip
    fit: Fit = Field(
        Fit.PAD, title="Fit images by", json_schema_extra=_group("Images"),
        description="Padding keeps the proportions; stretching does not; cropping trains on"
        " full-size pieces and judges whole images.",
    )  # fmt: skip
    batch: int = Field(
        16, ge=1, le=1024, title="Batch", json_schema_extra=_group("Images"),
        description="Images per step. More needs more memory.",
    )  # fmt: skip
    learning_rate: float = Field(
        1e-3, gt=0, le=1, title="Learning rate", json_schema_extra=_group("Optimiser"),
        description="How far one step moves the weights at the top of the schedule.",
    )  # fmt: skip
    final_rate: float = Field(
        0.01, gt=0, le=1, title="Final rate", json_schema_extra=_group("Optimiser"),
        description="What is left of the learning rate at the end of the cosine schedule.",
    )  # fmt: skip
    warmup_epochs: float = Field(
        1.0, ge=0, le=100, title="Warm-up", json_schema_extra=_group("Optimiser", unit="epochs"),
        description="The learning rate rises from zero during the first epochs.",
    )  # fmt: skip
    optimizer: Optimizer = Field(
        Optimizer.ADAMW, title="Optimiser", json_schema_extra=_group("Optimiser"),
        description="AdamW suits most data; SGD is the classic for long runs.",
    )  # fmt: skip
    weight_decay: float = Field(
        0.01, ge=0, le=1, title="Weight decay", json_schema_extra=_group("Optimiser"),
        description="Pulls weights towards zero, against learning by heart.",
    )  # fmt: skip
    frozen_epochs: int = Field(
        0, ge=0, le=1000, title="New layers alone",
        json_schema_extra=_group("Weights", unit="epochs", explain=True),
        description="In the first epochs only the new last layers learn, so that they do not spoil"
        " the pretrained ones.",
    )  # fmt: skip
    backbone_rate: float = Field(
        0.1, gt=0, le=1, title="Pretrained layers' pace",
        json_schema_extra=_group("Weights", explain=True),
        description="How fast pretrained layers change beside the new ones: 0.1 is a tenth as fast,"
        " 1 is as fast.",
    )  # fmt: skip
    class_weights: bool = Field(
        False, title="Balance classes", json_schema_extra=_group("Loss"),
        description="Errors on rare classes count more.",
    )  # fmt: skip
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, title="Label smoothing",
        # ultralytics' assignment of objects to anchors gives soft labels already.
        json_schema_extra=_group("Loss", holds=("classify", "segment")),
        description="Keeps the network from being surer than the labels are.",
    )  # fmt: skip
    mixed_precision: bool = Field(
        True, title="Mixed precision", json_schema_extra=_group("Computer"),
        description="Half the memory and more speed on a GPU; without effect on the processor.",
    )  # fmt: skip
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", title="Device",
        json_schema_extra=_group("Computer"),
        description="auto takes the GPU when there is one.",
    )  # fmt: skip
    workers: int = Field(
        2, ge=0, le=64, title="Readers", json_schema_extra=_group("Computer"),
        description="Processes that read images ahead of the network.",
    )  # fmt: skip
    cache_images: bool = Field(
        True, title="Keep images in memory", json_schema_extra=_group("Computer"),
        description="Decoded images stay in memory when they fit into a quarter of it.",
    )  # fmt: skip
    seed: int = Field(
        0, ge=0, lt=2**31, title="Seed", json_schema_extra=_group("Repeatability"),
        description="The same seed on the same data gives the same run on the same computer.",
    )  # fmt: skip
    deterministic: bool = Field(
        False, title="Repeat exactly", json_schema_extra=_group("Repeatability"),
        description="Use only operations that give the same result every time. Slower on a GPU.",
    )  # fmt: skip
    augmentation: tuple[Step, ...] = ()
    """The pipeline, applied to training images only."""
