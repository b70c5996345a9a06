"""Reads YOLO: one text file an image, coordinates from 0 to 1; boxes, outlines or rotated boxes.

Takes data.yaml in its variants (names as a list or a table; path; train, val and test as folders,
lists or text files), Darknet's obj.names, and plain folders with classes.txt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cvstudio.core.annotation import Shape, Split
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Polygon
from cvstudio.formats.base import (
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Reading,
)
from cvstudio.formats.files import ImageIndex, head_of, read_text, split_of, walk
from cvstudio.formats.fitting import fitted, turned_inside

NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "data.names", "coco.names")
_SPLIT_KEYS = {"train": Split.TRAIN, "val": Split.VAL, "valid": Split.VAL, "test": Split.TEST}
_SLACK = 0.01


@dataclass
class _Layout:
    """What is known about a source before its label files are read."""

    names: dict[int, str]
    images: list[tuple[Path, Split | None]]
    problems: list[Problem] = field(default_factory=list)
    keypoints: tuple[int, int] | None = None
    rotated: bool = False
    """Whether four points are a rotated box and no outline (yolo_obb.py says how that is told)."""


def sniff(source: Path) -> float:
    """Whether a data.yaml, or a folder with one or with label files, is YOLO."""
    if source.is_file():
        return 0.95 if _is_yaml(source) else 0.0
    if _yaml_in(source) is not None:
        return 0.95
    labels = [
        folder / name
        for folder, names in walk(source, depth=4)
        for name in names[:200]
        if name.endswith(".txt") and name not in NAME_FILES
    ][:50]
    if not labels or not any(_is_label(file) for file in labels):
        return 0.0
    return 0.9 if _names_file(source) is not None else 0.6


def read(source: Path, reading: Reading, *, rotated: bool = False) -> ParsedDataset:
    """Read a data.yaml or a folder. Raises FormatError when there is nothing to read."""
    root = source if source.is_dir() else source.parent
    index = ImageIndex(root)
    file = source if source.is_file() else _yaml_in(source)
    layout = _from_yaml(file, index) if file is not None else _from_folder(root, index)
    if not layout.images:
        raise FormatError(f"No images were found for the YOLO labels in {source}.", path=source)
    layout.rotated = rotated
    reading.look_at([path for path, _ in layout.images])
    dataset = ParsedDataset(problems=layout.problems)
    used: set[int] = set(layout.names)
    visited: set[Path] = set()
    for number, (path, split) in enumerate(layout.images):
        if number % 500 == 0:
            reading.step("Reading YOLO labels", number, len(layout.images))
        image = ParsedImage(path, split=split)
        dataset.images.append(image)
        info = reading.info(path)
        labels = _label_file(path)
        if labels is not None:
            visited.add(labels)
        if labels is None or info is None:
            image.bare = labels is None
            continue
        image.width, image.height = info.width, info.height
        _LabelFile(labels, image, layout, dataset.problems, used).read()
    dataset.problems += _without_image(root, index, layout, visited)
    count = max(used, default=-1) + 1
    dataset.classes = [ParsedClass(layout.names.get(i, f"class {i}")) for i in range(count)]
    return dataset


def _without_image(
    root: Path, index: ImageIndex, layout: _Layout, visited: set[Path]
) -> list[Problem]:
    """The label files under `root` that belong to no image, not even to one that is not taken."""
    lone = [
        folder / name
        for folder, names in walk(root)
        for name in names
        if name.endswith(".txt") and name not in NAME_FILES and folder / name not in visited
    ]
    if not lone:
        return []
    taken = {path for path, _ in layout.images}
    others = (folder / name for folder, names in index.folders.items() for name in names)
    theirs = {_label_file(path) for path in others if path not in taken}
    return [
        Problem(
            ProblemKind.IMAGE_MISSING, f"{file.name} has labels, but there is no image to it.", file
        )
        for file in lone
        if file not in theirs and _is_label(file)
    ]


def _is_yaml(file: Path) -> bool:
    if file.suffix.lower() not in (".yaml", ".yml"):
        return False
    head = head_of(file)
    return b"names" in head and any(key in head for key in (b"train", b"val", b"nc"))


def _yaml_in(folder: Path) -> Path | None:
    found = [d / name for d, names in walk(folder, depth=1) for name in names]
    return next((file for file in found if _is_yaml(file)), None)


def _names_file(root: Path) -> Path | None:
    for folder, names in walk(root, depth=2):
        for name in names:
            if name in NAME_FILES or name.endswith(".names"):
                return folder / name
    return None


def _is_label(file: Path) -> bool:
    lines = head_of(file, 2000).splitlines()[:3]
    return bool(lines) and all(numbers_of(line.decode("ascii", "replace")) for line in lines)


def numbers_of(line: str) -> list[float] | None:
    """The numbers of a label's line, or None when it is no such line."""
    words = line.split()
    if len(words) < 5:
        return None
    try:
        values = [float(word) for word in words]
    except ValueError:
        return None
    ok = all(map(math.isfinite, values)) and values[0] >= 0 and values[0] == int(values[0])
    return values if ok else None


