"""Label classes, images and annotations as values, and the bytes in which a shape is stored."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox

Shape = Box | RotatedBox | Polygon | Mask | Keypoints | None
"""What an annotation marks; None says something about the whole image."""


class Task(StrEnum):
    """What a network is asked to do."""

    CLASSIFY = "classify"
    DETECT = "detect"
    SEGMENT = "segment"
    INSTANCE = "instance"

    @property
    def no_class(self) -> str:
        """What stands for no class: pixels without one are background, elsewhere it is nothing."""
        return "background" if self is Task.SEGMENT else "nothing"


class Kind(StrEnum):
    """The kind of an annotation's shape."""

    BOX = "box"
    POLYGON = "polygon"
    MASK = "mask"
    IMAGE = "image"
    ROTATED_BOX = "rotated box"
    KEYPOINTS = "keypoints"


COUNTING: dict[Task, frozenset[Kind]] = {
    Task.CLASSIFY: frozenset({Kind.IMAGE}),
    Task.DETECT: frozenset({Kind.BOX, Kind.ROTATED_BOX, Kind.POLYGON, Kind.MASK}),
    Task.SEGMENT: frozenset({Kind.POLYGON, Kind.MASK}),
    Task.INSTANCE: frozenset({Kind.POLYGON, Kind.MASK}),
}
"""The kinds of annotation that a task learns from and is judged by. Networks for detect that answer
with keypoints learn from those too (docs/adr/0014)."""

LEARNED = {**COUNTING, Task.DETECT: COUNTING[Task.DETECT] | {Kind.KEYPOINTS}}
"""The kinds that some network of a task learns from."""

BOXES = frozenset({Kind.BOX, Kind.ROTATED_BOX})
"""The kinds that say where an object is, and not which pixels are its own."""


class Source(StrEnum):
    """Who made an annotation as it is now: one that a person has edited is HUMAN, whoever drew it
    first. One that a person has merely kept is still what it was."""

    HUMAN = "human"
    IMPORT = "import"
    NETWORK = "network"


class State(StrEnum):
    """Whether an annotation counts."""

    ACCEPTED = "accepted"
    SUGGESTED = "suggested"
    REJECTED = "rejected"


class Review(StrEnum):
    """How far a person has come with an image."""

    UNLABELLED = "unlabelled"
    LABELLED = "labelled"
    REVIEWED = "reviewed"
    EMPTY = "reviewed and empty"


