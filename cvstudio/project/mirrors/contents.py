"""What a mirror gets to know of a run: figures by name and step, settings, report, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from cvstudio.augment.summary import summary
from cvstudio.core import events
from cvstudio.core.config import read_config
from cvstudio.core.errors import ConfigError
from cvstudio.core.events import Event
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot


class Mirror(Protocol):
    """One place where a run is shown besides its own directory. Any method may raise anything."""

    name: str
    """As a person calls it."""

    def take(self, event: Event) -> None:
        """Show what an event says; events come in their order."""

    def end(self) -> None:
        """The run is over, or is followed no more: settle and close."""


@dataclass(frozen=True)
class Figures:
    """Figures of one moment: by tag, at a step (an epoch, or a count of optimiser steps)."""

    at: float
    step: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Contents:
    """Reads from a run's directory what mirrors show."""

    job: JobDir

    @cached_property
    def config(self) -> TrainConfig:
        """The settings of the run. Raises ConfigError when they are not of a training."""
        config = read_config(self.job.config)
        if not isinstance(config, TrainConfig):
            raise ConfigError(f"{self.job.config} is not of a training.")
        return config

    @cached_property
    def class_names(self) -> Mapping[int, str]:
        """The names of the classes by id."""
        return {c.id: c.name for c in read_snapshot(self.job.snapshot).classes}

    def settings(self) -> dict[str, Any]:
        """The settings as plain values; those that are not set are left out."""
        plain = self.config.model_dump(mode="json", exclude={"augmentation"})
        steps = [summary(step) for step in self.config.augmentation if step.enabled]
        told = {name: value for name, value in plain.items() if value not in (None, "")}
        return told | {"augmentation": ", ".join(steps) or "none"}

    def figures(self, event: Event) -> Figures | None:
        """The figures that an event says; None when it says none."""
        match event:
            case events.EpochEnded():
                values = {
                    **{f"train/{name}": value for name, value in event.train.items()},
                    **{f"val/{name}": value for name, value in event.val.items()},
                    **{f"metrics/{name}": value for name, value in event.metrics.items()},
                    **{
                        f"classes/{self.class_names.get(class_id, class_id)}": value
                        for class_id, value in event.classes.items()
                    },
                    "epoch/learning rate": event.learning_rate,
                    "epoch/seconds": event.seconds,
                }
                return Figures(event.at, event.epoch, values)
            case events.StepEnded():
                step = (event.epoch - 1) * event.steps + event.step
                values = {f"steps/{name}": value for name, value in event.losses.items()}
                values["steps/learning rate"] = event.learning_rate
                values["steps/images per second"] = event.images_per_second
                if event.memory:
                    values["steps/memory in GB"] = event.memory / 2**30
                if event.utilisation is not None:
                    values["steps/GPU busy"] = event.utilisation
                return Figures(event.at, step, values)
        return None

    def report(self) -> dict[str, Any]:
        """The run's report by split; empty while there is none."""
        try:
            content = json.loads(self.job.report.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def final_figures(self) -> dict[str, float]:
        """The exact figures of the best epoch, by tag: "report/val/mIoU"."""
        return {
            f"report/{split}/{name}": float(value)
            for split, told in self.report().items()
            for name, value in told.get("metrics", {}).items()
            if isinstance(value, int | float)
        }
