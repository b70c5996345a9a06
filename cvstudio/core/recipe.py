"""The recipe of a training run: every setting, with its title, its limits and its sentence.

The advanced form, the command line's help and the documentation show these; nothing repeats them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from cvstudio.core.annotation import Task
from cvstudio.core.pipeline import Item
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


class Schedule(StrEnum):
    """How the learning rate goes over the time of a run."""

    COSINE = "cosine"
    ONE_CYCLE = "one-cycle"
    RESTARTS = "restarts"
    PLATEAU = "plateau"


class Sampling(StrEnum):
    """Which training images an epoch shows."""

    ALL = "all"
    BALANCED = "balanced"
    REPEAT = "repeat"


class Layers(StrEnum):
    """Which layers of a pretrained network learn."""

    ALL = "all"
    LAST = "last"
    HEAD = "head"


class Loss(StrEnum):
    """What an error costs."""

    STANDARD = "standard"
    CROSS_ENTROPY = "cross-entropy"
    FOCAL = "focal"
    BINARY = "binary"
    DICE = "dice"
    TVERSKY = "tversky"
    LOVASZ = "lovasz"


class Half(StrEnum):
    """The number format of mixed precision."""

    AUTO = "auto"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Fit(StrEnum):
    """How an image of another shape is brought to the network's size."""

    PAD = "pad"
    STRETCH = "stretch"
    CROP = "crop"


class Sees(StrEnum):
    """What of an image reaches the network."""

    DISPLAYED = "displayed"
    ALL = "all"


class Normalise(StrEnum):
    """Whose mean and deviation bring colours to the scale that a network learns on."""

    AUTO = "auto"
    WEIGHTS = "weights"
    DATA = "data"


CYCLE_RISE = 0.3
"""Share of a run in which one-cycle's rate rises."""

SIZE_STEP = 32
"""Networks halve the sides of images five times: sizes differ by so many pixels."""


def _group(name: str, **more: Any) -> dict[str, Any]:
    """Where a setting stands in the form, and what else is to be known of it.

    `unit` follows its value, `zero` is said in place of 0, `step` is how far an arrow moves it.
    `holds` names the tasks and families of networks that have the setting; without it all have.
    `needs` are the needs without which it has no effect, all of them. `data` says that it matters
    to projects with a kind of images only: "deep", those with more than 8-bit colour.
    """
    return {"group": name, **more}


def holds_for(name: str) -> frozenset[str] | None:
    """The tasks and families of networks on which a setting has an effect; None means all."""
    holds = _more(name).get("holds")
    return None if holds is None else frozenset(holds)


Need = dict[str, tuple[str, ...]]
"""Settings of which one must have one of the values beside it, so that another has an effect."""

ABOVE_0 = "above 0"
"""Stands in a need for every value above 0."""


def without_effect(name: str, config: TrainConfig) -> Need:
    """The need of a setting that a config does not meet; {} when the setting has an effect."""
    return next((need for need in needed(name) if not met(need, config)), {})


def needed(name: str) -> tuple[Need, ...]:
    """What a setting needs to have an effect: each of these."""
    return tuple(_more(name).get("needs", ()))


def met(need: Need, config: TrainConfig) -> bool:
    """Whether a config has what a need asks for."""
    return any(
        str(getattr(config, other)) in values or (ABOVE_0 in values and getattr(config, other) > 0)
        for other, values in need.items()
    )


def _more(name: str) -> dict[str, Any]:
    more = TrainConfig.model_fields[name].json_schema_extra
    return dict(more) if isinstance(more, dict) else {}


_TRAINED: Need = {"start": ("pretrained", "file", "run")}
"""What settings need that say how weights are used which have learned something already."""

_THAWS: Need = {"layers": ("all", "last")}
"""What settings need that say when and how fast pretrained layers learn."""

_THAWS_ALL: Need = {"layers": ("all",)}
"""What settings need that tell the quarters of a network from each other."""

