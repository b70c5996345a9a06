"""Automatic changes: a table of transforms that leave labels right, and one strength for all.

After RandAugment and TrivialAugment: of the table `count` transforms are drawn evenly for each
variant, and each draws its own amount up to the strength. Left out is what may make a label wrong
(mirroring, swapped channels, inverted light) and what takes objects away (crops, hidden parts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cvstudio.augment.catalogue import field_of, make_step, transform
from cvstudio.augment.fields import Float, Int, Range, number
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Step

TITLE = "Automatic changes"
DESCRIPTION = (
    "Draws a few changes for every image from a table that leaves labels right; one slider sets how"
    " strong they get."
)


@dataclass(frozen=True, slots=True)
class _Safe:
    """A transform of the table: its parameters at strength 0 and 1, the others at their default.

    A pair stands for a range, a number for a number; what is not scaled is in `fixed`.
    """

    transform: str
    scaled: Mapping[str, tuple[Any, Any]]
    fixed: Mapping[str, Any]
    colour: bool = False


def _safe(name: str, *, colour: bool = False, fixed: Mapping[str, Any] | None = None,
          **scaled: tuple[Any, Any]) -> _Safe:  # fmt: skip
    return _Safe(name, scaled, fixed or {}, colour)


_STILL = {"rotation": [0, 0], "scale": [1, 1], "shift": 0}
_TABLE: tuple[_Safe, ...] = (
    _safe("affine", fixed=_STILL, rotation=((0, 0), (-30, 30))),
    _safe("affine", fixed=_STILL, scale=((1, 1), (0.7, 1.3))),
    _safe("affine", fixed=_STILL, shift=(0, 12)),
    _safe("shear", fixed={"vertical": [0, 0]}, horizontal=((0, 0), (-16, 16))),
    _safe("stretch", width=((1, 1), (0.75, 1.3)), height=((1, 1), (0.75, 1.3))),
    _safe("brightness_contrast", fixed={"contrast": [0, 0]}, brightness=((0, 0), (-45, 45))),
    _safe("brightness_contrast", fixed={"brightness": [0, 0]}, contrast=((0, 0), (-50, 50))),
    _safe("gamma", gamma=((1, 1), (0.45, 2.0))),
    _safe("tone_curve", strength=(1, 35)),
    _safe("posterize", bits=((7, 7), (3, 7))),
    _safe("sharpen", strength=((0, 0), (0, 60))),
    _safe("blur", radius=((0.2, 0.2), (0.2, 3.0))),
    _safe("gauss_noise", strength=((0, 0), (0, 12))),
    _safe("jpeg", quality=((100, 100), (25, 100))),
    _safe("downscale", scale=((99, 99), (40, 99))),
    _safe("hue_saturation", colour=True, fixed={"hue": [0, 0]}, saturation=((0, 0), (-70, 70))),
    _safe("hue_saturation", colour=True, fixed={"saturation": [0, 0]}, hue=((0, 0), (-24, 24))),
    _safe("colour_temperature", colour=True, temperature=((6000, 6000), (3600, 12000))),
)
"""Version 1. A run that was trained with it must stay repeatable: make a version 2 to change it."""


def steps_of(item: Automatic) -> tuple[Step, ...]:
    """The steps of the table at the item's strength, each with chance 1."""
    return tuple(_step(safe, item.strength) for safe in _TABLE if item.colour or not safe.colour)


def as_group(item: Automatic) -> Group:
    """The same changes as a group, which can be edited step by step."""
    chance = item.chance if item.strength > 0 else 0.0
    return Group(
        group=GroupKind.SOME_OF, enabled=item.enabled, chance=chance, count=item.count,
        steps=steps_of(item),
    )  # fmt: skip


def summary(item: Automatic) -> str:
    """The item in the words under its name."""
    which = "" if item.colour else ", no colour"
    strength = number(100 * item.strength)
    return f"{item.count} of {len(steps_of(item))}, strength {strength} %{which}"


def _step(safe: _Safe, strength: float) -> Step:
    record = transform(safe.transform)
    parameters = dict(safe.fixed)
    for name, (weak, strong) in safe.scaled.items():
        field = field_of(record, name)
        assert isinstance(field, Range | Int | Float)
        if isinstance(field, Range):
            pairs = zip(weak, strong, strict=True)
            parameters[name] = [_between(field, low, high, strength) for low, high in pairs]
        else:
            parameters[name] = _between(field, weak, strong, strength)
    return make_step(safe.transform, chance=1.0, **parameters)


def _between(field: Range | Int | Float, weak: float, strong: float, strength: float) -> float:
    value = weak + strength * (strong - weak)
    return round(value) if float(field.step).is_integer() else round(value, 4)
