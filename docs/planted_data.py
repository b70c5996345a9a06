"""The projects of docs/planted_faults.py: real images in which faults of labels are planted by lot.

What was planted is written beside the project, never into it: nothing that judges can read it.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cvstudio.core.annotation import Annotation, Kind, LabelClass, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands, importing, queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter

SHARE = 0.05
"""Share of all labels that one kind of fault is planted in."""
SESSION = 0.2
"""Share of the images that were taken in the other light."""
LEAST_SHIFT, MOST_SHIFT = 0.3, 0.5
"""How far a box is shifted each way, in its own sides."""
STRONG, MILD = (0.72, 0.95, 1.25), (0.85, 0.97, 1.1)
"""What the other light does to red, green and blue."""


@dataclass(frozen=True)
class Planted:
    """One fault: `fault` says which, `class_id` what it was, `box` where it was (x, y, w, h).

    `annotation_id` is None where the label was removed.
    """

    fault: str
    image_id: int
    annotation_id: int | None
    class_id: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Stage:
    """One command that trains, and the steps of albumentations that are added before it."""

    words: tuple[str, ...]
    steps: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Case:
    """One project with its faults, and how the networks that judge it are trained.

    With a `cast` some images are taken in another light and are test, from which no network learns.
    """

    name: str
    data: str
    task: str
    faults: tuple[str, ...]
    plant: Callable[[Project, random.Random], list[Planted]]
    stages: tuple[Stage, ...]
    cast: tuple[float, float, float] | None = None


def make(case: Case, data: Path, out: Path, *, seed: int) -> Path:
    """Make the project of a case with its faults; returns its folder. OUT/NAME.json tells them."""
    folder, told = out / case.name, out / f"{case.name}.json"
    if told.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    chance = random.Random(seed)
    with Project.create(folder, task=Task(case.task), name=case.name) as project:
        importing.run(project, importing.plan(project, data / case.data), copy=True)
        if case.cast:
            _other_light(project, chance, case.cast)
        else:
            _everything(project)
        planted = case.plant(project, chance)
    told.write_text(json.dumps([asdict(one) for one in planted]), encoding="utf-8")
    return folder


def read(case: Case, out: Path) -> list[Planted]:
    """What was planted in a case."""
    return [Planted(**one) for one in json.loads((out / f"{case.name}.json").read_text("utf-8"))]


# Planting


def swapped(project: Project, chance: random.Random) -> list[Planted]:
    """Another class, whichever, on a share of all labels."""
    everything, classes = _labels(project)
    return _swap(project, _some(everything, chance), classes, chance)


def three_kinds(project: Project, chance: random.Random) -> list[Planted]:
    """Of all boxes a share gets another class, a share is removed, and a share is shifted."""
    everything, classes = _labels(project)
    chance.shuffle(everything)
    count = round(SHARE * len(everything))
    first, second, third = (everything[n * count : (n + 1) * count] for n in range(3))
    return [
        *_swap(project, first, classes, chance),
        *_remove(project, second),
        *_shift(project, third, chance),
    ]


def drawn_as(name: str, other: str) -> Callable[[Project, random.Random], list[Planted]]:
    """In the other light all labels of one class are those of another."""

    def plant(project: Project, _chance: random.Random) -> list[Planted]:
        everything, classes = _labels(project)
        ids = {c.name: c.id for c in classes}
        with project.read() as s:
            cast = set(queries.image_ids(s, ImageFilter(splits=(Split.TEST,))))
        chosen = [a for a in everything if a.class_id == ids[name] and a.image_id in cast]
        with project.transaction("Plant") as s:
            commands.set_class(s, ids=[a.id for a in chosen], class_id=ids[other])
        return [_planted("drawn as another", a) for a in chosen]

    return plant


def _labels(project: Project) -> tuple[list[Annotation], list[LabelClass]]:
    with project.read() as s:
        found = queries.annotations_of(s, queries.image_ids(s, ImageFilter()))
        everything = [a for each in found.values() for a in each]
        usable = [a for a in everything if a.kind is Kind.IMAGE or a.box.area > 0]
        return usable, queries.classes(s)


def _some(everything: list[Annotation], chance: random.Random) -> list[Annotation]:
    return chance.sample(everything, round(SHARE * len(everything)))


def _swap(
    project: Project, chosen: Iterable[Annotation], classes: list[LabelClass], chance: random.Random
) -> list[Planted]:
    chosen = list(chosen)
    with project.transaction("Plant") as s:
        for a in chosen:
            other = chance.choice([c.id for c in classes if c.id != a.class_id])
            commands.set_class(s, ids=[a.id], class_id=other)
    return [_planted("swapped", a) for a in chosen]


def _remove(project: Project, chosen: Iterable[Annotation]) -> list[Planted]:
    chosen = list(chosen)
    with project.transaction("Plant") as s:
        commands.delete_annotations(s, ids=[a.id for a in chosen])
    return [_planted("removed", a, gone=True) for a in chosen]


def _shift(
    project: Project, chosen: Iterable[Annotation], chance: random.Random
) -> list[Planted]:  # fmt: skip
    chosen = list(chosen)
    with project.transaction("Plant") as s:
        for a in chosen:
            right, down = (
                chance.choice((-1, 1)) * chance.uniform(LEAST_SHIFT, MOST_SHIFT) for _ in range(2)
            )
            box = Box(a.box.x + right * a.box.w, a.box.y + down * a.box.h, a.box.w, a.box.h)
            commands.set_shape(s, id=a.id, shape=box)
    return [_planted("shifted", a) for a in chosen]


def mend(project: Project, planted: Iterable[Planted]) -> None:
    """Take what was planted back."""
    with project.transaction("Mend") as s:
        for one in planted:
            if one.annotation_id is None:
                commands.add_annotation(
                    s, image_id=one.image_id, class_id=one.class_id, shape=Box(*one.box)
                )
            elif one.fault == "shifted":
                commands.set_shape(s, id=one.annotation_id, shape=Box(*one.box))
            else:
                commands.set_class(s, ids=[one.annotation_id], class_id=one.class_id)


def _planted(fault: str, a: Annotation, *, gone: bool = False) -> Planted:
    box = (a.box.x, a.box.y, a.box.w, a.box.h)
    return Planted(fault, a.image_id, None if gone else a.id, a.class_id, box)


# Splits and light


def _everything(project: Project) -> None:
    """All images may be learned from: folds divide them."""
    with project.transaction("Divide") as s:
        ids = queries.image_ids(s, ImageFilter())
        commands.set_split(s, image_ids=ids, split=Split.TRAIN)


def _other_light(
    project: Project, chance: random.Random, cast: tuple[float, float, float]
) -> None:  # fmt: skip
    """Tint a share of the images, which no network is to learn from; the rest is train and val."""
    with project.read() as s:
        ids = queries.image_ids(s, ImageFilter())
        records = queries.images(s, ids)
    chance.shuffle(ids)
    count = round(SESSION * len(ids))
    parts = {
        Split.TEST: ids[:count],
        Split.VAL: ids[count : 2 * count],
        Split.TRAIN: ids[2 * count :],
    }
    for record in records:
        if record.id in set(parts[Split.TEST]):
            _tint(project.image_path(record), cast)
    with project.transaction("Divide") as s:
        for split, some in parts.items():
            commands.set_split(s, image_ids=some, split=split)


def _tint(path: Path, cast: tuple[float, float, float]) -> None:
    """Give the file of an image the other light."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    lit = np.clip(pixels * np.array(cast)[::-1], 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), lit, [cv2.IMWRITE_JPEG_QUALITY, 95])


