"""The table of networks that CVStudio trains, and the settings that a preset starts from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cvstudio.core import network_catalogue
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.forms import Answers
from cvstudio.core.network_info import HUB as _HUB
from cvstudio.core.network_info import IMAGENET_MEAN, IMAGENET_STD
from cvstudio.core.network_info import Family as Family
from cvstudio.core.network_info import NetworkInfo as NetworkInfo
from cvstudio.core.network_info import Triple as Triple
from cvstudio.core.network_info import WeightsInfo as WeightsInfo
from cvstudio.core.presets import RECIPES, for_images, settings_of
from cvstudio.core.recipe import Fit, Loss, Preset, TrainConfig, holds_for

_TORCHVISION = "https://download.pytorch.org/models/"
_YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"

_CLIP_MEAN: Triple = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD: Triple = (0.26862954, 0.26130258, 0.27577711)

_ENCODER_PARAMETERS = {
    "resnet18": 11.18, "resnet34": 21.28, "resnet50": 23.51, "mobilenet_v2": 2.22,
    "efficientnet-b0": 4.01, "efficientnet-b3": 10.7,
}  # fmt: skip
"""Millions of weights of the encoders alone: of a segmentation network only they are pretrained."""


def _torchvision(
    name: str, title: str, parameters: float, file: str, accuracy: float, *,
    fixed_size: bool = False,
) -> NetworkInfo:  # fmt: skip
    # torchvision's file names end with the first eight digits of their checksum.
    digest = file.rpartition("-")[2].partition(".")[0]
    return NetworkInfo(
        name, title, Task.CLASSIFY, "torchvision", name, parameters, 224,
        WeightsInfo(file, _TORCHVISION + file, digest), fixed_size=fixed_size, accuracy=accuracy,
    )  # fmt: skip


def _timm(
    name: str,
    title: str,
    parameters: float,
    *,
    architecture: str,
    tag: str,
    fixed_size: bool = False,
    inception: bool = False,
    clip: bool = False,
    step: int = 32,
) -> NetworkInfo:
    pretrained = f"{architecture}.{tag}"
    weights = WeightsInfo(
        f"{pretrained}.safetensors", f"{_HUB}timm/{pretrained}/resolve/main/model.safetensors"
    )
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    if inception:
        mean = std = (0.5, 0.5, 0.5)
    elif clip:
        mean, std = _CLIP_MEAN, _CLIP_STD
    return NetworkInfo(
        name, title, Task.CLASSIFY, "timm", architecture, parameters, 224, weights,
        mean=mean, std=std,
        fixed_size=fixed_size, step=step,
        accuracy=network_catalogue.accuracy_of(architecture, tag),
    )  # fmt: skip


_ENCODERS: tuple[tuple[str, str, str, tuple[float, float, float]], ...] = (
    # encoder, title, revision of its weights, parameters with U-Net, DeepLabV3+ and FPN
    ("resnet18", "ResNet-18", "3f2325ff978283d47aa6a1d6878ca20565622683", (14.33, 12.33, 13.05)),
    ("resnet34", "ResNet-34", "7a57b34f723329ff020b3f8bc41771163c519d0c", (24.44, 22.44, 23.16)),
    ("resnet50", "ResNet-50", "00cb74e366966d59cd9a35af57e618af9f88efe9", (32.52, 26.68, 26.12)),
    ("mobilenet_v2", "MobileNetV2", "e67aa804e17f7b404b629127eabbd224c4e0690b", (6.63, 4.38, 4.22)),
    ("efficientnet-b0", "EfficientNet-B0", "1bbe7ecc1d5ea1d2058de1a2db063b8701aff314",
     (6.25, 4.91, 5.76)),
    ("efficientnet-b3", "EfficientNet-B3", "074c54a6c473e0d294690d49cedb6cf463e7127d",
     (13.16, 11.68, 12.48)),
)  # fmt: skip
_DECODERS = (("unet", "U-Net"), ("deeplabv3plus", "DeepLabV3+"), ("fpn", "FPN"))


def _smp() -> tuple[NetworkInfo, ...]:
    table = []
    for place, (decoder, decoder_title) in enumerate(_DECODERS):
        for encoder, encoder_title, revision, parameters in _ENCODERS:
            weights = WeightsInfo(
                f"smp-{encoder}.imagenet.safetensors",
                f"{_HUB}smp-hub/{encoder}.imagenet/resolve/{revision}/model.safetensors",
            )
            table.append(
                NetworkInfo(
                    f"{decoder}-{encoder}",
                    f"{decoder_title}, {encoder_title}",
                    Task.SEGMENT,
                    "smp",
                    decoder,
                    parameters[place],
                    512,
                    weights,
                    encoder=encoder,
                    encoder_parameters=_ENCODER_PARAMETERS[encoder],
                )
            )
    return tuple(table)


_YOLO_SIZES = (("n", "nano"), ("s", "small"), ("m", "medium"), ("l", "large"), ("x", "huge"))
_YOLO_PARAMETERS: dict[str, tuple[float, ...]] = {
    "yolo26": (2.57, 10.01, 21.9, 26.3, 58.99),
    "yolo11": (2.62, 9.46, 20.11, 25.37, 56.97),
    "yolo26-seg": (3.13, 11.51, 27.11, 31.52, 70.69),
    "yolo11-seg": (2.88, 10.11, 22.42, 27.68, 62.14),
    "yolo26-obb": (2.72, 10.58, 23.59, 28.0, 62.81),
    "yolo11-obb": (2.7, 9.74, 20.96, 26.22, 58.88),
    "yolo26-pose": (3.75, 11.87, 24.34, 28.75, 62.91),
    "yolo11-pose": (2.91, 9.95, 20.97, 26.23, 58.89),
}
_YOLO_ENDINGS = {
    Answers.BOXES: "",
    Answers.OUTLINES: "-seg",
    Answers.ROTATED: "-obb",
    Answers.KEYPOINTS: "-pose",
}
_BESIDE_BOXES = (Answers.ROTATED, Answers.KEYPOINTS)
"""What networks for detect answer with whose titles have to say so."""


def _yolo(task: Task, answers: Answers) -> tuple[NetworkInfo, ...]:
    suffix = _YOLO_ENDINGS[answers]
    told = f", {answers}" if answers in _BESIDE_BOXES else ""
    table = []
    for family, title in (("yolo26", "YOLO26"), ("yolo11", "YOLO11")):
        sizes = zip(_YOLO_SIZES, _YOLO_PARAMETERS[family + suffix], strict=True)
        for (letter, size), parameters in sizes:
            name = f"{family}{letter}{suffix}"
            table.append(
                NetworkInfo(
                    name,
                    f"{title} {size}{told}",
                    task,
                    "ultralytics",
                    name,
                    parameters,
                    640,
                    WeightsInfo(f"{name}.pt", f"{_YOLO}{name}.pt"),
                    mean=(0, 0, 0),
                    std=(1, 1, 1),
                    answers=answers,
                )
            )
    return tuple(table)


_RT_DETR = tuple(
    NetworkInfo(
        f"rtdetr-{letter}", f"RT-DETR {size}", Task.DETECT, "ultralytics", f"rtdetr-{letter}",
        parameters, 640, WeightsInfo(f"rtdetr-{letter}.pt", f"{_YOLO}rtdetr-{letter}.pt"),
        mean=(0, 0, 0), std=(1, 1, 1),
    )
    for letter, size, parameters in (("l", "large", 32.97), ("x", "huge", 67.47))
)  # fmt: skip


def _r_cnn(
    name: str, title: str, task: Task, parameters: float, file: str, architecture: str
) -> NetworkInfo:
    digest = file.rpartition("-")[2].partition(".")[0]
    return NetworkInfo(
        name, title, task, "torchvision-detection", architecture, parameters, 640,
        WeightsInfo(file, _TORCHVISION + file, digest),
        answers=Answers.OUTLINES if task is Task.INSTANCE else Answers.BOXES,
    )  # fmt: skip


_FASTER = (
    _r_cnn(
        "fasterrcnn-mobilenet", "Faster R-CNN, MobileNetV3", Task.DETECT, 19.39,
        "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth", "fasterrcnn_mobilenet_v3_large_fpn",
    ),
    _r_cnn(
        "fasterrcnn-resnet50", "Faster R-CNN, ResNet-50", Task.DETECT, 43.71,
        "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", "fasterrcnn_resnet50_fpn_v2",
    ),
)  # fmt: skip
_MASK = (
    _r_cnn(
        "maskrcnn-resnet50", "Mask R-CNN, ResNet-50", Task.INSTANCE, 46.36,
        "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth", "maskrcnn_resnet50_fpn_v2",
    ),
)  # fmt: skip

NETWORKS: tuple[NetworkInfo, ...] = (
    _torchvision("resnet18", "ResNet-18", 11.69, "resnet18-f37072fd.pth", 69.76),
    _torchvision("resnet34", "ResNet-34", 21.8, "resnet34-b627a593.pth", 73.31),
    _torchvision("resnet50", "ResNet-50", 25.56, "resnet50-11ad3fa6.pth", 80.86),
    _torchvision(
        "mobilenet_v3_small", "MobileNetV3 small", 2.54, "mobilenet_v3_small-047dcff4.pth", 67.67
    ),
    _torchvision(
        "mobilenet_v3_large", "MobileNetV3 large", 5.48, "mobilenet_v3_large-5c1a4163.pth", 75.27
    ),
    _torchvision(
        "efficientnet_v2_s", "EfficientNetV2 S", 21.46, "efficientnet_v2_s-dd5fe13b.pth", 84.23
    ),
    _torchvision("convnext_tiny", "ConvNeXt tiny", 28.59, "convnext_tiny-983f1562.pth", 82.52),
    _torchvision("vit_b_16", "ViT-B/16", 86.57, "vit_b_16-c867db91.pth", 81.07, fixed_size=True),
    _timm("convnext_atto", "ConvNeXt atto", 3.7, architecture="convnext_atto", tag="d2_in1k"),
    _timm(
        "convnext_nano", "ConvNeXt nano", 15.59, architecture="convnext_nano",
        tag="in12k_ft_in1k",
    ),
    _timm("efficientnet_b0", "EfficientNet-B0", 5.29, architecture="efficientnet_b0",
          tag="ra_in1k"),
    _timm(
        "mobilenetv4_small", "MobileNetV4 small", 3.77, architecture="mobilenetv4_conv_small",
        tag="e2400_r224_in1k",
    ),
    _timm(
        "vit_tiny", "ViT tiny", 5.72, architecture="vit_tiny_patch16_224",
        tag="augreg_in21k_ft_in1k", fixed_size=True, inception=True,
    ),
    _timm(
        "vit_small", "ViT small", 22.05, architecture="vit_small_patch16_224",
        tag="augreg_in21k_ft_in1k", fixed_size=True, inception=True,
    ),
    _timm(
        "swin_tiny", "Swin tiny", 28.29, architecture="swin_tiny_patch4_window7_224",
        tag="ms_in1k", fixed_size=True,
    ),
    _timm(
        "maxvit_tiny", "MaxViT tiny", 29.06, architecture="maxvit_tiny_rw_224", tag="sw_in1k",
        fixed_size=True,
    ),
    _timm(
        "eva02_tiny", "EVA-02 tiny", 5.76, architecture="eva02_tiny_patch14_336",
        tag="mim_in22k_ft_in1k", fixed_size=True, clip=True, step=224,
    ),
    _timm(
        "eva02_small", "EVA-02 small", 22.13, architecture="eva02_small_patch14_336",
        tag="mim_in22k_ft_in1k", fixed_size=True, clip=True, step=224,
    ),
    *_smp(),
    *_yolo(Task.DETECT, Answers.BOXES),
    *_RT_DETR,
    *_FASTER,
    *_yolo(Task.DETECT, Answers.ROTATED),
    *_yolo(Task.DETECT, Answers.KEYPOINTS),
    *_yolo(Task.INSTANCE, Answers.OUTLINES),
    *_MASK,
)  # fmt: skip
_BY_NAME = {info.name: info for info in NETWORKS}


def network(name: str) -> NetworkInfo:
    """The network of a name, from the table or a library's catalogue. Raises ConfigError when
    neither has one."""
    info = _BY_NAME.get(name) or network_catalogue.found(name)
    if info is None:
        raise ConfigError(f'There is no network called "{name}".')
    return info


def title_of(name: str) -> str:
    """A network as people read it, "U-Net, ResNet-18"; its name when the table has none."""
    info = _BY_NAME.get(name) or network_catalogue.found(name)
    return info.title if info is not None else name


def answering(name: str, answers: Answers) -> str:
    """The name of the network that answers so and is most like another one for detect: the same
    YOLO with another head, else the smallest."""
    plain = name
    for ending in _YOLO_ENDINGS.values():
        plain = plain.removesuffix(ending) if ending else plain
    wanted = plain + _YOLO_ENDINGS[answers]
    if wanted in _BY_NAME:
        return wanted
    return next(
        info.name for info in NETWORKS if info.task is Task.DETECT and info.answers is answers
    )


def networks_for(task: Task) -> tuple[NetworkInfo, ...]:
    """The networks of the table for a task, in the order in which they are offered first."""
    return tuple(info for info in NETWORKS if info.task == task)


def all_networks(task: Task) -> tuple[NetworkInfo, ...]:
    """Those of the table, then every other one of the libraries' catalogues."""
    return (*networks_for(task), *network_catalogue.catalogue(task))


