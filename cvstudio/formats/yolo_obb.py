"""YOLO's rotated boxes (OBB): a class and four corners a line, from 0 to 1.

The same line may mean an outline of four points. It is taken for a rotated box when every line of
the source has four points and one of them at least lies askew: outlines drawn by hand have other
numbers of points too, and boxes that were written as outlines lie straight. A project that learns
outlines prefers those (formats/table.py), and a person may always say which is meant.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cvstudio.core.annotation import Shape
from cvstudio.core.convert import to_rotated
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats import yolo, yolo_writer
from cvstudio.formats.base import (
    ExportAnnotation,
    ExportDataset,
    ExportImage,
    ParsedDataset,
    Reading,
    Writing,
)
from cvstudio.formats.files import head_of, walk
from cvstudio.imaging.decode import is_image_name

_LOOKED_AT = 100  # label files that decide
_HEAD = 20_000  # bytes of each
_STRAIGHT = 1e-4  # shares of the image up to which two corners are on one height


def sniff(source: Path) -> float:
    """Whether a source is YOLO, and its lines are rotated boxes."""
    found = yolo.sniff(source)
    if not found:
        return 0.0
    askew = False
    for file in _label_files(source if source.is_dir() else source.parent):
        head = head_of(file, _HEAD)
        lines = head.decode("ascii", "replace").splitlines()
        for text in lines[:-1] if len(head) == _HEAD else lines:
            if not text.strip():
                continue
            values = yolo.numbers_of(text)
            if values is None or len(values) != 9:
                return 0.0
            askew = askew or _askew(values[1:])
    return min(found + 0.02, 1.0) if askew else 0.0


def _label_files(root: Path) -> list[Path]:
    """Text files in a folder of labels, or beside the image of their name."""
    found = []
    for folder, names in walk(root, depth=4):
        labels = "label" in folder.relative_to(root).as_posix().lower()
        images = {Path(name).stem for name in names if is_image_name(name)}
        for name in names:
            if name.endswith(".txt") and (labels or Path(name).stem in images):
                found.append(folder / name)
                if len(found) == _LOOKED_AT:
                    return found
    return found


def _askew(numbers: list[float]) -> bool:
    """Whether a side of four corners is neither level nor upright."""
    corners = np.array(numbers).reshape(4, 2)
    sides = np.abs(np.roll(corners, -1, axis=0) - corners)
    return bool((sides.min(axis=1) > _STRAIGHT).any())


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read a data.yaml or a folder; four corners that are no rectangle give the smallest one
    around them. Raises FormatError."""
    return yolo.read(source, reading, rotated=True)


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write data.yaml, images/SPLIT and labels/SPLIT. Raises FormatError."""
    yolo_writer.write_with(_line, dest, dataset, writing)


def _line(annotation: ExportAnnotation, image: ExportImage, number: int, writing: Writing) -> str:
    corners = rotated_of(annotation.shape, writing).corners()
    size = (image.width, image.height)
    inside = np.clip(corners, 0, size)
    if not np.array_equal(inside, corners):
        # Readers refuse a whole image of which one coordinate lies outside.
        writing.lose(
            "rotated box[es] stood out over the edge: [its|their] corners were drawn to it"
        )
    return yolo_writer.line(number, inside, image)


def rotated_of(shape: Shape, writing: Writing) -> RotatedBox:
    """An area as a rotated box; that it was something else is told."""
    assert shape is not None
    assert not isinstance(shape, Keypoints)
    match shape:
        case Box():
            writing.lose(
                "box[es] [was|were] written as [a rotated box that is|rotated boxes that are]"
                " not turned"
            )
        case Polygon() | Mask():
            writing.lose(
                "outline[s] [or|and] mask[s] [was|were] written as the smallest rotated [box"
                " around it|boxes around them]"
            )
        case RotatedBox():
            pass
    return to_rotated(shape)
