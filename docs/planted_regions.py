"""Faults planted in regions of pixels, and how many of them the list of suspects finds.

    python docs/planted_regions.py DATA OUT [--page docs/suspects.md] [--seed 0]

OUT gets two projects. "cells" are generated cells whose regions are labelled exactly, but for one
planted fault on half of the images: a region of another class, one that was removed, or one that
was shifted. "membranes" are the electron microscopy of DATA/sem_membrane, what lies between the
membranes labelled by people; on each image some of these regions are removed or shifted. Networks
are trained by the product's own commands on the faulty labels. OUT/NAME.json and OUT/NAME.npz tell
what was planted; nothing that judges can read them. What stands there is neither made nor trained
again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from planted_data import LEAST_SHIFT, MOST_SHIFT
from run_data import cvstudio

from cvstudio.core.annotation import Annotation, Split, Task
from cvstudio.core.masks import Mask
from cvstudio.core.metrics.pixels import label_map
from cvstudio.project import commands, importing, queries, snapshots, suspecting
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter
from cvstudio.project.sample import create_sample
from cvstudio.project.suspecting import Suspect

BEGIN, END = "<!-- begun by planted_regions.py -->", "<!-- ended by planted_regions.py -->"
CELLS = 200
"""Images of generated cells."""
FAULTS = ("swapped", "removed", "shifted")
SHARE = 0.5
"""Share of the images of cells with a fault, one each."""
OF_REGIONS = 0.05
"""Share of the regions of an image of membranes that one kind of fault is planted in."""
LEAST_REGION, MOST_REGION = 400, 20_000
"""Pixels of a region between membranes that can be at fault: neither a speck nor many in one."""
MOSTLY = 0.5
"""Share of a suspect's pixels that a fault must have changed for the suspect to be about it."""
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Planted:
    """One fault: which, on which image, and the class that the region had."""

    fault: str
    image_id: int
    class_id: int


@dataclass(frozen=True)
class Case:
    """One project with its faults, and the settings of the networks that judge it."""

    name: str
    faults: tuple[str, ...]
    make: Callable[[Path, Path, int], Project]
    """From the data, the folder and the seed a project with the right labels."""
    plant: Callable[[Project, random.Random], Iterator[Planted]]
    """Plants one fault after the other."""
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """How much of what was planted the first suspects are about, and how many of these are about
    any of it; at as many suspects as were planted and at twice as many."""

    name: str
    fault: str
    planted: int
    suspects: int
    recall_once: float
    precision_once: float
    recall_twice: float
    precision_twice: float


# Planting


def make(case: Case, data: Path, out: Path, seed: int) -> Path:
    """The project with its faults, and beside it which pixels of its image each of them changed."""
    folder = out / case.name
    if told_of(case, out).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    chance = random.Random(seed)
    planted: list[Planted] = []
    changed: list[Flags] = []
    with case.make(data, folder, seed) as project:
        with project.transaction("Divide") as s:
            ids = queries.image_ids(s, ImageFilter())
            commands.set_split(s, image_ids=ids, split=Split.TRAIN)
        before = maps_of(project, ids)
        for one in case.plant(project, chance):
            now = maps_of(project, [one.image_id])[one.image_id]
            planted.append(one)
            changed.append(now != before[one.image_id])
            before[one.image_id] = now
    kept = {str(number): flags for number, flags in enumerate(changed)}
    np.savez_compressed(out / f"{case.name}.npz", **kept)  # type: ignore[arg-type]
    told_of(case, out).write_text(json.dumps([asdict(one) for one in planted]), encoding="utf-8")
    return folder


def told_of(case: Case, out: Path) -> Path:
    """The file that tells what was planted."""
    return out / f"{case.name}.json"


def cells(_data: Path, folder: Path, seed: int) -> Project:
    """Generated cells of three kinds."""
    return create_sample(folder, Task.SEGMENT, images=CELLS, seed=seed)


def membranes(data: Path, folder: Path, _seed: int) -> Project:
    """Electron microscopy; one mask an image holds all that lies between membranes."""
    project = Project.create(folder, task=Task.SEGMENT, name="membranes")
    importing.run(project, importing.plan(project, data / "sem_membrane"), copy=True)
    return project