class Split(StrEnum):
    """The part that an image plays in training."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class LabelClass:
    """A name, a colour ("#RRGGBB"), a hotkey ("1", "Ctrl+G", "G, 1" for two presses, or "")
    and a place in the order."""

    id: int
    name: str
    colour: str
    hotkey: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Annotation:
    """A label class on an image with a shape. `box`, the one around it, is stored beside it.

    `attributes` holds what other programs wrote and CVStudio only carries, and "iscrowd".
    """

    id: int
    image_id: int
    class_id: int
    shape: Shape
    box: Box
    z: int = 0
    source: Source = Source.HUMAN
    run_id: int | None = None
    score: float | None = None
    state: State = State.ACCEPTED
    attributes: dict[str, Any] = field(default_factory=dict)
    locked: bool = False
    """A person has shut it against changes by hand."""

    @property
    def kind(self) -> Kind:
        return kind_of(self.shape)

    @property
    def crowd(self) -> bool:
        return bool(self.attributes.get("iscrowd"))


class Labelled(Protocol):
    """What the project's annotations and a snapshot's have in common."""

    @property
    def id(self) -> int: ...
    @property
    def class_id(self) -> int: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def box(self) -> Box: ...
    @property
    def crowd(self) -> bool: ...


def trains(annotation: Labelled, task: Task) -> bool:
    """Whether a task learns from an annotation. Crowds and boxes of no area teach nothing."""
    kind = kind_of(annotation.shape)
    if kind not in COUNTING[task]:
        return False
    return kind is Kind.IMAGE or (annotation.box.area > 0 and not annotation.crowd)


def carried(annotation: Labelled, task: Task) -> bool:
    """Whether variants of an image carry an annotation along: some network of the task learns from
    its shape."""
    learned = annotation.shape is not None and kind_of(annotation.shape) in LEARNED[task]
    return learned and annotation.box.area > 0 and not annotation.crowd


def kind_of(shape: Shape) -> Kind:
    """The kind of a shape."""
    match shape:
        case Box():
            return Kind.BOX
        case RotatedBox():
            return Kind.ROTATED_BOX
        case Keypoints():
            return Kind.KEYPOINTS
        case Polygon():
            return Kind.POLYGON
        case Mask():
            return Kind.MASK
        case None:
            return Kind.IMAGE


def box_of(shape: Shape, *, width: float = 0, height: float = 0) -> Box:
    """The box around a shape; the whole image (width, height) when there is no shape."""
    match shape:
        case Box():
            return shape
        case Polygon() | Mask() | RotatedBox() | Keypoints():
            return shape.box
        case None:
            return Box(0, 0, width, height)


def area_of(shape: Shape) -> float:
    """The area of a shape in square pixels; 0 when there is no shape."""
    return 0.0 if shape is None else shape.area


def pack_shape(shape: Shape) -> bytes:
    """The bytes that the database keeps beside kind and box: empty for boxes and image-level.

    Those of rotated boxes and keypoints begin with the version of their form, one byte.
    """
    match shape:
        case Polygon(parts=(Part(outer=ring, holes=()),)):
            # Nearly all outlines are one ring: three header words (one part, one ring, its points).
            points = np.ascontiguousarray(ring, np.float64)
            return _ONE_RING.pack(3, 1, 1, len(points)) + points.tobytes()
        case Polygon():
            header = [len(shape.parts)]
            rings = []
            for part in shape.parts:
                header.append(len(part.rings()))
                for ring in part.rings():
                    header.append(len(ring))
                    rings.append(np.ascontiguousarray(ring, np.float64).tobytes())
            return struct.pack(f"<I{len(header)}I", len(header), *header) + b"".join(rings)
        case Mask():
            return struct.pack("<4i", shape.x, shape.y, shape.w, shape.h) + shape.counts
        case RotatedBox():
            return _ROTATED.pack(_FORM, shape.cx, shape.cy, shape.w, shape.h, shape.angle)
        case Keypoints():
            frame = shape.frame
            sides = (frame.x, frame.y, frame.w, frame.h) if frame is not None else (0.0,) * 4
            head = _KEYPOINTS.pack(_FORM, frame is not None, *sides)
            return head + np.ascontiguousarray(shape.points, "<f8").tobytes()
        case Box() | None:
            return b""


_ONE_RING = struct.Struct("<4I")
_FORM = 1
_ROTATED = struct.Struct("<B5d")
_KEYPOINTS = struct.Struct("<B?4d")


def unpack_shape(kind: Kind | str, box: Box, payload: bytes) -> Shape:
    """The shape behind a stored kind, box and payload. Raises ValueError for a newer form."""
    if kind == Kind.BOX:
        return box
    if kind == Kind.IMAGE:
        return None
    if kind == Kind.MASK:
        x, y, w, h = struct.unpack_from("<4i", payload)
        return Mask(x, y, w, h, payload[16:])
    if kind == Kind.ROTATED_BOX:
        _form(payload)
        return RotatedBox(*_ROTATED.unpack_from(payload)[1:])
    if kind == Kind.KEYPOINTS:
        _form(payload)
        _, framed, *sides = _KEYPOINTS.unpack_from(payload)
        points = np.frombuffer(payload, "<f8", offset=_KEYPOINTS.size).reshape(-1, 3)
        return Keypoints(points, Box(*sides) if framed else None)
    (length,) = struct.unpack_from("<I", payload)
    header = iter(struct.unpack_from(f"<{length}I", payload, 4))
    offset = 4 + 4 * length
    parts = []
    for _ in range(next(header)):
        rings = []
        for _ in range(next(header)):
            count = next(header)
            ring = np.frombuffer(payload, np.float64, 2 * count, offset).reshape(-1, 2)
            rings.append(ring)
            offset += 16 * count
        parts.append(Part(rings[0], tuple(rings[1:])))
    return Polygon(tuple(parts))


def _form(payload: bytes) -> None:
    if payload[:1] != bytes([_FORM]):
        raise ValueError("a shape in a form that this CVStudio does not know")
