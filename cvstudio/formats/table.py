"""FORMATS: every format that CVStudio reads and writes, and which of them a source is."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from cvstudio.core.annotation import Task
from cvstudio.core.errors import FormatError
from cvstudio.formats import (
    coco,
    coco_writer,
    csv_table,
    cvat,
    cvat_writer,
    dota,
    folders,
    labelme,
    labelme_writer,
    masks,
    masks_writer,
    voc,
    yolo,
    yolo_obb,
    yolo_writer,
)
from cvstudio.formats.base import Format

FORMATS: tuple[Format, ...] = (
    Format(
        "coco",
        "COCO",
        (Task.DETECT, Task.INSTANCE, Task.SEGMENT),
        coco.sniff,
        coco.read,
        coco_writer.write,
    ),
    Format(  # before YOLO, whose outlines look the same
        "yolo-obb",
        "YOLO rotated boxes (OBB)",
        (Task.DETECT,),
        yolo_obb.sniff,
        yolo_obb.read,
        yolo_obb.write,
        otherwise="outlines become rotated boxes",
    ),
    Format(
        "yolo",
        "YOLO",
        (Task.DETECT, Task.INSTANCE, Task.SEGMENT),
        yolo.sniff,
        yolo.read,
        yolo_writer.write,
    ),
    Format(
        "dota",
        "DOTA",
        (Task.DETECT,),
        dota.sniff,
        dota.read,
        dota.write,
        otherwise="outlines become rotated boxes",
    ),
    Format(
        "labelme",
        "labelme (JSON)",
        tuple(Task),
        labelme.sniff,
        labelme.read,
        labelme_writer.write,
    ),
    Format(
        "x-anylabeling",
        "X-AnyLabeling (JSON)",
        tuple(Task),
        labelme.sniff_dialect,
        labelme.read,
        labelme_writer.write_dialect,
    ),
    Format(
        "cvat",
        "CVAT for images (XML)",
        tuple(Task),
        cvat.sniff,
        cvat.read,
        cvat_writer.write,
    ),
    Format(
        "cvat-video",
        "CVAT for video (XML)",
        (Task.DETECT, Task.INSTANCE, Task.SEGMENT),
        cvat.sniff_video,
        cvat.read,
        cvat_writer.write_video,
    ),
    Format(
        "voc",
        "Pascal VOC",
        (Task.DETECT,),
        voc.sniff,
        voc.read,
        voc.write,
        otherwise="outlines become boxes",
    ),
    Format(
        "folders",
        "Image folders",
        (Task.CLASSIFY,),
        folders.sniff,
        folders.read,
        folders.write,
    ),
    Format(
        "csv",
        "CSV (file, labels)",
        (Task.CLASSIFY,),
        csv_table.sniff,
        csv_table.read,
        csv_table.write,
    ),
    Format(
        "masks",
        "Masks (PNG, TIFF)",
        (Task.SEGMENT, Task.INSTANCE),
        masks.sniff,
        masks.read,
        masks_writer.write,
        masks_writer.OPTIONS,
        otherwise="boxes are left out",
    ),
)
"""The formats of this program; packages may add more as entry points "cvstudio.formats"."""


_DOUBT, _CERTAIN, _FITS = 0.35, 0.95, 0.2


def all_formats() -> tuple[Format, ...]:
    """FORMATS and those of installed packages."""
    found = [entry.load() for entry in entry_points(group="cvstudio.formats")]
    return (*FORMATS, *(f for f in found if isinstance(f, Format)))


def by_name(name: str) -> Format:
    """The format of a name. Raises FormatError with the names that there are."""
    for format_ in all_formats():
        if format_.name == name:
            return format_
    names = ", ".join(f.name for f in all_formats())
    raise FormatError(f'There is no format "{name}".', hint=f"There are: {names}.")


def sniff(source: Path, task: Task | None = None) -> Format | None:
    """The format that a source most likely is, for a task if one is given; None when no guess is
    better than a plain folder of images."""
    if not source.exists():
        raise FormatError(f"There is nothing at {source}.", path=source)

    scores: dict[str, float] = {}
    for format_ in all_formats():
        found = format_.sniff(source)
        fits = _FITS if task is not None and task in format_.tasks else 0.0
        scores[format_.name] = found + fits if found > _DOUBT else 0.0
        if found >= _CERTAIN and (fits or task is None):
            return format_  # looking on could take seconds among many images
    best = max(scores, key=lambda name: scores[name])
    return by_name(best) if scores[best] > 0 else None
