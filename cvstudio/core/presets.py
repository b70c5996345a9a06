"""What each preset sets, by task, and where the values come from.

Fast and balanced are plain: they are meant for a first network within the hour. Accurate has time
for what pays off in long runs only. Each value is that of a published recipe:

- AdamW with decay, a warm-up and a cosine: Loshchilov and Hutter, "Decoupled Weight Decay
  Regularization" (2019); its rate and decay as in Liu and others, "A ConvNet for the 2020s" (2022).
  A tenth of the rate for pretrained layers: Howard and Ruder, "Universal Language Model
  Fine-tuning" (2018).
- Label smoothing 0.1: Szegedy and others, "Rethinking the Inception Architecture" (2016). With
  MixUp 0.2 and CutMix 1.0, one of the two for each batch, and an average of the weights: "How to
  Train State-Of-The-Art Models Using TorchVision's Latest Primitives" (PyTorch, 2021), after Zhang
  and others (2018) and Yun and others (2019). Blends need many epochs and images enough.
- Averages of the weights (EMA): Tarvainen and Valpola, "Mean Teachers" (2017). 0.998 remembers
  about 500 steps: published values as 0.9999 are for hundreds of thousands. ultralytics' trainers
  have an average of their own.
- YOLO and RT-DETR: AdamW as ultralytics picks it by itself for runs of less than ten thousand
  steps; mosaic 1.0 that ends ten epochs before the run does ("close_mosaic"): its default.yaml,
  after Bochkovskiy and others, "YOLOv4" (2020), and Ge and others, "YOLOX" (2021). Of few images
  mosaics show the same ones again and again.
- Detectors that list their best objects: AdamW at 1e-4 with a decay of 1e-4: Carion and others,
  "DETR" (2020), and Zhao and others, "RT-DETR" (2024).
- SGD wants about ten times the rate of AdamW: 0.01 beside 0.001 in ultralytics' own choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from cvstudio.core.annotation import Task
from cvstudio.core.network_info import NetworkInfo
from cvstudio.core.recipe import Preset

MANY = 500
"""Training images from which blends and mosaics of them are worth their time."""

SGD_TIMES = 10
"""How many times the rate of AdamW SGD wants."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a preset sets; the epochs are for about a thousand training images.

    `settings` hold for every run of it, `many` for those with MANY training images or more.
    """

    network: str
    image_size: int
    epochs: int
    batch: int
    settings: dict[str, Any] = field(default_factory=dict)
    many: dict[str, Any] = field(default_factory=dict)


_MOSAIC = {"mosaic": 1.0, "plain_epochs": 10}
_AVERAGE = {"average": 0.998}
_BLENDS = {"mixup": 0.2, "cutmix": 1.0}

RECIPES: dict[Task, dict[Preset, Recipe]] = {
    Task.CLASSIFY: {
        Preset.FAST: Recipe("resnet18", 128, 12, 32),
        Preset.BALANCED: Recipe("resnet34", 224, 30, 32, {"label_smoothing": 0.1}),
        Preset.ACCURATE: Recipe(
            "convnext_tiny", 224, 60, 32, {"label_smoothing": 0.1, **_AVERAGE}, _BLENDS
        ),
    },
    Task.SEGMENT: {
        Preset.FAST: Recipe("unet-resnet18", 256, 20, 8),
        Preset.BALANCED: Recipe("unet-resnet34", 512, 50, 8),
        Preset.ACCURATE: Recipe("deeplabv3plus-resnet50", 512, 100, 8, _AVERAGE),
    },
    Task.DETECT: {
        Preset.FAST: Recipe("yolo26n", 320, 25, 16),
        Preset.BALANCED: Recipe("yolo26s", 640, 60, 16, {}, _MOSAIC),
        Preset.ACCURATE: Recipe("yolo26m", 640, 120, 16, _AVERAGE, _MOSAIC),
    },
    Task.INSTANCE: {
        Preset.FAST: Recipe("yolo26n-seg", 320, 25, 16),
        Preset.BALANCED: Recipe("yolo26s-seg", 640, 60, 16, {}, _MOSAIC),
        Preset.ACCURATE: Recipe("yolo26m-seg", 640, 120, 16, _AVERAGE, _MOSAIC),
    },
}

_OBJECTS = {
    "learning_rate": 1e-3, "weight_decay": 5e-4, "warmup_epochs": 3.0, "backbone_rate": 1.0,
}  # fmt: skip
_BY_TASK: dict[Task, dict[str, Any]] = {
    Task.CLASSIFY: {
        "learning_rate": 1e-3, "weight_decay": 0.05, "warmup_epochs": 1.0, "frozen_epochs": 1,
        "label_smoothing": 0.05, "backbone_rate": 0.1,
    },
    Task.SEGMENT: {
        "learning_rate": 1e-3, "weight_decay": 0.01, "warmup_epochs": 1.0, "backbone_rate": 0.1,
    },
    Task.DETECT: _OBJECTS,
    Task.INSTANCE: _OBJECTS,
}  # fmt: skip
_LISTED = {"learning_rate": 1e-4, "weight_decay": 1e-4, "warmup_epochs": 1.0}
"""Of detectors that list their best objects, in place of YOLO's."""


def settings_of(preset: Preset, info: NetworkInfo, *, images: int | None) -> dict[str, Any]:
    """The settings beside size, length and batch that a preset has for a network.

    `images` train; None where that is not known.
    """
    recipe = RECIPES[info.task][preset]
    found = {**_BY_TASK[info.task], **(_LISTED if info.listed else {}), **recipe.settings}
    if images is not None and images >= MANY:
        found |= recipe.many
    if info.family == "torchvision-detection":
        found.pop("mosaic", None)  # their own recipes have none
    return found


def for_images(recipe: Recipe, images: int, *, most: float) -> Recipe:
    """A recipe for a number of training images: more epochs and smaller batches for few."""
    count = max(images, 1)
    factor = min(max((1000 / count) ** 0.5, 0.5), most)
    batch = recipe.batch
    while batch > 2 and count / batch < 8:
        batch //= 2
    return replace(recipe, epochs=max(round(recipe.epochs * factor), 1), batch=batch)
