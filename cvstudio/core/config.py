"""What a job is asked to do, validated: the content of a run directory's config.json.

The titles, descriptions and limits of TrainConfig's fields are what the advanced form, the command
line's help and the documentation show; nothing repeats them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError


class Record(BaseModel):
    """Base of everything that is written to a job's files."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="strings"
    )


class Step(Record):
    """One step of an augmentation pipeline: a transform of the catalogue and its parameters."""

    transform: str
    enabled: bool = True
    chance: float = Field(0.5, ge=0, le=1)
    parameters: dict[str, Any] = Field(default_factory=dict)


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
    return {"group": name, **more}


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
        0.0, ge=0, lt=1, title="Label smoothing", json_schema_extra=_group("Loss"),
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


class EvaluateConfig(Record):
    """Judge a run's best checkpoint on one split of a snapshot."""

    kind: Literal["evaluate"] = "evaluate"
    run_directory: Path
    split: Literal["train", "val", "test"] = "val"
    batch: int = Field(8, ge=1)
    device: str = "auto"


class ExplainConfig(Record):
    """One heat map: where in an image the evidence for a prediction lies."""

    kind: Literal["explain"] = "explain"
    run_directory: Path
    image: Path
    page: int = 0
    class_id: int | None = None
    """The class to explain; None takes the most likely one."""
    box: tuple[float, float, float, float] | None = None
    """For detect and instance: explain the prediction that overlaps this box (x, y, w, h) most.
    For segment: explain the class inside this region."""
    device: str = "auto"
    output: Path | None = None


class ExportConfig(Record):
    """A run's best checkpoint as an ONNX file, proven against the checkpoint."""

    kind: Literal["export"] = "export"
    run_directory: Path
    output: Path
    int8: bool = False
    verify: bool = True
    parity_images: int = Field(16, ge=1)
    device: str = "cpu"


class SuggestConfig(Record):
    """Ask a network for labels of images; which ones lies beside it (core.suggestion)."""

    kind: Literal["suggest"] = "suggest"
    task: Task
    """That of the project; a network for another task is refused."""
    run_directory: Path | None = None
    """The run whose best checkpoint is asked; None when a file is."""
    file: Path | None = None
    """An ONNX file that CVStudio exported."""
    score: float = Field(0.25, ge=0, le=1)
    """Objects and classes that the network is less sure of are left out."""
    overlap: float = Field(0.5, ge=0.1, le=1)
    """What overlaps a label by that much (IoU) is the same thing, and is not suggested."""
    batch: int = Field(8, ge=1)
    device: str = "auto"

    @model_validator(mode="after")
    def _one_network(self) -> SuggestConfig:
        if (self.run_directory is None) == (self.file is None):
            raise ValueError("name a run or a file")
        return self


JobConfig = Annotated[
    TrainConfig | EvaluateConfig | ExplainConfig | ExportConfig | SuggestConfig,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[JobConfig] = TypeAdapter(JobConfig)


def read_config(path: Path) -> JobConfig:
    """The validated content of a config.json. Raises ConfigError with a readable sentence."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"There is no config.json in {path.parent}.") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """A validation error in words: a sentence for each wrong field, with what it may be."""
    return " ".join(_sentence(item) for item in error.errors())


def _sentence(item: Any) -> str:
    if item["type"] == "json_invalid":
        return f"This is not JSON: {item['ctx']['error']}."
    if item["type"].startswith("union_tag"):
        return "It does not say which kind of job it is."
    names = [str(step) for step in item["loc"]]
    name = names[-1] if names else "the settings"
    field = TrainConfig.model_fields.get(name)
    title = field.title if field is not None and field.title else f'"{name}"'
    kind, limits = item["type"], item.get("ctx", {})
    if kind == "missing":
        return f"{title} is missing."
    if kind == "extra_forbidden":
        return f"{title} is not a setting."
    if name == "device":
        rule = "auto, cpu, mps or cuda with a number, as cuda:0"
    elif kind in _RULES:
        rule = _RULES[kind].format(**limits)
    else:
        rule = "of another kind"
    return f"{title} must be {rule}, not {_shown(item['input'])}."


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else f'"{value}"'


_RULES = {
    "greater_than_equal": "{ge:g} or more",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "{le:g} or less",
    "less_than": "less than {lt:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "enum": "{expected}",
    "literal_error": "{expected}",
}
"""What a field may be, by pydantic's name of what is wrong with it."""
