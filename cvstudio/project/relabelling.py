"""Another class for the objects of many images at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import State
from cvstudio.project import commands, image_classes
from cvstudio.project.queries import id_list
from cvstudio.project.tables import AnnotationRow


@dataclass(frozen=True, slots=True)
class Reach:
    """What a change would do: objects and images that change, and locked objects that stay."""

    objects: int
    images: int
    locked: int


def class_counts(s: Session, *, image_ids: Collection[int]) -> dict[int, int]:
    """How many objects that count the images hold, by class id."""
    which = AnnotationRow.class_id
    counted = select(which, func.count()).where(*_counting(image_ids)).group_by(which)
    return {row[0]: row[1] for row in s.execute(counted)}


def reach(s: Session, *, image_ids: Collection[int], source: int | None, target: int) -> Reach:
    """What `change` would do."""
    row = AnnotationRow
    what = (func.count(), func.count(row.image_id.distinct()))
    free = s.execute(select(*what).where(*_meant(image_ids, source, target), row.locked == 0)).one()
    locked = select(func.count()).where(*_meant(image_ids, source, target), row.locked != 0)
    return Reach(free[0], free[1], s.scalar(locked) or 0)


def change(s: Session, *, image_ids: Collection[int], source: int | None, target: int) -> None:
    """Give the objects of a class (None: of any) another one; locked objects stay as they are."""
    wanted = (*_meant(image_ids, source, target), AnnotationRow.locked == 0)
    ids = list(s.scalars(select(AnnotationRow.id).where(*wanted)))
    commands.set_class(s, ids=ids, class_id=target)
    image_classes.say_once(s, class_id=target)


def _counting(image_ids: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    row = AnnotationRow
    return id_list(row.image_id, image_ids), row.state == State.ACCEPTED.value


def _meant(
    image_ids: Collection[int], source: int | None, target: int
) -> tuple[ColumnElement[bool], ...]:
    row = AnnotationRow
    of_class = row.class_id != target if source is None else row.class_id == source
    return *_counting(image_ids), of_class, row.class_id != target