def _from_yaml(file: Path, index: ImageIndex) -> _Layout:
    try:
        data = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        where = f" at line {line}" if line else ""
        raise FormatError(f"{file.name} is damaged{where}.", path=file, line=line) from None
    if not isinstance(data, dict):
        raise FormatError(f"{file.name} is not a YOLO data file.", path=file)
    layout = _Layout(_names(data.get("names"), file), [])
    shape = data.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(v, int) for v in shape):
        layout.keypoints = (shape[0], shape[1])
    bases = [file.parent]
    if isinstance(data.get("path"), str):
        given = Path(data["path"])
        bases.insert(0, given if given.is_absolute() else file.parent / given)
    taken: set[Path] = set()
    for key, split in _SPLIT_KEYS.items():
        entries = data.get(key)
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, str) or not entry.strip():
                continue
            found = _images_of(entry.strip(), bases, index, key)
            if found is None:
                text = f"{file.name} names {entry} for {key}, which was not found."
                layout.problems.append(Problem(ProblemKind.IMAGE_MISSING, text, file))
                continue
            fresh = [path for path in found if path not in taken]
            if len(fresh) < len(found):
                text = f"{len(found) - len(fresh):,} images of {key} are in another split already."
                layout.problems.append(Problem(ProblemKind.DUPLICATE, text, file))
            taken.update(fresh)
            layout.images += [(path, split) for path in fresh]
    if not layout.images:
        layout.images = _all_images(index)
    return layout


def _names(names: Any, file: Path) -> dict[int, str]:
    if isinstance(names, list):
        return {i: str(name) for i, name in enumerate(names)}
    if isinstance(names, dict):
        try:
            return {int(i): str(name) for i, name in names.items()}
        except (TypeError, ValueError):
            raise FormatError(f"The classes in {file.name} are not numbered.", path=file) from None
    if isinstance(names, str):  # Darknet: the name of a file
        listed = file.parent / Path(names).name
        if listed.is_file():
            return _read_names(listed)
    raise FormatError(f"{file.name} does not list its classes.", path=file)


def _read_names(file: Path) -> dict[int, str]:
    lines = read_text(file).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return {i: line.strip() for i, line in enumerate(lines)}


def _images_of(entry: str, bases: list[Path], index: ImageIndex, split: str) -> list[Path] | None:
    """The images behind one entry: a folder, which may be empty, or a text file with paths.

    None when there is no such thing.
    """
    relative = entry.removeprefix("../") if entry.startswith("../") else entry
    wordings = [entry, relative] + ([relative.replace("valid/", "val/")] if split == "val" else [])
    empty: list[Path] | None = None
    for base in bases:
        for wording in wordings:
            candidate = Path(base, wording).resolve()
            if candidate.is_dir():
                own = index if candidate.is_relative_to(index.root.resolve()) else None
                found = _under(candidate, own)
                if found:
                    return found
                # A fuller folder of that name may lie elsewhere.
                empty = []
            elif candidate.is_file() and candidate.suffix.lower() == ".txt":
                return _listed(candidate, index)
    if entry.endswith(".txt"):
        listed = index.root / Path(entry).name
        return _listed(listed, index) if listed.is_file() else None
    return empty


def _under(folder: Path, index: ImageIndex | None) -> list[Path]:
    source = index if index is not None else ImageIndex(folder)
    return [
        where / name
        for where, names in source.folders.items()
        if where.resolve().is_relative_to(folder)
        for name in names
    ]


def _listed(file: Path, index: ImageIndex) -> list[Path]:
    found = []
    for line in read_text(file).splitlines():
        words = line.strip().removeprefix("./")
        if words:
            path = index.find(words, beside=[file.parent, index.root])
            found.append(path if path is not None else file.parent / words)
    return found


def _all_images(index: ImageIndex) -> list[tuple[Path, Split | None]]:
    images: list[tuple[Path, Split | None]] = []
    for folder, names in index.folders.items():
        split = split_of("/".join(folder.relative_to(index.root).parts))
        images += [(folder / name, split) for name in names]
    return images


def _from_folder(root: Path, index: ImageIndex) -> _Layout:
    file = _names_file(root)
    layout = _Layout(_read_names(file) if file is not None else {}, _all_images(index))
    if file is None:
        text = "No list of class names was found; the classes are called by their numbers."
        layout.problems.append(Problem(ProblemKind.CLASS_UNKNOWN, text, root))
    return layout


