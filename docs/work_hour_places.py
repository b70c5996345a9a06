"""Places on the images of the hour of docs/work_hour.py, for all its gestures."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any

from work_hour import Hand

from cvstudio.core.geometry import Box

BLOOD = "BloodImage_00007"
BIRDS = "000000041888"
ORANGES = "000000184791"
ORANGE, OTHER_ORANGE = Box(316, 273, 79, 75), Box(440, 251, 74, 69)
BOWL = Box(131, 311, 155, 87)
SURFER = "000000009483"
SKIER = "000000085795"


def ring(box: Any, count: int = 12, share: float = 0.48) -> list[tuple[float, float]]:
    """Places on the ellipse in a box."""
    x, y = box.x + box.w / 2, box.y + box.h / 2
    turns = [2 * pi * n / count for n in range(count)]
    return [(x + box.w * share * cos(t), y + box.h * share * sin(t)) for t in turns]


def middle(box: Any) -> tuple[float, float]:
    """The centre of a box."""
    return box.x + box.w / 2, box.y + box.h / 2


def take_polygon(hand: Hand, place: int = 0) -> Any:
    """Select a polygon by a place inside it."""
    hand.key("V")
    hand.key("Esc")
    found = hand.polygons()[place]
    hand.page.document.select([found.id])
    hand.settle(0.2)
    return found
