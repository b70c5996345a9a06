"""Everything that can be asked of a project: functions of a session that return records."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import (
    Annotation,
    Kind,
    LabelClass,
    Review,
    Source,
    Split,
    State,
    Task,
    unpack_shape,
)
from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project.filtering import conditions_of
from cvstudio.project.finding import id_list as id_list
from cvstudio.project.records import (
    ExperimentRecord,
    HistoryRecord,
    ImageFilter,
    ImageRecord,
    Role,
    RunRecord,
    TagRecord,
    Totals,
)
from cvstudio.project.tables import (
    AnnotationRow,
    Base,
    ExperimentKind,
    ExperimentRow,
    HistoryRow,
    ImageRow,
    ImageTagRow,
    LabelClassRow,
    RunRow,
    SettingRow,
    SnapshotRow,
    TagRow,
)

Sort = Literal["name", "imported", "annotations", "review", "size"]
ACCEPTED = State.ACCEPTED.value
EVERYTHING = ImageFilter()


def among(table: type[Base], values: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, checked to be columns of a table. Raises TypeError for any other name."""
    unknown = set(values) - set(table.__table__.columns.keys())
    if unknown:
        raise TypeError(f"{table.__tablename__} has no {', '.join(sorted(unknown))}")
    return dict(values)


# Label classes


def classes(s: Session) -> list[LabelClass]:
    """All label classes in their order."""
    found = s.execute(
        select(
            LabelClassRow.id,
            LabelClassRow.name,
            LabelClassRow.colour,
            LabelClassRow.hotkey,
            LabelClassRow.order,
        ).order_by(LabelClassRow.order, LabelClassRow.id)
    )
    return [LabelClass(*row) for row in found]


# Images

_IMAGE = (
    ImageRow.id, ImageRow.uri, ImageRow.name, ImageRow.folder, ImageRow.width, ImageRow.height,
    ImageRow.page, ImageRow.pages, ImageRow.bit_depth, ImageRow.channels, ImageRow.orientation,
    ImageRow.sha256, ImageRow.size, ImageRow.review, ImageRow.split, ImageRow.group,
    ImageRow.imported_at, ImageRow.problem, ImageRow.window_low, ImageRow.window_high,
    ImageRow.reject_reason,
)  # fmt: skip


def _image(row: "Row[*tuple[Any, ...]]") -> ImageRecord:
    return ImageRecord(
        id=row.id,
        uri=row.uri,
        name=row.name,
        folder=row.folder,
        width=row.width,
        height=row.height,
        page=row.page,
        pages=row.pages,
        bit_depth=row.bit_depth,
        channels=row.channels,
        orientation=row.orientation,
        sha256=row.sha256,
        size=row.size,
        review=Review(row.review),
        split=None if row.split is None else Split(row.split),
        group=row.group,
        imported_at=row.imported_at,
        problem=row.problem,
        window=None if row.window_low is None else (row.window_low, row.window_high),
        reject_reason=row.reject_reason,
    )


def image(s: Session, id: int) -> ImageRecord:
    """One image. Raises ProjectError when it is not there."""
    row = s.execute(select(*_IMAGE).where(ImageRow.id == id)).first()
    if row is None:
        raise ProjectError(f"There is no image {id} in the project.")
    return _image(row)


def images(s: Session, ids: Sequence[int]) -> list[ImageRecord]:
    """The images with these ids, in the order of the ids; ids that are gone are left out."""
    found = {row[0]: row for row in s.execute(select(*_IMAGE).where(id_list(ImageRow.id, ids)))}
    return [_image(found[id]) for id in ids if id in found]


def image_ids(s: Session, filter: ImageFilter = EVERYTHING, sort: Sort = "name") -> list[int]:
    """The ids of the images that pass a filter, in order, by one statement.

    "name" is the natural order ("img 2" before "img 10"); "annotations": most first; "review":
    least reviewed first; "imported" and "size" (of the file): newest and largest first.
    """
    query = select(ImageRow.id).where(*conditions_of(s, filter))
    return list(s.scalars(_sorted(query, sort)))


def image_count(s: Session, filter: ImageFilter = EVERYTHING) -> int:
    """How many images pass a filter: `image_ids` without the ids and their order."""
    query = select(func.count()).select_from(ImageRow).where(*conditions_of(s, filter))
    return s.scalar(query) or 0


