"""What a job is asked to do, validated: the content of a run directory's config.json."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.record import Record


class Views(StrEnum):
    """From how many sides a network looks at an image before it answers."""

    ONE = "one"
    MIRRORED = "mirrored"
    ALL = "all"


class EvaluateConfig(Record):
    """Judge a run's best checkpoint on one split of a snapshot."""

    kind: Literal["evaluate"] = "evaluate"
    run_directory: Path
    split: Literal["train", "val", "test"] = "val"
    batch: int = Field(8, ge=1)
    device: str = "auto"
    views: Views = Views.ONE
    """As it is, mirrored too, or mirrored both ways: a little better, and as much slower."""


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
    views: Views = Views.ONE

    @model_validator(mode="after")
    def _one_network(self) -> SuggestConfig:
        if (self.run_directory is None) == (self.file is None):
            raise ValueError("name a run or a file")
        return self


class FindRateConfig(Record):
    """Try learning rates on the settings of a run that is not made yet, each for one step."""

    kind: Literal["find-rate"] = "find-rate"
    train: TrainConfig
    steps: int = Field(100, ge=20, le=2000)
    lowest: float = Field(1e-6, gt=0, le=1)
    highest: float = Field(1.0, gt=0, le=10)

    @model_validator(mode="after")
    def _rising(self) -> FindRateConfig:
        if self.lowest >= self.highest:
            raise ValueError("the highest rate must be above the lowest")
        return self


JobConfig = Annotated[
    TrainConfig | EvaluateConfig | ExplainConfig | ExportConfig | SuggestConfig | FindRateConfig,
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
        rule = "auto, cpu, mps or cuda with numbers, as cuda:0 or cuda:0,1"
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
