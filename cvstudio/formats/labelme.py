"""labelme: a JSON file an image, and the dialect of it that X-AnyLabeling writes.

Shapes of one class and one group are one object in parts, as labelme itself counts them. Points of
a group with one other shape are that object's keypoints. Flags of an image that are set are its
classes; flags and attributes of a shape are values of attributes. A circle becomes a polygon
(placing.ROUND) and is a circle again on the way out while nobody has changed it. What cannot be
drawn (lines) is carried for the way out; keys that nobody knows are kept with their annotation.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.attributes import INNER, Attribute, AttributeKind
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.words import counted
from cvstudio.formats.base import (
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Reading,
)
from cvstudio.formats.coco_carried import fingerprint
from cvstudio.formats.files import ImageIndex, split_named, split_of, walk
from cvstudio.formats.fitting import turned_inside
from cvstudio.formats.labelme_file import LabelmeFile, is_dialect, load, looks_like, unpack
from cvstudio.formats.labelme_groups import Point, Poses, in_parts
from cvstudio.formats.placing import ellipse, placed, points_of

KEY = "labelme"
"""Under it an annotation carries {"circle" | "shape_type", "shape"} and an image {"flags",
"shapes", "other"}: what only labelme has a word for."""
KNOWN = frozenset(
    ("label", "points", "shape_type", "flags", "attributes", "mask", "group_id", "description",
     "difficult", "direction")
)  # fmt: skip
"""The keys of a shape that are understood; all others are kept beside them."""
_CANVAS = frozenset(("visible", "locked"))
"""Keys that say how the canvas of X-AnyLabeling looked, and nothing of the object."""
_OF_IMAGE = frozenset(
    (
        "version",
        "flags",
        "shapes",
        "imagePath",
        "imageData",
        "imageHeight",
        "imageWidth",
        "checked",
        "tags",
    )
)
_LINES = {"line": "line", "linestrip": "line strip", "cuboid": "cuboid", "points": "set of points"}
_CHOICES = 12
"""Up to so many different words are the choices of an attribute; beyond it is free text."""


def sniff(source: Path) -> float:
    """Whether a file, or a folder with JSON files, is labelme's."""
    return _certainty(source, dialect=False)


def sniff_dialect(source: Path) -> float:
    """Whether a file, or a folder with JSON files, is X-AnyLabeling's."""
    return _certainty(source, dialect=True)


def _certainty(source: Path, *, dialect: bool) -> float:
    """By the first few files; that of a dialect says so in most of its shapes."""
    first = list(islice(_files(source), 20))
    ours = [file for file in first if looks_like(file)]
    if not ours or 2 * len(ours) < len(first):
        return 0.6 if ours and not dialect else 0.0
    return 0.95 if any(map(is_dialect, ours)) == dialect else 0.0


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read one file, or all of a folder. Raises FormatError when there is none."""
    files = list(_files(source))
    if not files:
        raise FormatError(f"No labelme file was found in {source}.", path=source)
    return _Reader(source if source.is_dir() else source.parent, reading).read(files)


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield from [source] if source.suffix.lower() == ".json" else []
        return
    for folder, names in walk(source):
        yield from (folder / name for name in names if name.lower().endswith(".json"))


class _Reader:
    """Reads many files into one data set."""

    def __init__(self, root: Path, reading: Reading) -> None:
        self.root, self.reading = root, reading
        self.index = ImageIndex(root)
        self.dataset = ParsedDataset()
        self.poses = Poses()
        self.values: dict[str, dict[str, set[bool | str]]] = {}
        self.carried: Counter[str] = Counter()

    def read(self, files: list[Path]) -> ParsedDataset:
        seen: dict[Path, Path] = {}
        for number, file in enumerate(files):
            if number % 20 == 0:
                self.reading.step("Reading labelme files", number, len(files))
            try:
                found = load(file)
                image = _FileReader(found, self).read()
            except FormatError as error:
                problem = Problem(ProblemKind.MALFORMED, error.message, file, error.line)
                self.dataset.problems.append(problem)
                continue
            if image is None:
                continue
            if image.path in seen:
                text = f"{file.name} speaks of the same image as {seen[image.path].name}: left out."
                self.dataset.problems.append(Problem(ProblemKind.DUPLICATE, text, file))
                continue
            seen[image.path] = file
            self.dataset.images.append(image)
        self.poses.finish()
        self._tell_carried()
        self.dataset.images += self._unlabelled(seen)
        self.dataset.classes = self._classes()
        return self.dataset

    def path_of(self, file: LabelmeFile) -> tuple[Path | None, bool]:
        """The image of a file, and whether it had to be unpacked from it."""
        home = file.path.parent
        told = str(file.data.get("imagePath") or "").replace("\\", "/").strip()
        if told:
            beside = Path(os.path.normpath(home / told))
            if beside.is_file():
                return beside, False
        path = self.index.find(told, beside=[home, home.parent / "images"]) if told else None
        for folder in (home, home.parent / "images", home.parent):
            path = path or self.index.with_stem(folder, file.path.stem)
        if path is not None:
            return path, False
        return unpack(file), True

    def note_value(self, class_name: str, name: str, value: bool | str) -> None:
        """Remember which values an attribute of a class has."""
        self.values.setdefault(class_name, {}).setdefault(name, set()).add(value)

    def carry(self, kind: str) -> None:
        """Note a shape that cannot be drawn."""
        self.carried[kind] += 1

    def _tell_carried(self) -> None:
        for kind, count in self.carried.items():
            many = counted(count, f"{kind} is", f"{kind.replace('set', 'sets')}s are"
                           if kind != "set of points" else "sets of points are")  # fmt: skip
            text = f"{many} not drawn here: kept, and written again in an export for labelme."
            self.dataset.problems.append(Problem(ProblemKind.CARRIED, text, self.root))

    def _unlabelled(self, seen: dict[Path, Path]) -> list[ParsedImage]:
        """Images beside the labelled ones that have no file of their own."""
        folders = {path.parent for path in seen}
        return [
            ParsedImage(folder / name, split=self.split_of(folder), bare=True)
            for folder, names in self.index.folders.items()
            if folder in folders
            for name in names
            if folder / name not in seen
        ]

    def split_of(self, folder: Path) -> Any:
        """The split that the folders down to a file speak of."""
        inside = folder.is_relative_to(self.root)
        told = split_of("/".join(folder.relative_to(self.root).parts)) if inside else None
        return told or split_named(self.root.name)

    def _classes(self) -> list[ParsedClass]:
        names = {a.class_name: None for i in self.dataset.images for a in i.annotations}
        return [
            ParsedClass(name, skeleton=self.poses.skeleton(name), attributes=self._asked(name))
            for name in sorted(names)
        ]

    def _asked(self, class_name: str) -> tuple[Attribute, ...]:
        """What a class asks, by the values that its shapes have: labelme's files define nothing."""
        found = []
        for name, values in self.values.get(class_name, {}).items():
            words = tuple(sorted(v for v in values if isinstance(v, str) and v))
            if not words:
                each = Attribute(name, AttributeKind.CHECKBOX)
            elif len(words) <= _CHOICES and len(words) == len([*values]):
                each = Attribute(name, AttributeKind.CHOICE, choices=words)
            else:
                each = Attribute(name, AttributeKind.TEXT)
            if not each.problem():
                found.append(each)
        return tuple(found)


