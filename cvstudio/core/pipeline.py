"""An augmentation pipeline as it is stored: which transforms, how likely, with which parameters."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from cvstudio.core.record import Record


class Step(Record):
    """One step of an augmentation pipeline: a transform of the catalogue and its parameters."""

    transform: str
    enabled: bool = True
    chance: float = Field(0.5, ge=0, le=1)
    parameters: dict[str, Any] = Field(default_factory=dict)


class GroupKind(StrEnum):
    """How a group chooses among its steps."""

    ONE_OF = "one of"
    SOME_OF = "some of"


class Group(Record):
    """Steps of which some act at a time.

    ONE_OF: one step acts; a step's chance is its weight among them. SOME_OF: `count` different
    steps are drawn evenly, each acts with its own chance, in the order of the list. Steps that are
    switched off are not drawn.
    """

    group: GroupKind
    enabled: bool = True
    chance: float = Field(0.5, ge=0, le=1)
    count: int = Field(2, ge=1, le=100)
    steps: tuple[Step, ...] = ()


class Automatic(Record):
    """Changes drawn from a fixed table of transforms that leave labels right (augment.automatic).

    `automatic` is the version of that table, so that a run can be repeated after it has grown.
    """

    automatic: Literal[1] = 1
    enabled: bool = True
    chance: float = Field(1.0, ge=0, le=1)
    strength: float = Field(0.4, ge=0, le=1)
    """0 changes nothing, 1 draws up to the strongest sensible value of every transform."""
    count: int = Field(2, ge=1, le=6)
    """How many transforms act on an image."""
    colour: bool = True
    """Whether tints and saturation may change."""


def _kind(value: Any) -> str:
    """Which of the three a piece of JSON is; what names nothing is judged as a step."""
    held = value if isinstance(value, dict) else getattr(type(value), "model_fields", {})
    return "group" if "group" in held else "automatic" if "automatic" in held else "step"


Item = Annotated[
    Annotated[Step, Tag("step")]
    | Annotated[Group, Tag("group")]
    | Annotated[Automatic, Tag("automatic")],
    Discriminator(_kind),
]
"""One entry of a pipeline."""