def applies(name: str, info: NetworkInfo) -> bool:
    """Whether a setting of TrainConfig has an effect on runs of a network."""
    holds = holds_for(name)
    if holds is None:
        return True
    known = {info.task.value, info.family}
    if info.family == "ultralytics" and not info.listed:
        known.add("yolo")
    if not info.fixed_size:
        known.add("any size")
    if not info.colours_only:
        known.add("any channels")
    return not known.isdisjoint(holds)


def fits(info: NetworkInfo) -> tuple[Fit, ...]:
    """How images can be fitted for a network.

    Networks that know one size cannot judge whole images after training on crops, and lists of
    the best objects are made for squares. A stretched rotated box is a slanted shape and no box.
    """
    if info.answers is Answers.ROTATED:
        return (Fit.PAD, Fit.CROP)
    if info.fixed_size or info.listed:
        return (Fit.PAD, Fit.STRETCH)
    return tuple(Fit)


def check_settings(info: NetworkInfo, names: Iterable[str]) -> None:
    """Raise ConfigError when one of the settings has no effect on runs of a network."""
    for name in names:
        if not applies(name, info):
            title = TrainConfig.model_fields[name].title
            raise ConfigError(f'"{title}" ({name}) has no effect on {info.title}.')


def default_config(
    task: Task,
    preset: Preset = Preset.BALANCED,
    network: str | None = None,
    *,
    image_count: int | None = None,
    several: bool = False,
    **over: Any,
) -> TrainConfig:
    """The settings a run starts from; `over` replaces single fields.

    `several`: images of the project may have several classes, so that a run learns each by itself.

    `image_count` is the number of training images: with few images the epochs grow, so that the
    network still takes enough steps, and the batch shrinks, so that an epoch has at least eight.
    Raises ConfigError when the network is unknown or for another task.
    """
    recipe = RECIPES[task][preset]
    info = _of_task(network or recipe.network, task)
    if image_count is not None:
        recipe = for_images(recipe, image_count, most=1.5 if preset is Preset.FAST else 3.0)
    # A classifier that knows one size knows that of its weights best.
    own = info.fixed_size and task is Task.CLASSIFY
    size = info.nearest(info.image_size if own else recipe.image_size)
    values: dict[str, Any] = {
        "task": task,
        "network": info.name,
        "preset": preset,
        "image_size": size,
        "epochs": recipe.epochs,
        "patience": max(recipe.epochs // 3, 10),
        "batch": recipe.batch,
        **{
            name: value
            for name, value in settings_of(preset, info, images=image_count).items()
            if applies(name, info)
        },
    }
    if several and task is Task.CLASSIFY:
        values |= {"loss": Loss.BINARY, "several_classes": True}
    return TrainConfig(**{**values, **over})


def preset_changes(config: TrainConfig) -> tuple[str, ...]:
    """The settings of a run that its preset does not have, whatever the number of images.

    The network, the computer and the seed are no part of it.
    """
    unknown, few, many = (
        default_config(config.task, config.preset, config.network, image_count=count,
                       several=config.several_classes)
        for count in (None, 1, 1_000_000)
    )  # fmt: skip
    info = network(config.network)
    found = [
        name
        for name, field in TrainConfig.model_fields.items()
        if field.title and name not in ASIDE and applies(name, info)
        and getattr(config, name) not in (getattr(unknown, name), getattr(many, name))
    ]  # fmt: skip
    by_images = {"epochs", "patience", "batch"} & set(found)
    if by_images and _between(config, few, many):
        found = [name for name in found if name not in by_images]
    return tuple(found)


ASIDE = frozenset({
    "weights_file", "seed", "deterministic", "device", "workers", "cache_images", "cache_on_disk",
    "mixed_precision", "half", "channels_last", "compile",
})  # fmt: skip
"""Settings that no preset is asked about: how a run is computed, and what it starts from."""


def _between(config: TrainConfig, few: TrainConfig, many: TrainConfig) -> bool:
    """Whether a preset asks for as many epochs and images a step with some number of images."""
    return (
        many.epochs <= config.epochs <= few.epochs
        and config.patience == max(config.epochs // 3, 10)
        and config.batch in {max(many.batch // 2**n, 2) for n in range(10)}
    )


def _of_task(name: str, task: Task) -> NetworkInfo:
    info = network(name)
    if info.task != task:
        raise ConfigError(
            f"{info.title} is a network for {info.task}, and this project is for {task}."
        )
    return info
