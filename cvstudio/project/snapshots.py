"""What a run trains on, taken from the project at one moment (core.snapshot is its form)."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Kind, Review, State
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.tables import ImageRow

CHUNK = 2_000
"""Images whose annotations are read at once."""


def build(s: Session, project: Project) -> Snapshot:
    """The images that can be trained on or judged by, with the annotations that count.

    Left out: images without a split, those nobody has labelled yet, files that cannot be read, and
    annotations that are suggested or rejected or have a shape of no area. Images come in the
    gallery's order of names, annotations in drawing order.
    """
    ids = list(s.scalars(_usable()))
    images: list[SnapshotImage] = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        annotations = queries.annotations_of(s, chunk)
        for record in queries.images(s, chunk):
            if record.split is None:
                continue
            kept = tuple(
                SnapshotAnnotation(a.id, a.class_id, a.shape, a.box, a.crowd)
                for a in annotations[record.id]
                if a.state is State.ACCEPTED
                and (a.kind is Kind.IMAGE or (a.box.w > 0 and a.box.h > 0))
            )
            images.append(
                SnapshotImage(
                    id=record.id,
                    path=project.image_path(record),
                    page=record.page,
                    width=record.width,
                    height=record.height,
                    split=record.split,
                    review=record.review,
                    sha256=record.sha256,
                    annotations=kept,
                    window=record.window,
                )
            )
    return Snapshot(project.task, tuple(queries.classes(s)), tuple(images))


def _usable() -> Select[int]:
    return (
        select(ImageRow.id)
        .where(
            ImageRow.split.is_not(None),
            ImageRow.review != Review.UNLABELLED.value,
            ImageRow.problem == "",
        )
        .order_by(ImageRow.sort_key, ImageRow.id)
    )
