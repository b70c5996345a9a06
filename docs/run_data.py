"""The projects of docs/run_table.py: small sets of real images, made by the product's own commands.

What is chosen, copied and cut here is told in each set's sentence, which stands above its runs.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

SPLITS = ("train", "val")
PIECE_COLUMNS, PIECE_ROWS = 2, 2
LEAST_CELL = 120
"""Pixels that a cell between membranes must have to count as an object."""


def cvstudio(*words: str | Path, quiet: bool = True) -> str:
    """Run a command of the product and give what it prints. Raises CalledProcessError."""
    command = [sys.executable, "-m", "cvstudio", *map(str, words)]
    errors = subprocess.PIPE if quiet else None
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=errors, text=True
    ).stdout


@dataclass(frozen=True)
class DataSet:
    """Images of one task, and how long and at which size runs on them are trained."""

    name: str
    task: str
    words: str
    make: Callable[[Path, Path], Path]
    """From the folder of public data and an empty one to what is imported."""
    epochs: int
    size: int
    batch: int = 0
    """0 leaves the preset's."""
    network: str = ""
    """"" is the preset's."""
    several: bool = False
    later: Callable[[Path, Path], None] | None = None
    """What becomes of the project once the run that others start from is trained."""

    @property
    def settings(self) -> dict[str, str]:
        """What every run of the set is trained with."""
        found = {"image_size": str(self.size), "workers": "0"}
        return found | ({"batch": str(self.batch)} if self.batch else {})


def make_project(project: Path, data: Path, made: Path, which: DataSet) -> None:
    """A project of a set; what had to be copied or cut for it lies in `made`."""
    if project.exists():
        return
    half = project.with_name(f"{project.name}.half")
    for folder in (half, made):
        shutil.rmtree(folder, ignore_errors=True)
    made.mkdir(parents=True)
    source = which.make(data, made)
    cvstudio("new", "--task", which.task, *(["--several"] if which.several else []), half)
    cvstudio("import", half, source)
    half.rename(project)


# -- classify


def _signs_of(data: Path, digit: int) -> list[Path]:
    folder = data / "cls_signdigits" / "Dataset" / str(digit)
    return sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name))


def _copied(files: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)


def signs(data: Path, made: Path) -> Path:
    """Of each digit 30 images to learn from and 20 to judge on."""
    for digit in range(10):
        files = _signs_of(data, digit)
        _copied(files[:30], made / "train" / str(digit))
        _copied(files[30:50], made / "val" / str(digit))
    return made


def rare(data: Path, made: Path) -> Path:
    """Of five digits 40 images to learn from, of the other five 5; 20 of each to judge on."""
    for digit in range(10):
        files = _signs_of(data, digit)
        _copied(files[: 40 if digit < 5 else 5], made / "train" / str(digit))
        _copied(files[40:60], made / "val" / str(digit))
    return made


def first_signs(data: Path, made: Path) -> Path:
    """The digits 0 to 6, from which a run learns that others start from."""
    for digit in range(7):
        files = _signs_of(data, digit)
        _copied(files[:50], made / "train" / str(digit))
        _copied(files[50:70], made / "val" / str(digit))
    return made


def other_signs(project: Path, data: Path) -> None:
    """Put the digits 3 to 9, ten other images of each to learn from, in place of the first ones."""
    from cvstudio.project import commands, queries
    from cvstudio.project.project import Project

    made = project.with_name(f"{project.name}-few")
    for digit in range(3, 10):
        files = _signs_of(data, digit)
        _copied(files[70:80], made / "train" / str(digit))
        _copied([*files[50:70], *files[80:90]], made / "val" / str(digit))
    with (
        Project.open(project) as opened,
        opened.transaction("Take the first digits out") as session,
    ):
        commands.remove_images(session, ids=queries.image_ids(session))
        for one in queries.classes(session):
            if one.name in ("0", "1", "2"):
                commands.delete_class(session, id=one.id)
    cvstudio("import", project, made)


