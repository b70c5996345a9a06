"""Masks as images: binary, indexed or colour-coded, one an image or one an object.

Images and masks are paired by their folders (images/ and masks/, image/ and label/, ...) and names
(x.jpg with x.png, x_mask.png, or x_class_0.png for a single object).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from natsort import natsorted
from numpy.typing import NDArray

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import FormatError, ImageError
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.formats import class_map as maps
from cvstudio.formats.base import (
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Reading,
)
from cvstudio.formats.class_map import ClassMap
from cvstudio.formats.files import ImageIndex, split_of
from cvstudio.imaging.decode import read_labels

_MASK_WORD = r"(?:masks?|labels?|annots?|annotations?|gt|ground_?truth|segmentations?|seg|targets?)"
_IMAGE_WORD = r"(?:images?|imgs?|inputs?|pictures?|photos?|raw)"
_MASK_FOLDER = re.compile(
    rf"^(?:{_MASK_WORD}|segmentationclass|gtfine|.*annot"
    rf"|.*[_\- ]{_MASK_WORD}|{_MASK_WORD}[_\- ]\D.*)$",
    re.I,
)
_IMAGE_FOLDER = re.compile(
    rf"^(?:{_IMAGE_WORD}|jpegimages|leftimg8bit|.*[_\- ]{_IMAGE_WORD}|{_IMAGE_WORD}[_\- ].*)$", re.I
)
_NOT_MASKS = frozenset(("segmentationobject", "scribbles"))
_NOT_CLASSES = re.compile(r"_(?:instanceIds|color|polygons)$")  # Cityscapes' other files
_AFFIX = re.compile(
    rf"^(?:{_MASK_WORD}|{_IMAGE_WORD})[_\-]|[_\-](?:{_MASK_WORD}|{_IMAGE_WORD})$", re.I
)
_MASK_NAME = re.compile(rf"^{_MASK_WORD}[_\-]|[_\-]{_MASK_WORD}$", re.I)
_MAX_VALUES = 256
_FOREGROUND = "foreground"


@dataclass
class _Pair:
    """An image with its masks; `objects` says that each mask is one object, by its class."""

    image: Path
    masks: list[Path] = field(default_factory=list)
    objects: dict[Path, str] = field(default_factory=dict)


def sniff(source: Path) -> float:
    """Whether a folder holds pairs of images and masks."""
    if not source.is_dir():
        return 0.0
    index = ImageIndex(source)
    if len(index) < 2:
        return 0.0
    pairs = _pairs(index)
    found = sum(1 for pair in pairs if pair.masks or pair.objects)
    return 0.0 if not found else 0.85 if found >= len(pairs) / 3 else 0.4


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read pairs of images and masks. Raises FormatError when there are none."""
    if not source.is_dir():
        raise FormatError(f"{source.name} is not a folder of images and masks.", path=source)
    index = ImageIndex(source)
    pairs = _pairs(index)
    if not any(pair.masks or pair.objects for pair in pairs):
        raise FormatError(f"No masks that belong to images were found in {source}.", path=source)
    dataset = ParsedDataset()
    file = reading.class_map or maps.find(_map_folders(source, index))
    known = maps.read(file) if file is not None else None
    reader = _Reader(dataset, known, reading)
    for number, pair in enumerate(pairs):
        reading.step("Reading masks", number, len(pairs))
        image = ParsedImage(pair.image, split=_split(pair.image, source))
        image.bare = not (pair.masks or pair.objects)
        dataset.images.append(image)
        reader.read(pair, image)
    reader.finish()
    return dataset


def _map_folders(source: Path, index: ImageIndex) -> list[Path]:
    inner = [folder for folder in index.folders if _MASK_FOLDER.match(folder.name)]
    return [source, *inner, *(folder.parent for folder in inner)]


def _split(path: Path, source: Path) -> Split | None:
    return split_of("/".join(path.relative_to(source).parent.parts))


# Pairing


def _pairs(index: ImageIndex) -> list[_Pair]:
    image_folders, mask_folders = _sort_folders(index)
    pairs: list[_Pair] = []
    for folder, names in image_folders.items():
        mates = [m for m in mask_folders if _belongs(m, folder, index.root, set(image_folders))]
        masks = [m / name for m in mates for name in index.folders[m]]
        own = names
        if not mates:
            own = [name for name in names if not _MASK_NAME.search(Path(name).stem)]
            kept = set(own)
            masks = [folder / name for name in names if name not in kept]
            if masks and not own:
                own, masks = names, []
        pairs += _match([folder / name for name in natsorted(own)], masks)
    return pairs


