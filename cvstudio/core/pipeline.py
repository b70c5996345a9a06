"""An augmentation pipeline as it is stored: which transforms, how likely, with which parameters."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cvstudio.core.record import Record


class Step(Record):
    """One step of an augmentation pipeline: a transform of the catalogue and its parameters."""

    transform: str
    enabled: bool = True
    chance: float = Field(0.5, ge=0, le=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