def cell_kinds(data: Path, made: Path) -> Path:
    """Quarters of blood smears, with the kinds of cells whose middle lies in each."""
    lines = ["file,labels,split"]
    for split, count in (("train", 60), ("val", 40)):
        for name in _blood_names(data, split)[:count]:
            image: Any = cv2.imread(str(data / "det_bccd" / "JPEGImages" / f"{name}.jpg"))
            high, wide = (side // 2 for side in image.shape[:2])
            boxes = list(_blood_boxes(data / "det_bccd" / "Annotations" / f"{name}.xml"))
            for number in range(PIECE_ROWS * PIECE_COLUMNS):
                row, column = divmod(number, PIECE_COLUMNS)
                top, left = row * high, column * wide
                file = f"{name}-{number}.png"
                cv2.imwrite(str(made / file), image[top : top + high, left : left + wide])
                inside = {
                    kind
                    for kind, x, y in boxes
                    if left <= x < left + wide and top <= y < top + high
                }
                lines.append(f"{file},{';'.join(sorted(inside))},{split}")
    (made / "kinds.csv").write_text("\n".join(lines), encoding="utf-8")
    return made / "kinds.csv"


# -- detect


def _blood_names(data: Path, split: str) -> list[str]:
    listed = data / "det_bccd" / "ImageSets" / "Main" / f"{split}.txt"
    return listed.read_text(encoding="utf-8").split()


def _blood_boxes(file: Path) -> Iterator[tuple[str, float, float]]:
    """The kind of each cell and the middle of its box."""
    text = file.read_text(encoding="utf-8")
    for found in re.findall(r"<object>.*?</object>", text, re.S):
        kind = re.findall(r"<name>(.*?)</name>", found)[0]
        sides = dict(re.findall(r"<([xy]m(?:in|ax))>(.*?)</", found))
        x, y = ((float(sides[f"{axis}min"]) + float(sides[f"{axis}max"])) / 2 for axis in "xy")
        yield kind, x, y


def blood(data: Path, made: Path) -> Path:
    """The first 80 images of the official train part and the first 40 of val."""
    lists = made / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for split, count in (("train", 80), ("val", 40)):
        names = _blood_names(data, split)[:count]
        (lists / f"{split}.txt").write_text("\n".join(names), encoding="utf-8")
        for folder, kind in (("JPEGImages", "jpg"), ("Annotations", "xml")):
            _copied([data / "det_bccd" / folder / f"{n}.{kind}" for n in names], made / folder)
    return made


# -- segment and instance


def _membranes(data: Path) -> list[tuple[Path, Path]]:
    folder = data / "sem_membrane" / "train"
    images = sorted((folder / "image").iterdir(), key=lambda p: int(p.stem))
    return [(image, folder / "label" / image.name) for image in images]


def membrane(data: Path, made: Path) -> Path:
    """The first 20 images to learn from, the last 10 to judge on."""
    for place, (image, label) in enumerate(_membranes(data)):
        split = "train" if place < 20 else "val"
        _copied([image], made / split / "image")
        _copied([label], made / split / "label")
    return made


def deep(data: Path, made: Path) -> Path:
    """The same images as 16-bit files: 2,041 of 65,536 levels, and a speck of the brightest one."""
    membrane(data, made)
    for file in made.glob("*/image/*"):
        values = _grey(file).astype(np.uint16) * 8 + 20_000
        values[:5, :5] = 65_535
        cv2.imwrite(str(file), values)
    return made


def layers(data: Path, made: Path) -> Path:
    """Each image with the two before it and the two behind it in the block of tissue, of the same
    part, as the five channels of a TIFF; its own comes first."""
    membrane(data, made)
    for split in SPLITS:
        folder = made / split / "image"
        files = sorted(folder.iterdir(), key=lambda p: int(p.stem))
        pixels = [_grey(file) for file in files]
        for place, file in enumerate(files):
            near = (min(max(place + step, 0), len(files) - 1) for step in (0, -1, 1, -2, 2))
            stack = np.stack([pixels[other] for other in near])
            target = file.with_suffix(".tif")
            tifffile.imwrite(target, stack, photometric="minisblack", planarconfig="separate")
            file.unlink()
    return made


def sandstone(data: Path, made: Path) -> Path:
    """Six slices to learn from, the last three to judge on."""
    images = sorted((data / "sem_sandstone" / "images" / "Train_images").iterdir())
    for place, image in enumerate(images):
        split = "train" if place < 6 else "val"
        _copied([image], made / split / "images")
        _copied([image.parent.with_name("Train_masks") / image.name], made / split / "masks")
    return made


def tens(data: Path, made: Path) -> Path:
    """Quarters of few membrane images, for a network that needs seconds for each."""
    return cells(data, made, (*range(2), 20))


@dataclass(frozen=True)
class Piece:
    """A quarter of a membrane image, and the mask of each cell on it."""

    split: str
    name: str
    pixels: Any
    cells: tuple[Any, ...]


def _pieces(data: Path, places: Sequence[int]) -> Iterator[Piece]:
    membranes = _membranes(data)
    for place in places:
        image, label = membranes[place]
        split = "train" if place < 20 else "val"
        pixels, labelled = (_grey(file) for file in (image, label))
        half = pixels.shape[0] // 2
        for number in range(PIECE_ROWS * PIECE_COLUMNS):
            row, column = divmod(number, PIECE_COLUMNS)
            part = np.s_[row * half : (row + 1) * half, column * half : (column + 1) * half]
            inside = labelled[part] > 127
            yield Piece(split, f"{image.stem}-{number}", pixels[part], tuple(_cells_of(inside)))


def _grey(file: Path) -> Any:
    return cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)


