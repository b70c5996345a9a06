"""CVAT for images 1.1 and CVAT for video 1.1: one XML file for a task, its images in images/.

An ellipse becomes a polygon (placing.ROUND) and is an ellipse again on the way out while nobody has
changed it. Polylines and cuboids cannot be drawn and are carried. The tracks of a video are objects
that share a `track_id`, one annotation on each frame where CVAT shows them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cvstudio.core.annotation import Shape
from cvstudio.core.attributes import INNER
from cvstudio.core.errors import FormatError
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
from cvstudio.formats.cvat_frames import Frames
from cvstudio.formats.cvat_labels import CROWD, Labels, labels_of
from cvstudio.formats.cvat_shapes import (
    CARRIED,
    KEY,
    SHAPES,
    is_gone,
    points_at,
    shape_of,
    values_of,
)
from cvstudio.formats.cvat_xml import Node, nodes
from cvstudio.formats.files import ImageIndex, head_of, split_of, walk
from cvstudio.formats.placing import placed

EMPTY_KEY = "cvstudio_empty"
"""Our own attribute of an image: CVAT has no word for "reviewed, and nothing is on it"."""
_ROOT = b"<annotations"


def sniff(source: Path) -> float:
    """Whether a file, or a folder with XML files, is of CVAT for images."""
    return 0.95 if any(_looks_like(f) and not _is_video(f) for f in _first(source)) else 0.0


def sniff_video(source: Path) -> float:
    """Whether a file, or a folder with XML files, is of CVAT for video."""
    return 0.95 if any(_looks_like(f) and _is_video(f) for f in _first(source)) else 0.0


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read one XML file, or all of a folder, of both kinds. Raises FormatError when there is none
    or nothing of it can be read."""
    files = [file for file in _files(source) if source.is_file() or _looks_like(file)]
    if not files:
        raise FormatError(f"No CVAT file was found in {source}.", path=source)
    root = source if source.is_dir() else source.parent
    dataset = ParsedDataset()
    index = ImageIndex(root)
    errors = []
    for file in files:
        try:
            _FileReader(file, root, index, dataset, reading).read()
        except FormatError as error:
            errors.append(error)
            text = error.message
            if dataset.images:
                text += " What stands before it was taken."
            problem = Problem(ProblemKind.MALFORMED, text, error.path, error.line)
            dataset.problems.append(problem)
    if errors and not dataset.images:
        raise errors[0]
    return dataset


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield from [source] if source.suffix.lower() == ".xml" else []
        return
    for folder, names in walk(source, depth=4):
        yield from (folder / name for name in names if name.lower().endswith(".xml"))


def _first(source: Path) -> Iterator[Path]:
    return islice(_files(source), 20)


def _looks_like(file: Path) -> bool:
    head = head_of(file)
    return _ROOT in head and any(tag in head for tag in (b"<meta", b"<image", b"<track"))


def _is_video(file: Path) -> bool:
    head = head_of(file)
    track, image = head.find(b"<track"), head.find(b"<image")
    if track < 0 and image < 0:
        return b"<mode>interpolation" in head
    return image < 0 or 0 <= track < image


