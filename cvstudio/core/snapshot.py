"""A snapshot: the immutable list of images, splits and annotations that a run trains on.

File: gzip'd JSON lines. The first line is the header {"format", "task", "classes", "hash",
"images": {split: count}}; every further line is one image. A job reads it and needs no database.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from cvstudio.core.annotation import (
    LabelClass,
    Review,
    Shape,
    Split,
    Task,
)
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.jobdir import replace_file
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton, pack, unpack

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SnapshotAnnotation:
    """One accepted annotation; `shape` is None for an image-level class. `same` is the annotation
    that outlines the object of which these are the keypoints, where that is known."""

    id: int
    class_id: int
    shape: Shape
    box: Box
    crowd: bool = False
    same: int | None = None


@dataclass(frozen=True, slots=True)
class SnapshotImage:
    """One image with its file, its split and its annotations in drawing order.

    `window` is the range of a 16-bit or float image that maps to 0 .. 255, None for 8 bits. `bits`
    are those of one channel, and `channels` those that a network gets which sees all of them.
    """

    id: int
    path: Path
    page: int
    width: int
    height: int
    split: Split
    review: Review
    sha256: str
    annotations: tuple[SnapshotAnnotation, ...]
    window: tuple[float, float] | None = None
    channels: int = 3
    bits: int = 8


@dataclass(frozen=True)
class Snapshot:
    """What a run trains on. A network's output i stands for classes[i] (segment: i + 1; 0 is
    background)."""

    task: Task
    classes: tuple[LabelClass, ...]
    images: tuple[SnapshotImage, ...]
    hash: str = field(default="", compare=False)
    skeletons: Mapping[int, Skeleton] = field(default_factory=dict)
    """The skeleton of each class that has one, by class id."""

    def of(self, split: Split | str) -> tuple[SnapshotImage, ...]:
        return tuple(image for image in self.images if image.split == split)

    @property
    def window(self) -> tuple[float, float] | None:
        """The window of most images of more than 8 bits; None when there are none."""
        windows = Counter(image.window for image in self.images if image.window is not None)
        return windows.most_common(1)[0][0] if windows else None

    @property
    def channels(self) -> int:
        """How many channels a network gets of each image when it sees all of them.

        Raises RunError when images differ in that.
        """
        counts = Counter(image.channels for image in self.images)
        if len(counts) > 1:
            told = " and ".join(f"{n:,} of {c}" for c, n in sorted(counts.items()))
            raise RunError(
                f"The images have different numbers of channels: {told}.",
                hint="Let the network see what is displayed, or train on images of one kind.",
            )
        return next(iter(counts), 3)

    def class_index(self) -> dict[int, int]:
        """From a class's id to its place in `classes`."""
        return {c.id: index for index, c in enumerate(self.classes)}


def tags_of(image: SnapshotImage) -> frozenset[int]:
    """The classes that the image as a whole has."""
    return frozenset(a.class_id for a in image.annotations if a.shape is None)


def shape_to_json(shape: Shape) -> dict[str, Any]:
    """A shape as plain JSON: {"box": [x, y, w, h]}, {"rotated box": [cx, cy, w, h, angle]},
    {"polygon": ...}, {"mask": ...}, {"keypoints": [[x, y, v], ...], "frame": ...} or {}."""
    match shape:
        case Box():
            return {"box": [shape.x, shape.y, shape.w, shape.h]}
        case Polygon():
            return {"polygon": [[ring.tolist() for ring in p.rings()] for p in shape.parts]}
        case Mask():
            counts = base64.b64encode(shape.counts).decode("ascii")
            return {"mask": [shape.x, shape.y, shape.w, shape.h, counts]}
        case RotatedBox():
            return {"rotated box": [shape.cx, shape.cy, shape.w, shape.h, shape.angle]}
        case Keypoints():
            f = shape.frame
            frame = [f.x, f.y, f.w, f.h] if f is not None else None
            return {"keypoints": shape.points.tolist(), "frame": frame}
        case None:
            return {}


def shape_from_json(data: dict[str, Any]) -> Shape:
    """The inverse of shape_to_json."""
    if "box" in data:
        return Box(*data["box"])
    if "polygon" in data:
        parts = []
        for rings in data["polygon"]:
            arrays = [np.array(ring, np.float64).reshape(-1, 2) for ring in rings]
            parts.append(Part(arrays[0], tuple(arrays[1:])))
        return Polygon(tuple(parts))
    if "mask" in data:
        x, y, w, h, counts = data["mask"]
        return Mask(x, y, w, h, base64.b64decode(counts))
    if "rotated box" in data:
        return RotatedBox(*data["rotated box"])
    if "keypoints" in data:
        frame = data.get("frame")
        return Keypoints.of(data["keypoints"], Box(*frame) if frame else None)
    return None


