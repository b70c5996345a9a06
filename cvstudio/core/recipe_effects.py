"""Settings of a recipe that change nothing, and why: for the form, the command line and the checks.

What keeps a setting from having an effect is data: the tasks and families that it holds for and
the other settings that it needs stand beside its field (recipe.py), values that are out of the
run's reach in the table here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cvstudio.core.networks import ASIDE, applies, network, preset_changes
from cvstudio.core.recipe import (
    ABOVE_0,
    CYCLE_RISE,
    SIZE_STEP,
    Need,
    Schedule,
    TrainConfig,
    without_effect,
)
from cvstudio.core.recipe_limits import extra, fields
from cvstudio.core.words import counted

_WORDS = {
    "adamw": "AdamW", "sgd": "SGD", "lovasz": "Lovász", "last": "Last quarter", "head": "New alone",
    "binary": "Each class alone", "restarts": "Warm restarts", "plateau": "On a plateau",
    "weights": "The weights' images", "data": "These images",
    "one-cycle": "One cycle", "bfloat16": "bfloat16", "float16": "float16",
    ABOVE_0: ABOVE_0, "True": "on",
}  # fmt: skip


def word(choice: str) -> str:
    """A choice as people write it."""
    return _WORDS.get(choice, choice.capitalize())


def title(name: str) -> str:
    """A setting as people read it."""
    return str(fields()[name].title)


def wanted(need: Need, config: TrainConfig | None = None) -> str:
    """What a need asks for: "Loss Focal", "Mosaic above 0 or Copy and paste above 0"; with a
    config, only of settings that its network has."""
    known = [n for n in need if config is None or applies(n, network(config.network))]
    parts = [f"{title(n)} {' or '.join(map(word, need[n]))}" for n in known]
    return " or ".join(parts)


@dataclass(frozen=True)
class Vain:
    """A setting that somebody chose and that changes nothing: its name, and why as a clause."""

    name: str
    why: str


def in_vain(config: TrainConfig) -> list[Vain]:
    """The settings that differ from their default and from the preset and change nothing, and
    those that a changed length of the run has put out of reach."""
    info = network(config.network)
    chosen = _chosen(config)
    found = []
    for name in fields():
        if not applies(name, info):
            continue
        need = without_effect(name, config)
        if need:
            why, reasons = _unmet(need, config), {name}
        else:
            why, reasons = out_of_reach(name, config), {name, *_also(name)}
        quiet = not need and any(reach.name == name and reach.quiet for reach in _REACHES)
        if why and not quiet and not chosen.isdisjoint(reasons):
            found.append(Vain(name, why))
    return found


def out_of_reach(name: str, config: TrainConfig) -> str:
    """Why the value of a setting changes nothing in a run of that length and size, as a clause;
    "" where it does. Whether the setting has what it needs is not asked."""
    return next((r.why(config) for r in _REACHES if r.name == name and r.misses(config)), "")


def _chosen(config: TrainConfig) -> set[str]:
    """The settings that somebody chose: neither the preset's value nor what a run has unasked."""
    other = {n for n, field in fields().items() if getattr(config, n) != field.default}
    return other & {*preset_changes(config), *ASIDE}


def _unmet(need: Need, config: TrainConfig) -> str:
    info = network(config.network)
    known = [n for n in need if applies(n, info)]
    return " and ".join(f"“{title(n)}” is {_told(n, getattr(config, n))}" for n in known)


def _told(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, StrEnum):
        return word(value.value)
    return extra(fields()[name], "zero") if not value else f"{value:g}"


@dataclass(frozen=True)
class _Reach:
    """When a value of a setting changes nothing, and why.

    `also`: other settings that may have brought it about, so that it is said after their change.
    The form alone says what is `quiet`: a preset brings it about in a run that is only short.
    """

    name: str
    misses: Callable[[TrainConfig], bool]
    why: Callable[[TrainConfig], str]
    also: tuple[str, ...] = ()
    quiet: bool = False


def _also(name: str) -> tuple[str, ...]:
    return next((reach.also for reach in _REACHES if reach.name == name), ())


def _all_plain(config: TrainConfig) -> bool:
    return config.plain_epochs >= config.epochs


def _plain(config: TrainConfig) -> str:
    return f"“{title('plain_epochs')}” covers the whole run"


def _never_thaws(config: TrainConfig) -> bool:
    return config.frozen_epochs >= config.epochs


def _frozen(config: TrainConfig) -> str:
    return f"“{title('frozen_epochs')}” covers the whole run"


def _one_image(config: TrainConfig) -> bool:
    mixes = config.mixup > 0 or config.cutmix > 0
    return mixes and config.batch * config.accumulate == 1


def _one(config: TrainConfig) -> str:
    return "a step has one image, and mixing takes two"


def _one_quarter(config: TrainConfig) -> bool:
    slow = config.thaw_epochs and config.frozen_epochs + config.thaw_epochs >= config.epochs
    return bool(slow) or _never_thaws(config)


def _rises_anyway(config: TrainConfig) -> bool:
    # ultralytics warms up by itself, beside the schedule.
    own = network(config.network).family != "ultralytics"
    short = config.warmup_epochs <= CYCLE_RISE * config.epochs
    return own and config.schedule is Schedule.ONE_CYCLE and short


_REACHES = (
    _Reach(
        "patience", lambda c: 0 < c.epochs <= c.patience,
        lambda c: f"the run has {counted(c.epochs, 'epoch')}", quiet=True,
    ),
    _Reach("mosaic", lambda c: c.mosaic > 0 and _all_plain(c), _plain, ("epochs", "plain_epochs")),
    _Reach(
        "copy_paste", lambda c: c.copy_paste > 0 and _all_plain(c), _plain,
        ("epochs", "plain_epochs"),
    ),
    _Reach("mixup", lambda c: c.mixup > 0 and _one_image(c), _one, ("batch",)),
    _Reach("cutmix", lambda c: c.cutmix > 0 and _one_image(c), _one, ("batch",)),
    _Reach(
        "multi_scale", lambda c: 0 < c.multi_scale * c.image_size <= SIZE_STEP / 2,
        lambda c: f"sizes go in steps of {SIZE_STEP} px, and it reaches the next one from"
        f" {SIZE_STEP / 2 / c.image_size:.2g} on",
        ("image_size",),
    ),
    _Reach(
        "warmup_epochs", _rises_anyway,
        lambda c: f"one-cycle rises for {CYCLE_RISE * c.epochs:.3g} epochs anyway",
    ),
    _Reach(
        "plateau_epochs", lambda c: c.plateau_epochs >= c.epochs - 1,
        lambda c: f"the run has {counted(c.epochs, 'epoch')}, so the rate never falls",
        ("epochs", "schedule"),
    ),
    _Reach("thaw_epochs", _never_thaws, _frozen),
    _Reach("backbone_rate", _never_thaws, _frozen),
    _Reach(
        "quarter_rate", _one_quarter,
        lambda c: f"only the last quarter, if any, learns within {counted(c.epochs, 'epoch')}",
    ),
)  # fmt: skip
"""Values that the run never comes to, in the words of what keeps it from them."""
