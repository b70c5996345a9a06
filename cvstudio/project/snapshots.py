"""What a run trains on, taken from the project at one moment (core.snapshot is its form)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Annotation, Kind, Review, Split, State
from cvstudio.core.geometry import Box
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage
from cvstudio.project import queries, skeletons
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord
from cvstudio.project.tables import ImageRow

CHUNK = 2_000
"""Images whose annotations are read at once."""


def build(s: Session, project: Project) -> Snapshot:
    """The images that can be trained on or judged by, with the annotations that count.

    Left out: images without a split, those nobody has labelled yet, files that cannot be read, and
    annotations that are suggested or rejected or have a shape of no area. Images come in the
    gallery's order of names, annotations in drawing order.
    """
    return Snapshot(
        project.task, tuple(queries.classes(s)), tuple(images(s, project)),
        skeletons=skeletons.skeletons(s),
    )  # fmt: skip


def images(
    s: Session, project: Project, *, split: Split | None = None,
    only: Collection[int] | None = None,
) -> Iterator[SnapshotImage]:  # fmt: skip
    """The images of a snapshot one after the other; of one split, or `only` some, when asked."""
    from cvstudio.imaging.decode import value_channels  # a start needs no decoder

    ids = list(s.scalars(_usable(split)))
    if only is not None:
        wanted = frozenset(only)
        ids = [image_id for image_id in ids if image_id in wanted]
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        annotations = queries.annotations_of(s, chunk)
        for record in queries.images(s, chunk):
            if record.split is None:
                continue
            counting = [
                a
                for a in annotations[record.id]
                if a.state is State.ACCEPTED
                and (a.kind is Kind.IMAGE or (a.box.w > 0 and a.box.h > 0))
            ]
            same = _outlined(counting)
            kept = tuple(
                SnapshotAnnotation(
                    a.id, a.class_id, a.shape, _box(a, record), a.crowd, same.get(a.id)
                )
                for a in counting
            )
            path = project.image_path(record)
            yield SnapshotImage(
                id=record.id,
                path=path,
                page=record.page,
                width=record.width,
                height=record.height,
                split=record.split,
                review=record.review,
                sha256=record.sha256,
                annotations=kept,
                window=record.window,
                channels=value_channels(path, record.channels),
                bits=record.bit_depth,
            )


def _outlined(annotations: Sequence[Annotation]) -> dict[int, int]:
    """For keypoints the annotation of the same object that came from the same item of COCO."""

    def told(a: Annotation) -> tuple[int, Any]:
        carried = a.attributes.get("coco")
        carried = carried if isinstance(carried, dict) else {}
        return a.class_id, carried.get("link", carried.get("id"))

    posed = [a for a in annotations if a.kind is Kind.KEYPOINTS]
    if not posed:
        return {}
    others = {told(a): a.id for a in annotations if a.kind is not Kind.KEYPOINTS}
    return {a.id: others[told(a)] for a in posed if told(a)[1] is not None and told(a) in others}


def _box(annotation: Annotation, record: ImageRecord) -> Box:
    """What a network that finds boxes is held to: of a rotated box whose corners stand out of the
    image, the part that can be seen."""
    if annotation.kind is not Kind.ROTATED_BOX:
        return annotation.box
    return annotation.box.clipped(record.width, record.height)


def _usable(split: Split | None) -> Select[int]:
    wanted = select(ImageRow.id).where(
        ImageRow.split.is_not(None),
        ImageRow.review != Review.UNLABELLED.value,
        ImageRow.problem == "",
    )
    if split is not None:
        wanted = wanted.where(ImageRow.split == split.value)
    return wanted.order_by(ImageRow.sort_key, ImageRow.id)
