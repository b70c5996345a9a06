"""COCO: boxes, polygons, run-length masks and crowds in JSON, and whatever else it carries.

Reading and writing again (coco_writer.py) changes nothing: ids, areas, boxes, licences, keypoints
and keys that CVStudio does not know are carried along, as long as their shape is untouched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core import masks
from cvstudio.core.annotation import Shape
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.masks import Mask
from cvstudio.formats.base import (
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Reading,
)
from cvstudio.formats.coco_carried import carried_of
from cvstudio.formats.coco_keypoints import (
    KEYPOINT_KEYS,
    LINK,
    framed,
    keypoints_of,
    skeleton_of,
    stands_alone,
)
from cvstudio.formats.coco_rotated import ROTATED_KEY, rotated_of
from cvstudio.formats.files import ImageIndex, head_of, json_of, read_text, split_of, walk
from cvstudio.formats.fitting import fitted, usable_turned
from cvstudio.formats.outlines import Outline, measured, single_rings

_OWN_KEYS = frozenset(
    ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", ROTATED_KEY)
)
_BLOCK = 5000
"""Annotations that are read between two looks at whether the user has had enough."""
_KINDS = ("instances", "person_keypoints", "stuff", "labels", "panoptic", "captions", "image_info")
"""Files about the same images, best first: only the first of a split is read."""


def sniff(source: Path) -> float:
    """Whether a file, or a folder with JSON files, is COCO."""
    return 0.95 if _files(source) else 0.0


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read one JSON file, or all of a folder. Raises FormatError when nothing can be read."""
    dataset = ParsedDataset()
    files = [source] if source.is_file() else _files(source)
    if not files:
        raise FormatError(f"No COCO file was found in {source}.", path=source)
    chosen = _best_of_each(files, dataset.problems)
    index = ImageIndex(_root(source))
    errors = []
    for file in chosen:
        try:
            _FileReader(file, index, dataset, reading).read()
        except FormatError as error:
            errors.append(error)
            dataset.problems.append(
                Problem(ProblemKind.MALFORMED, error.message, error.path, error.line)
            )
    if errors and not dataset.images:
        raise errors[0]
    return dataset


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() == ".json" and _looks_like(source) else []
    return [
        folder / name
        for folder, names in walk(source, depth=4)
        for name in names
        if name.lower().endswith(".json") and _looks_like(folder / name)
    ]


def _looks_like(file: Path) -> bool:
    head = head_of(file)
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or b'"items"' in head[:4096]:
        return False
    return b'"images"' in head or (b'"annotations"' in head and b'"image_id"' in head)


def _root(source: Path) -> Path:
    folder = source if source.is_dir() else source.parent
    if source.is_file() and re.fullmatch(r"annotations?|labels?|json", folder.name, re.IGNORECASE):
        return folder.parent
    return folder


def _best_of_each(files: Sequence[Path], problems: list[Problem]) -> list[Path]:
    """Of several files about the same split in the same folder, the one that says most."""
    best: dict[tuple[Path, str], Path] = {}
    for file in sorted(files, key=lambda f: (_rank(f), f)):
        key = (file.parent, _about(file))
        if key in best:
            text = f"{file.name} was left out: {best[key].name} speaks of the same images."
            problems.append(Problem(ProblemKind.NOT_TAKEN, text, file))
        else:
            best[key] = file
    return sorted(best.values())


def _rank(file: Path) -> int:
    return next((i for i, kind in enumerate(_KINDS) if file.stem.startswith(kind)), 0)


def _about(file: Path) -> str:
    for kind in _KINDS:
        if file.stem.startswith(kind):
            return file.stem.removeprefix(kind)
    return "_" + file.stem


EMPTY_KEY = "cvstudio_empty"
"""Our own field of an image: COCO has no word for "reviewed, and nothing is on it"."""
_NOT_CARRIED = ("file_name", "width", "height", EMPTY_KEY)


