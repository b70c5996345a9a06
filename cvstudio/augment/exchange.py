"""Pipelines in albumentations' own serialisation, JSON or YAML: written, and read, never run.

Reading looks for the values of a transform of the catalogue that give the same arguments: it varies
each setting, sees which arguments follow and how, solves for the value, and compares all arguments
in the end. What differs, and what the catalogue has not, is told by name. Only classes that the
catalogue names are made, from plain data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cvstudio.augment import automatic
from cvstudio.augment.catalogue import TRANSFORMS, make_step, transform, values
from cvstudio.augment.fields import KEEP
from cvstudio.augment.inverse import Arguments, Solution, shown, solved
from cvstudio.augment.left_out import INSTEAD, LEFT_OUT
from cvstudio.augment.parts import accepted, described, inherited, library_version
from cvstudio.core.errors import ConfigError
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step

SUFFIXES = (".json", ".yaml", ".yml")
_CLASS = "__class_fullname__"
_MOST = 200
"""Entries of a file; more are a mistake or an attack."""
_LARGEST = 4_000_000


@dataclass
class Read:
    """What a file holds: `items`, and in `notes` a sentence on all that is not as in the file."""

    items: tuple[Item, ...] = ()
    notes: list[str] = field(default_factory=list)


# -- reading


def read_file(path: Path, *, size: int) -> Read:
    """The pipeline in a file. Raises ConfigError when it is none. For `size` see read_text."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"{path.name} is too large for a pipeline.")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not a text file.") from error
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}.") from error
    return read_text(text, size=size, name=path.name)


def read_text(text: str, *, size: int, name: str = "The file") -> Read:
    """The pipeline in a text, JSON or YAML, as albumentations.to_dict and save write it.

    `size`: the side in pixels at which images will be trained; lengths in pixels are shares of it.
    Raises ConfigError when the text is no pipeline of albumentations.
    """
    data = _parsed(text, name)
    top = data.get("transform", data) if isinstance(data, dict) else None
    if not isinstance(top, dict) or not isinstance(top.get(_CLASS), str):
        raise ConfigError(
            f"{name} is not a pipeline of albumentations.",
            hint="albumentations.save(pipeline, file) writes one.",
        )
    reading = _Reading(size, _keep_of(top))
    assert isinstance(data, dict)
    version = str(data.get("__version__", ""))
    if version and version.split(".")[0] != library_version().split(".")[0]:
        reading.notes.append(f"It was written by albumentations {version}, whose words may differ.")
    items = reading.items(top)
    if not items and not reading.notes:
        reading.notes.append("It holds no steps.")
    return Read(tuple(items), reading.notes)


class _Loader(yaml.SafeLoader):
    """Plain data only; albumentations writes pairs as Python's tuples, which are plain too."""


