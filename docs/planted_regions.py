"""Faults planted in regions of pixels, and how many of them the list of suspects finds.

    python docs/planted_regions.py OUT [--page docs/suspects.md] [--seed 0]

OUT gets a project of generated cells whose regions are labelled exactly, but for one planted fault
on half of the images: a region of another class, one that was removed, or one that was shifted. Its
networks are trained by the product's own commands on the faulty labels. OUT/regions.json tells what
was planted; nothing that judges can read it. What stands there is neither made nor trained again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from planted_data import LEAST_SHIFT, MOST_SHIFT
from run_data import cvstudio

from cvstudio.core.annotation import Annotation, Split, Task
from cvstudio.core.masks import Mask
from cvstudio.core.metrics.pixels import label_map
from cvstudio.project import commands, queries, snapshots, suspecting
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter
from cvstudio.project.sample import create_sample
from cvstudio.project.suspecting import Suspect

BEGIN, END = "<!-- begun by planted_regions.py -->", "<!-- ended by planted_regions.py -->"
NAME, IMAGES = "regions", 90
FAULTS = ("swapped", "removed", "shifted")
SHARE = 0.5
"""Share of the images with a fault, one each."""
MOSTLY = 0.5
"""Share of a suspect's pixels that a fault must have changed for the suspect to be about it."""
SETTINGS = (
    "image_size=128", "batch=2", "learning_rate=0.002", "workers=0", "patience=0",
    "cache_images=true", "start=scratch",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """One fault: which, on which image, and the class that the region had."""

    fault: str
    image_id: int
    class_id: int


@dataclass(frozen=True)
class Score:
    """How much of what was planted the first suspects are about, and how many of these are about
    any of it; at as many suspects as were planted and at twice as many."""

    fault: str
    planted: int
    suspects: int
    recall_once: float
    precision_once: float
    recall_twice: float
    precision_twice: float


# Planting


def make(out: Path, seed: int) -> Path:
    """The project with its faults, and beside it the map of the right labels of each image."""
    folder = out / NAME
    if told_of(out).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    chance = random.Random(seed)
    with create_sample(folder, Task.SEGMENT, images=IMAGES, seed=seed) as project:
        with project.transaction("Divide") as s:
            commands.set_split(
                s, image_ids=queries.image_ids(s, ImageFilter()), split=Split.TRAIN
            )  # fmt: skip
        right = maps_of(project)
        planted = plant(project, chance)
    kept: dict[str, Any] = {str(image_id): each for image_id, each in right.items()}
    np.savez_compressed(out / f"{NAME}.npz", **kept)
    told_of(out).write_text(json.dumps([asdict(one) for one in planted]), encoding="utf-8")
    return folder


def told_of(out: Path) -> Path:
    """The file that tells what was planted."""
    return out / f"{NAME}.json"


def plant(project: Project, chance: random.Random) -> list[Planted]:
    """One fault on each of some images, the kinds in turn."""
    with project.read() as s:
        everything = queries.annotations_of(s, queries.image_ids(s, ImageFilter()))
        class_ids = [c.id for c in queries.classes(s)]
        sizes = {r.id: (r.width, r.height) for r in queries.images(s, list(everything))}
    able = sorted(image_id for image_id, labels in everything.items() if len(labels) > 1)
    planted = []
    with project.transaction("Plant") as s:
        for number, image_id in enumerate(chance.sample(able, round(SHARE * len(able)))):
            label, fault = chance.choice(everything[image_id]), FAULTS[number % len(FAULTS)]
            match fault:
                case "swapped":
                    other = chance.choice([c for c in class_ids if c != label.class_id])
                    commands.set_class(s, ids=[label.id], class_id=other)
                case "removed":
                    commands.delete_annotations(s, ids=[label.id])
                case _:
                    width, height = sizes[image_id]
                    moved = shifted(label, width, height, chance)
                    commands.set_shape(s, id=label.id, shape=moved)
            planted.append(Planted(fault, image_id, label.class_id))
    return planted


def shifted(label: Annotation, width: int, height: int, chance: random.Random) -> Mask:
    """The same region elsewhere, by a part of its own sides each way, towards the middle."""
    mask = label.shape
    assert isinstance(mask, Mask)
    box = mask.box
    right, down = (
        round(chance.uniform(LEAST_SHIFT, MOST_SHIFT) * side * (1 if middle < whole / 2 else -1))
        for side, middle, whole in (
            (box.w, box.x + box.w / 2, width), (box.h, box.y + box.h / 2, height),
        )
    )  # fmt: skip
    return mask.moved(right, down)


def maps_of(project: Project) -> dict[int, NDArray[np.uint16]]:
    """The labels of now of each labelled image, as the networks are taught them."""
    with project.read() as s:
        class_ids = [c.id for c in queries.classes(s)]
        images = snapshots.images(s, project, only=queries.image_ids(s, ImageFilter()))
    return {
        i.id: label_map(i.annotations, class_ids=class_ids, height=i.height, width=i.width)
        for i in images
    }


# Measuring


def measure(out: Path) -> list[Score]:
    """What the first suspects are about: of each fault alone, without the images that another one
    was planted on, and of all faults together."""
    planted = [Planted(**one) for one in json.loads(told_of(out).read_text("utf-8"))]
    with np.load(out / f"{NAME}.npz") as kept:
        right = {int(key): kept[key] for key in kept.files}
    with Project.open(out / NAME, write=False) as project:
        now = maps_of(project)
        rows = suspecting.find(project, suspecting.judges(project)[0]).rows
    changed = {one.image_id: right[one.image_id] != now[one.image_id] for one in planted}
    scores = []
    for fault in (*FAULTS, "all three"):
        wanted = {p.image_id for p in planted if fault in (p.fault, "all three")}
        others = {p.image_id for p in planted} - wanted
        some = [row for row in rows if row.image_id not in others]
        scores.append(score(fault, some, {i: changed[i] for i in wanted}))
    return scores


def score(
    fault: str, rows: Sequence[Suspect], changed: Mapping[int, NDArray[np.bool_]]
) -> Score:  # fmt: skip
    """The figures of one list; `changed` is, by image, which pixels the fault changed."""
    about = [row.image_id in changed and is_about(row, changed[row.image_id]) for row in rows]

    def recall(most: int) -> float:
        found = {row.image_id for row, hit in zip(rows[:most], about, strict=False) if hit}
        return len(found) / len(changed)

    def precision(most: int) -> float:
        return sum(about[:most]) / max(len(about[:most]), 1)

    once, twice = len(changed), 2 * len(changed)
    return Score(
        fault, once, len(rows), recall(once), precision(once), recall(twice), precision(twice)
    )


def is_about(suspect: Suspect, changed: NDArray[np.bool_]) -> bool:
    """Whether the fault changed most of a suspect's pixels."""
    assert isinstance(suspect.shape, Mask)
    inside = suspect.shape.full(*changed.shape).astype(bool)
    return bool(changed[inside].mean() >= MOSTLY)


def table(scores: Sequence[Score]) -> str:
    """The scores as a table of Markdown."""
    lines = [
        "| planted | how many | suspects in the list | recall at 1 × | precision at 1 × |"
        " recall at 2 × | precision at 2 × |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for s in scores:
        figures = (s.recall_once, s.precision_once, s.recall_twice, s.precision_twice)
        cells = [s.fault, str(s.planted), f"{s.suspects:,}", *(f"{value:.2f}" for value in figures)]
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
    parser.add_argument("out", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    folder = make(chosen.out, chosen.seed)
    with Project.open(folder, write=False) as project:
        trained = bool(suspecting.judges(project))
    if not trained:
        words = [word for setting in SETTINGS for word in ("--set", setting)]
        network = ("--network", "unet-resnet18", "--epochs", "20")
        cvstudio("folds", folder, "--k", "2", *network, *words, quiet=False)
    content = table(measure(chosen.out))
    print(content)
    if chosen.page is not None:
        write_page(chosen.page, content)


if __name__ == "__main__":
    main()
