"""Writes masks as PNG or TIFF: indexed with the classes' colours, colour-coded, or binary."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import mask_of
from cvstudio.core.rotated import RotatedBox
from cvstudio.formats.base import ExportAnnotation, ExportDataset, ExportImage, Writing
from cvstudio.formats.images import place

OPTIONS = {"style": ("indexed", "colour", "binary"), "file": ("png", "tif")}


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write images/SPLIT, masks/SPLIT and classes.csv. Raises FormatError.

    Value i of an indexed mask is class i of classes.csv, 0 is background. Later annotations are
    painted over earlier ones, as CVStudio trains.
    """
    style = writing.options.get("style", "indexed")
    suffix = writing.options.get("file", "png")
    values = {c.name: i for i, c in enumerate(dataset.classes, 1)}
    if len(values) > 255 and style == "indexed":
        raise FormatError("Indexed masks hold up to 255 classes; export them colour-coded.")
    colours = np.zeros((len(values) + 1, 3), np.uint8)
    for c in dataset.classes:
        colours[values[c.name]] = [int(c.colour[i : i + 2], 16) for i in (1, 3, 5)]
    if style == "colour" and len({tuple(row) for row in colours.tolist()}) <= len(values):
        raise FormatError(
            "Two classes have the same colour, or one is black: a colour-coded mask could not tell "
            "them apart.",
            hint="Change a class's colour, or export indexed masks.",
        )
    for done, image in enumerate(dataset.images, 1):
        part = Path(image.split.value if image.split else ".")
        # Masks are found by their image's name, so that the images always come along.
        name = place(image, dest / "images" / part, writing, copy=True)
        if image.annotations or image.review in ("reviewed", "reviewed and empty"):
            painted = paint(image, values, writing)
            file = dest / "masks" / part / f"{Path(name).stem}.{suffix}"
            _save(file, painted, colours, style)
        writing.step("Writing masks", done, len(dataset.images))
    if style != "binary":
        _write_classes(dest / "classes.csv", dataset, values)
    elif len(values) > 1:
        writing.lose("class[es] became one foreground in binary masks", len(values))


def paint(image: ExportImage, values: dict[str, int], writing: Writing) -> NDArray[np.uint16]:
    """The (h, w) values of an image's annotations in their order; 0 is background."""
    canvas = np.zeros((image.height, image.width), np.uint16)
    covered = np.zeros_like(canvas)
    areas: dict[int, ExportAnnotation] = {}
    for number, annotation in enumerate(image.annotations, 1):
        shape = annotation.shape
        if annotation.attributes.get("iscrowd"):
            writing.leave_out(
                "crowd[s] [was|were] left out: masks cannot mark [it|them]", annotation
            )
            continue
        if isinstance(shape, Polygon):
            shape = mask_of(shape)
        if isinstance(shape, Keypoints):
            writing.leave_out(
                "set[s] of keypoints [was|were] left out: masks hold areas only", annotation
            )
            continue
        if isinstance(shape, Box | RotatedBox) or shape is None:
            writing.leave_out(
                "box[es] [or|and] class[es] of [a whole image|whole images] [was|were] left out:"
                " masks hold areas only",
                annotation,
            )
            continue
        value = values[annotation.class_name]
        shape.paint(canvas, value)
        shape.paint(covered, number)
        areas[number] = annotation
    _count_joined(areas, covered, writing)
    return canvas


def _count_joined(
    areas: dict[int, ExportAnnotation], covered: NDArray[np.uint16], writing: Writing
) -> None:
    """Tell of objects that cannot be told apart or seen; `covered` has the numbers of `areas`."""
    classes = {a.class_name for a in areas.values()}
    if len(areas) > len(classes):
        writing.lose(
            "object[s] [shares|share] a mask with others of [its|their] class and [is|are] not"
            " told apart",
            len(areas) - len(classes),
        )
    seen = set(np.unique(covered).tolist())
    hidden = [a for number, a in areas.items() if number not in seen]
    writing.leave_out("object[s] [is|are] wholly covered by later ones", *hidden)


def _save(file: Path, painted: NDArray[np.uint16], colours: NDArray[np.uint8], style: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        if style == "binary":
            binary = (painted > 0).astype(np.uint8) * np.uint8(255)
            Image.fromarray(binary).save(file)
        elif style == "colour":
            _save_colour(file, colours[painted])
        elif file.suffix == ".tif":
            tifffile.imwrite(file, painted.astype(np.uint8), compression="zlib")
        else:
            picture = Image.fromarray(painted.astype(np.uint8), "L")
            picture = picture.convert("P")
            picture.putpalette(colours.tobytes())
            buffer = io.BytesIO()
            picture.save(buffer, "PNG", optimize=True)
            file.write_bytes(buffer.getvalue())
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{file.name} could not be written: {reason}.", path=file) from None


def _save_colour(file: Path, rgb: NDArray[np.uint8]) -> None:
    if file.suffix == ".tif":
        tifffile.imwrite(file, rgb, compression="zlib", photometric="rgb")
    else:
        Image.fromarray(rgb).save(file)


def _write_classes(file: Path, dataset: ExportDataset, values: dict[str, int]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["value", "name", "colour"])
        table.writerow([0, "background", "#000000"])
        for c in dataset.classes:
            table.writerow([values[c.name], c.name, c.colour])
