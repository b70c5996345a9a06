"""Pascal VOC: one XML file an image, boxes in whole pixels, splits in ImageSets/Main.

Numbers are taken as the corners of the box (0-based), as today's tools write them. Only files that
name the VOC challenge's own database count from 1: one is taken off their left and top corner.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from cvstudio.core.annotation import Split
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.words import counted
from cvstudio.formats.base import (
    ExportAnnotation,
    ExportDataset,
    ExportImage,
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Reading,
    Writing,
)
from cvstudio.formats.files import ImageIndex, head_of, split_of, walk
from cvstudio.formats.fitting import fitted, usable_turned
from cvstudio.formats.images import place

_TURNED = ("cx", "cy", "w", "h", "angle")
_DROPPED = {"polygon": "a polygon", "mask": "a mask", "segmentation": "a mask", "part": "parts"}
"""What an object may have beside its box, and is not taken."""
_MASK_FOLDERS = ("SegmentationObject", "SegmentationClass")
_FLAGS = ("difficult", "truncated", "occluded")


def sniff(source: Path) -> float:
    """Whether a file, or a folder with XML files, is VOC."""
    return 0.9 if any(_looks_like(file) for file in _files(source)[:20]) else 0.0


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read one XML file, or all of a folder. Raises FormatError when there is none."""
    files = _files(source)
    if not files:
        raise FormatError(f"No Pascal VOC files were found in {source}.", path=source)
    root = source if source.is_dir() else source.parent
    if root.name == "Annotations":
        root = root.parent
    index = ImageIndex(root)
    images = {Path(name).stem for names in index.folders.values() for name in names}
    splits = _splits(root, images)
    dataset = ParsedDataset()
    dropped: Counter[str] = Counter()
    seen: dict[Path, Path] = {}
    for number, file in enumerate(files):
        if number % 200 == 0:
            reading.step("Reading VOC files", number, len(files))
        image = _File(file, index, dataset.problems, reading, dropped).read()
        if image is None:
            continue
        if image.path in seen:
            text = f"{file.name} speaks of the same image as {seen[image.path].name}: left out."
            dataset.problems.append(Problem(ProblemKind.DUPLICATE, text, file))
            continue
        seen[image.path] = file
        image.split = splits.get(file.stem) or split_of(
            "/".join(file.relative_to(root).parent.parts) if file.is_relative_to(root) else ""
        )
        dataset.images.append(image)
    dataset.images += _unlabelled(index, seen, splits)
    for kind, count in dropped.items():
        have = counted(count, "object has", "objects have")
        text = f"{have} {_DROPPED[kind]} in the label file: the box comes in, the rest does not."
        dataset.problems.append(Problem(ProblemKind.NOT_TAKEN, text, root))
    masks = [name for name in _MASK_FOLDERS if (root / name).is_dir()]
    if masks:
        text = f"The masks in {' and '.join(masks)} are not taken: import them as masks."
        dataset.problems.append(Problem(ProblemKind.NOT_TAKEN, text, root / masks[0]))
    names = {a.class_name: None for image in dataset.images for a in image.annotations}
    dataset.classes = [ParsedClass(name) for name in sorted(names)]
    return dataset


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() == ".xml" else []
    return [
        folder / name
        for folder, names in walk(source, depth=4)
        for name in names
        if name.lower().endswith(".xml")
    ]


def _looks_like(file: Path) -> bool:
    head = head_of(file, 4096)
    return b"<annotation" in head and b"<annotations" not in head and b"<polygon" not in head


def _splits(root: Path, stems: Collection[str]) -> dict[str, Split]:
    """The split of each image by the lists in ImageSets/Main (or Segmentation)."""
    found: dict[str, Split] = {}
    for kind in ("Main", "Segmentation", "Layout"):
        folder = root / "ImageSets" / kind
        for split in (Split.TRAIN, Split.VAL, Split.TEST):
            file = folder / f"{split.value}.txt"
            if not file.is_file():
                continue
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                # Lists of one class or of layouts add a number: "2007_000027  -1".
                stem = line.strip().strip('"')
                if stem not in stems:
                    stem = re.sub(r"\s+-?\d+$", "", stem)
                if stem:
                    found.setdefault(stem, split)
        if found:
            break
    return found