def _sorted(query: Select[Any], sort: Sort) -> Select[Any]:
    match sort:
        case "imported":
            return query.order_by(ImageRow.imported_at.desc(), ImageRow.sort_key)
        case "size":
            return query.order_by(ImageRow.size.desc(), ImageRow.sort_key)
        case "review":
            places = {state.value: place for place, state in enumerate(Review)}
            rank = case(places, value=ImageRow.review)
            return query.order_by(rank, ImageRow.sort_key)
        case "annotations":
            counted = (
                select(AnnotationRow.image_id, func.count().label("n"))
                .where(AnnotationRow.state == ACCEPTED)
                .group_by(AnnotationRow.image_id)
                .subquery()
            )
            joined = query.outerjoin(counted, counted.c.image_id == ImageRow.id)
            return joined.order_by(func.coalesce(counted.c.n, 0).desc(), ImageRow.sort_key)
        case _:
            return query.order_by(ImageRow.sort_key, ImageRow.id)


# Annotations

ANNOTATION = (
    AnnotationRow.id, AnnotationRow.image_id, AnnotationRow.class_id, AnnotationRow.kind,
    AnnotationRow.x, AnnotationRow.y, AnnotationRow.w, AnnotationRow.h, AnnotationRow.payload,
    AnnotationRow.z, AnnotationRow.source, AnnotationRow.run_id, AnnotationRow.score,
    AnnotationRow.state, AnnotationRow.attributes, AnnotationRow.locked,
)  # fmt: skip


def as_annotation(row: Sequence[Any]) -> Annotation:
    """An annotation from the values of the columns ANNOTATION."""
    id, image_id, class_id, kind, x, y, w, h, payload, z, *rest = row
    source, run, score, state, more, locked = rest
    box = Box(x, y, w, h)
    return Annotation(
        id=id,
        image_id=image_id,
        class_id=class_id,
        shape=unpack_shape(Kind(kind), box, payload or b""),
        box=box,
        z=z,
        source=Source(source),
        run_id=run,
        score=score,
        state=State(state),
        attributes=json.loads(more) if more else {},
        locked=bool(locked),
    )


def annotations(s: Session, image_id: int) -> list[Annotation]:
    """All annotations of an image, suggested and rejected ones too, in drawing order."""
    found = s.execute(
        select(*ANNOTATION)
        .where(AnnotationRow.image_id == image_id)
        .order_by(AnnotationRow.z, AnnotationRow.id)
    )
    return [as_annotation(row) for row in found]


def annotation(s: Session, id: int) -> Annotation | None:
    """One annotation, or None when it is gone."""
    row = s.execute(select(*ANNOTATION).where(AnnotationRow.id == id)).first()
    return None if row is None else as_annotation(row)


def annotations_of(s: Session, ids: Sequence[int]) -> dict[int, list[Annotation]]:
    """The annotations of many images, each list in drawing order; every id has a list."""
    result: dict[int, list[Annotation]] = {id: [] for id in ids}
    found = s.execute(
        select(*ANNOTATION)
        .where(id_list(AnnotationRow.image_id, ids))
        .order_by(AnnotationRow.image_id, AnnotationRow.z, AnnotationRow.id)
    )
    for row in found:
        result[row[1]].append(as_annotation(row))
    return result


# Counts


def class_counts(s: Session, filter: ImageFilter = EVERYTHING) -> dict[int, int]:
    """How many annotations that count each class has, on the images that pass a filter.

    Classes without any are there with 0.
    """
    query = (
        select(AnnotationRow.class_id, func.count())
        .where(AnnotationRow.state == ACCEPTED)
        .group_by(AnnotationRow.class_id)
    )
    if filter != EVERYTHING:
        chosen = select(ImageRow.id).where(*conditions_of(s, filter))
        query = query.where(AnnotationRow.image_id.in_(chosen))
    result = dict.fromkeys(s.scalars(select(LabelClassRow.id).order_by(LabelClassRow.order)), 0)
    result.update((id, count) for id, count in s.execute(query))
    return result


def review_counts(s: Session) -> dict[Review, int]:
    """How many images are in each review state; all states are there."""
    found = dict(s.execute(select(ImageRow.review, func.count()).group_by(ImageRow.review)).all())
    return {review: found.get(review.value, 0) for review in Review}


def has_groups(s: Session) -> bool:
    """Whether any image belongs to a group that shares a split."""
    return s.scalar(select(ImageRow.id).where(ImageRow.group != "").limit(1)) is not None