def _label_file(image: Path) -> Path | None:
    """The label file of an image: the folder "images" becomes "labels", or it lies beside."""
    parts = list(image.parts)
    for i in range(len(parts) - 2, -1, -1):
        for images, labels in (("images", "labels"), ("Images", "Annotations")):
            if parts[i] == images:
                mirrored = Path(*parts[:i], labels, *parts[i + 1 :]).with_suffix(".txt")
                if mirrored.is_file():
                    return mirrored
    nearby = (
        image.with_suffix(".txt"),
        image.parent / "labels" / f"{image.stem}.txt",
        image.parent.parent / "labels" / f"{image.stem}.txt",
    )
    return next((file for file in nearby if file.is_file()), None)


class _LabelFile:
    """Reads the label file of one image."""

    def __init__(
        self,
        file: Path,
        image: ParsedImage,
        layout: _Layout,
        problems: list[Problem],
        used: set[int],
    ) -> None:
        self.file, self.image, self.layout = file, image, layout
        self.problems, self.used = problems, used

    def read(self) -> None:
        try:
            lines = read_text(self.file).splitlines()
        except FormatError as error:
            self._problem(ProblemKind.MALFORMED, error.message, error.line)
            return
        seen: set[str] = set()
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text:
                continue
            if text in seen:
                words = f"Line {number} of {self.file.name} repeats an earlier one."
                self._problem(ProblemKind.DUPLICATE, words, number)
                continue
            seen.add(text)
            self._read_line(text, number)
        self.image.empty = not seen

    def _problem(self, kind: ProblemKind, text: str, line: int | None) -> None:
        self.problems.append(Problem(kind, text, self.file, line))

    def _read_line(self, text: str, number: int) -> None:
        who = f"Line {number} of {self.file.name}"
        values = numbers_of(text)
        if values is None:
            self._problem(ProblemKind.MALFORMED, f"{who} is not a class and numbers.", number)
            return
        index, numbers = int(values[0]), values[1:]
        name = self.layout.names.get(index)
        if name is None:
            if self.layout.names or index > 9999:
                words = f"{who} has class {index}, which is not defined."
                self._problem(ProblemKind.CLASS_UNKNOWN, words, number)
                return
            name = f"class {index}"
            self.used.add(index)
        if max(numbers[:4]) > 1 + 10 * _SLACK and min(numbers[2:4]) > 1:
            words = f"{who} is not in parts of the image from 0 to 1."
            self._problem(ProblemKind.MALFORMED, words, number)
            return
        annotation = self._annotation(name, numbers, who, number)
        if annotation is not None:
            self.image.annotations.append(annotation)

    def _annotation(
        self, name: str, numbers: list[float], who: str, line: int
    ) -> ParsedAnnotation | None:
        width, height = self.image.width, self.image.height
        attributes: dict[str, Any] = {}
        pose = self.layout.keypoints
        posed = pose is not None and len(numbers) == 4 + pose[0] * pose[1]
        if len(numbers) == 4 or len(numbers) == 5 or posed:
            cx, cy, w, h = numbers[:4]
            box = Box((cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height)
            if posed and pose is not None:
                attributes["keypoints"] = _keypoints(numbers[4:], pose[1], width, height)
                attributes["num_keypoints"] = pose[0]
            shape: Shape
            shape, problem = fitted(box, width, height, who=who, file=self.file, line=line)
        elif len(numbers) == 8 and self.layout.rotated:
            corners = np.array(numbers, np.float64).reshape(4, 2) * (width, height)
            shape, problem = turned_inside(
                corners, width, height, who=who, file=self.file, line=line
            )
        elif len(numbers) >= 6 and len(numbers) % 2 == 0:
            points = np.array(numbers, np.float64).reshape(-1, 2) * (width, height)
            polygon = Polygon.simple(points)
            around, problem = fitted(polygon.box, width, height, who=who, file=self.file, line=line)
            if problem is not None:
                polygon = Polygon.simple(np.clip(points, 0, (width, height)))
            shape = polygon if around is not None and polygon.area > 0 else None
            if problem is None and shape is None:
                problem = Problem(
                    ProblemKind.NO_AREA, f"{who} covers no area: left out.", self.file, line
                )
        else:
            self._problem(ProblemKind.MALFORMED, f"{who} is neither a box nor an outline.", line)
            return None
        if problem is not None:
            self.problems.append(problem)
        return ParsedAnnotation(name, shape, attributes) if shape is not None else None


def _keypoints(numbers: list[float], each: int, width: int, height: int) -> list[float]:
    """Keypoints as COCO writes them: x, y, visibility in pixels."""
    result: list[float] = []
    for i in range(0, len(numbers), each):
        x, y = numbers[i] * width, numbers[i + 1] * height
        seen = numbers[i + 2] if each > 2 else 2 if x or y else 0
        result += [x, y, seen]
    return result
