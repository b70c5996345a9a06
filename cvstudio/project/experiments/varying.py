"""Settings that differ from run to run: which can, in which range, and the recipe with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import product
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from cvstudio.core import recipe_rules
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import applies, network, networks_for
from cvstudio.core.recipe import Start, TrainConfig, met, needed, without_effect
from cvstudio.core.recipe_effects import wanted
from cvstudio.core.recipe_limits import extra, fields, limits, step
from cvstudio.project.experiments.plans import Dimension, Value
from cvstudio.project.runs import changed_config

_NOT_LEARNT = frozenset({"Computer", "Repeatability"})
"""Groups of settings that change how a run is computed and not what it learns."""

_UNTOUCHED = frozenset(
    {"start", "weights_file", "epochs", "patience", "first_size", "accumulate", "plain_epochs"}
)
"""Settings that say what is trained, how long and how quickly: no search turns them."""

NETWORK = "network"

_USUAL = ("learning_rate", "weight_decay", "backbone_rate", "label_smoothing", "mixup")
"""What a search turns when nothing else is said, of the settings that have an effect."""

_RANGES: dict[str, tuple[float, float, bool]] = {
    "weight_decay": (1e-5, 0.3, True),
    "backbone_rate": (0.01, 1.0, True),
    "quarter_rate": (0.4, 1.0, False),
    "final_rate": (1e-3, 0.3, True),
    "label_smoothing": (0.0, 0.2, False),
    "mixup": (0.0, 0.4, False),
    "cutmix": (0.0, 1.0, False),
    "mosaic": (0.0, 1.0, False),
    "copy_paste": (0.0, 0.6, False),
    "multi_scale": (0.0, 0.5, False),
    "sharpness": (0.0, 0.1, False),
    "average": (0.9, 0.999, False),
    "focus": (0.5, 5.0, False),
    "miss_weight": (0.4, 0.9, False),
    "rare_below": (0.02, 0.5, True),
    "gradient_limit": (0.1, 10.0, True),
}
"""Lowest and highest value worth trying, and whether powers of ten are searched evenly."""


def title_of(name: str) -> str:
    """A setting as people read it."""
    return "Network" if name == NETWORK else str(fields()[name].title)


def can_vary(config: TrainConfig) -> list[str]:
    """The settings that may differ between the runs of a sweep, in the order of the form."""
    info = network(config.network)
    found = [n for n in fields() if applies(n, info) and n not in {"start", "weights_file"}]
    return ([] if config.start in (Start.FILE, Start.RUN) else [NETWORK]) + found


def can_search(config: TrainConfig) -> list[Dimension]:
    """The settings that a guided search may turn, each with the range that is worth a try."""
    found = []
    for name in can_vary(config):
        group = "" if name == NETWORK else extra(fields()[name], "group")
        if name in _UNTOUCHED or group in _NOT_LEARNT:
            continue
        made = usual_range(name, config)
        if made is not None:
            found.append(made)
    return found


def usual(config: TrainConfig) -> list[Dimension]:
    """What a search turns when the person does not choose."""
    known = {d.name: d for d in can_search(config)}
    return [known[n] for n in _USUAL if n in known and not without_effect(n, config)]


def usual_range(name: str, config: TrainConfig) -> Dimension | None:
    """The range of a setting that is worth a try around a recipe; None when there is none."""
    choices = choices_of(name, config)
    if choices:
        return Dimension(name=name, choices=tuple(choices)) if len(choices) > 1 else None
    field = fields()[name]
    low, high = limits(field)
    now = float(getattr(config, name))
    if name in _RANGES:
        first, last, log = _RANGES[name]
    elif name == "learning_rate":
        first, last, log = now / 10, now * 10, True
    elif extra(field, "unit") == "epochs":
        first, last, log = low, max(config.epochs / 3, now, low + 1), False
    else:
        first, last, log = now / 2, max(now * 2, now + step(field)), False
    first, last = max(first, low), min(last, high)
    if field.annotation is int:
        by = step(field)
        first, last = float(-(-first // by) * by), float(last // by * by)
    return Dimension(name=name, low=first, high=last, log=log) if first < last else None


def choices_of(name: str, config: TrainConfig) -> list[Value]:
    """All that a setting of words or of yes and no can be; empty for numbers."""
    info = network(config.network)
    if name == NETWORK:
        return [each.name for each in networks_for(config.task)]
    if name in recipe_rules.CHOICES:
        return [choice.value for choice in recipe_rules.CHOICES[name](info)]
    kind = _plain(fields()[name].annotation)
    if kind is bool:
        return [False, True]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [choice.value for choice in kind]
    return []


def varied(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """A recipe with other values; those without effect on its network are left out.

    A network that knows one size of images gets it. Raises ConfigError in words.
    """
    info = network(str(values.get(NETWORK, config.network)))
    if info.task is not config.task:
        raise ConfigError(f"{info.title} is a network for {info.task}, not for {config.task}.")
    kept = {n: v for n, v in values.items() if n == NETWORK or applies(n, info)}
    if NETWORK in values and info.fixed_size and "image_size" not in values:
        kept["image_size"] = info.image_size
    made = changed_config(config, kept)
    recipe_rules.check(made)
    return made


def effective(config: TrainConfig, values: Mapping[str, Any]) -> dict[str, Value]:
    """The values that make a difference in a recipe that has them, as JSON."""
    made = varied(config, values)
    info = network(made.network)
    told = made.model_dump(mode="json")

    def counts(name: str) -> bool:
        return name == NETWORK or (applies(name, info) and not without_effect(name, made))

    return {name: told[name] for name in values if counts(name)}


def grid(config: TrainConfig, vary: Mapping[str, Sequence[Any]]) -> list[dict[str, Value]]:
    """Every combination of the values of some settings, each once.

    Raises ConfigError in words for a setting that cannot vary, a value that it cannot have, and
    combinations that contradict each other.
    """
    check_names(config, vary)
    lonely = [name for name, values in vary.items() if not values]
    if lonely:
        raise ConfigError(f"{title_of(lonely[0])} has no values to try.")
    combined = (dict(zip(vary, chosen, strict=True)) for chosen in product(*vary.values()))
    found: list[dict[str, Value]] = []
    for values in combined:
        made = effective(config, values)
        if made not in found:
            found.append(made)
    return found


def check_names(config: TrainConfig, names: Iterable[str]) -> None:
    """Raise ConfigError in words when one of the settings cannot differ between runs."""
    known = can_vary(config)
    for name in names:
        if name in known:
            continue
        if name in fields() or name == NETWORK:
            why = "has no effect on" if name != NETWORK else "is tied to the weights of"
            raise ConfigError(f'"{title_of(name)}" ({name}) {why} these runs.')
        raise ConfigError(f'There is no setting "{name}".', hint=f"Settings: {', '.join(known)}.")


def check_space(config: TrainConfig, space: Sequence[Dimension]) -> None:
    """Raise ConfigError in words when a search could choose what no run can have."""
    check_names(config, [d.name for d in space])
    searched = {d.name for d in space}
    if len(searched) < len(space):
        raise ConfigError("A setting is named twice.")
    for dimension in space:
        ends = dimension.choices or (dimension.low, dimension.high)
        for end in ends:
            varied(config, {dimension.name: _typed(dimension.name, end)})
        if dimension.name == NETWORK:
            continue
        lacking = [n for n in needed(dimension.name) if searched.isdisjoint(n)]
        for need in lacking:
            if not met(need, config):
                other = title_of(next(iter(need)))
                raise ConfigError(
                    f"{title_of(dimension.name)} has an effect only with {wanted(need, config)}.",
                    hint=f"Search {other} too, or choose it.",
                )


def _typed(name: str, value: Any) -> Any:
    if name != NETWORK and fields()[name].annotation is int:
        return int(value)
    return value


def _plain(kind: Any) -> Any:
    """A type without "or None"."""
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return str if kind is Path else kind


def parsed(name: str, text: str) -> list[Value]:
    """The values in "0.1, 0.2" for a setting; "1..3" stands for the whole numbers from 1 to 3."""
    found: list[Value] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, dots, last = part.partition("..")
        whole = dots and first.lstrip("-").isdigit() and last.lstrip("-").isdigit()
        if whole and 0 <= int(last) - int(first) < 200:
            found += range(int(first), int(last) + 1)
        else:
            found.append(_number(name, part))
    return found


def _number(name: str, text: str) -> Value:
    """A number, where a setting has numbers and the text is one."""
    if name not in fields() or fields()[name].annotation not in (int, float):
        return text
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