def split_counts(s: Session) -> dict[Split | None, int]:
    """How many images are in each split and, under None, in none; all splits are there."""
    found = dict(s.execute(select(ImageRow.split, func.count()).group_by(ImageRow.split)).all())
    counts: dict[Split | None, int] = {split: found.get(split.value, 0) for split in Split}
    counts[None] = found.get(None, 0)
    return counts


def split_table(s: Session) -> dict[Split | None, dict[int, int]]:
    """On how many images of each split (None: without one) each class occurs."""
    ids = [c.id for c in classes(s)]
    table: dict[Split | None, dict[int, int]] = {
        split: dict.fromkeys(ids, 0) for split in (*Split, None)
    }
    found = s.execute(
        select(ImageRow.split, AnnotationRow.class_id, func.count(ImageRow.id.distinct()))
        .join(AnnotationRow, AnnotationRow.image_id == ImageRow.id)
        .where(AnnotationRow.state == ACCEPTED)
        .group_by(ImageRow.split, AnnotationRow.class_id)
    )
    for split, id, count in found:
        table[Split(split) if split else None][id] = count
    return table


def folders(s: Session) -> dict[str, int]:
    """How many images lie directly in each folder, by folder as in ImageRecord, sorted."""
    found = s.execute(
        select(ImageRow.folder, func.count()).group_by(ImageRow.folder).order_by(ImageRow.folder)
    )
    return {row[0]: row[1] for row in found}


def box_sides(s: Session, filter: ImageFilter = EVERYTHING) -> NDArray[np.float64]:
    """Width and height in pixels of every annotation that counts and has a shape: (n, 2)."""
    query = select(AnnotationRow.w, AnnotationRow.h).where(
        AnnotationRow.state == ACCEPTED, AnnotationRow.kind != Kind.IMAGE.value
    )
    if filter != EVERYTHING:
        query = query.where(
            AnnotationRow.image_id.in_(select(ImageRow.id).where(*conditions_of(s, filter)))
        )
    sides = chain.from_iterable(s.execute(query))
    return np.fromiter(sides, np.float64).reshape(-1, 2)