_WEIGHED: Need = {"loss": ("standard", "cross-entropy", "focal", "binary")}
"""What settings need that weigh single answers; shares of overlap know nothing of them."""


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
        None, title="Weights file", json_schema_extra=_group("Weights", needs=(_TRAINED,)),
        description="The file to start from, when another one than the library's is wanted.",
    )  # fmt: skip
    epochs: int = Field(
        50, ge=1, le=10_000, title="Epochs", json_schema_extra=_group("Length"),
        description="How often the network sees every training image.",
    )  # fmt: skip
    patience: int = Field(
        20, ge=0, le=10_000, title="Stop early after",
        json_schema_extra=_group("Length", zero="never", unit="epochs", explain=True),
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
        " full-size pieces and judges whole images; classes are told as the mean of such pieces.",
    )  # fmt: skip
    sees: Sees = Field(
        Sees.DISPLAYED, title="The network sees",
        json_schema_extra=_group("Images", data="deep", explain=True, holds=("any channels",)),
        description="What the screen shows, in 8-bit colour; or every bit and channel of the files,"
        " scaled by the mean and deviation of the training images. All networks can, but the few"
        " that are made for colours.",
    )  # fmt: skip
    normalise: Normalise = Field(
        Normalise.AUTO, title="Scale colours by",
        json_schema_extra=_group(
            "Images", needs=({"sees": ("displayed",)},),
            holds=("classify", "segment", "torchvision-detection"),
        ),
        description="Mean and deviation of the images that the pretrained weights know, or of the"
        " training images; auto takes the latter from scratch alone.",
    )  # fmt: skip
    batch: int = Field(
        16, ge=0, le=1024, title="Batch", json_schema_extra=_group("Images", zero="automatic"),
        description="Images per step. More needs more memory; automatic takes what the memory"
        " holds.",
    )  # fmt: skip
    first_size: int = Field(
        0, ge=0, le=4096, multiple_of=32, title="Begin at",
        json_schema_extra=_group("Images", zero="full size", unit="px", holds=("any size",)),
        description="Images grow from this side to the full one over three quarters of the run,"
        " which saves time; 0 has the full one at once.",
    )  # fmt: skip
    multi_scale: float = Field(
        0.0, ge=0, le=0.5, title="Change of size",
        json_schema_extra=_group("Images", zero="off", step=0.05, holds=("any size",)),
        description="Each batch is larger or smaller by up to this share, so that the network"
        " learns objects of all sizes.",
    )  # fmt: skip
    sampling: Sampling = Field(
        Sampling.ALL, title="Images of an epoch", json_schema_extra=_group("Data", explain=True),
        description="All shows each once; balanced draws every class equally often; repeat shows"
        " images with rare classes more often.",
    )  # fmt: skip
    rare_below: float = Field(
        0.1, gt=0, le=1, title="Rare is below",
        json_schema_extra=_group("Data", step=0.05, needs=({"sampling": ("repeat",)},)),
        description="Classes on less than this share of the images are shown more often.",
    )  # fmt: skip
    mixup: float = Field(
        0.0, ge=0, le=1, title="MixUp",
        json_schema_extra=_group("Data", zero="off", step=0.1, holds=("classify",)),
        description="Blends two images and their classes; 0.2 is usual, 0 is off.",
    )  # fmt: skip
    cutmix: float = Field(
        0.0, ge=0, le=1, title="CutMix",
        json_schema_extra=_group("Data", zero="off", step=0.1, holds=("classify", "segment")),
        description="Lays a piece of another image over each; 1 is usual, 0 is off.",
    )  # fmt: skip
    mosaic: float = Field(
        0.0, ge=0, le=1, title="Mosaic",
        json_schema_extra=_group(
            "Data", zero="off", step=0.1, holds=("detect", "instance", "segment"),
        ),
        description="Chance that an image becomes one of four in a mosaic: more and smaller objects"
        " around others.",
    )  # fmt: skip
    copy_paste: float = Field(
        0.0, ge=0, le=1, title="Copy and paste",
        json_schema_extra=_group("Data", zero="off", step=0.1, holds=("instance", "segment")),
        description="Chance that objects of another image are laid over one.",
    )  # fmt: skip
    plain_epochs: int = Field(
        10, ge=0, le=1000, title="Plain at the end",
        json_schema_extra=_group(
            "Data", zero="none", unit="epochs", holds=("detect", "instance", "segment"),
            needs=({"mosaic": (ABOVE_0,), "copy_paste": (ABOVE_0,)},),
        ),
        description="The last epochs show images as they are, without mosaic and pasted objects.",
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
        1.0, ge=0, le=100, title="Warm-up",
        json_schema_extra=_group("Optimiser", zero="none", step=0.5, unit="epochs"),
        description="The learning rate rises from zero during the first epochs.",
    )  # fmt: skip
    schedule: Schedule = Field(
        Schedule.COSINE, title="Schedule", json_schema_extra=_group("Optimiser", explain=True),
        description="Cosine falls smoothly; one-cycle rises for a third of the run and falls;"
        " restarts falls again and again; plateau falls when val gets no better.",
    )  # fmt: skip
    restart_epochs: int = Field(
        10, ge=1, le=1000, title="First restart after",
        json_schema_extra=_group("Optimiser", unit="epochs", needs=({"schedule": ("restarts",)},)),
        description="Each stretch between two restarts is twice as long as the one before.",
    )  # fmt: skip
    plateau_epochs: int = Field(
        5, ge=1, le=1000, title="Plateau is over after",
        json_schema_extra=_group("Optimiser", unit="epochs", needs=({"schedule": ("plateau",)},)),
        description="The rate falls to a third when that many epochs in a row were no better.",
    )  # fmt: skip
    optimizer: Optimizer = Field(
        Optimizer.ADAMW, title="Optimiser", json_schema_extra=_group("Optimiser"),
        description="AdamW suits most data; SGD is the classic for long runs.",
    )  # fmt: skip
    weight_decay: float = Field(
        0.01, ge=0, le=1, title="Weight decay", json_schema_extra=_group("Optimiser"),
        description="Pulls weights towards zero, against learning by heart.",
    )  # fmt: skip
    gradient_limit: float = Field(
        10.0, ge=0, le=1000, title="Gradient limit",
        json_schema_extra=_group("Optimiser", zero="none", step=1.0),
        description="Longer gradients are shortened, so that one bad batch spoils nothing; 0 sets"
        " no limit.",
    )  # fmt: skip
    accumulate: int = Field(
        1, ge=1, le=256, title="Batches per step", json_schema_extra=_group("Optimiser"),
        description="Gradients of that many batches are added up before the weights move: a large"
        " batch in little memory.",
    )  # fmt: skip
    sharpness: float = Field(
        0.0, ge=0, le=1, title="Sharpness-aware radius",
        json_schema_extra=_group(
            "Optimiser", zero="off", step=0.01,
            holds=("classify", "segment", "torchvision-detection"),
        ),
        description="SAM: looks for weights whose neighbours do well too, at twice the time; 0.05"
        " is usual, 0 is off.",
    )  # fmt: skip
    average: float = Field(
        0.0, ge=0, lt=1, title="Average of weights",
        json_schema_extra=_group(
            "Optimiser", zero="off", holds=("classify", "segment", "torchvision-detection"),
        ),
        description="The network that is kept is a running mean (EMA) over the steps; 0.998 is"
        " usual, 0 is off.",
    )  # fmt: skip
    layers: Layers = Field(
        Layers.ALL, title="Layers that learn",
        json_schema_extra=_group("Weights", needs=(_TRAINED,)),
        description="With very few images it can help to let only the last layers of a pretrained"
        " network learn.",
    )  # fmt: skip
    frozen_epochs: int = Field(
        0, ge=0, le=1000, title="New layers alone",
        json_schema_extra=_group(
            "Weights", zero="none", unit="epochs", explain=True, needs=(_TRAINED, _THAWS),
        ),
        description="In the first epochs only the new last layers learn, so that they do not spoil"
        " the pretrained ones.",
    )  # fmt: skip
    thaw_epochs: int = Field(
        0, ge=0, le=1000, title="Thaw a quarter every",
        json_schema_extra=_group(
            "Weights", zero="all at once", unit="epochs", needs=(_TRAINED, _THAWS_ALL),
        ),
        description="After the new layers, a further quarter of the pretrained ones begins to learn"
        " every so many epochs; 0 lets all begin at once.",
    )  # fmt: skip
    backbone_rate: float = Field(
        0.1, gt=0, le=1, title="Pretrained layers' pace",
        json_schema_extra=_group(
            "Weights", step=0.05, explain=True, needs=(_TRAINED, _THAWS),
        ),
        description="How fast pretrained layers change beside the new ones: 0.1 is a tenth as fast,"
        " 1 is as fast.",
    )  # fmt: skip
    quarter_rate: float = Field(
        0.7, gt=0, le=1, title="Pace from quarter to quarter",
        json_schema_extra=_group(
            "Weights", step=0.05, holds=("classify", "segment", "torchvision-detection"),
            needs=(_TRAINED, _THAWS_ALL),
        ),
        description="Each quarter of the pretrained layers learns at this share of the next one's"
        " pace: those near the image are the most general.",
    )  # fmt: skip
    loss: Loss = Field(
        Loss.STANDARD, title="Loss",
        json_schema_extra=_group("Loss", explain=True, holds=("classify", "segment")),
        description="Standard is cross-entropy, for segment with Dice. Focal looks at what is hard,"
        " Dice and Tversky at overlap, Lovász at IoU itself.",
    )  # fmt: skip
    several_classes: bool = Field(
        False, title="Several classes an image",
        json_schema_extra=_group("Loss", holds=("classify",), needs=({"loss": ("binary",)},)),
        description="Each class is answered with yes or no on its own, so an image may have several"
        " or none.",
    )  # fmt: skip
    focus: float = Field(
        2.0, ge=0, le=10, title="Focus",
        json_schema_extra=_group(
            "Loss", zero="none", step=0.5, holds=("classify", "segment"),
            needs=({"loss": ("focal",)},),
        ),
        description="How much more focal loss looks at what the network still gets wrong.",
    )  # fmt: skip
    miss_weight: float = Field(
        0.7, gt=0, lt=1, title="Weight of misses",
        json_schema_extra=_group(
            "Loss", step=0.05, holds=("segment",), needs=({"loss": ("tversky",)},),
        ),
        description="Above a half, Tversky loss prefers finding too much to missing something.",
    )  # fmt: skip
    class_weights: bool = Field(
        False, title="Balance classes",
        # RT-DETR's loss in ultralytics knows no weights of classes.
        json_schema_extra=_group(
            "Loss", holds=("classify", "segment", "torchvision-detection", "yolo"),
            needs=(_WEIGHED,),
        ),
        description="Errors on rare classes count more.",
    )  # fmt: skip
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, title="Label smoothing",
        # ultralytics' assignment of objects to anchors gives soft labels already.
        json_schema_extra=_group(
            "Loss", zero="off", step=0.01, holds=("classify", "segment"), needs=(_WEIGHED,),
        ),
        description="Keeps the network from being surer than the labels are.",
    )  # fmt: skip
    mixed_precision: bool = Field(
        True, title="Mixed precision", json_schema_extra=_group("Computer"),
        description="Half the memory and more speed on a GPU; a processor computes in full unless"
        " bfloat16 is chosen.",
    )  # fmt: skip
    half: Half = Field(
        Half.AUTO, title="Half precision as",
        json_schema_extra=_group("Computer", needs=({"mixed_precision": ("True",)},)),
        description="Auto takes what the GPU computes natively: bfloat16 from Ampere on.",
    )  # fmt: skip
    channels_last: bool = Field(
        True, title="Channels last", json_schema_extra=_group("Computer"),
        description="The order of values in memory that convolutions like best on most computers.",
    )  # fmt: skip
    compile: bool = Field(
        False, title="Compile the network",
        json_schema_extra=_group(
            "Computer", holds=("classify", "segment", "torchvision-detection", "yolo"),
        ),
        description="torch.compile: minutes at the start, then quicker steps; for long runs on a"
        " GPU.",
    )  # fmt: skip
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+(,\d+)*)?)$", title="Device",
        json_schema_extra=_group("Computer"),
        description="auto takes the GPU when there is one; cuda:0,1 trains on two together.",
    )  # fmt: skip
    workers: int = Field(
        2, ge=0, le=64, title="Readers", json_schema_extra=_group("Computer", zero="none"),
        description="Processes that read images ahead of the network.",
    )  # fmt: skip
    cache_images: bool = Field(
        True, title="Keep images in memory", json_schema_extra=_group("Computer"),
        description="Decoded images stay in memory when they fit into a quarter of it.",
    )  # fmt: skip
    cache_on_disk: bool = Field(
        False, title="Keep scaled images on disk", json_schema_extra=_group("Computer"),
        description="Where memory does not hold them, images are read and scaled once and kept"
        " beside the run while it trains.",
    )  # fmt: skip
    seed: int = Field(
        0, ge=0, lt=2**31, title="Seed", json_schema_extra=_group("Repeatability"),
        description="The same seed on the same data gives the same run on the same computer.",
    )  # fmt: skip
    deterministic: bool = Field(
        False, title="Repeat exactly", json_schema_extra=_group("Repeatability"),
        description="Use only operations that give the same result every time. Slower on a GPU.",
    )  # fmt: skip
    augmentation: tuple[Item, ...] = ()
    """The pipeline, applied to training images only."""