def _pair_of(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return list(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _pair_of)


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else "it nests too deep"
        raise ConfigError(f"{name} is neither JSON nor YAML: {first}.") from error


def _keep_of(top: Mapping[str, Any]) -> int | None:
    """How much of an object must be left, in percent, from the boxes' parameters."""
    boxes = top.get("bbox_params")
    if not isinstance(boxes, dict):
        return None
    share = boxes.get("min_visibility", 0.0)
    return min(max(round(100 * share), 1), 100) if isinstance(share, int | float) else None


class _Reading:
    """One file on its way to items; gathers notes."""

    def __init__(self, size: int, keep: int | None) -> None:
        self.size, self.keep = size, keep
        self.notes: list[str] = []
        self._count = 0

    def items(self, told: Mapping[str, Any], *, factor: float = 1.0) -> list[Item]:
        """The items that an entry of a file stands for."""
        self._count += 1
        if self._count > _MOST:
            raise ConfigError(f"A pipeline of more than {_MOST} entries is not read.")
        name = str(told.get(_CLASS, "")).rpartition(".")[2]
        chance = told.get("p", 1.0)
        chance = float(chance) if isinstance(chance, int | float) and 0 <= chance <= 1 else 1.0
        if name in ("Compose", "ReplayCompose", "Sequential"):
            return self._in_order(name, told, chance * factor)
        if name in ("OneOf", "SomeOf", "RandomOrder", "OneOrOther"):
            return [self._group(name, told, chance * factor)]
        return list(self._steps(name, told, chance * factor))

    def _inner(self, told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = told.get("transforms", [])
        return [t for t in found if isinstance(t, dict)] if isinstance(found, list) else []

    def _in_order(self, name: str, told: Mapping[str, Any], chance: float) -> list[Item]:
        if chance < 1:
            self.notes.append(
                f"{name} acts in {100 * chance:.0f} % of cases: its steps are read each with that"
                " much less chance, and no longer act together."
            )
        return [i for inner in self._inner(told) for i in self.items(inner, factor=chance)]

    def _group(self, name: str, told: Mapping[str, Any], chance: float) -> Group:
        kind = GroupKind.ONE_OF if name in ("OneOf", "OneOrOther") else GroupKind.SOME_OF
        steps: list[Step] = []
        for place, inner in enumerate(self._inner(told)):
            if name == "OneOrOther":
                inner = {**inner, "p": chance if place == 0 else 1 - chance}
            for item in self.items(inner):
                if isinstance(item, Step):
                    steps.append(item)
                else:
                    self.notes.append(f"{name}: a group inside a group was left out.")
        count = told.get("n", 2)
        if name == "RandomOrder":
            self.notes.append("RandomOrder: its steps act in the order of the list.")
        if told.get("replace"):
            self.notes.append(f"{name}: no step acts twice on an image.")
        return Group(
            group=kind, chance=1.0 if name == "OneOrOther" else chance, steps=tuple(steps),
            count=min(max(count, 1), 100) if isinstance(count, int) else 2,
        )  # fmt: skip

    def _steps(self, name: str, told: Mapping[str, Any], chance: float) -> list[Step]:
        given = {k: v for k, v in told.items() if k not in (_CLASS, "p", "always_apply", "params")}
        target = name
        if name in INSTEAD:
            target = transform(INSTEAD[name]).target
            self.notes.append(f"{name} is read as “{transform(INSTEAD[name]).title}”.")
        elif not any(record.target == name for record in TRANSFORMS):
            reason = LEFT_OUT.get(name, "There is no such transform.")
            self.notes.append(f"{name or 'An entry without a name'} was left out. {reason}")
            return []
        known = accepted(name)
        strange = sorted(given.keys() - known - inherited(name))
        if strange:
            self.notes.append(f"{name}: {', '.join(strange)} is not known and was left out.")
        given = {key: value for key, value in given.items() if key in known}
        try:
            if name in INSTEAD:
                given = _renamed(name, described(name, given, strict=False))
            wanted = described(target, given)
        except (ValueError, TypeError, Warning) as error:
            first = str(error).splitlines()[0]
            self.notes.append(f"{name} was left out: its settings are not understood ({first}).")
            return []
        return self._solved(name, target, given, wanted, chance)

    def _solved(
        self, name: str, target: str, given: Arguments, wanted: Arguments, chance: float
    ) -> list[Step]:
        """The step of the catalogue that comes nearest, and one more for what it cannot hold."""
        records = [record for record in TRANSFORMS if record.target == target]
        found = min(
            (solved(record, wanted, size=self.size) for record in records),
            key=lambda solution: len(solution.differing),
        )
        steps = [self._made(found, chance)]
        rest = {key: given[key] for key in found.differing if key in given}
        for record in (r for r in records if r is not found.record and rest):
            more = solved(record, described(target, rest), size=self.size)
            if not more.differing:
                steps.append(self._made(more, chance))
                self.notes.append(f"{name} is read as two steps, each with its own chance.")
                return steps
        for key in found.differing:
            self.notes.append(f"{name}: {key} {shown(wanted.get(key))} cannot be kept.")
        return steps

    def _made(self, found: Solution, chance: float) -> Step:
        parameters = dict(found.values)
        if self.keep is not None and KEEP in found.record.parameters:
            parameters[KEEP.name] = self.keep
        return make_step(found.record.name, chance=chance, **parameters)


def _renamed(name: str, given: Arguments) -> dict[str, Any]:
    """The arguments of a transform that is left out, as those of the one that stands for it."""
    if name not in ("Rotate", "ShiftScaleRotate", "RandomScale"):
        return {}
    kept = {key: given[key] for key in ("border_mode", "fill") if key in given}
    rotate = given.get("limit", given.get("rotate_limit", (0, 0)))
    scale = given.get("scale_limit", (0, 0))
    shift = given.get("shift_limit_x", given.get("shift_limit", (0, 0)))
    upright = given.get("shift_limit_y", shift)
    return {
        **kept,
        "rotate": _pair(rotate),
        "scale": tuple(1 + end for end in _pair(scale)),
        "keep_ratio": True,
        "translate_percent": {"x": _pair(shift), "y": _pair(upright)},
    }


def _pair(value: Any) -> tuple[float, float]:
    if isinstance(value, int | float):
        return -abs(value), abs(value)
    low, high = value
    return float(low), float(high)


# -- writing


def written(items: Sequence[Item], *, size: int) -> tuple[dict[str, Any], list[str]]:
    """A pipeline as albumentations.from_dict reads it, and sentences on what it cannot say.

    `size`: the side in pixels at which images are trained; some transforms name it.
    """
    notes: list[str] = []
    keeps: set[int] = set()
    told = [entry for item in items for entry in _entry(item, size, notes, keeps)]
    boxes = None
    if keeps:
        least = min(keeps)
        boxes = {
            "format": "pascal_voc", "label_fields": ["class_labels"], "min_area": 0.0,
            "min_visibility": least / 100, "min_width": 0.0, "min_height": 0.0,
            "check_each_transform": True, "clip": True,
        }  # fmt: skip
        if len(keeps) > 1:
            notes.append(f"Objects are kept from {least} % of their area on, at every step.")
    top = {
        _CLASS: "Compose", "p": 1.0, "transforms": told, "bbox_params": boxes,
        "keypoint_params": None, "additional_targets": {}, "is_check_shapes": True,
    }  # fmt: skip
    return {"__version__": library_version(), "transform": top}, list(dict.fromkeys(notes))


def write_file(items: Sequence[Item], path: Path, *, size: int) -> list[str]:
    """Write a pipeline as JSON, or as YAML by the file's suffix; sentences on what it cannot say.

    Raises ConfigError when the file cannot be written.
    """
    told, notes = written(items, size=size)
    plain = json.loads(json.dumps(told))
    yaml_wanted = path.suffix.lower() in (".yaml", ".yml")
    text = yaml.safe_dump(plain, sort_keys=False) if yaml_wanted else json.dumps(plain, indent=1)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    return notes


def _entry(item: Item, size: int, notes: list[str], keeps: set[int]) -> list[dict[str, Any]]:
    if not item.enabled or item.chance == 0:
        notes.append("Steps that are off were left out.")
        return []
    if isinstance(item, Automatic):
        notes.append("Automatic changes are written as the steps that they draw from.")
        item = automatic.as_group(item)
    if isinstance(item, Group):
        inner = [entry for step in item.steps for entry in _entry(step, size, notes, keeps)]
        if not inner:
            return []
        one = item.group is GroupKind.ONE_OF
        more = {} if one else {"n": min(item.count, len(inner)), "replace": False}
        kind = "OneOf" if one else "SomeOf"
        return [{_CLASS: kind, "p": item.chance, "transforms": inner, **more}]
    record, given = transform(item.transform), values(item)
    arguments = record.arguments(given)
    if record.sized:
        arguments = {**arguments, **record.sized(given, size, size)}
    if given.get("border") == "background":
        notes.append(f"{record.title}: its border is black, not the image's background.")
    if record.restored:
        notes.append(f"{record.title}: the piece stays as small as it was cut.")
    if record.sees and "bbox_labels" in arguments:
        notes.append(f"{record.title}: set bbox_labels to the numbers of your classes.")
    if KEEP in record.parameters:
        keeps.add(given[KEEP.name])
    return [{**described(record.target, arguments), "p": item.chance}]