def _settings(network: str, epochs: int, side: int, batch: int, *more: str) -> tuple[str, ...]:
    told = (f"image_size={side}", f"batch={batch}", "workers=0", "patience=0", "cache_images=true")
    words = [word for setting in told for word in ("--set", setting)]
    return ("--network", network, "--epochs", str(epochs), *words, *more)


SCRATCH = ("--set", "start=scratch")
SIGNS = _settings("resnet18", 12, 64, 32, *SCRATCH)
BLOOD = _settings("yolo11n", 22, 320, 8, *SCRATCH)
WIDE = (
    {
        "__class_fullname__": "RGBShift", "p": 0.8, "r_shift_limit": [-60.0, 60.0],
        "g_shift_limit": [-30.0, 30.0], "b_shift_limit": [-60.0, 60.0],
    },
    {"__class_fullname__": "ToGray", "p": 0.2},
)  # fmt: skip
"""Colour cast and Remove colour: for a network that is to see through another light."""

CASES = (
    Case("signs", "cls_signdigits/Dataset", "classify", ("swapped",), swapped,
         (Stage(("folds", "--k", "3", *SIGNS)),)),
    Case("signs-light", "cls_signdigits/Dataset", "classify", ("drawn as another",),
         drawn_as("6", "7"), (Stage(("train", *SIGNS)),), cast=STRONG),
    Case("blood", "det_bccd", "detect", ("swapped", "removed", "shifted"), three_kinds,
         (Stage(("folds", "--k", "2", *BLOOD)),)),
    Case("blood-light", "det_bccd", "detect", ("drawn as another",),
         drawn_as("WBC", "Platelets"),
         (Stage(("train", *BLOOD)),
          Stage(("train", *_settings("yolo11n", 12, 320, 8, "--start", "run", "--from-run", "1")),
                WIDE)),
         cast=MILD),
)  # fmt: skip
