"""Writes YOLO: data.yaml, and one text file an image with coordinates from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Points, Polygon, ring_area
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, outline_of
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.base import ExportAnnotation, ExportDataset, ExportImage, Writing
from cvstudio.formats.images import place

Line = Callable[[ExportAnnotation, ExportImage, int, Writing], str | None]
"""The line of an annotation whose class has a number; None when it is left out."""


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write data.yaml, images/SPLIT and labels/SPLIT: boxes for a detect project, else outlines.

    Images of no split go to train. Raises FormatError.
    """
    outlines = dataset.task in (Task.INSTANCE, Task.SEGMENT)
    write_with(_outline_line if outlines else _box_line, dest, dataset, writing)


def write_with(line_of: Line, dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write the folders of YOLO with such lines. Raises FormatError."""
    numbers = {c.name: i for i, c in enumerate(dataset.classes)}
    if not writing.copy_images:
        writing.lose("image[s] had to be copied: YOLO looks for [it|them] beside the labels", 1)
    used = set()
    for done, image in enumerate(dataset.images, 1):
        split = image.split or Split.TRAIN
        if image.split is None:
            writing.lose("image[s] without a split [was|were] put into train")
        used.add(split)
        name = place(image, dest / "images" / split.value, writing, copy=True)
        lines = [
            line
            for a in image.annotations
            if _kept(a, writing)
            and (line := line_of(a, image, numbers[a.class_name], writing)) is not None
        ]
        file = dest / "labels" / split.value / f"{Path(name).stem}.txt"
        if lines or image.review in ("reviewed", "reviewed and empty"):
            _write_text(file, "".join(line + "\n" for line in lines))
        writing.step("Writing YOLO", done, len(dataset.images))
    # No "path": ultralytics then looks beside the file; "." would be whatever folder it is run in.
    table: dict[str, Any] = {}
    for split in (Split.TRAIN, Split.VAL, Split.TEST):
        if split in used or split is not Split.TEST:
            table[split.value] = f"images/{split.value}"
            (dest / "images" / split.value).mkdir(parents=True, exist_ok=True)
    table["nc"] = len(dataset.classes)
    table["names"] = {i: c.name for i, c in enumerate(dataset.classes)}
    _write_text(dest / "data.yaml", yaml.safe_dump(table, sort_keys=False, allow_unicode=True))


def _write_text(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{file.name} could not be written: {reason}.", path=file) from None


def _kept(annotation: ExportAnnotation, writing: Writing) -> bool:
    """Whether a file of YOLO can hold an annotation at all; what it loses is told."""
    if annotation.shape is None:
        writing.leave_out(
            "class[es] of [a whole image|whole images] [was|were] left out: YOLO has none",
            annotation,
        )
        return False
    if isinstance(annotation.shape, Keypoints):
        writing.leave_out(
            "set[s] of keypoints [was|were] left out: these files hold boxes or outlines",
            annotation,
        )
        return False
    if annotation.attributes.get("iscrowd"):
        writing.leave_out("crowd[s] [was|were] left out: YOLO cannot mark [it|them]", annotation)
        return False
    if annotation.attributes.keys() - {"coco", "iscrowd"}:
        writing.lose("annotation[s] lost attributes that YOLO cannot hold")
    return True


def _box_line(
    annotation: ExportAnnotation, image: ExportImage, number: int, writing: Writing
) -> str:
    if isinstance(annotation.shape, RotatedBox):
        writing.lose(
            "rotated box[es] [was|were] written as the upright [box around it|boxes around them]"
        )
    elif not isinstance(annotation.shape, Box):
        writing.lose("outline[s] [or|and] mask[s] [was|were] written as [its box|their boxes]")
    # The box around a rotated one may stand out of the image, which readers of YOLO refuse.
    turned = isinstance(annotation.shape, RotatedBox)
    box = annotation.box.clipped(image.width, image.height) if turned else annotation.box
    values = np.array([box.x + box.w / 2, box.y + box.h / 2, box.w, box.h])
    return line(number, values.reshape(-1, 2), image)


def _outline_line(
    annotation: ExportAnnotation, image: ExportImage, number: int, writing: Writing
) -> str | None:
    shape = annotation.shape
    assert shape is not None  # see _kept
    assert not isinstance(shape, Keypoints)
    if isinstance(shape, RotatedBox):
        return _turned_line(annotation, shape, image, number, writing)
    points = _outline(shape, writing)
    if len(points) < 3:
        writing.leave_out(
            "mask[s] of a pixel's width [was|were] left out: [it has|they have] no outline",
            annotation,
        )
        return None
    return line(number, points, image)


def _turned_line(
    annotation: ExportAnnotation,
    shape: RotatedBox,
    image: ExportImage,
    number: int,
    writing: Writing,
) -> str | None:
    """What of a rotated box lies on the image: readers refuse an image with a place outside."""
    points = shape.outline_within(image.width, image.height)
    if not len(points):
        writing.leave_out(
            "rotated box[es] beside [its|their] image [was|were] left out", annotation
        )
        return None
    if np.array_equal(points, shape.corners()):
        writing.lose("rotated box[es] [was|were] written as [an outline|outlines] of four corners")
    else:
        writing.lose(
            "rotated box[es] stood out over the edge: [its outline was|their outlines were] cut"
            " there"
        )
    return line(number, points, image)


def line(number: int, points: Points, image: ExportImage) -> str:
    """A class's number, and points (n, 2) in pixels as shares of the image."""
    scaled = points / (image.width, image.height)
    return " ".join([str(number), *(f"{v:.9g}" for v in scaled.ravel().tolist())])


def _outline(shape: Box | Polygon | Mask, writing: Writing) -> Points:
    """One ring (n, 2) around a shape; parts and holes hang on by a bridge of no width."""
    if isinstance(shape, Box):
        writing.lose("box[es] [was|were] written as [an outline|outlines] of four corners")
        return np.array(
            [
                (shape.x, shape.y),
                (shape.right, shape.y),
                (shape.right, shape.bottom),
                (shape.x, shape.bottom),
            ]
        )
    if isinstance(shape, Mask):
        writing.lose("mask[s] [was|were] written as [an outline|outlines]")
        shape = outline_of(shape)
    rings = shape.rings()
    if not rings:
        return np.empty((0, 2))
    if any(part.holes for part in shape.parts):
        writing.lose(
            "object[s] with holes [was|were] written as one line that runs into the hole and back"
        )
    if len(shape.parts) > 1:
        writing.lose(
            "object[s] of several parts [was|were] written as one line that joins [it|them]"
        )
    joined = _oriented(rings[0], positive=True)
    holes = {id(hole) for part in shape.parts for hole in part.holes}
    for ring in rings[1:]:
        joined = _bridged(joined, _oriented(ring, positive=id(ring) not in holes))
    return joined


def _oriented(ring: Points, *, positive: bool) -> Points:
    x, y = ring[:, 0], ring[:, 1]
    signed = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return ring if (signed > 0) == positive or ring_area(ring) == 0 else ring[::-1]


def _bridged(outer: Points, ring: Points) -> Points:
    """A ring inserted into another where the two come closest (at most 400 points are tried)."""
    step, pace = max(1, len(outer) // 400), max(1, len(ring) // 400)
    a, b = outer[::step], ring[::pace]
    distances = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    nearest = int(distances.argmin())
    i, j = nearest // len(b) * step, nearest % len(b) * pace
    detour = np.concatenate([ring[j:], ring[: j + 1]])
    return np.concatenate([outer[: i + 1], detour, outer[i:]])