def _unlabelled(
    index: ImageIndex, seen: dict[Path, Path], splits: dict[str, Split]
) -> list[ParsedImage]:
    """Images beside the labelled ones that have no file of their own."""
    folders = {path.parent for path in seen}
    return [
        ParsedImage(folder / name, split=splits.get(Path(name).stem), bare=True)
        for folder, names in index.folders.items()
        if folder in folders
        for name in names
        if folder / name not in seen
    ]


class _File:
    """Reads one XML file."""

    def __init__(
        self,
        file: Path,
        index: ImageIndex,
        problems: list[Problem],
        reading: Reading,
        dropped: Counter[str],
    ) -> None:
        self.file, self.index, self.problems, self.reading = file, index, problems, reading
        self.dropped = dropped

    def _problem(self, kind: ProblemKind, text: str, line: int | None = None) -> None:
        self.problems.append(Problem(kind, text, self.file, line))

    def read(self) -> ParsedImage | None:
        root = self._parse()
        if root is None:
            return None
        path = self._image(root)
        if path is None:
            return None
        image = ParsedImage(path)
        info = self.reading.info(path)
        if info is not None:
            image.width, image.height = info.width, info.height
        self._compare_size(root, image)
        offset = 1.0 if _counts_from_one(root) else 0.0
        objects = root.findall("object")
        for number, item in enumerate(objects, 1):
            annotation = self._object(item, number, image, offset)
            if annotation is not None:
                image.annotations.append(annotation)
        image.empty = not objects
        return image

    def _parse(self) -> Xml.Element | None:
        try:
            root = _tree_of(self.file.read_bytes())
        except Xml.ParseError as error:
            line, column = error.position
            text = f"{self.file.name} is damaged at line {line}, column {column + 1}."
            self._problem(ProblemKind.MALFORMED, text, line)
            return None
        except DefusedXmlException:
            text = f"{self.file.name} defines entities, which a label file has no need of: refused."
            self._problem(ProblemKind.MALFORMED, text)
            return None
        except (OSError, ValueError, LookupError) as error:
            self._problem(ProblemKind.MALFORMED, f"{self.file.name} cannot be read: {error}.")
            return None
        if root.tag != "annotation":
            self._problem(ProblemKind.NOT_TAKEN, f"{self.file.name} is not a VOC file: left out.")
            return None
        return root

    def _image(self, root: Xml.Element) -> Path | None:
        name = (root.findtext("filename") or "").strip()
        home = self.file.parent
        beside = [home.parent / "JPEGImages", home, home.parent / "images", home.parent]
        path = self.index.find(name, beside=beside) if name else None
        if path is None:
            stems = (self.index.with_stem(folder, self.file.stem) for folder in beside)
            path = next((found for found in stems if found is not None), None)
        if path is None:
            text = f"The image {name or self.file.stem} of {self.file.name} was not found."
            self._problem(ProblemKind.IMAGE_MISSING, text)
        return path

    def _compare_size(self, root: Xml.Element, image: ParsedImage) -> None:
        stated = (_number(root.findtext("size/width")), _number(root.findtext("size/height")))
        if stated[0] and stated[1] and image.width and stated != (image.width, image.height):
            text = (
                f"{self.file.name} says {stated[0]:g} × {stated[1]:g} pixels, "
                f"but {image.path.name} has {image.width} × {image.height}."
            )
            self._problem(ProblemKind.MALFORMED, text)

    def _object(
        self, item: Xml.Element, number: int, image: ParsedImage, offset: float
    ) -> ParsedAnnotation | None:
        who = f"Object {number} of {self.file.name}"
        name = (item.findtext("name") or "").strip()
        if not name:
            self._problem(ProblemKind.CLASS_UNKNOWN, f"{who} has no class.")
            return None
        turned = item.find("robndbox")
        if turned is not None:
            return self._rotated(item, turned, name, f"{who} ({name})", image)
        corners = item.find("bndbox")  # by steps: a path is ten times slower than a plain name
        x0, y0, x1, y1 = (
            None if corners is None else _number(corners.findtext(name))
            for name in ("xmin", "ymin", "xmax", "ymax")
        )
        if x0 is None or y0 is None or x1 is None or y1 is None:
            self._problem(ProblemKind.MALFORMED, f"{who} has no box of four numbers.")
            return None
        box, problem = fitted(
            Box(x0 - offset, y0 - offset, x1 - x0 + offset, y1 - y0 + offset),
            image.width,
            image.height,
            who=f"{who} ({name})",
            file=self.file,
        )
        if problem is not None:
            self.problems.append(problem)
        if box is None:
            return None
        self.dropped.update(kind for kind in _DROPPED if item.find(kind) is not None)
        return ParsedAnnotation(name, box, _attributes(item))

    def _rotated(
        self, item: Xml.Element, turned: Xml.Element, name: str, who: str, image: ParsedImage
    ) -> ParsedAnnotation | None:
        """A rotated box as roLabelImg writes it: centre, sides, and an angle in radians."""
        cx, cy, w, h, angle = (_number(turned.findtext(key)) for key in _TURNED)
        if cx is None or cy is None or w is None or h is None or angle is None:
            self._problem(ProblemKind.MALFORMED, f"{who} has no rotated box of five numbers.")
            return None
        told = RotatedBox(cx, cy, w, h, math.degrees(angle))
        shape, problem = usable_turned(told, image.width, image.height, who=who, file=self.file)
        if problem is not None:
            self.problems.append(problem)
            return None
        return ParsedAnnotation(name, shape, _attributes(item))