def in_cells(project: Project, chance: random.Random) -> Iterator[Planted]:
    """One fault on each of some images, the kinds in turn."""
    with project.read() as s:
        everything = queries.annotations_of(s, queries.image_ids(s, ImageFilter()))
        class_ids = [c.id for c in queries.classes(s)]
        sizes = {r.id: (r.width, r.height) for r in queries.images(s, list(everything))}
    able = sorted(image_id for image_id, labels in everything.items() if len(labels) > 1)
    for number, image_id in enumerate(chance.sample(able, round(SHARE * len(able)))):
        label, fault = chance.choice(everything[image_id]), FAULTS[number % len(FAULTS)]
        with project.transaction("Plant") as s:
            match fault:
                case "swapped":
                    other = chance.choice([c for c in class_ids if c != label.class_id])
                    commands.set_class(s, ids=[label.id], class_id=other)
                case "removed":
                    commands.delete_annotations(s, ids=[label.id])
                case _:
                    mask = label.shape
                    assert isinstance(mask, Mask)
                    moved = mask.moved(*shift(mask, *sizes[image_id], chance))
                    commands.set_shape(s, id=label.id, shape=moved)
        yield Planted(fault, image_id, label.class_id)


def in_membranes(project: Project, chance: random.Random) -> Iterator[Planted]:
    """Some regions of each image, removed on one image and shifted on the next."""
    with project.read() as s:
        found = queries.annotations_of(s, queries.image_ids(s, ImageFilter()))
        sizes = {r.id: (r.width, r.height) for r in queries.images(s, list(found))}
    labelled = sorted((i, labels[0]) for i, labels in found.items() if labels)
    for number, (image_id, label) in enumerate(labelled):
        fault = FAULTS[1 + number % 2]
        width, height = sizes[image_id]
        mask = label.shape
        assert isinstance(mask, Mask)
        whole = mask.full(height, width)
        regions = list(_between(whole))
        for region in chance.sample(regions, round(OF_REGIONS * len(regions))):
            whole = np.where(region.full(height, width), 0, whole).astype(np.uint8)
            if fault == "shifted":
                moved = region.moved(*shift(region, width, height, chance))
                whole = whole | moved.full(height, width)
            _relabel(project, label, whole)
            yield Planted(fault, image_id, label.class_id)


def _between(whole: NDArray[np.uint8]) -> Iterator[Mask]:
    """The regions that membranes part from each other, of a size that can be at fault."""
    _, numbers, table, _ = cv2.connectedComponentsWithStats(whole, connectivity=4)
    for number, (x, y, w, h, pixels) in enumerate(np.asarray(table).tolist()):
        if number and LEAST_REGION <= pixels < MOST_REGION:
            patch = np.asarray(numbers)[y : y + h, x : x + w] == number
            region = Mask.from_patch(patch.astype(np.uint8), x, y)
            assert region is not None
            yield region


def _relabel(project: Project, label: Annotation, whole: NDArray[np.uint8]) -> None:
    with project.transaction("Plant") as s:
        commands.set_shape(s, id=label.id, shape=Mask.from_patch(whole))


def shift(mask: Mask, width: int, height: int, chance: random.Random) -> tuple[int, int]:
    """How far to shift a region: a part of its own sides each way, towards the middle."""
    box = mask.box
    right, down = (
        round(chance.uniform(LEAST_SHIFT, MOST_SHIFT) * side * (1 if middle < whole / 2 else -1))
        for side, middle, whole in (
            (box.w, box.x + box.w / 2, width), (box.h, box.y + box.h / 2, height),
        )
    )  # fmt: skip
    return right, down


def maps_of(project: Project, image_ids: Sequence[int]) -> dict[int, NDArray[np.uint16]]:
    """The labels of now of each of these that is labelled, as the networks are taught them."""
    with project.read() as s:
        class_ids = [c.id for c in queries.classes(s)]
        images = snapshots.images(s, project, only=image_ids)
    return {
        i.id: label_map(i.annotations, class_ids=class_ids, height=i.height, width=i.width)
        for i in images
    }