def _sort_folders(index: ImageIndex) -> tuple[dict[Path, list[str]], list[Path]]:
    """Folders of images with their files, and folders of masks."""
    images: dict[Path, list[str]] = {}
    masks: list[Path] = []
    for folder, names in index.folders.items():
        parts = folder.relative_to(index.root).parts
        if any(part.lower() in _NOT_MASKS for part in parts):
            continue
        last = next((p for p in reversed(parts) if _MASK_FOLDER.match(p) or _is_image(p)), "")
        if last and _MASK_FOLDER.match(last) and not _is_image(last):
            masks.append(folder)
        else:
            images[folder] = names
    return images, masks


def _is_image(name: str) -> bool:
    return _IMAGE_FOLDER.match(name) is not None and not re.search(_MASK_WORD + "$", name, re.I)


def _belongs(masks: Path, images: Path, root: Path, all_images: set[Path]) -> bool:
    """Whether a folder of masks goes with a folder of images: the same path but for one name."""
    mine, theirs = masks.relative_to(root).parts, images.relative_to(root).parts
    at = max(i for i, part in enumerate(mine) if _MASK_FOLDER.match(part))
    before, after = mine[:at], mine[at + 1 :]
    for name in {part for part in theirs if _is_image(part)}:
        if theirs == (*before, name, *after) and _same_prefix(mine[at], name):
            return True
    if theirs == (*before, *after) and not _has_image_mate(before, after, root, all_images):
        return True  # the images lie one level up, or in a folder of the split's name
    if len(theirs) == len(mine) and theirs[:at] == before and theirs[at + 1 :] == after:
        return not _has_image_mate(before, after, root, all_images)
    return False


def _stem_of(name: str) -> str:
    return re.sub(rf"(?:{_MASK_WORD}|{_IMAGE_WORD}|annot)", "", name, flags=re.I).strip("_- ")


def _same_prefix(mask: str, image: str) -> bool:
    """Train_masks goes with Train_images, and not with Test_images."""
    a, b = _stem_of(mask).lower(), _stem_of(image).lower()
    return a == b or not a or not b


def _has_image_mate(
    before: tuple[str, ...], after: tuple[str, ...], root: Path, all_images: set[Path]
) -> bool:
    size = len(before)
    for folder in all_images:
        parts = folder.relative_to(root).parts
        alike = len(parts) > size and parts[:size] == before and parts[size + 1 :] == after
        if alike and _is_image(parts[size]):
            return True
    return False


def _match(images: list[Path], masks: list[Path]) -> list[_Pair]:
    pairs = {_plain(path.stem): _Pair(path) for path in images}
    by_length = sorted(pairs, key=len, reverse=True)
    for mask in natsorted(masks):
        if _NOT_CLASSES.search(mask.stem):
            continue
        stem = _plain(mask.stem)
        if stem in pairs:
            pairs[stem].masks.append(mask)
            continue
        owner = next((s for s in by_length if stem.startswith((s + "_", s + "-"))), None)
        if owner is not None:
            words = stem[len(owner) + 1 :]
            name = re.sub(r"[_\-]?\d+$", "", words) or "object"
            pairs[owner].objects[mask] = name
    return list(pairs.values())


def _plain(stem: str) -> str:
    """A name without what marks it as an image or a mask."""
    stem = re.sub(r"_(leftImg8bit|gtFine_label(?:Train)?Ids|gtFine_color)$", "", stem)
    return _AFFIX.sub("", stem) or stem


# Reading


@dataclass
class _Labels:
    """A mask's codes (h, w): values, or colours 0xRRGGBB; and how often each occurs."""

    file: Path
    codes: NDArray[np.int32]
    counts: dict[int, int]
    colour: bool
    palette: dict[int, int] = field(default_factory=dict)

    @property
    def binary(self) -> bool:
        return len(self.counts) <= 2 and set(self.counts) <= {0, max(self.counts)}