class _FileReader:
    """Reads one COCO file into a data set that may hold others already."""

    def __init__(
        self, file: Path, index: ImageIndex, dataset: ParsedDataset, reading: Reading
    ) -> None:
        self.file = file
        self.index = index
        self.dataset = dataset
        self.reading = reading
        self.split = split_of(file.stem) or split_of(file.parent.name)
        self.images: dict[Any, ParsedImage] = {}
        self.classes: dict[Any, str] = {}

    def read(self) -> None:
        data = _load(self.file)
        if "annotations" in data and not isinstance(data["annotations"], list):
            raise self._malformed('"annotations" is not a list')
        self._read_categories(data.get("categories"))
        self._read_images(data.get("images"), stated="annotations" in data)
        self._read_annotations(data.get("annotations", []))
        key = self.split.value if self.split is not None else ""
        kept = {name: data[name] for name in ("info", "licenses") if name in data}
        if kept:
            self.dataset.extras.setdefault("coco", {}).setdefault("files", {})[key] = kept

    def _malformed(self, what: str) -> FormatError:
        return FormatError(f"{self.file.name} is not a COCO file: {what}.", path=self.file)

    def _problem(self, kind: ProblemKind, text: str) -> None:
        self.dataset.problems.append(Problem(kind, text, self.file))

    def _read_categories(self, items: Any) -> None:
        if items is not None and not isinstance(items, list):
            raise self._malformed('"categories" is not a list')
        known = {c.name for c in self.dataset.classes}
        extras = self.dataset.extras.setdefault("coco", {}).setdefault("categories", {})
        for item in items or []:
            if not isinstance(item, dict) or not isinstance(item.get("name"), str | int):
                self._problem(ProblemKind.MALFORMED, "A category has no name and was left out.")
                continue
            name, key = str(item["name"]), _key(item.get("id"))
            if key in self.classes:
                self._problem(
                    ProblemKind.DUPLICATE, f"Category id {item.get('id')} is given twice."
                )
                continue
            self.classes[key] = name
            if name not in known:
                known.add(name)
                self.dataset.classes.append(ParsedClass(name, skeleton=skeleton_of(item)))
            extras.setdefault(name, {k: v for k, v in item.items() if k != "name"})

    def _read_images(self, items: Any, *, stated: bool) -> None:
        if not isinstance(items, list):
            raise self._malformed('it has no list "images"')
        beside = self._folders()
        taken = {image.path: image for image in self.dataset.images}
        for number, item in enumerate(items):
            if number % 2000 == 0:
                self.reading.step(f"Reading {self.file.name}", number, len(items))
            if not isinstance(item, dict) or not isinstance(item.get("file_name"), str):
                self._problem(
                    ProblemKind.MALFORMED, f"Image {number + 1} of the list has no file_name."
                )
                continue
            name, key = item["file_name"], _key(item.get("id"))
            path = self.index.find(name, beside=beside)
            if path is None:
                self._problem(ProblemKind.IMAGE_MISSING, f"The image {name} was not found.")
                self.images[key] = ParsedImage(Path(name))
                continue
            if key in self.images or path in taken:
                self._problem(ProblemKind.DUPLICATE, f"The image {name} is listed twice.")
                if key not in self.images:
                    self.images[key] = taken[path]
                continue
            image = ParsedImage(
                path,
                width=_whole(item.get("width")),
                height=_whole(item.get("height")),
                split=self.split,
                # COCO only lists images: one without annotations may be empty, or not labelled yet.
                bare=stated and item.get(EMPTY_KEY) is not True,
                empty=stated and item.get(EMPTY_KEY) is True,
                extras={k: v for k, v in item.items() if k not in _NOT_CARRIED},
            )
            self.images[key] = taken[path] = image
            self.dataset.images.append(image)

    def _folders(self) -> list[Path]:
        root = self.file.parent
        if root != self.index.root:
            root = root.parent
        stem = self.file.stem
        about = re.sub(rf"^({'|'.join(_KINDS)})_?", "", stem)
        names = [about] + ([self.split.value] if self.split else [])
        return [
            self.file.parent,
            *(base / name for base in (root / "images", root) for name in names),
            root / "images",
            root,
        ]

    def _read_annotations(self, items: list[Any]) -> None:
        images, classes = self.images, self.classes
        missing = skipped = 0
        listed = {id(image) for image in self.dataset.images}
        for number, item, outline in self._measured(items):
            try:
                image = images.get(item.get("image_id"))
                name = classes.get(item.get("category_id"))
            except (AttributeError, TypeError):
                text = f"Annotation number {number + 1} is not an object with plain ids."
                self._problem(ProblemKind.MALFORMED, text)
                continue
            if image is None:
                where = f"image {item.get('image_id')}, which is not listed"
                text = f"{_who(item, number)} is on {where}."
                self._problem(ProblemKind.IMAGE_MISSING, text)
                continue
            if id(image) not in listed:
                missing += 1
                continue
            image.empty = image.bare = False
            if "caption" in item or "segments_info" in item:
                skipped += 1
                continue
            if name is None:
                text = (
                    f"{_who(item, number)} has category {item.get('category_id')}, "
                    "which is not defined."
                )
                self._problem(ProblemKind.CLASS_UNKNOWN, text)
                continue
            self._read_annotation(item, number, image, name, outline)
        if skipped:
            text = f"{skipped:,} captions or panoptic segments are of a kind that is not taken."
            self._problem(ProblemKind.NOT_TAKEN, text)
        if missing:
            self._problem(
                ProblemKind.IMAGE_MISSING,
                f"{missing:,} annotations were left out because their images were not found.",
            )

    def _measured(self, items: list[Any]) -> Iterator[tuple[int, Any, Outline | None]]:
        """The annotations by number, with the plain outlines measured. The list is emptied on the
        way, so that a large file is not in memory both as read and as understood."""
        for first in range(0, len(items), _BLOCK):
            self.reading.step(f"Reading {self.file.name}", first, len(items))
            block = items[first : first + _BLOCK]
            items[first : first + _BLOCK] = [None] * len(block)
            outlines = measured(single_rings(block, first))
            for number, item in enumerate(block, first):
                yield number, item, outlines.get(number)

    def _read_annotation(
        self,
        item: dict[str, Any],
        number: int,
        image: ParsedImage,
        name: str,
        outline: Outline | None,
    ) -> None:
        segmentation = item.get("segmentation")
        shape: Shape = None
        box, area, whole = None, None, True
        turned = rotated_of(item)
        points = None
        if "keypoints" in item:
            points = keypoints_of(item, width=image.width, height=image.height)
        if points is not None and stands_alone(item):
            shape = points = framed(points, item)
            box, area = shape.box, shape.area
        elif turned is not None:
            shape, problem = usable_turned(
                turned, image.width, image.height, who=_who(item, number), file=self.file
            )
            if problem is not None:
                self.dataset.problems.append(problem)
                return
        elif segmentation:
            if outline is not None and _inside(outline.box, image):
                shape, box, area = outline.polygon, outline.box, outline.area
            else:
                shape, whole = self._segmentation(item, number, image)
                if shape is None:
                    return
                box, area = shape.box, shape.area
            if area <= 0:
                self._problem(
                    ProblemKind.NO_AREA, f"{_who(item, number)} covers no area: left out."
                )
                return
        elif bbox := item.get("bbox"):
            shape = self._box(bbox, item, number, image)
            if shape is None:
                return
            whole = shape.w == bbox[2] and shape.h == bbox[3]
        attributes = {}
        if not _OWN_KEYS.issuperset(item):
            left = _OWN_KEYS if points is None else _OWN_KEYS | KEYPOINT_KEYS
            attributes = {k: v for k, v in item.items() if k not in left}
        if item.get("iscrowd"):
            attributes["iscrowd"] = 1
        attributes["coco"] = carried_of(item, shape, whole=whole)
        image.annotations.append(ParsedAnnotation(name, shape, attributes, box, area))
        if points is not None and points is not shape:
            link = attributes["coco"][LINK] = item.get("id", number)
            image.annotations.append(ParsedAnnotation(name, points, {"coco": {LINK: link}}))
            self.dataset.in_two += 1

    def _box(self, bbox: Any, item: dict[str, Any], number: int, image: ParsedImage) -> Box | None:
        try:
            x, y, w, h = bbox
            sound = math.isfinite(x + y + w + h)
        except (TypeError, ValueError, OverflowError):
            sound = False
        if not sound:
            text = f"{_who(item, number)} has a bbox that is not four numbers."
            self._problem(ProblemKind.MALFORMED, text)
            return None
        right, bottom = image.width + 1, image.height + 1
        if w > 0 and h > 0 and x >= -1 and y >= -1 and x + w <= right and y + h <= bottom:
            return Box(x, y, w, h)
        box, who = Box(x, y, w, h), _who(item, number)
        cut, problem = fitted(box, image.width, image.height, who=who, file=self.file)
        if problem is not None:
            self.dataset.problems.append(problem)
        return cut

    def _segmentation(
        self, item: dict[str, Any], number: int, image: ParsedImage
    ) -> tuple[Polygon | Mask | None, bool]:
        """The shape, and whether it is as it was: not cut at the image's edge."""
        segmentation = item["segmentation"]
        try:
            if isinstance(segmentation, dict):
                shape: Polygon | Mask | None = _mask(segmentation, image)
            else:
                shape = _polygon(segmentation)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            text = f"{_who(item, number)} has a damaged segmentation: {error}."
            self._problem(ProblemKind.MALFORMED, text)
            return None, False
        if shape is None:
            self._problem(ProblemKind.NO_AREA, f"{_who(item, number)} covers no area: left out.")
            return None, False
        if isinstance(shape, Polygon):
            box = shape.box
            if not _inside(box, image):
                who = _who(item, number)
                cut, problem = fitted(box, image.width, image.height, who=who, file=self.file)
                if problem is not None:
                    self.dataset.problems.append(problem)
                    inside = _cut(shape, image.width, image.height) if cut is not None else None
                    return inside, False
        return shape, True


