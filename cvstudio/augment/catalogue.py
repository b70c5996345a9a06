"""TRANSFORMS: what an augmentation pipeline can be made of, and whether a pipeline is sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cvstudio.augment.colour import COLOURS
from cvstudio.augment.covers import COVERS
from cvstudio.augment.crops import CROPS
from cvstudio.augment.fields import Field, Transform
from cvstudio.augment.geometry import GEOMETRY
from cvstudio.augment.texture import TEXTURES
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Group, Item, Step

TRANSFORMS: tuple[Transform, ...] = (*GEOMETRY, *CROPS, *COLOURS, *TEXTURES, *COVERS)
"""Every transform, in the order of the catalogue that the window shows."""

BY_NAME: Mapping[str, Transform] = MappingProxyType({t.name: t for t in TRANSFORMS})

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(t.group for t in TRANSFORMS))


def transform(name: str) -> Transform:
    """The transform of that name. Raises ConfigError when the catalogue has none."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise ConfigError(
            f"There is no transform called {name}.", hint="Take this step out of the pipeline."
        ) from None


def make_step(name: str, *, chance: float = 0.5, enabled: bool = True, **parameters: Any) -> Step:
    """A step with the catalogue's defaults, except for the parameters given."""
    return Step(
        transform=name,
        chance=chance,
        enabled=enabled,
        parameters={**transform(name).defaults(), **parameters},
    )


def values(step: Step) -> dict[str, Any]:
    """All parameters of a step: its own, and defaults for what it does not name."""
    return {**transform(step.transform).defaults(), **step.parameters}


def problems(item: Item, *, task: Task | None = None) -> list[str]:
    """What keeps an item from running, in words; empty when nothing does."""
    if isinstance(item, Group):
        return [problem for step in item.steps for problem in problems(step, task=task)]
    if not isinstance(item, Step):
        return []
    record = transform(item.transform)
    known = {f.name: f for f in record.parameters}
    found = [
        f"{record.title} has no setting called {name}."
        for name in item.parameters
        if name not in known
    ]
    found += [
        f"{record.title}: {known[name].title} {wrong}."
        for name, value in item.parameters.items()
        if name in known and (wrong := known[name].check(value))
    ]
    if task is not None and task not in record.tasks:
        found.append(f"{record.title} cannot be used to {task}.")
    return found


def validate(items: Sequence[Item], *, task: Task | None = None) -> None:
    """Raise ConfigError, with every problem in words, unless the pipeline can be built."""
    found = [problem for item in items for problem in problems(item, task=task)]
    if found:
        raise ConfigError("The augmentation cannot be used. " + " ".join(found))


def field_of(record: Transform, name: str) -> Field:
    """A transform's parameter by name."""
    return next(f for f in record.parameters if f.name == name)
