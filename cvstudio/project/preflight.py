"""Checks before a run starts, in words: what would stop it, what is worth a look, what is fine.

`gather` asks the database and may take a moment; `checks` is pure, so it can answer every turn of
a spin box.
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import psutil
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core import pretrained
from cvstudio.core.annotation import COUNTING, Kind, Review, Split, State, Task
from cvstudio.core.config import Start, TrainConfig
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import network
from cvstudio.project import device as devices
from cvstudio.project import estimate, queries
from cvstudio.project.device import Device
from cvstudio.project.project import Project
from cvstudio.project.tables import AnnotationRow, ImageRow

FIRST_RUN = 20
"""Labelled images below which a run will hardly show anything."""

TINY = 8.0
"""Sides in px, at the network's size, below which objects are hard to find."""

SCRATCH_IMAGES = 10_000
"""Below this many training images, starting from scratch is worth a warning."""


class Level(StrEnum):
    """How much a check matters."""

    BLOCKING = "blocking"
    ADVICE = "advice"
    OK = "ok"


@dataclass(frozen=True)
class Action:
    """What can be done about a check: set fields, show images, fetch weights, divide the images."""

    title: str
    kind: Literal["set", "images", "weights", "split"]
    changes: Mapping[str, Any] = field(default_factory=dict)
    image_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Check:
    """One line of the list; `detail` is for the tooltip and the command line."""

    level: Level
    text: str
    actions: tuple[Action, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Facts:
    """What the checks need to know of a project; images are those that would be trained on."""

    task: Task
    classes: Mapping[int, str]
    images: Mapping[Split, int]
    unlabelled: tuple[int, ...]
    without_split: tuple[int, ...]
    unreadable: tuple[int, ...]
    in_two_splits: tuple[int, ...]
    no_area: tuple[int, ...]
    """Image ids, one per box without area."""
    boxes_left_out: tuple[int, ...]
    """Images with boxes where masks or polygons are needed, one per box."""
    counts: Mapping[Split, Mapping[int, int]]
    """Annotations that train, by split and class."""
    sides: NDArray[np.float64]
    """Per box: its smaller side as a share of its image's larger side; and the image's id."""
    free_disk: int

    def tiny(self, image_size: int) -> NDArray[np.int64]:
        """The image of each object that is smaller than TINY at a training size."""
        small = self.sides[:, 0] * image_size < TINY
        return np.asarray(self.sides[small, 1], np.int64)


def gather(session: Session, project: Project) -> Facts:
    """Read the facts of a project."""
    columns = (ImageRow.id, ImageRow.review, ImageRow.split, ImageRow.sha256, ImageRow.problem)
    images = session.execute(select(*columns)).all()
    usable = {
        i.id: Split(i.split)
        for i in images
        if i.split and i.review != Review.UNLABELLED and not i.problem
    }
    places: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if image.id in usable and image.sha256:
            places[image.sha256].add(image.split or "")
    twice = {digest for digest, splits in places.items() if len(splits) > 1}
    marks = _marks(session, project.task, usable)
    return Facts(
        task=project.task,
        classes={c.id: c.name for c in queries.classes(session)},
        images=Counter(usable.values()),
        unlabelled=tuple(i.id for i in images if i.review == Review.UNLABELLED),
        without_split=tuple(i.id for i in images if not i.split and i.review != Review.UNLABELLED),
        unreadable=tuple(i.id for i in images if i.problem),
        in_two_splits=tuple(i.id for i in images if i.sha256 in twice and i.id in usable),
        no_area=marks.no_area,
        boxes_left_out=marks.boxes,
        counts=marks.counts,
        sides=marks.sides,
        free_disk=shutil.disk_usage(project.path).free,
    )


@dataclass(frozen=True)
class _Marks:
    no_area: tuple[int, ...]
    boxes: tuple[int, ...]
    counts: dict[Split, Counter[int]]
    sides: NDArray[np.float64]


def _marks(session: Session, task: Task, usable: Mapping[int, Split]) -> _Marks:
    """The annotations of the usable images, sorted by what training does with them."""
    row = AnnotationRow
    query = (
        select(row.image_id, row.class_id, row.kind, row.w, row.h, ImageRow.width, ImageRow.height)
        .join(ImageRow, ImageRow.id == row.image_id)
        .where(row.state == State.ACCEPTED.value)
    )
    no_area, boxes, sides = [], [], []
    counts: dict[Split, Counter[int]] = {split: Counter() for split in Split}
    for image_id, class_id, kind, w, h, width, height in session.execute(query):
        if image_id not in usable or (kind == Kind.IMAGE) is not (task is Task.CLASSIFY):
            continue
        if kind not in COUNTING[task]:
            boxes.append(image_id)
        elif kind != Kind.IMAGE and (w <= 0 or h <= 0):
            no_area.append(image_id)
        else:
            counts[usable[image_id]][class_id] += 1
            if kind != Kind.IMAGE:
                sides.append((min(w, h) / max(width, height, 1), image_id))
    array = np.array(sides, np.float64).reshape(-1, 2)
    return _Marks(tuple(no_area), tuple(boxes), counts, array)


def checks(facts: Facts, config: TrainConfig, found: Device) -> list[Check]:
    """All checks, blocking ones first, then advice, then what is fine."""
    lines = [
        *_split_checks(facts),
        *_label_checks(facts),
        *_size_checks(facts, config),
        *_weights_checks(facts, config),
        *_device_checks(config, found),
        _disk_check(facts, config),
    ]
    order = list(Level)
    return sorted(lines, key=lambda check: order.index(check.level))


def blocking(lines: list[Check]) -> list[Check]:
    """The checks that a run cannot start with."""
    return [check for check in lines if check.level is Level.BLOCKING]


def _split_checks(facts: Facts) -> list[Check]:
    train, val, test = (facts.images.get(split, 0) for split in Split)
    divide = (Action("Divide", "split"),)
    lines = []
    if facts.without_split:
        many = _n(len(facts.without_split), "labelled image")
        lines.append(Check(Level.ADVICE, f"{many} without a split, left out", divide))
    if not train + val + test and not facts.without_split:
        lines.append(Check(Level.BLOCKING, "No image is labelled yet"))
    elif not train or not val:
        which = "train" if not train else "val"
        lines.append(
            Check(Level.BLOCKING, f"No labelled image is in {which}", divide,
                  "A run learns from train and is judged on val in every epoch.")
        )  # fmt: skip
    else:
        held = f"{test:,}" if test else "no"
        lines.append(Check(Level.OK, f"{train:,} train, {val:,} val, {held} test images"))
        if train + val < FIRST_RUN:
            text = f"{train + val} of the {FIRST_RUN} images that a first run needs are labelled"
            lines.append(Check(Level.ADVICE, text))
    if facts.in_two_splits:
        many = _n(len(facts.in_two_splits), "image")
        show = Action("Show", "images", image_ids=facts.in_two_splits)
        lines.append(
            Check(Level.ADVICE, f"{many} in two splits at once", (show,),
                  "The same file in train and val makes the figures better than they are.")
        )  # fmt: skip
    elif train and val:
        lines.append(Check(Level.OK, "No image is in two splits"))
    return lines


def _label_checks(facts: Facts) -> list[Check]:
    lines = []
    if facts.unlabelled:
        many = _n(len(facts.unlabelled), "image")
        verb = "is" if len(facts.unlabelled) == 1 else "are"
        show = Action("Show", "images", image_ids=facts.unlabelled)
        lines.append(Check(Level.ADVICE, f"{many} {verb} unlabelled, left out", (show,)))
    if facts.unreadable:
        show = Action("Show", "images", image_ids=facts.unreadable)
        many = _n(len(facts.unreadable), "image")
        lines.append(Check(Level.ADVICE, f"{many} cannot be read, left out", (show,)))
    elif facts.images:
        lines.append(Check(Level.OK, "Every image can be read"))
    if facts.no_area:
        show = Action("Show", "images", image_ids=_once(facts.no_area))
        many = _n(len(facts.no_area), "box", "boxes")
        lines.append(Check(Level.ADVICE, f"{many} without area, left out", (show,)))
    if facts.boxes_left_out:
        show = Action("Show", "images", image_ids=_once(facts.boxes_left_out))
        many = _n(len(facts.boxes_left_out), "box", "boxes")
        why = "This task learns outlines: masks and polygons."
        lines.append(Check(Level.ADVICE, f"{many} without outline, left out", (show,), why))
    return [*lines, *_class_checks(facts)]


def _class_checks(facts: Facts) -> list[Check]:
    if not facts.classes:
        return [Check(Level.BLOCKING, "The project has no label class yet")]
    if not facts.images.get(Split.TRAIN) or not facts.images.get(Split.VAL):
        return []
    train, val = facts.counts[Split.TRAIN], facts.counts[Split.VAL]
    if not sum(train.values()):
        return [Check(Level.BLOCKING, f"No annotation in train that {facts.task} can learn from")]
    lines = []
    absent = [name for key, name in facts.classes.items() if not train.get(key)]
    if absent:
        lines.append(
            Check(Level.ADVICE, f"{_names(absent)}: not in train", (),
                  "A class without examples cannot be learned.")
        )  # fmt: skip
    unjudged = [n for key, n in facts.classes.items() if train.get(key) and not val.get(key)]
    if unjudged:
        lines.append(
            Check(Level.ADVICE, f"{_names(unjudged)}: not in val, no figure", (),
                  "The report cannot say how well a class is found that val does not have.")
        )  # fmt: skip
    present = {key: n for key, n in train.items() if n}
    most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    if present[most] >= 20 * present[least] and facts.task is not Task.SEGMENT:
        names = facts.classes
        balance = Action("Balance", "set", {"class_weights": True})
        lines.append(
            Check(Level.ADVICE,
                  f"{present[most] // present[least]} {names[most]} for each {names[least]}",
                  (balance,), "Balancing makes errors on rare classes count more.")
        )  # fmt: skip
    return lines


def _size_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    if facts.task not in (Task.DETECT, Task.INSTANCE):
        return []
    tiny = facts.tiny(config.image_size)
    if not len(tiny):
        return []
    noun = ("box", "boxes") if facts.task is Task.DETECT else ("object", "objects")
    verb = "is" if len(tiny) == 1 else "are"
    text = f"{_n(len(tiny), *noun)} {verb} under {TINY:g} px wide"
    larger = config.image_size * 3 // 2 // 32 * 32
    actions = [Action("Show", "images", image_ids=_once(tuple(tiny.tolist())))]
    if larger <= 1920:
        actions.insert(0, Action(f"Use {larger}", "set", {"image_size": larger}))
    return [Check(Level.ADVICE, text, tuple(actions), f"At {config.image_size} px.")]


def _weights_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    info = network(config.network)
    train = facts.images.get(Split.TRAIN, 0)
    if config.start is Start.SCRATCH:
        if train >= SCRATCH_IMAGES or info.weights is None:
            return []
        text = f"From scratch with {_n(train, 'image')}"
        why = "Pretrained weights need far fewer images."
        use = Action("Use pretrained", "set", {"start": Start.PRETRAINED})
        return [Check(Level.ADVICE, text, (use,), why)]
    if config.start is Start.PRETRAINED and config.weights_file is None:
        found = pretrained.find(info)
        if found is not None:
            return [Check(Level.OK, f"Pretrained weights: {found.name}", (), str(found))]
        error = pretrained.missing(info)
        scratch = Action("From scratch", "set", {"start": Start.SCRATCH})
        ways = (scratch, Action("Get them", "weights")) if info.weights else (scratch,)
        text = f"{error.filename or 'Pretrained weights'} is not on this computer"
        return [Check(Level.BLOCKING, text, ways, f"{error.message} {error.hint}")]
    if not (config.weights_file and config.weights_file.is_file()):
        text = f"There is no weights file {config.weights_file or ''}".strip()
        return [Check(Level.BLOCKING, text)]
    return []


def _device_checks(config: TrainConfig, found: Device) -> list[Check]:
    try:
        device = devices.for_config(config.device, found)
    except ConfigError as error:
        use = Action("Use the processor", "set", {"device": "auto"})
        return [Check(Level.BLOCKING, error.message, (use,))]
    need = estimate.memory(config)
    if device.kind == "cuda":
        words = f"{need / 2**30:.1f} of {device.memory / 2**30:.0f} GB GPU memory"
        if need > device.memory * 0.95 and config.batch > 1:
            half = Action(f"Use {config.batch // 2}", "set", {"batch": config.batch // 2})
            return [Check(Level.ADVICE, f"Batch {config.batch} needs about {words}", (half,))]
        return [Check(Level.OK, f"Needs about {words}")]
    free = psutil.virtual_memory().available
    words = f"{need / 2**30:.1f} of {free / 2**30:.1f} GB free memory"
    level = Level.OK if need < free else Level.ADVICE
    lines = [Check(level, f"Needs about {words}")]
    if device.kind == "cpu":
        why = f"{device.name}, {devices.cores()} cores. A GPU is many times faster."
        lines.append(Check(Level.OK, "No GPU: the processor trains", (), why))
    return lines


def _disk_check(facts: Facts, config: TrainConfig) -> Check:
    need = estimate.disk(config)
    text = f"Needs {_size(need)} of disk, {_size(facts.free_disk)} are free"
    return Check(Level.OK if need < facts.free_disk else Level.BLOCKING, text)


def _n(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _once(ids: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(ids))


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:,.0f} GB"