class _Reader:
    """Turns masks into annotations; codes that no class map explains are named at the end."""

    def __init__(self, dataset: ParsedDataset, known: ClassMap | None, reading: Reading) -> None:
        self.dataset, self.known, self.reading = dataset, known, reading
        self.split_objects = reading.task in (Task.DETECT, Task.INSTANCE)
        self.colours: dict[str, str] = {}
        self.pending: list[tuple[ParsedImage, str, list[ParsedAnnotation], Path]] = []
        self.order: dict[str, tuple[int, int]] = {}

    def read(self, pair: _Pair, image: ParsedImage) -> None:
        for file in pair.masks:
            labels = self._labels(file, image)
            if labels is not None:
                self._take(labels, image)
        for file, name in pair.objects.items():
            labels = self._labels(file, image)
            if labels is not None:
                background = 0 if 0 in labels.counts else _commonest(labels.counts)
                patch = (labels.codes != background).astype(np.uint8)
                mask = Mask.from_patch(patch)
                if mask is None:
                    text = f"{file.name} marks nothing."
                    self._problem(ProblemKind.NO_AREA, text, file)
                    continue
                self.order.setdefault(name, (2, 0))
                self.pending.append((image, "objects", [ParsedAnnotation(name, mask)], file))

    def _problem(self, kind: ProblemKind, text: str, file: Path) -> None:
        self.dataset.problems.append(Problem(kind, text, file))

    def _labels(self, file: Path, image: ParsedImage) -> _Labels | None:
        info = self.reading.info(image.path)
        try:
            array, palette = read_labels(file)
        except ImageError as error:
            self._problem(ProblemKind.IMAGE_UNREADABLE, error.message, file)
            return None
        if info is not None:
            image.width, image.height = info.width, info.height
            if array.shape[:2] != (info.height, info.width):
                text = (
                    f"{file.name} is {array.shape[1]} × {array.shape[0]}, "
                    f"but {image.path.name} is {info.width} × {info.height}: left out."
                )
                self._problem(ProblemKind.MALFORMED, text, file)
                return None
        labels = _codes(array, palette, file)
        if labels is None:
            text = f"{file.name} has more than {_MAX_VALUES} different values, so it is no mask."
            self._problem(ProblemKind.MALFORMED, text, file)
        return labels

    def _take(self, labels: _Labels, image: ParsedImage) -> None:
        found: list[ParsedAnnotation] = []
        kind = "colour" if labels.colour else "binary" if labels.binary else "values"
        for code in labels.counts:
            name = self._name(code, labels)
            if name is None:
                continue
            patch = (labels.codes == code).astype(np.uint8)
            for mask in self._objects(patch):
                found.append(ParsedAnnotation(name, mask))
        self.pending.append((image, kind, found, labels.file))

    def _objects(self, patch: NDArray[np.uint8]) -> Iterator[Mask]:
        """One mask, or one for each connected piece where objects are told apart."""
        if not self.split_objects:
            whole = Mask.from_patch(patch)
            if whole is not None:
                yield whole
            return
        count, numbered, stats, _ = cv2.connectedComponentsWithStats(patch, connectivity=8)
        for i in range(1, count):
            x, y, w, h = (int(v) for v in stats[i, :4])
            piece = (numbered[y : y + h, x : x + w] == i).astype(np.uint8)
            mask = Mask.from_patch(piece, x, y)
            if mask is not None:
                yield mask

    def _name(self, code: int, labels: _Labels) -> str | None:
        """The class of a code; None for background."""
        known = self.known
        table = (known.colours if labels.colour else known.values) if known is not None else {}
        if code in table:
            return table[code]
        if known is not None and code in labels.palette and labels.palette[code] in known.colours:
            return known.colours[labels.palette[code]]
        if code == 0:
            return None
        if table:
            what = maps.hexadecimal(code) if labels.colour else f"value {code}"
            text = f"{labels.file.name} holds {what}, which the class map does not name."
            self._problem(ProblemKind.CLASS_UNKNOWN, text, labels.file)
            return None
        if labels.binary:
            return self._named(_FOREGROUND, 0, code, None)
        if labels.colour:
            return self._named(maps.colour_name(code), 1, code, code)
        if labels.palette and code == 255:
            return None  # VOC's border between objects
        return self._named(f"class {code}", 1, code, labels.palette.get(code))

    def _named(self, name: str, group: int, code: int, colour: int | None) -> str:
        self.order.setdefault(name, (group, code))
        if colour is not None:
            self.colours.setdefault(name, maps.hexadecimal(colour))
        return name

    def finish(self) -> None:
        """Hand out the annotations. Masks in another code than most are left out: their values
        would become classes that mean nothing."""
        usual = self._usual()
        for image, kind, found, file in self.pending:
            if found and self.known is None and kind not in ("objects", usual):
                text = (
                    f"{file.name} codes its classes in another way than the other masks: "
                    "left out. A class map would tell what it means."
                )
                self._problem(ProblemKind.CLASS_UNKNOWN, text, file)
                continue
            image.annotations += found
            image.empty = not image.annotations
        self._name_foreground()
        used = {a.class_name for image in self.dataset.images for a in image.annotations}
        names = self.known.names() if self.known is not None else []
        names += [n for n in natsorted(used, key=lambda n: self._place(n)) if n not in names]
        place = {name: i for i, name in enumerate(names)}
        for image in self.dataset.images:
            image.annotations.sort(key=lambda a: place[a.class_name])
        self.dataset.classes = [ParsedClass(name, self._colour(name)) for name in names]

    def _name_foreground(self) -> None:
        """Masks of black and white show the one class that a project has, if it has just one."""
        every = [a for image in self.dataset.images for a in image.annotations]
        if len(self.reading.classes) == 1 and {a.class_name for a in every} == {_FOREGROUND}:
            for annotation in every:
                annotation.class_name = self.reading.classes[0]

    def _usual(self) -> str:
        """How most masks are coded. Binary ones agree with masks of values."""
        counts: Counter[str] = Counter(kind for _, kind, found, _ in self.pending if found)
        counts.pop("objects", None)
        if counts["colour"] and (counts["values"] or counts["binary"]):
            others = counts["values"] + counts["binary"]
            return "colour" if counts["colour"] >= others else _most(counts, "values", "binary")
        if counts["values"] and counts["binary"]:
            for index, (image, kind, found, file) in enumerate(self.pending):
                if kind == "binary":
                    renamed = [self._as_value(a, file) for a in found]
                    self.pending[index] = (image, "values", renamed, file)
            return "values"
        return next(iter(counts), "values")

    def _as_value(self, annotation: ParsedAnnotation, file: Path) -> ParsedAnnotation:
        """A mask with one value only, among masks with several, is one of theirs."""
        if annotation.class_name != _FOREGROUND:
            return annotation
        array, palette = read_labels(file)
        labels = _codes(array, palette, file)
        code = max(labels.counts) if labels is not None else 1
        name = self._named(f"class {code}", 1, code, labels.palette.get(code) if labels else None)
        return ParsedAnnotation(name, annotation.shape, annotation.attributes)

    def _place(self, name: str) -> tuple[int, int]:
        return self.order.get(name, (3, 0))

    def _colour(self, name: str) -> str | None:
        given = self.known.colour_of(name) if self.known is not None else None
        return given or self.colours.get(name)


