"""What a job says while it works: one typed event a line in events.jsonl, appended and flushed.

The live window, the charts of an old run, the command line's progress bar and a window that was
opened again all read the same lines and feed them to the same reducer (run_state.py).
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from cvstudio.core.record import Record


class Event(Record):
    """Base of all events; `at` is seconds since 1970."""

    at: float = Field(default_factory=time.time)


class Started(Event):
    """The job process is up and has read its config."""

    event: Literal["started"] = "started"
    job: str
    pid: int
    process_created: float
    device: str = "cpu"
    """As a person would name it: "RTX 4070", "processor"."""
    total_epochs: int = 0
    first_epoch: int = 1
    """Larger than 1 when the run was resumed."""
    train_images: int = 0
    judged_images: int = 0
    """Images that an epoch learns from, and is judged on."""
    batch: int = 0
    """Images of a step: what an automatic batch became."""


class Phase(Event):
    """A new stretch of work, as a sentence: "Reading 205 images"."""

    event: Literal["phase"] = "phase"
    text: str


class Progress(Event):
    """How far the present phase has come."""

    event: Literal["progress"] = "progress"
    done: int
    total: int


class StepEnded(Event):
    """One or several optimiser steps are over (at most a few events a second)."""

    event: Literal["step"] = "step"
    epoch: int
    step: int
    steps: int
    losses: dict[str, float]
    learning_rate: float
    images_per_second: float
    memory: int = 0
    """Bytes in use on the device (on the processor: of the job process)."""
    memory_total: int = 0
    utilisation: float | None = None
    """Share of time the GPU was busy, 0 to 1, where it can be read."""
    waiting: float | None = None
    """Share of the time since the last such event in which the network waited for images."""


class RateTried(Event):
    """A step was made at a learning rate, to see where the loss falls fastest."""

    event: Literal["rate tried"] = "rate tried"
    rate: float
    loss: float


class EpochEnded(Event):
    """An epoch is over and was judged on val. A figure that cannot be computed is absent."""

    event: Literal["epoch"] = "epoch"
    epoch: int
    train: dict[str, float]
    val: dict[str, float]
    metrics: dict[str, float]
    learning_rate: float
    seconds: float
    best: bool = False
    classes: dict[int, float] = Field(default_factory=dict)
    """The run's figure for each class that can be judged on val, by class id."""


class Saved(Event):
    """A checkpoint is on the disk, whole."""

    event: Literal["saved"] = "saved"
    epoch: int
    best: bool


class Samples(Event):
    """Predictions on the fixed val images of this epoch, in a file of the run directory."""

    event: Literal["samples"] = "samples"
    epoch: int
    file: str


class Note(Event):
    """Something worth telling the user that stops nothing."""

    event: Literal["note"] = "note"
    level: Literal["info", "warning"] = "info"
    text: str
    about: Literal["", "not in val", "driver"] = ""
    """What it is about, where the window has a way forward to offer."""


class Outcome(StrEnum):
    """How a job ended."""

    FINISHED = "finished"
    FINISHED_EARLY = "finished early"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Ended(Event):
    """The job is over by its own decision; the last event of a job that did not fail."""

    event: Literal["ended"] = "ended"
    outcome: Outcome
    metric: str = ""
    best: float | None = None
    best_epoch: int | None = None


class Failed(Event):
    """The job is over and did not do its work; `cause` selects the way forward."""

    event: Literal["failed"] = "failed"
    cause: Literal[
        "out of memory", "not a number", "no data", "disk full", "weights", "config", "image",
        "driver", "killed", "other",
    ]  # fmt: skip
    text: str
    detail: str = ""


AnyEvent = Annotated[
    Started
    | Phase
    | Progress
    | StepEnded
    | RateTried
    | EpochEnded
    | Saved
    | Samples
    | Note
    | Ended
    | Failed,
    Field(discriminator="event"),
]
_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def to_line(event: Event) -> str:
    """One line of JSON without its line end; not-a-numbers are written as the string "NaN"."""
    return event.model_dump_json()


def from_line(line: str | bytes) -> AnyEvent:
    """The event behind one line. Raises pydantic.ValidationError on anything else."""
    return _ADAPTER.validate_json(line)
