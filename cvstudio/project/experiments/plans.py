"""What an experiment is to do, as it is stored: folds, values to try, or a guided search."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from cvstudio.core.config import explain
from cvstudio.core.errors import ConfigError
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.record import Record
from cvstudio.project.records import ExperimentRecord
from cvstudio.project.tables import ExperimentKind

MOST_RUNS = 500
"""Runs of one experiment; more is a slip of the hand."""

Value = str | int | float | bool
"""A value of a setting, as JSON has it."""


class FoldsPlan(Record):
    """Each of k runs is judged on another part of the images of train and val."""

    kind: Literal[ExperimentKind.FOLDS] = ExperimentKind.FOLDS
    config: TrainConfig
    k: int = Field(5, ge=2, le=20)
    seed: int = 0
    group_by: Literal["group", "folder"] | None = "group"

    @property
    def count(self) -> int:
        """How many runs it takes."""
        return self.k


class SweepPlan(Record):
    """A run for each of `trials`: the settings that it has otherwise than `config`."""

    kind: Literal[ExperimentKind.SWEEP] = ExperimentKind.SWEEP
    config: TrainConfig
    trials: tuple[dict[str, Value], ...] = Field(min_length=1, max_length=MOST_RUNS)
    at_once: int = Field(1, ge=1, le=64)
    """How many trials are at work at a time; more than there are devices share them."""

    @property
    def count(self) -> int:
        """How many runs it takes."""
        return len(self.trials)


class Dimension(Record):
    """A setting that a search may choose: between two numbers, or one of `choices`."""

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    """Search powers of ten evenly, as for rates."""
    choices: tuple[Value, ...] = ()

    @model_validator(mode="after")
    def _something_to_choose(self) -> Dimension:
        if self.choices:
            if len(set(map(str, self.choices))) < 2:
                raise ValueError("give at least two values")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("the lowest value must be below the highest")
        elif self.log and self.low <= 0:
            raise ValueError("powers of ten begin above 0")
        return self


class SearchPlan(Record):
    """Trials whose values follow from those before, until there are enough or time is over."""

    kind: Literal[ExperimentKind.SEARCH] = ExperimentKind.SEARCH
    config: TrainConfig
    space: tuple[Dimension, ...] = Field(min_length=1)
    trials: int = Field(20, ge=1, le=MOST_RUNS)
    minutes: float | None = Field(None, gt=0)
    """Time at work after which no further trial begins; None sets no limit."""
    prune: bool = True
    """End a trial early that does worse than most did by the same epoch."""
    at_once: int = Field(1, ge=1, le=64)
    """How many trials are at work at a time; more than there are devices share them."""
    seed: int = 0

    @property
    def count(self) -> int:
        """How many runs it takes at most."""
        return self.trials


Plan = FoldsPlan | SweepPlan | SearchPlan

Made = TypeVar("Made", bound=Record)

_PLANS: dict[ExperimentKind, type[Plan]] = {
    ExperimentKind.FOLDS: FoldsPlan,
    ExperimentKind.SWEEP: SweepPlan,
    ExperimentKind.SEARCH: SearchPlan,
}


def plan_of(experiment: ExperimentRecord) -> Plan:
    """What an experiment is to do. Raises ConfigError when its settings cannot be read."""
    plan: Plan = checked(_PLANS[experiment.kind], **experiment.settings)
    return plan


def checked(plan: type[Made], **values: Any) -> Made:
    """A plan of these values. Raises ConfigError in words."""
    try:
        return plan.model_validate(values)
    except ValidationError as error:
        told = [str(e["ctx"]["error"]) for e in error.errors() if e["type"] == "value_error"]
        words = f"{told[0][0].upper()}{told[0][1:]}." if told else explain(error)
        raise ConfigError(words) from error