def _load(file: Path) -> dict[str, Any]:
    data = json_of(read_text(file), file)
    if not isinstance(data, dict):
        raise FormatError(f"{file.name} is not a COCO file: it holds no object.", path=file)
    return data


def _who(item: dict[str, Any], number: int) -> str:
    found = item.get("id")
    return f"Annotation {found}" if found is not None else f"Annotation number {number + 1}"


def _key(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


def _whole(value: Any) -> int:
    ok = isinstance(value, int | float) and 0 < value < 1e9
    return int(value) if ok else 0


def _inside(box: Box, image: ParsedImage) -> bool:
    """Whether a box lies on its image; up to a pixel over the edge is rounding."""
    right, bottom = image.width + 1, image.height + 1
    return box.x >= -1 and box.y >= -1 and box.right <= right and box.bottom <= bottom


def _polygon(rings: Any) -> Polygon | None:
    if not isinstance(rings, list):
        raise TypeError("it is neither a list nor an object")
    parts = []
    for ring in rings:
        points = np.array(ring, np.float64)
        if points.ndim != 1 or len(points) % 2 or not math.isfinite(points.sum()):
            raise ValueError("a ring is not a list of x and y")
        if len(points) >= 6:
            parts.append(Part(points.reshape(-1, 2)))
    return Polygon(tuple(parts)) if parts else None


def _cut(polygon: Polygon, width: int, height: int) -> Polygon | None:
    parts = tuple(Part(np.clip(part.outer, 0, (width, height))) for part in polygon.parts)
    cut = Polygon(parts)
    return cut if cut.area > 0 else None


def _mask(segmentation: dict[str, Any], image: ParsedImage) -> Mask | None:
    size, counts = segmentation["size"], segmentation["counts"]
    if not isinstance(size, list) or len(size) != 2:
        raise ValueError("its size is not two numbers")
    height, width = (int(v) for v in size)
    if not (0 < height < 1 << 20 and 0 < width < 1 << 20):
        raise ValueError(f"its size is {width} × {height}")
    if image.width and image.height and (width, height) != (image.width, image.height):
        raise ValueError(
            f"it is {width} × {height}, but the image is {image.width} × {image.height}"
        )
    # pycocotools trusts the runs and would write past its memory: they are added up first.
    runs = counts_of(counts) if isinstance(counts, str) else np.array(counts, np.int64)
    if runs.ndim != 1 or len(runs) == 0 or runs.min() < 0 or int(runs.sum()) != height * width:
        raise ValueError(f"its runs do not add up to {width} × {height} pixels")
    return masks.from_coco(counts, height=height, width=width)


def counts_of(text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The runs behind compressed COCO counts. Raises ValueError when they are no such code."""
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64) - 48
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63:
        raise ValueError("its counts are no run-length code")
    last = (codes & 0x20) == 0
    if not last[-1]:
        raise ValueError("its counts are cut off")
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    ends = np.flatnonzero(last)
    place_in_group = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if place_in_group.max() > 9:
        raise ValueError("its counts are no run-length code")
    values = np.add.reduceat((codes & 0x1F) << (5 * place_in_group), starts)
    negative = (codes[ends] & 0x10) > 0
    values -= np.where(negative, np.int64(1) << (5 * (ends - starts + 1)), 0)
    # From the fourth run on, each is stored as the difference to the one two before it.
    for parity in (1, 2):
        values[parity::2] = np.cumsum(values[parity::2])
    return np.asarray(values, np.int64)