def write_snapshot(path: Path, snapshot: Snapshot) -> str:
    """Write a snapshot file whole and return its hash, which depends on the content only."""
    lines = [json.dumps(_image_to_json(image), ensure_ascii=False) for image in snapshot.images]
    classes = [
        {"id": c.id, "name": c.name, "colour": c.colour, "hotkey": c.hotkey, "order": c.order}
        for c in snapshot.classes
    ]
    header: dict[str, Any] = {
        "format": FORMAT, "task": snapshot.task.value, "classes": classes,
    }  # fmt: skip
    if snapshot.skeletons:
        header["skeletons"] = {
            str(id): pack(bones) for id, bones in sorted(snapshot.skeletons.items())
        }
    digest = hashlib.sha256()
    for line in (json.dumps(header, ensure_ascii=False), *lines):
        digest.update(line.encode())
        digest.update(b"\n")
    header["hash"] = digest.hexdigest()
    header["images"] = {split.value: len(snapshot.of(split)) for split in Split}
    _write_lines(path, [json.dumps(header, ensure_ascii=False), *lines])
    return str(header["hash"])


def read_split_sizes(path: Path) -> dict[Split, int]:
    """How many images of each split a snapshot file has, from its first line alone.

    Raises RunError as read_snapshot does.
    """
    with _opened(path) as stream:
        header = _read_header(path, stream)
        if "images" in header:
            return {split: int(header["images"].get(split.value, 0)) for split in Split}
        # A file from before the counts stood in the header.
        found = [json.loads(line)["split"] for line in stream]
    return {split: found.count(split.value) for split in Split}


def read_hash(path: Path) -> str:
    """The hash of a snapshot file, from its first line alone. Raises RunError as read_snapshot."""
    with _opened(path) as stream:
        return str(_read_header(path, stream)["hash"])


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot file. Raises RunError when it is missing, damaged or of a newer format."""
    with _opened(path) as stream:
        header = _read_header(path, stream)
        return Snapshot(
            task=Task(header["task"]),
            classes=tuple(LabelClass(**item) for item in header["classes"]),
            images=tuple(_image_from_json(json.loads(line)) for line in stream),
            hash=header["hash"],
            skeletons={
                int(id): bones for id, text in header.get("skeletons", {}).items()
                if (bones := unpack(text)) is not None
            },
        )  # fmt: skip


def copy_snapshot(source: Path, target: Path, place: Callable[[str], str]) -> None:
    """Copy a snapshot file whose images lie elsewhere now: `place` names an image's new path.

    The copy keeps the hash: it is the same snapshot. Raises RunError as read_snapshot does.
    """
    with _opened(source) as stream:
        lines = [json.dumps(_read_header(source, stream), ensure_ascii=False)]
        for line in stream:
            image = json.loads(line)
            lines.append(json.dumps({**image, "path": place(image["path"])}, ensure_ascii=False))
    _write_lines(target, lines)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The lines of a snapshot file; whatever is wrong with them becomes a RunError."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield stream
    except FileNotFoundError:
        raise RunError(f"The run's snapshot is missing: {path}") from None
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError) as error:
        raise RunError(f"The run's snapshot is damaged: {path}") from error


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=5) as stream:
        for line in lines:
            stream.write(line.encode() + b"\n")
    replace_file(path, buffer.getvalue())


def _read_header(path: Path, stream: TextIO) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(stream.readline())
    if header["format"] > FORMAT:
        raise RunError(f"{path.name} was written by a newer CVStudio.")
    return header


def _image_to_json(image: SnapshotImage) -> dict[str, Any]:
    # 8-bit colour says nothing of itself: the snapshots of such projects stay what they were.
    kind = {} if (image.channels, image.bits) == (3, 8) else {
        "channels": image.channels, "bits": image.bits,
    }  # fmt: skip
    return {
        "id": image.id,
        "path": str(image.path),
        "page": image.page,
        "width": image.width,
        "height": image.height,
        "split": image.split.value,
        "review": image.review.value,
        "sha256": image.sha256,
        "window": image.window,
        **kind,
        "annotations": [
            {
                "id": a.id,
                "class": a.class_id,
                "xywh": [a.box.x, a.box.y, a.box.w, a.box.h],
                "crowd": a.crowd,
                **({"same": a.same} if a.same is not None else {}),
                **shape_to_json(a.shape),
            }
            for a in image.annotations
        ],
    }


def _image_from_json(data: dict[str, Any]) -> SnapshotImage:
    annotations = tuple(
        SnapshotAnnotation(
            id=item["id"],
            class_id=item["class"],
            shape=shape_from_json(item),
            box=Box(*item["xywh"]),
            crowd=item["crowd"],
            same=item.get("same"),
        )
        for item in data["annotations"]
    )
    return SnapshotImage(
        id=data["id"],
        path=Path(data["path"]),
        page=data["page"],
        width=data["width"],
        height=data["height"],
        split=Split(data["split"]),
        review=Review(data["review"]),
        sha256=data["sha256"],
        annotations=annotations,
        window=tuple(data["window"]) if data["window"] else None,
        channels=data.get("channels", 3),
        bits=data.get("bits", 8),
    )
