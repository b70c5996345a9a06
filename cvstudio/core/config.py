"""What a job is asked to do, validated: the content of a run directory's config.json."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.explaining import USUAL
from cvstudio.core.export_kinds import FIRST_OPSET, KINDS, LAST_OPSET, USUAL_OPSET, FileKind
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.record import Record


class Views(StrEnum):
    """From how many sides a network looks at an image before it answers."""

    ONE = "one"
    MIRRORED = "mirrored"
    ALL = "all"

    @property
    def sides(self) -> int:
        """How many views of an image that makes."""
        return {Views.ONE: 1, Views.MIRRORED: 2, Views.ALL: 4}[self]

    @property
    def choice(self) -> str:
        """As one to choose: "4, mirrored both ways"."""
        return {
            Views.ONE: "1, as it is",
            Views.MIRRORED: "2, mirrored too",
            Views.ALL: "4, mirrored both ways",
        }[self]

    @property
    def words(self) -> str:
        """Beside a figure: "with 4 views"; "" for the usual one."""
        return "" if self is Views.ONE else f"with {self.sides} views"


WHY_VIEWS = (
    "The network looks at each image from so many sides, and its answers become one (test-time"
    " augmentation): often a little better, and as many times slower."
)


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
    method: str = USUAL
    """One of core.explaining.METHODS."""
    layer: str = ""
    """The map to look at: "" the method's own, "1" the last, "2" the one before, or "all"."""
    check: bool = False
    """Ask too whether the map follows what was learned."""
    opacity: float = Field(0.75, ge=0, le=1)
    """Of the colours where they are hottest."""


class ExplainCase(Record):
    """One picture among many: what to explain in an image of the run's snapshot, and what the list
    beside the pictures says of it."""

    image_id: int
    class_id: int | None = None
    box: tuple[float, float, float, float] | None = None
    kind: str = ""
    labelled: str = ""
    predicted: str = ""
    score: float | None = None


class ExplainManyConfig(Record):
    """Heat maps of many cases as pictures with a list of them, or their mean for each class."""

    kind: Literal["explain-many"] = "explain-many"
    run_directory: Path
    split: str = "val"
    cases: tuple[ExplainCase, ...] = ()
    """What to draw; without any, the mean for each class of the split is made."""
    folder: Path | None = None
    """Where the pictures go; None: into the job's directory."""
    method: str = USUAL
    layer: str = ""
    opacity: float = Field(0.75, ge=0, le=1)
    score: float = Field(0.25, ge=0, le=1)
    """Predicted objects below are not drawn."""
    most: int = Field(40, ge=1)
    """Images (or objects) of each class that go into its mean."""
    device: str = "auto"


class ExportConfig(Record):
    """A run's best checkpoint as files for other programs, each proven against the checkpoint."""

    kind: Literal["export"] = "export"
    run_directory: Path
    output: Path
    """The 32-bit ONNX file, which is always made: the others are made from it, and lie beside."""
    files: tuple[FileKind, ...] = ()
    """What else is wanted, in any order."""
    int8: bool = False
    """The 8-bit ONNX file too; the same as naming it in `files`."""
    opset: int = Field(USUAL_OPSET, ge=FIRST_OPSET, le=LAST_OPSET)
    suppress_inside: bool = False
    """Whether the file itself removes boxes that lie over better ones of their class."""
    allowed_drop: float = Field(0.01, ge=0, le=1)
    """What a file of 16 or 8 bits may lose of the metric before it is refused."""
    verify: bool = True
    parity_images: int = Field(16, ge=1)
    time_batches: tuple[PositiveInt, ...] = (1, 4)
    """Images at once, in the table of times."""
    time_threads: tuple[NonNegativeInt, ...] = (1, 0)
    """Threads, in the table of times; 0: as many as the computer has."""
    device: str = "cpu"

    @property
    def kinds(self) -> tuple[FileKind, ...]:
        """All files that are made, in the order of KINDS."""
        wanted = {FileKind.ONNX, *self.files, *([FileKind.ONNX_INT8] if self.int8 else [])}
        return tuple(kind for kind in KINDS if kind in wanted)