def _cells_of(inside: Any) -> Iterator[Any]:
    """What lies between membranes, without what is too small to tell."""
    count, numbers = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    for one in range(1, count):
        mask = (numbers == one).astype(np.uint8)
        if mask.sum() >= LEAST_CELL:
            yield mask


def _corners(mask: Any) -> Any:
    """The smallest box around a cell that may lie askew: corners (4, 2), one after the other."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.boxPoints(cv2.minAreaRect(np.concatenate(outlines))) + 0.5


def _axis(mask: Any) -> list[float]:
    """The upper end, the middle and the lower end of a cell, as COCO writes points."""
    a, b, c, d = _corners(mask)
    long = np.linalg.norm(b - a) >= np.linalg.norm(c - b)
    ends = ((d + a) / 2, (b + c) / 2) if long else ((a + b) / 2, (c + d) / 2)
    upper, lower = sorted(ends, key=lambda end: (end[1], end[0]))
    return [float(v) for end in (upper, (upper + lower) / 2, lower) for v in (*end, 2)]


def cells(data: Path, made: Path, places: Sequence[int] = range(30)) -> Path:
    """Quarters of the membrane images; what lies between membranes is an object each."""
    return _as_coco(data, made, places, {"id": 1, "name": "cell"})


def axes(data: Path, made: Path) -> Path:
    """The same quarters; of each cell the two ends of its long axis and the middle."""
    points = ["upper end", "middle", "lower end"]
    category = {"id": 1, "name": "cell", "keypoints": points, "skeleton": [[1, 2], [2, 3]]}
    return _as_coco(data, made, range(30), category)


def turned(data: Path, made: Path) -> Path:
    """The same quarters; around each cell the smallest box, which may lie askew."""
    for folder in ("images", "labels"):
        for split in SPLITS:
            (made / folder / split).mkdir(parents=True)
    for piece in _pieces(data, range(30)):
        cv2.imwrite(str(made / "images" / piece.split / f"{piece.name}.png"), piece.pixels)
        size = np.array(piece.pixels.shape[::-1])
        corners = [(_corners(mask) / size).reshape(-1) for mask in piece.cells]
        lines = [" ".join(["0", *(f"{v:.6f}" for v in one)]) for one in corners]
        label = made / "labels" / piece.split / f"{piece.name}.txt"
        label.write_text("\n".join(lines), encoding="utf-8")
    text = "train: images/train\nval: images/val\nnames: [cell]\n"
    (made / "data.yaml").write_text(text, encoding="utf-8")
    return made


def people(data: Path, made: Path) -> Path:
    """Photographs of people with the 17 points of COCO, as they are."""
    return data / "inst_tinycoco" / "pose_minicoco"


def _as_coco(data: Path, made: Path, places: Sequence[int], category: dict[str, Any]) -> Path:
    content: Mapping[str, dict[str, Any]] = {
        split: {"images": [], "annotations": [], "categories": [category]} for split in SPLITS
    }
    for split in SPLITS:
        (made / split).mkdir()
    for piece in _pieces(data, places):
        _add_cells(content[piece.split], made, piece, points="keypoints" in category)
    for split in SPLITS:
        text = json.dumps(content[split])
        (made / f"{split}.json").write_text(text, encoding="utf-8")
    return made


def _add_cells(content: dict[str, Any], made: Path, piece: Piece, *, points: bool) -> None:
    file = made / piece.split / f"{piece.name}.png"
    cv2.imwrite(str(file), piece.pixels)
    number = len(content["images"]) + 1
    high, wide = piece.pixels.shape
    content["images"].append(
        {"id": number, "file_name": f"{piece.split}/{file.name}", "width": wide, "height": high}
    )
    for mask in piece.cells:
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = [o.reshape(-1).tolist() for o in outlines if len(o) > 2]
        shape = {"keypoints": _axis(mask), "num_keypoints": 3} if points else {
            "segmentation": outline}  # fmt: skip
        content["annotations"].append(
            {"id": len(content["annotations"]) + 1, "image_id": number, "category_id": 1,
             "iscrowd": 0, "area": int(mask.sum()), "bbox": list(cv2.boundingRect(mask)), **shape}
        )  # fmt: skip


SETS = (
    DataSet(
        "signs", "classify",
        "Ten digits shown by hands, 100 px: 30 images of each to learn from, 20 to judge on.",
        signs, epochs=8, size=64,
    ),
    DataSet(
        "small", "classify", "The same images at 32 px.", signs, epochs=10, size=32,
    ),
    DataSet(
        "rare", "classify",
        "The same digits at 32 px; of 0 to 4 there are 40 images to learn from, of 5 to 9 five; 20"
        " of each to judge on.",
        rare, epochs=10, size=32,
    ),
    DataSet(
        "few", "classify",
        "The digits 3 to 9 with ten images of each to learn from, 30 to judge on. `few-first` was"
        " trained on 50 other images of the digits 0 to 6, before 3 to 9 took their place in the"
        " project; what it had learned of 3 to 6 is taken over with its last layer.",
        first_signs, epochs=8, size=64, later=other_signs,
    ),
    DataSet(
        "kinds", "classify",
        "Quarters of 100 blood smears: which of red cells, white cells and platelets are on them;"
        " several, one or none.",
        cell_kinds, epochs=8, size=64, several=True,
    ),
    DataSet(
        "membrane", "segment",
        "Electron microscopy of 512 px, cells against membranes: 20 images to learn from, 10 to"
        " judge on, seen at 128 px.",
        membrane, epochs=10, size=128,
    ),
    DataSet(
        "deep", "segment",
        "The same images as 16-bit files: their grey values lie between 20,000 and 22,040, and a"
        " corner of 5 x 5 px has the highest of all, 65,535.",
        deep, epochs=10, size=128,
    ),
    DataSet(
        "layers", "segment",
        "The same images as TIFF files of five channels: each slice with the two before it and the"
        " two behind it. The screen shows the first three.",
        layers, epochs=10, size=128,
    ),
    DataSet(
        "sandstone", "segment",
        "Slices of sandstone, about 1,000 px, four classes: six to learn from, three to judge on,"
        " seen at 128 px.",
        sandstone, epochs=15, size=128,
    ),
    DataSet(
        "blood", "detect",
        "Blood smears of 640 x 480 px with 16 boxes each, seen at 160 px: 80 to learn from, 40 to"
        " judge on.",
        blood, epochs=15, size=160, batch=4,
    ),
    DataSet(
        "cells", "instance",
        "Quarters of the membrane images, 256 px, seen at 128 px: what lies between membranes and"
        f" has at least {LEAST_CELL} pixels is an object; 80 to learn from, 40 to judge on.",
        cells, epochs=15, size=128, batch=4,
    ),
    DataSet(
        "turned", "detect",
        "The same quarters; around each cell the smallest box, which may lie askew. Figures are of"
        " rotated boxes.",
        turned, epochs=15, size=128, batch=4, network="yolo26n-obb",
    ),
    DataSet(
        "axes", "detect",
        "The same quarters; of each cell the two ends of its long axis and the middle between them,"
        " as keypoints. Figures are of keypoints (OKS).",
        axes, epochs=15, size=128, batch=4, network="yolo26n-pose",
    ),
    DataSet(
        "people", "detect",
        "About 60 photographs of people with the 17 points of COCO. So few teach a network nothing"
        " from scratch: the run only shows that it works.",
        people, epochs=6, size=160, batch=4, network="yolo26n-pose",
    ),
    DataSet(
        "tens", "instance",
        "Eight of these quarters to learn from and four to judge on: Mask R-CNN needs seconds for"
        " each image, so the runs only show that it works.",
        tens, epochs=3, size=128, batch=2,
    ),
)  # fmt: skip
