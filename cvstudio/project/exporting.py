"""Taking labels out of a project in another program's format, and saying what it cannot hold."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from cvstudio.core.annotation import Annotation, Review, Split, State
from cvstudio.core.errors import FormatError, ProjectError
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import counted
from cvstudio.formats import table
from cvstudio.formats.base import (
    Cancelled,
    ExportAnnotation,
    ExportDataset,
    ExportImage,
    Problem,
    ProblemKind,
    Progress,
    Writing,
)
from cvstudio.formats.files import unique_names
from cvstudio.project import attributes, queries, skeletons
from cvstudio.project.carried import carried
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, ImageRecord
from cvstudio.project.suggestions import MAKER

__all__ = ["Cancelled", "ExportReport", "export"]


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote, without what the format left out; `losses` are sentences on that."""

    path: Path
    format: str
    images: int
    annotations: int
    losses: tuple[str, ...]
    problems: tuple[Problem, ...]

    def sentences(self) -> list[str]:
        """The report in words."""
        return [self.summary, *self.shortcomings()]

    @property
    def summary(self) -> str:
        """What was written, and where."""
        written = f"{counted(self.images, 'image')} and {counted(self.annotations, 'annotation')}"
        return f"{written} were written to {self.path}."

    def shortcomings(self) -> list[str]:
        """All that did not go out as it is in the project, a sentence each."""
        return [*self.losses, *(problem.text for problem in self.problems)]


def export(
    project: Project,
    dest: Path,
    *,
    format: str,
    splits: Collection[Split | None] | None = None,
    image_ids: Sequence[int] | None = None,
    unlabelled: bool = False,
    copy_images: bool = True,
    options: dict[str, str] | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Write images and accepted annotations into a new folder, whole or not at all.

    `splits` and `image_ids` choose images (None: all); those that nobody has labelled are left out
    unless `unlabelled`, since most formats would take them for empty ones. Raises FormatError,
    ProjectError (the folder is not empty, the disk is full) or Cancelled.
    """
    writer = table.by_name(format)
    chosen_options = _checked(options or {}, writer.options, writer.title)
    dest = Path(dest).absolute()
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise ProjectError(
            f"{dest} is not empty.", hint="Choose a new folder; nothing is ever overwritten."
        )
    writing = Writing(
        copy_images=copy_images, progress=progress, cancelled=cancelled, options=chosen_options
    )
    with project.read() as s:
        dataset, problems = _dataset(
            s, project, splits=splits, image_ids=image_ids, unlabelled=unlabelled, writing=writing
        )
    if not dataset.images:
        raise ProjectError(
            "There is nothing to export: no image of this choice is labelled.",
            hint="Label some images, or export unlabelled ones too.",
        )
    _write_whole(dest, lambda folder: writer.write(folder, dataset, writing))
    written = {image.name: writing.written(image) for image in dataset.images}
    return ExportReport(
        path=dest,
        format=writer.name,
        images=len(dataset.images) - len(writing.unwritten),
        annotations=sum(written.values()),
        losses=(*writing.losses(), *_bared(dataset, writing, writer.title)),
        problems=tuple(problems),
    )


def _bared(dataset: ExportDataset, writing: Writing, title: str) -> list[str]:
    """That images went out without the labels that they have, which a training would learn from."""
    bared = [
        image
        for image in dataset.images
        if image.annotations and image.name not in writing.unwritten and not writing.written(image)
    ]
    if not bared:
        return []
    have = counted(len(bared), "image has", "images have")
    return [
        f"{have} annotations of which {title} can hold none: in the export they have no label, and"
        " a training takes such images for background."
    ]


def _checked(
    options: dict[str, str], allowed: dict[str, tuple[str, ...]], title: str
) -> dict[str, str]:
    for name, value in options.items():
        if value not in allowed.get(name, ()):
            known = "; ".join(f"{n}: {', '.join(v)}" for n, v in allowed.items()) or "no options"
            raise FormatError(f'{title} cannot be written with {name} "{value}" ({known}).')
    return {name: options.get(name, values[0]) for name, values in allowed.items()}


def _write_whole(dest: Path, write: Callable[[Path], None]) -> None:
    """Write beside the destination and move it there at the end, so that no half is left."""
    partial = dest.with_name(f".{dest.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        partial.mkdir(parents=True)
        write(partial)
        if dest.exists():
            dest.rmdir()
        os.replace(partial, dest)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ProjectError(
                "The disk is full: nothing was exported.", hint="Free some space and try again."
            ) from error
        reason = error.strerror or str(error)
        raise ProjectError(f"The export could not be written: {reason}.") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _dataset(
    s: Session,
    project: Project,
    *,
    splits: Collection[Split | None] | None,
    image_ids: Sequence[int] | None,
    unlabelled: bool,
    writing: Writing,
) -> tuple[ExportDataset, list[Problem]]:
    """The chosen images with their accepted annotations, and what is wrong with some."""
    chosen = ImageFilter(splits=tuple(splits or ()), ids=image_ids)
    ids = queries.image_ids(s, chosen)
    classes = queries.classes(s)
    names = {c.id: c.name for c in classes}
    records: list[ImageRecord] = []
    problems: list[Problem] = []
    for record in queries.images(s, ids):
        path = project.image_path(record)
        if record.review is Review.UNLABELLED and not unlabelled:
            writing.lose("image[s] that nobody has labelled [was|were] left out")
        elif not path.is_file():
            text = f"{record.title} was left out: its file is missing ({path})."
            problems.append(Problem(ProblemKind.IMAGE_MISSING, text, path))
        else:
            records.append(record)
    extras = carried(s)
    described: dict[str, Any] = extras.get("coco", {}).get("images", {})
    unique = unique_names(
        [_file_name(r) for r in records], [Path(r.uri).parent.name for r in records]
    )
    annotations = queries.annotations_of(s, [r.id for r in records])
    tags = queries.tags_of(s, [r.id for r in records])
    images = [
        ExportImage(
            path=project.image_path(record),
            name=name,
            width=record.width,
            height=record.height,
            split=record.split,
            review=record.review,
            annotations=[
                ExportAnnotation(names[a.class_id], a.shape, a.box, _attributes(a))
                for a in annotations[record.id]
                if a.state is State.ACCEPTED
            ],
            page=record.page,
            pages=record.pages,
            orientation=record.orientation,
            extras=described.get(str(record.id), {}),
            tags=tuple(tags[record.id]),
        )
        for record, name in zip(records, unique, strict=True)
    ]
    bones = {names[id]: found for id, found in skeletons.skeletons(s).items()}
    asked = {names[id]: found for id, found in attributes.asked(s).items() if found}
    dataset = ExportDataset(project.name, project.task, classes, images, extras, bones, asked)
    return dataset, problems


def _file_name(record: ImageRecord) -> str:
    """What a file is called that holds this image alone."""
    path = Path(record.name)
    if is_video_name(path):
        return f"{path.stem}_f{record.page + 1:06d}.png"
    return f"{path.stem}_p{record.page + 1:04d}{path.suffix}" if record.pages > 1 else record.name


def _attributes(annotation: Annotation) -> dict[str, Any]:
    """What an annotation says of its object; who suggested it stays in the project."""
    return {key: value for key, value in annotation.attributes.items() if key != MAKER}