class BundleConfig(Record):
    """An exported file, packed with all that somebody needs to use it elsewhere."""

    kind: Literal["bundle"] = "bundle"
    file: Path
    """The ONNX file, with its certificate beside it."""
    output: Path
    """The zip."""
    run_directory: Path | None = None
    """The run that the file was made from: its labels and its report make the model card."""
    samples: int = Field(4, ge=1, le=50)
    """Images that travel with it for the self-test."""
    images: tuple[Path, ...] = ()
    """Images or folders of them to take the samples from; else images of the run."""


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
    own_scores: bool = False
    """Each class that has a score of its own from that: chosen by a person, or of images with
    several classes best on val; `score` for those without one."""
    classes: dict[int, int | str] | None = None
    """For each class of the network by its id the project's class, a name for a new class, or 0 to
    leave it out; None goes by the names."""

    @model_validator(mode="after")
    def _one_network(self) -> SuggestConfig:
        if (self.run_directory is None) == (self.file is None):
            raise ValueError("name a run or a file")
        return self


class Depth(StrEnum):
    """How deep in a network the layer lies whose values stand for an image."""

    DEEP = "deep"
    MIDDLE = "middle"
    FINE = "fine"

    @property
    def choice(self) -> str:
        """As one to choose."""
        return {
            Depth.DEEP: "Deep: what it shows",
            Depth.MIDDLE: "Middle: parts and patterns",
            Depth.FINE: "Fine: colours and texture",
        }[self]


class EmbedConfig(Record):
    """Values of a layer for each listed image or object (core.embedding), and a map of them."""

    kind: Literal["embed"] = "embed"
    run_directory: Path
    of: Literal["images", "objects"] = "images"
    layer: str = Depth.DEEP.value
    """A depth, or the name of a module of the network."""
    score: float = Field(0.25, ge=0, le=1)
    """Of objects: those that the network finds with at least this score are embedded too."""
    umap: bool = True
    """Also the UMAP picture, beside the PCA one; it takes the longest."""
    batch: int = Field(8, ge=1)
    device: str = "auto"


class PredictConfig(Record):
    """Ask a network about images and videos that need not be in a project (core.answers)."""

    kind: Literal["predict"] = "predict"
    run_directory: Path | None = None
    """The run whose best checkpoint is asked; None when a file is."""
    file: Path | None = None
    """An ONNX file that CVStudio or ultralytics exported."""
    sources: tuple[Path, ...] = Field(min_length=1)
    """Images, videos, and folders, of which the images and videos are looked at."""
    step: int = Field(1, ge=1)
    """Of a video each step-th frame."""
    tiles: bool = False
    """Look at images that are larger than the network's input in pieces of their own scale."""
    least: float = Field(0.05, ge=0, le=1)
    """Objects below are not kept: what is shown and saved is chosen above it."""
    device: str = "auto"
    views: Views = Views.ONE

    @model_validator(mode="after")
    def _one_network(self) -> PredictConfig:
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


class TryBatchConfig(Record):
    """Make a few steps of a run that is not made yet: how long one takes, and how much memory."""

    kind: Literal["try-batch"] = "try-batch"
    train: TrainConfig
    steps: int = Field(12, ge=2, le=200)
    """Steps that are timed at most."""
    seconds: float = Field(10.0, gt=0)
    """Time after which no further step is made."""


JobConfig = Annotated[
    TrainConfig
    | EvaluateConfig
    | ExplainConfig
    | ExplainManyConfig
    | ExportConfig
    | BundleConfig
    | PredictConfig
    | SuggestConfig
    | EmbedConfig
    | FindRateConfig
    | TryBatchConfig,
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