def sizes(s: Session, ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Width and height in pixels of each of these images that is there."""
    found = s.execute(
        select(ImageRow.id, ImageRow.width, ImageRow.height).where(id_list(ImageRow.id, ids))
    )
    return {row.id: (row.width, row.height) for row in found}


def tops(s: Session, ids: Iterable[int]) -> dict[int, int]:
    """The highest place in the drawing order of each of these images that has annotations."""
    found = s.execute(
        select(AnnotationRow.image_id, func.max(AnnotationRow.z))
        .where(id_list(AnnotationRow.image_id, ids))
        .group_by(AnnotationRow.image_id)
    )
    return {row[0]: row[1] for row in found}


def annotation_counts(s: Session, ids: Sequence[int]) -> dict[int, int]:
    """How many annotations that count each of these images has."""
    result = dict.fromkeys(ids, 0)
    found = s.execute(
        select(AnnotationRow.image_id, func.count())
        .where(id_list(AnnotationRow.image_id, ids), AnnotationRow.state == ACCEPTED)
        .group_by(AnnotationRow.image_id)
    )
    result.update((id, count) for id, count in found)
    return result


def class_ids_by_image(s: Session, ids: Iterable[int]) -> dict[int, set[int]]:
    """The classes that occur on each of these images that has any."""
    query = select(AnnotationRow.image_id, AnnotationRow.class_id).distinct()
    query = query.where(AnnotationRow.state == ACCEPTED, id_list(AnnotationRow.image_id, ids))
    result: defaultdict[int, set[int]] = defaultdict(set)
    for image_id, class_id in s.execute(query):
        result[image_id].add(class_id)
    return dict(result)


def image_counts_by_class(s: Session) -> dict[int, int]:
    """On how many images each class occurs; a class without annotations is missing."""
    query = (
        select(AnnotationRow.class_id, func.count(AnnotationRow.image_id.distinct()))
        .where(AnnotationRow.state == ACCEPTED)
        .group_by(AnnotationRow.class_id)
    )
    return dict(s.execute(query).all())


def totals(s: Session) -> Totals:
    """The size of the project at a glance."""
    by_state = dict(
        s.execute(select(AnnotationRow.state, func.count()).group_by(AnnotationRow.state)).all()
    )

    def count(table: type[Base]) -> int:
        return s.scalar(select(func.count()).select_from(table)) or 0

    broken = select(func.count()).select_from(ImageRow).where(ImageRow.problem != "")
    return Totals(
        images=count(ImageRow),
        annotations=by_state.get(ACCEPTED, 0),
        suggestions=by_state.get(State.SUGGESTED.value, 0),
        classes=count(LabelClassRow),
        runs=count(RunRow),
        problems=s.scalar(broken) or 0,
    )


# Tags, settings, runs, history


def tags(s: Session) -> list[TagRecord]:
    """All tags by name, with how many images carry each."""
    found = s.execute(
        select(TagRow.id, TagRow.name, func.count(ImageTagRow.id))
        .outerjoin(ImageTagRow, ImageTagRow.tag_id == TagRow.id)
        .group_by(TagRow.id)
        .order_by(TagRow.name)
    )
    return [TagRecord(*row) for row in found]


def tags_of(s: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of each image's tags; every id has a list."""
    result: dict[int, list[str]] = {id: [] for id in ids}
    found = s.execute(
        select(ImageTagRow.image_id, TagRow.name)
        .join(TagRow, TagRow.id == ImageTagRow.tag_id)
        .where(id_list(ImageTagRow.image_id, ids))
        .order_by(TagRow.name)
    )
    for image_id, name in found:
        result[image_id].append(name)
    return result


def setting(s: Session, key: str, default: Any = None) -> Any:
    """The JSON value stored under a key by commands.set_setting."""
    found = s.scalar(select(SettingRow.value).where(SettingRow.key == key))
    return default if found is None else json.loads(found)


def _runs() -> "Select[*tuple[Any, ...]]":
    return select(
        RunRow.id, RunRow.task, RunRow.network, RunRow.title, RunRow.status, RunRow.directory,
        RunRow.created, RunRow.ended, RunRow.metric, RunRow.best, RunRow.best_epoch,
        RunRow.message, RunRow.note, RunRow.parent_id, SnapshotRow.hash, SnapshotRow.image_count,
        SnapshotRow.annotation_count, RunRow.experiment_id, RunRow.role,
    ).outerjoin(SnapshotRow, SnapshotRow.id == RunRow.snapshot_id)  # fmt: skip


def _run(s: Session, row: "Row[*tuple[Any, ...]]") -> RunRecord:
    folder: Path = s.info["path"]
    return RunRecord(
        id=row.id,
        task=Task(row.task),
        network=row.network,
        title=row.title,
        status=row.status,
        directory=folder / row.directory,
        created=row.created,
        ended=row.ended,
        metric=row.metric,
        best=row.best,
        best_epoch=row.best_epoch,
        message=row.message,
        note=row.note,
        parent_id=row.parent_id,
        snapshot_hash=row.hash or "",
        image_count=row.image_count or 0,
        annotation_count=row.annotation_count or 0,
        experiment_id=row.experiment_id,
        role=Role.read(row.role),
    )


def runs(s: Session) -> list[RunRecord]:
    """All runs, newest first."""
    return [_run(s, row) for row in s.execute(_runs().order_by(RunRow.id.desc()))]


def run(s: Session, id: int) -> RunRecord:
    """One run. Raises ProjectError when it is not there."""
    row = s.execute(_runs().where(RunRow.id == id)).first()
    if row is None:
        raise ProjectError(f"There is no run {id} in the project.")
    return _run(s, row)


def experiments(s: Session) -> list[ExperimentRecord]:
    """All experiments, oldest first."""
    folder: Path = s.info["path"]
    return [
        ExperimentRecord(
            row.id, ExperimentKind(row.kind), row.name, json.loads(row.settings),
            folder / row.directory, row.created, row.ended, row.message,
        )
        for row in s.scalars(select(ExperimentRow).order_by(ExperimentRow.id))
    ]  # fmt: skip


def history(s: Session, *, limit: int = 200) -> list[HistoryRecord]:
    """The last committed changes, newest first."""
    found = s.execute(
        select(
            HistoryRow.id,
            HistoryRow.at,
            HistoryRow.who,
            HistoryRow.kind,
            HistoryRow.label,
            HistoryRow.counts,
        )
        .order_by(HistoryRow.id.desc())
        .limit(limit)
    )
    return [
        HistoryRecord(*row[:5], {name: tuple(n) for name, n in json.loads(row[5]).items()})
        for row in found
    ]