class _FileReader:
    """Reads the shapes of one file."""

    def __init__(self, file: LabelmeFile, reader: _Reader) -> None:
        self.file, self.data, self.reader = file, file.data, reader
        self.problems = reader.dataset.problems
        self.lines: list[dict[str, Any]] = []

    def _problem(self, kind: ProblemKind, text: str) -> None:
        self.problems.append(Problem(kind, text, self.file.path))

    def read(self) -> ParsedImage | None:
        path, unpacked = self.reader.path_of(self.file)
        if path is None:
            told = self.data.get("imagePath") or self.file.path.stem
            text = f"The image {told} of {self.file.path.name} was not found."
            self._problem(ProblemKind.IMAGE_MISSING, text)
            return None
        image = ParsedImage(path, unpacked=unpacked)
        image.split = self.reader.split_of(self.file.path.parent)
        image.width, image.height = (_size(self.data.get(k)) for k in ("imageWidth", "imageHeight"))
        if not (image.width and image.height):
            info = self.reader.reading.info(path)
            image.width, image.height = (info.width, info.height) if info else (0, 0)
        points: list[Point] = []
        for number, item in enumerate(self.data["shapes"], 1):
            self._read_shape(item, number, image, points)
        image.annotations = in_parts(image.annotations)
        self.reader.poses.add(image, points)
        self._read_flags(image)
        image.empty = not image.annotations and not self.data["shapes"]
        image.reviewed = self.data.get("checked") is True
        tags = self.data.get("tags")
        if isinstance(tags, list):
            told = (tag.strip() for tag in tags if isinstance(tag, str))
            image.tags = tuple(dict.fromkeys(tag for tag in told if tag))
        self._keep_rest(image)
        return image

    def _read_flags(self, image: ParsedImage) -> None:
        flags = self.data.get("flags")
        for name, value in flags.items() if isinstance(flags, dict) else ():
            if value is True and name.strip():
                image.annotations.append(ParsedAnnotation(name, None))

    def _keep_rest(self, image: ParsedImage) -> None:
        flags = self.data.get("flags")
        unset = [k for k, v in flags.items() if not v] if isinstance(flags, dict) else []
        other = {k: v for k, v in self.data.items() if k not in _OF_IMAGE and v not in (None, "")}
        if self.data.get("checked") == "failed":  # in X-AnyLabeling a person has refused it
            other["checked"] = "failed"
        kept = {"flags": unset, "shapes": self.lines, "other": other}
        if any(kept.values()):
            image.extras = {KEY: {key: value for key, value in kept.items() if value}}

    def _read_shape(self, item: Any, number: int, image: ParsedImage, points: list[Point]) -> None:
        who = f"Shape {number} of {self.file.path.name}"
        if not isinstance(item, dict):
            self._problem(ProblemKind.MALFORMED, f"{who} is no object.")
            return
        name = item.get("label")
        if not isinstance(name, str) or not name.strip():
            self._problem(ProblemKind.CLASS_UNKNOWN, f"{who} has no label.")
            return
        kind = item.get("shape_type") or "polygon"
        if kind in _LINES:
            self.lines.append(item)
            self.reader.carry(_LINES[kind])
            return
        who = f"{who} ({name})"
        corners = points_of(item.get("points"), least=1)
        if corners is None:
            self._problem(ProblemKind.MALFORMED, f"{who} has no points of two numbers each.")
            return
        attributes = self._attributes(item, name)
        if kind == "point":
            shape, problem = placed(
                Keypoints.of([*corners[0], Visibility.VISIBLE]), image.width, image.height,
                who=who, file=self.file.path,
            )  # fmt: skip
            if problem is not None:
                self.problems.append(problem)
            else:
                x, y = corners[0].tolist()
                points.append(Point(name, x, y, attributes))
            return
        shape, kept = self._shape(item, str(kind), corners, who, image)
        if shape is None:
            return
        if kept:
            attributes[KEY] = {**kept, "shape": fingerprint(shape)}
        image.annotations.append(ParsedAnnotation(name, shape, attributes))

    def _shape(
        self, item: dict[str, Any], kind: str, corners: Points, who: str, image: ParsedImage
    ) -> tuple[Shape, dict[str, Any]]:
        """The shape, and what is needed to write it as what it was."""
        kept: dict[str, Any] = {}
        made: Shape = None
        size = (image.width, image.height)
        if kind in ("rotation", "oriented_rectangle") and len(corners) == 4:
            made, problem = turned_inside(corners, *size, who=who, file=self.file.path)
        else:
            if kind == "rectangle" and len(corners) in (2, 4):
                made = Box.around(corners)
            elif kind == "circle" and len(corners) == 2:
                made, kept = _circle(corners), {"circle": corners.tolist()}
            elif kind == "mask":
                made = self._mask(item, corners, who)
                if made is None:
                    return None, {}
            elif kind in ("polygon", "quadrilateral") and len(corners) > 2:
                made = Polygon.simple(corners)
                kept = {"shape_type": kind} if kind != "polygon" else {}
            else:
                many = counted(len(corners), "point")
                text = f"{who} is a {kind} with {many}, which makes no sense."
                self._problem(ProblemKind.MALFORMED, text)
                return None, {}
            made, problem = placed(made, *size, who=who, file=self.file.path)
        if problem is not None:
            self.problems.append(problem)
            kept = {}
        return made, kept

    def _mask(self, item: dict[str, Any], corners: Points, who: str) -> Mask | None:
        """The mask of a shape: a PNG as text, whose corner is the first point."""
        try:
            patch = _patch(item.get("mask"))
        except ValueError as error:
            self._problem(ProblemKind.MALFORMED, f"{who} has a damaged mask: {error}.")
            return None
        x, y = (int(v) for v in corners.min(axis=0))
        found = Mask.from_patch(patch, x, y)
        if found is None:
            self._problem(ProblemKind.NO_AREA, f"{who} covers no area: left out.")
        return found

    def _attributes(self, item: dict[str, Any], class_name: str) -> dict[str, Any]:
        left_out = KNOWN | _CANVAS
        found = {k: v for k, v in item.items() if k not in left_out and v not in (None, [], {}, "")}
        inner: dict[str, Any] = {}
        flags, told = item.get("flags"), item.get("attributes")
        for name, value in told.items() if isinstance(told, dict) else ():
            if isinstance(value, bool | int | float | str) and value != "":
                inner[name] = value
                text = value if isinstance(value, bool) else str(value)
                self.reader.note_value(class_name, name, text)
        for name, value in flags.items() if isinstance(flags, dict) else ():
            if isinstance(value, bool):
                inner[name] = value
                self.reader.note_value(class_name, name, value)
        if inner:
            found[INNER] = inner
        group = item.get("group_id")
        if isinstance(group, int | str) and not isinstance(group, bool) and group != "":
            found["group_id"] = group
        if isinstance(item.get("description"), str) and item["description"]:
            found["description"] = item["description"]
        if item.get("difficult") is True:
            found["difficult"] = 1
        return found


def _size(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1e9 else 0


def _circle(corners: Points) -> Polygon:
    """A circle told by its centre and a point on it."""
    (cx, cy), (x, y) = corners.tolist()
    radius = math.hypot(x - cx, y - cy)
    return ellipse(cx, cy, radius, radius)


def _patch(text: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The pixels of a mask, (h, w) of 0 and 1. Raises ValueError in words."""
    if not isinstance(text, str):
        raise ValueError("there is none")
    try:
        content = base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise ValueError("it is no base64") from None
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        raise ValueError("it is no PNG")
    width, height = struct.unpack(">II", content[16:24])
    if not 0 < width * height < 1 << 29:
        raise ValueError(f"its size is {width} × {height}")
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise ValueError("its PNG is cut off")
    flat = found if found.ndim == 2 else found[:, :, :3].max(axis=2)
    return (flat > 0).astype(np.uint8)