class _FileReader:
    """Reads one file into a data set that may hold others already."""

    def __init__(
        self, file: Path, root: Path, index: ImageIndex, dataset: ParsedDataset, reading: Reading
    ) -> None:
        self.file, self.root, self.index = file, root, index
        self.dataset, self.reading = dataset, reading
        self.labels = Labels()
        self.meta: Node | None = None
        self.frames: Frames | None = None
        self.taken = {(image.path, image.page) for image in dataset.images}
        self.carried: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.order: dict[int, list[tuple[float, ParsedAnnotation]]] = {}
        """By image, the shapes of tracks with their places in the order of painting."""

    def _problem(self, kind: ProblemKind, text: str, line: int | None = None) -> None:
        self.dataset.problems.append(Problem(kind, text, self.file, line))

    def read(self) -> None:
        def told(done: int, size: int) -> None:
            self.reading.step(f"Reading {self.file.name}", done, size)

        try:
            for node in nodes(self.file, told):
                if node.tag == "meta":
                    self._read_meta(node)
                elif node.tag == "image":
                    self._read_image(node)
                elif node.tag == "track":
                    self._read_track(node)
        finally:  # also of a file that breaks off, what was read is used
            self._finish_frames()
            self._tell()
            self._keep_classes()

    def _read_meta(self, node: Node) -> None:
        self.meta = node
        self.labels = labels_of(node)
        for text in self.labels.unasked:
            self._problem(ProblemKind.NOT_TAKEN, text, node.line)

    def _keep_classes(self) -> None:
        """The classes in the order of the file, and behind them those that it only uses."""
        known = {found.name: place for place, found in enumerate(self.dataset.classes)}
        for found in self.labels.classes.values():
            if found.name not in known:
                known[found.name] = len(known)
                self.dataset.classes.append(found)
        for image in self.dataset.images:
            for annotation in image.annotations:
                if annotation.class_name not in known:
                    known[annotation.class_name] = len(known)
                    self.dataset.classes.append(ParsedClass(annotation.class_name))
        if self.labels.extras:
            kept = self.dataset.extras.setdefault(KEY, {}).setdefault("labels", {})
            kept.update(self.labels.extras)

    # Images

    def _read_image(self, node: Node) -> None:
        name, subset = node.attrib.get("name", ""), node.attrib.get("subset", "")
        image = self._image(name, subset)
        if image is None:
            text = f"The image {name or 'without a name'} was not found."
            self._problem(ProblemKind.IMAGE_MISSING, text, node.line)
            return
        if (image.path, image.page) in self.taken:
            self._problem(ProblemKind.DUPLICATE, f"The image {name} is listed twice.", node.line)
            return
        self.taken.add((image.path, image.page))
        self._size(image, node.attrib.get("width"), node.attrib.get("height"))
        image.split = split_of(subset or self.file.stem)
        ordered: list[tuple[float, ParsedAnnotation]] = []
        for number, child in enumerate(node.children, 1):
            who = f"{child.tag.capitalize()} {number} of {name}"
            found = self._annotation(child, child.attrib.get("label", ""), who, image)
            if found is not None:
                ordered.append((_order(child), found))
        image.annotations = _in_order(ordered)
        image.empty = not image.annotations and node.attrib.get(EMPTY_KEY) == "1"
        image.bare = not image.annotations and not image.empty
        self.dataset.images.append(image)

    def _image(self, name: str, subset: str) -> ParsedImage | None:
        if not name.strip():
            return None
        home = self.file.parent
        folders = [base / part for base in (home / "images", home, self.root / "images", self.root)
                   for part in (subset, ".")]  # fmt: skip
        path = self.index.find(name, beside=[Path(f) for f in dict.fromkeys(map(str, folders))])
        if path is not None:
            return ParsedImage(path)
        told = Path(name.replace("\\", "/"))
        for folder in folders:  # the frames of a video are named without an ending
            found = self.index.with_stem(folder / told.parent, told.name)
            if found is not None:
                return ParsedImage(found)
        frames = self._frames()
        number = told.stem.removeprefix("frame_")
        if frames.video is not None and number.isdigit() and len(number) < 10:
            return ParsedImage(frames.video, page=int(number))
        return None

    def _size(self, image: ParsedImage, width: str | None, height: str | None) -> None:
        """The size that the file states, else that of the image itself."""
        told = [int(v) if v and v.isdigit() and len(v) < 9 else 0 for v in (width, height)]
        if not all(told):
            info = self.reading.info(image.path, image.page)
            told = [info.width, info.height] if info is not None else [0, 0]
        image.width, image.height = told

    # Shapes

    def _annotation(
        self,
        node: Node,
        label: str,
        who: str,
        image: ParsedImage,
        track: dict[str, Any] | None = None,
    ) -> ParsedAnnotation | None:
        if node.tag not in SHAPES and node.tag != "tag" and node.tag not in CARRIED:
            text = f"{who} is of a kind that CVStudio does not know: left out."
            self._problem(ProblemKind.NOT_TAKEN, text, node.line)
            return None
        if not label:
            self._problem(ProblemKind.CLASS_UNKNOWN, f"{who} has no label.", node.line)
            return None
        if node.tag in CARRIED:
            self.carried[node.tag] += 1
            kept = image.extras.setdefault(KEY, {}).setdefault("shapes", [])
            attrib = {**node.attrib, "label": label, **(track or {})}
            kept.append({"tag": node.tag, "attrib": attrib, "attributes": values_of(node)})
            return None
        name = self.labels.class_name(label)
        shape, carried = self._shape(node, name, f"{who} ({name})", image)
        if shape is None and node.tag != "tag":
            return None
        return ParsedAnnotation(name, shape, self._attributes(node, name, carried))

    def _shape(
        self, node: Node, name: str, who: str, image: ParsedImage
    ) -> tuple[Shape, dict[str, Any]]:
        if node.tag == "tag":
            return None, {}
        known = self.labels.classes.get(name)
        try:
            shape, kept = shape_of(node, known.skeleton if known is not None else None)
        except ValueError as error:
            self._problem(ProblemKind.MALFORMED, f"{who} is damaged: {error}.", node.line)
            return None, {}
        if shape is None:
            text = f"{who} covers no area: left out."
            self._problem(ProblemKind.NO_AREA, text, node.line)
            return None, {}
        size = (image.width, image.height)
        inside, problem = placed(shape, *size, who=who, file=self.file, line=node.line)
        if problem is not None:
            self.dataset.problems.append(problem)
            kept.pop("ellipse", None)
        if inside is not None and "ellipse" in kept:
            kept["shape"] = fingerprint(inside)
        return inside, kept

    def _attributes(self, node: Node, name: str, carried: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        inner: dict[str, Any] = {}
        for key, text in values_of(node).items():
            asked = self.labels.definition(name, key)
            value = asked.taken(text) if asked is not None else None
            if value is None and text:
                value = {"true": True, "false": False}.get(text, text)
            if key == CROWD:
                result[CROWD] = int(value is True)
            elif value is not None:
                inner[key] = value
        if inner:
            result[INNER] = inner
        if node.attrib.get("occluded") == "1" and node.tag != "points":
            result["occluded"] = 1
        group = node.attrib.get("group_id", "0")
        if group.isdigit() and int(group):
            result["group_id"] = int(group)
        if node.attrib.get("source", "manual") not in ("manual", ""):
            carried["source"] = node.attrib["source"]
        if _order(node):
            carried["z"] = _order(node)
        if carried:
            result[KEY] = carried
        return result

    # Tracks

    def _frames(self) -> Frames:
        if self.frames is None:
            self.frames = Frames(self.root, self.index, self.meta)
        return self.frames

    def _read_track(self, node: Node) -> None:
        number = node.attrib.get("id", "")
        track = int(number) if number.isdigit() and len(number) < 10 else node.line
        label = node.attrib.get("label", "")
        shared = {k: v for k, v in node.attrib.items() if k in ("group_id", "source")}
        joints = [child for child in node.children if child.tag == "track"]
        for child in node.children:
            if child.tag == "track":
                continue
            frame = child.attrib.get("frame", "")
            if child.tag == "skeleton" and joints:
                child.children += points_at(joints, frame)
            if is_gone(child):
                continue  # the object has left the picture
            who = f"{child.tag.capitalize()} of track {number} in frame {frame or 'without number'}"
            if not frame.isdigit() or len(frame) > 9:
                self._problem(ProblemKind.MALFORMED, f"{who} is nowhere.", child.line)
                continue
            image = self._frames().image(int(frame))
            if image is None:
                self.missing[frame] += 1
                continue
            if (image.path, image.page) in self.taken:
                text = f"Frame {frame} of the tracks is an image that is listed too: left out."
                self._problem(ProblemKind.DUPLICATE, text, child.line)
                continue
            if not image.width:
                self._size(image, None, None)
            child.attrib = {**shared, **child.attrib}
            about = {"track_id": str(track), "frame": frame}
            found = self._annotation(child, label, who, image, about)
            if found is None:
                continue
            found.attributes["track_id"] = track
            if child.attrib.get("keyframe") == "0":
                kept = found.attributes.setdefault(KEY, {})
                kept |= {"keyframe": 0, "shape": fingerprint(found.shape)}
            self.order.setdefault(int(frame), []).append((_order(child), found))

    def _finish_frames(self) -> None:
        if self.frames is None:
            return
        for frame, image in sorted(self.frames.made.items()):
            image.annotations = _in_order(self.order.get(frame, []))
            image.bare = not image.annotations
            if (image.path, image.page) not in self.taken:
                self.dataset.images.append(image)
        if self.frames.made:
            rest = [i for i in self.frames.rest() if (i.path, i.page) not in self.taken]
            self.dataset.images += rest

    def _tell(self) -> None:
        for tag, count in self.carried.items():
            many = counted(count, f"{CARRIED[tag]} is", f"{CARRIED[tag]}s are")
            text = f"{many} not drawn here: kept, and written again in an export for CVAT."
            self._problem(ProblemKind.CARRIED, text)
        if self.missing:
            frames = counted(
                len(self.missing), "frame of the tracks has", "frames of the tracks have"
            )
            text = (
                f"{frames} no image here: put the images (frame_000000, frame_000001 …), or the"
                f" video, beside {self.file.name}."
            )
            self._problem(ProblemKind.IMAGE_MISSING, text)


def _order(node: Node) -> int:
    told = node.attrib.get("z_order", "0")
    return int(told) if told.lstrip("-").isdigit() and len(told) < 10 else 0


def _in_order(ordered: list[tuple[float, ParsedAnnotation]]) -> list[ParsedAnnotation]:
    """Later over earlier, as they are painted."""
    return [annotation for _, annotation in sorted(ordered, key=lambda pair: pair[0])]
