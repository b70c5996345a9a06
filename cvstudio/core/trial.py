"""What a trial batch told: how long a step of a recipe takes here, and how much memory."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field, ValidationError

from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import applies, network
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.record import Record

_FILE = "trial.json"

_NO_MATTER = frozenset({"epochs", "patience", "preset", "seed", "learning_rate"})
"""Settings that change neither the time nor the memory of a step."""


class Trial(Record):
    """A few steps of a recipe, as they were measured on a device."""

    device: str
    """As a person would name it."""
    batch: int = Field(ge=1)
    """Images of a batch, also where the recipe leaves that to the memory."""
    images: int = Field(ge=1)
    """Images that a step learned from."""
    steps: int = Field(ge=1)
    """How many were timed."""
    seconds: float = Field(gt=0)
    """Of one of them, reading its images included."""
    start: float = Field(ge=0)
    """Seconds until the first step was over: libraries, network, readers."""
    memory: int = Field(ge=0)
    """The most bytes that it took, on the device; on the processor of the job with its readers."""
    memory_total: int = Field(ge=0)

    @property
    def images_per_second(self) -> float:
        """How many images it learned from in a second."""
        return self.images / self.seconds


def key_of(config: TrainConfig) -> str:
    """What a trial depends on: two recipes with the same key take the same time for a step."""
    told: dict[str, Any] = config.model_dump(mode="json", exclude=set(_NO_MATTER))
    return repr(sorted(told.items()))


def passes(config: TrainConfig) -> int:
    """How often an image goes through the network and back in one step: sharpness-aware steps look
    at it twice."""
    return 2 if config.sharpness and applies("sharpness", network(config.network)) else 1


def duration(trial: Trial, config: TrainConfig, *, train: float, val: float) -> float:
    """The seconds of a whole run, early stopping left out. Judging an image takes a third of one
    pass of learning from it."""
    steps = math.ceil(train / trial.images)
    judging = val / 3 / passes(config) / trial.images_per_second
    return trial.start + config.epochs * (steps * trial.seconds + judging)


def write_trial(job: JobDir, trial: Trial) -> None:
    """Keep it in the directory of its job."""
    write_json(job.path / _FILE, trial.model_dump(mode="json"))


def read_trial(job: JobDir) -> Trial:
    """What a trial batch told. Raises RunError when it has not come to its end."""
    try:
        return Trial.model_validate_json((job.path / _FILE).read_bytes())
    except FileNotFoundError:
        raise RunError("The trial batch did not come to its end.") from None
    except (OSError, ValidationError) as error:
        raise RunError(f"What the trial batch told cannot be read: {job.path}") from error