def _commonest(counts: dict[int, int]) -> int:
    return max(counts, key=lambda code: counts[code])


def _most(counts: Counter[str], *among: str) -> str:
    return max(among, key=lambda kind: counts[kind])


def _codes(array: NDArray[Any], palette: NDArray[np.uint8] | None, file: Path) -> _Labels | None:
    """The codes of a mask; None when there are too many for a mask."""
    colour = False
    if array.ndim == 3:
        rgb = array[:, :, :3].astype(np.int32)
        codes = rgb[:, :, 0] << 16 | rgb[:, :, 1] << 8 | rgb[:, :, 2]
        grey = bool((rgb[:, :, 0] == rgb[:, :, 1]).all() and (rgb[:, :, 1] == rgb[:, :, 2]).all())
        if grey:
            codes = rgb[:, :, 0]
        colour = not grey
    else:
        codes = array.astype(np.int32)
    if file.suffix.lower() in (".jpg", ".jpeg") and not colour:
        codes = np.where(codes >= 128, np.int32(255), np.int32(0))  # JPEG blurs the edges
    values, counts = np.unique(codes, return_counts=True)
    if len(values) > _MAX_VALUES:
        return None
    found = {int(v): int(c) for v, c in zip(values, counts, strict=True)}
    table = {}
    if palette is not None and not colour:
        table = {i: int(r) << 16 | int(g) << 8 | int(b) for i, (r, g, b) in enumerate(palette)}
    return _Labels(file, codes, found, colour, table)