CASES = (
    Case(
        "cells", FAULTS, cells, in_cells,
        ("image_size=128", "batch=4", "learning_rate=0.002", "epochs=32"),
    ),
    Case(
        "membranes", FAULTS[1:], membranes, in_membranes,
        ("image_size=192", "batch=2", "learning_rate=0.002", "epochs=20"),
    ),
)  # fmt: skip
COMMON = (
    "half=bfloat16", "workers=0", "patience=0", "cache_images=true", "start=scratch",
)  # fmt: skip


def train(case: Case, folder: Path) -> None:
    """Two networks, each on one half of the faulty labels, to judge the other half."""
    with Project.open(folder, write=False) as project:
        if suspecting.judges(project):
            return
    epochs = next(each for each in case.settings if each.startswith("epochs="))
    settings = [each for each in (*case.settings, *COMMON) if each != epochs]
    words = [word for setting in settings for word in ("--set", setting)]
    network = ("--network", "unet-resnet18", "--epochs", epochs.partition("=")[2])
    cvstudio("folds", folder, "--k", "2", *network, *words, quiet=False)


# Measuring


def measure(case: Case, out: Path) -> list[Score]:
    """What the first suspects are about: of each fault alone, without the images that another one
    was planted on, and of all faults together."""
    planted = [Planted(**one) for one in json.loads(told_of(case, out).read_text("utf-8"))]
    with np.load(out / f"{case.name}.npz") as kept:
        changed = [kept[str(number)] for number in range(len(planted))]
    with Project.open(out / case.name, write=False) as project:
        rows = suspecting.find(project, suspecting.judges(project)[0]).rows
    scores = []
    for fault in (*case.faults, "all of them"):
        wanted = [
            (one.image_id, flags)
            for one, flags in zip(planted, changed, strict=True)
            if fault in (one.fault, "all of them")
        ]
        others = {one.image_id for one in planted} - {image_id for image_id, _ in wanted}
        some = [row for row in rows if row.image_id not in others]
        scores.append(score(case.name, fault, some, wanted))
    return scores


def score(
    name: str, fault: str, rows: Sequence[Suspect], wanted: Sequence[tuple[int, Flags]]
) -> Score:  # fmt: skip
    """The figures of one list; `wanted` is, for each fault, its image and the pixels that it
    changed there."""
    by_image: dict[int, dict[int, Flags]] = {}
    for number, (image_id, flags) in enumerate(wanted):
        by_image.setdefault(image_id, {})[number] = flags
    about = [faults_of(row, by_image.get(row.image_id, {})) for row in rows]

    def recall(most: int) -> float:
        return len(set().union(*about[:most])) / len(wanted)

    def precision(most: int) -> float:
        return sum(map(bool, about[:most])) / max(len(about[:most]), 1)

    once, twice = len(wanted), 2 * len(wanted)
    return Score(
        name, fault, once, len(rows),
        recall(once), precision(once), recall(twice), precision(twice),
    )  # fmt: skip


def faults_of(suspect: Suspect, changed: Mapping[int, Flags]) -> set[int]:
    """The faults that changed most of a suspect's pixels, by their numbers."""
    assert isinstance(suspect.shape, Mask)
    return {
        number
        for number, flags in changed.items()
        if flags[suspect.shape.full(*flags.shape).astype(bool)].mean() >= MOSTLY
    }


def table(scores: Sequence[Score]) -> str:
    """The scores as a table of Markdown."""
    lines = [
        "| project | planted | how many | suspects in the list | recall at 1 × | precision at 1 × |"
        " recall at 2 × | precision at 2 × |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for s in scores:
        figures = (s.recall_once, s.precision_once, s.recall_twice, s.precision_twice)
        cells = [s.name, s.fault, str(s.planted), f"{s.suspects:,}"]
        cells += [f"{value:.2f}" for value in figures]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_page(page: Path, content: str) -> None:
    """Put the table where the page has it."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{content}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Make, train and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    scores = []
    for case in CASES:
        train(case, make(case, chosen.data, chosen.out, chosen.seed))
        scores += measure(case, chosen.out)
    content = table(scores)
    print(content)
    if chosen.page is not None:
        write_page(chosen.page, content)


if __name__ == "__main__":
    main()
