"""Ready pipelines for each task, and pipelines that the user saved under a name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cvstudio.augment.catalogue import make_step, validate
from cvstudio.core.annotation import Task
from cvstudio.core.config import explain
from cvstudio.core.errors import ConfigError
from cvstudio.core.jobdir import replace_file
from cvstudio.core.pipeline import Automatic, Item
from cvstudio.core.places import home

_ITEMS: TypeAdapter[tuple[Item, ...]] = TypeAdapter(tuple[Item, ...])


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A named pipeline with one sentence on what it is for."""

    name: str
    description: str
    steps: tuple[Item, ...]
    tasks: frozenset[Task] = frozenset(Task)


_TURNING = frozenset((Task.DETECT, Task.SEGMENT, Task.INSTANCE))

PRESETS: tuple[Pipeline, ...] = (
    Pipeline("None", "The images as they are.", ()),
    Pipeline(
        "Careful",
        "Mirror images and a little light: right for almost everything.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("brightness_contrast", chance=0.4, brightness=[-10, 10], contrast=[-10, 10]),
        ),
    ),
    Pipeline(
        "Standard",
        "Mirror images, small turns and sizes, light and colour.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("affine", chance=0.6, rotation=[-8, 8], scale=[0.8, 1.2], shift=6),
            make_step("brightness_contrast", chance=0.5),
            make_step("hue_saturation", chance=0.4),
            make_step("blur", chance=0.1),
        ),
        _TURNING,
    ),
    Pipeline(
        "Standard",
        "Mirror images, crops, light and colour.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("crop", chance=0.6, area=[55, 100], keep=1),
            make_step("affine", chance=0.4, rotation=[-10, 10], scale=[0.95, 1.1], shift=4),
            make_step("brightness_contrast", chance=0.5),
            make_step("hue_saturation", chance=0.4),
        ),
        frozenset((Task.CLASSIFY,)),
    ),
    Pipeline(
        "Automatic",
        "A few random changes for every image, all by one strength; labels stay right.",
        (Automatic(),),
    ),
    Pipeline(
        "Strong",
        "For few images and long runs: everything moves, bends, blurs and is partly hidden.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("affine", chance=0.8, rotation=[-20, 20], scale=[0.7, 1.4], shift=12),
            make_step("perspective", chance=0.2),
            make_step("brightness_contrast", chance=0.7, brightness=[-25, 25], contrast=[-25, 25]),
            make_step("hue_saturation", chance=0.5, hue=[-20, 20], saturation=[-35, 35]),
            make_step("blur", chance=0.2),
            make_step("gauss_noise", chance=0.2),
            make_step("hide_patches", chance=0.3),
        ),
    ),
    Pipeline(
        "Microscopy",
        "No up and no down, uneven light, other stains and grain.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("flip_vertical", chance=0.5),
            make_step("quarter_turns", chance=0.5),
            make_step("affine", chance=0.5, rotation=[-10, 10], scale=[0.9, 1.15], shift=4),
            make_step("brightness_contrast", chance=0.5),
            make_step("illumination", chance=0.3),
            make_step("hue_saturation", chance=0.4),
            make_step("blur", chance=0.2, radius=[0.3, 1.2]),
            make_step("gauss_noise", chance=0.2, strength=[1, 4]),
        ),
    ),
    Pipeline(
        "Soft tissue",
        "As Microscopy, and the image bends; for masks rather than boxes.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("flip_vertical", chance=0.5),
            make_step("quarter_turns", chance=0.5),
            make_step("elastic", chance=0.4),
            make_step("brightness_contrast", chance=0.5),
            make_step("gamma", chance=0.3),
            make_step("gauss_noise", chance=0.2, strength=[1, 4]),
        ),
        frozenset((Task.SEGMENT, Task.INSTANCE)),
    ),
    Pipeline(
        "Outdoors",
        "Weather, shadows and compression, for cameras in the open.",
        (
            make_step("flip_horizontal", chance=0.5),
            make_step("affine", chance=0.5, rotation=[-5, 5], scale=[0.7, 1.3], shift=8),
            make_step("brightness_contrast", chance=0.6, brightness=[-25, 25], contrast=[-20, 20]),
            make_step("shadow", chance=0.2),
            make_step("rain", chance=0.1),
            make_step("fog", chance=0.1),
            make_step("motion_blur", chance=0.1),
            make_step("jpeg", chance=0.3),
        ),
        frozenset((Task.CLASSIFY, Task.DETECT, Task.INSTANCE)),
    ),
)