def _tree_of(data: bytes) -> Xml.Element:
    """The elements of an XML file. Raises ParseError, DefusedXmlException, ValueError, LookupError.

    Entities are defined in a DTD, which begins with "<!". A file without one can go to the fast
    parser; NULs would hide it in UTF-16, and all other encodings that expat takes write ASCII.
    """
    if b"<!" in data or b"\0" in data:
        root: Xml.Element = fromstring(data)
        return root
    return Xml.fromstring(data)


def _counts_from_one(root: Xml.Element) -> bool:
    database = root.findtext("source/database") or ""
    folder = root.findtext("folder") or ""
    return bool(re.match(r"The VOC\d{4} Database", database) or re.fullmatch(r"VOC20\d\d", folder))


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _attributes(item: Xml.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in _FLAGS:
        if (item.findtext(key) or "").strip() in ("1", "true", "True"):
            found[key] = 1
    pose = (item.findtext("pose") or "").strip()
    if pose and pose != "Unspecified":
        found["pose"] = pose
    actions = {a.tag: (a.text or "").strip() for some in item.findall("actions") for a in some}
    if actions:
        found["actions"] = actions
    return found


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write Annotations, JPEGImages and ImageSets/Main. Raises FormatError."""
    lists: dict[Split, list[str]] = {}
    annotations = dest / "Annotations"
    sets = dest / "ImageSets" / "Main"
    for folder in (annotations, sets):
        folder.mkdir(parents=True, exist_ok=True)
    for done, image in enumerate(dataset.images, 1):
        name = place(image, dest / "JPEGImages", writing)
        stem = Path(name).stem if writing.copy_images else Path(image.name).stem
        if image.split is not None:
            lists.setdefault(image.split, []).append(stem)
        else:
            writing.lose("image[s] [has|have] no split and [is|are] in none of the lists")
        if image.annotations or image.review in ("reviewed", "reviewed and empty"):
            tree = _tree(image, name, writing)
            Xml.indent(tree)
            _write(annotations / f"{stem}.xml", Xml.tostring(tree, encoding="unicode") + "\n")
        writing.step("Writing VOC", done, len(dataset.images))
    for split, stems in lists.items():
        _write(sets / f"{split.value}.txt", "".join(stem + "\n" for stem in stems))
    both = lists.get(Split.TRAIN, []) + lists.get(Split.VAL, [])
    if both:
        _write(sets / "trainval.txt", "".join(stem + "\n" for stem in sorted(both)))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{file.name} could not be written: {reason}.", path=file) from None


def _tree(image: ExportImage, name: str, writing: Writing) -> Xml.Element:
    root = Xml.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", name)
    _add(Xml.SubElement(root, "source"), "database", "CVStudio")
    size = Xml.SubElement(root, "size")
    for key, value in (("width", image.width), ("height", image.height), ("depth", 3)):
        _add(size, key, str(value))
    _add(root, "segmented", "0")
    for annotation in image.annotations:
        _add_object(root, annotation, image, writing)
    return root


def _add_object(
    root: Xml.Element, annotation: ExportAnnotation, image: ExportImage, writing: Writing
) -> None:
    shape, box, attributes = annotation.shape, annotation.box, annotation.attributes
    if shape is None:
        writing.leave_out(
            "class[es] of [a whole image|whole images] [was|were] left out: VOC has none",
            annotation,
        )
        return
    if attributes.get("iscrowd"):
        writing.leave_out("crowd[s] [was|were] left out: VOC cannot mark [it|them]", annotation)
        return
    if isinstance(shape, Keypoints):
        writing.leave_out("set[s] of keypoints [was|were] left out: VOC has none", annotation)
        return
    if not isinstance(shape, Box | RotatedBox):
        writing.lose("outline[s] [or|and] mask[s] [was|were] written as [its box|their boxes]")
    if attributes.keys() - {"coco", "iscrowd", "pose", "actions", *_FLAGS}:
        writing.lose("annotation[s] lost attributes that VOC cannot hold")
    item = Xml.SubElement(root, "object")
    if isinstance(shape, RotatedBox):
        _add(item, "type", "robndbox")
    _add(item, "name", annotation.class_name)
    _add(item, "pose", str(attributes.get("pose", "Unspecified")))
    for key in _FLAGS:
        _add(item, key, str(int(bool(attributes.get(key)))))
    turned = isinstance(shape, RotatedBox)
    if turned:  # the box around it may stand out of the image, which readers refuse
        box = box.clipped(image.width, image.height)
    corners = [round(v) for v in (box.x, box.y, box.right, box.bottom)]
    # A box thinner than half a pixel keeps an area, or it would be thrown away on reading.
    corners[2], corners[3] = max(corners[2], corners[0] + 1), max(corners[3], corners[1] + 1)
    if corners != [box.x, box.y, box.right, box.bottom] and not turned:
        writing.lose("box[es] [was|were] rounded to whole pixels")
    bounds = Xml.SubElement(item, "bndbox")
    for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
        _add(bounds, key, str(value))
    if isinstance(shape, RotatedBox):  # beside the box around it, for whoever knows no other
        _add_rotated(item, shape)
    if isinstance(attributes.get("actions"), dict):
        actions = Xml.SubElement(item, "actions")
        for key, value in attributes["actions"].items():
            _add(actions, key, str(value))


def _add_rotated(item: Xml.Element, shape: RotatedBox) -> None:
    radians = math.radians(shape.angle % 360)
    numbers = (shape.cx, shape.cy, shape.w, shape.h, radians)
    bounds = Xml.SubElement(item, "robndbox")
    for key, value in zip(_TURNED, numbers, strict=True):
        _add(bounds, key, repr(float(value)))


def _add(parent: Xml.Element, tag: str, text: str) -> None:
    Xml.SubElement(parent, tag).text = "".join(c for c in text if c >= " " or c in "\t\n")
