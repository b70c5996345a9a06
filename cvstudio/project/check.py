"""One line of what is checked before a run starts: its words, how much it matters, what helps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Level(StrEnum):
    """How much a check matters."""

    BLOCKING = "blocking"
    ADVICE = "advice"
    OK = "ok"


HEADINGS = {
    Level.BLOCKING: "To settle before the start",
    Level.ADVICE: "Worth a look, stops nothing",
    Level.OK: "In order",
}
"""What stands above the checks of a level."""


@dataclass(frozen=True)
class Action:
    """What can be done about a check: set fields, show images, fetch weights, divide the images,
    move images to train, or try a batch."""

    title: str
    kind: Literal["set", "images", "weights", "split", "train", "try", "stop trying"]
    changes: Mapping[str, Any] = field(default_factory=dict)
    image_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Check:
    """One line of the list; `detail` is for the tooltip and the command line.

    `ways` says what each of the actions does, where their titles cannot.
    """

    level: Level
    text: str
    actions: tuple[Action, ...] = ()
    detail: str = ""
    ways: str = ""


def in_order(lines: Iterable[Check]) -> list[Check]:
    """The lines as they are shown: blocking ones first, then advice, then what is fine."""
    order = list(Level)
    return sorted(lines, key=lambda check: order.index(check.level))