DEFAULT = {
    Task.CLASSIFY: "Standard",
    Task.DETECT: "Standard",
    Task.SEGMENT: "Microscopy",
    Task.INSTANCE: "Standard",
}
"""The pipeline of a project in which nobody has chosen one."""


def presets_for(task: Task) -> list[Pipeline]:
    """The ready pipelines of a task."""
    return [preset for preset in PRESETS if task in preset.tasks]


def default_steps(task: Task) -> tuple[Item, ...]:
    """The steps that a new project starts with."""
    wanted = DEFAULT[task]
    return next(preset.steps for preset in presets_for(task) if preset.name == wanted)


def dump_steps(steps: Sequence[Item]) -> list[dict[str, object]]:
    """Steps as plain JSON, as projects and config files keep them."""
    return [step.model_dump(mode="json") for step in steps]


def load_steps(data: object) -> tuple[Item, ...]:
    """Steps from plain JSON. Raises ConfigError with what is wrong in words."""
    if not isinstance(data, list):
        raise ConfigError("A pipeline is a list of steps.")
    try:
        steps = _ITEMS.validate_python(data)
    except ValidationError as error:
        raise ConfigError(f"The pipeline cannot be read: {explain(error)}") from error
    validate(steps)
    return steps


def saved() -> list[Pipeline]:
    """The pipelines that the user saved on this computer, by name; unreadable ones are left out."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        try:
            found.append(read(path))
        except ConfigError:
            continue  # a file that someone else put there; reading it by name says what is wrong
    return sorted(found, key=lambda pipeline: pipeline.name.casefold())


def save(name: str, steps: Sequence[Item]) -> Path:
    """Keep a pipeline under a name, over one of the same name. Raises ConfigError."""
    name = name.strip()
    if not name:
        raise ConfigError("A pipeline needs a name.")
    if name in {preset.name for preset in PRESETS}:
        raise ConfigError(f"{name} is the name of a ready pipeline. Choose another name.")
    validate(steps)
    data = {"format": 1, "name": name, "steps": dump_steps(steps)}
    taken = next((path for path in _folder().glob("*.json") if _name_in(path) == name), None)
    path = taken or _free_path(name)
    replace_file(path, json.dumps(data, ensure_ascii=False, indent=1).encode())
    return path


def delete(name: str) -> None:
    """Forget a saved pipeline."""
    for path in _folder().glob("*.json"):
        if _name_in(path) == name:
            path.unlink()


def read(path: Path) -> Pipeline:
    """A pipeline from a file. Raises ConfigError when it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        name, steps = str(data["name"]), data["steps"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path.name} is not a pipeline of CVStudio.") from error
    return Pipeline(name, "Saved on this computer.", load_steps(steps))


def _folder() -> Path:
    folder = home() / "pipelines"
    folder.mkdir(exist_ok=True)
    return folder


def _free_path(name: str) -> Path:
    """A file name that every system takes; the true name stands inside the file."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " -_") else "_" for c in name)
    plain = plain.strip()[:60] or "pipeline"
    path = _folder() / f"{plain}.json"
    number = 2
    while path.exists():
        path = _folder() / f"{plain} {number}.json"
        number += 1
    return path


def _name_in(path: Path) -> str | None:
    try:
        return read(path).name
    except ConfigError:
        return None
