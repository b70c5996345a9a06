"""TRANSFORMS: what an augmentation pipeline can be made of, and whether a pipeline is sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cvstudio.augment.colour import COLOURS
from cvstudio.augment.fields import Field, Transform
from cvstudio.augment.geometry import GEOMETRY
from cvstudio.augment.texture import TEXTURES
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Step

TRANSFORMS: tuple[Transform, ...] = (*GEOMETRY, *COLOURS, *TEXTURES)
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


def problems(step: Step, *, task: Task | None = None) -> list[str]:
    """What keeps a step from running, in words; empty when nothing does."""
    record = transform(step.transform)
    known = {f.name: f for f in record.parameters}
    found = [
        f"{record.title} has no setting called {name}."
        for name in step.parameters
        if name not in known
    ]
    found += [
        f"{record.title}: {known[name].title} {wrong}."
        for name, value in step.parameters.items()
        if name in known and (wrong := known[name].check(value))
    ]
    if task is not None and task not in record.tasks:
        found.append(f"{record.title} cannot be used to {task}.")
    return found


def validate(steps: Sequence[Step], *, task: Task | None = None) -> None:
    """Raise ConfigError, with every problem in words, unless the pipeline can be built."""
    found = [problem for step in steps for problem in problems(step, task=task)]
    if found:
        raise ConfigError("The augmentation cannot be used. " + " ".join(found))


def field_of(record: Transform, name: str) -> Field:
    """A transform's parameter by name."""
    return next(f for f in record.parameters if f.name == name)
