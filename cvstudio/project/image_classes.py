"""Classes of whole images: one an image or several, a setting of the project; queries and commands.

Commands as those of commands.py. Images have one class unless the setting says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Kind, State
from cvstudio.project import attributes, commands, queries, rows
from cvstudio.project.finding import id_list
from cvstudio.project.tables import AnnotationRow

KEY = "classes_per_image"
_SEVERAL = "several"

# Queries


def several(s: Session) -> bool:
    """Whether an image may have several classes."""
    return bool(queries.setting(s, KEY) == _SEVERAL)


def with_several(s: Session, only: Iterable[int] | None = None) -> list[int]:
    """The images that have more than one class now; among some of them, when asked."""
    row = AnnotationRow
    found = select(row.image_id).where(*_counting()).group_by(row.image_id).having(func.count() > 1)
    if only is not None:
        found = found.where(id_list(row.image_id, only))
    return list(s.scalars(found.order_by(row.image_id)))


def classes_of(s: Session, image_ids: Iterable[int]) -> dict[int, list[int]]:
    """The classes of each of these images, the one that was given first in front."""
    row = AnnotationRow
    chosen = select(row.image_id, row.class_id).where(*_counting())
    chosen = chosen.where(id_list(row.image_id, image_ids))
    result: defaultdict[int, list[int]] = defaultdict(list)
    for image_id, class_id in s.execute(chosen.order_by(row.z, row.id)):
        result[image_id].append(class_id)
    return dict(result)


def _counting() -> tuple[ColumnElement[bool], ...]:
    row = AnnotationRow
    return row.kind == Kind.IMAGE.value, row.state == State.ACCEPTED.value


# Commands


def allow_several(s: Session, allowed: bool) -> int:
    """Let images have several classes, or one. Then each keeps the class that it was given first.

    Returns how many images lose a class.
    """
    commands.set_setting(s, KEY, _SEVERAL if allowed else None)
    if allowed:
        return 0
    images = with_several(s)
    _keep_first(s, id_list(AnnotationRow.image_id, images))
    return len(images)


def say_once(s: Session, *, class_id: int) -> None:
    """Where two classes became this one, images that had both have it once."""
    _keep_first(s, AnnotationRow.class_id == class_id)


def _keep_first(s: Session, among: ColumnElement[bool]) -> None:
    """Of some classes of whole images, leave each image the one that was given first."""
    row = AnnotationRow
    chosen = select(row.id, row.image_id).where(*_counting(), among)
    first: set[int] = set()
    surplus = []
    for id, image_id in s.execute(chosen.order_by(row.z, row.id)):
        if image_id in first:
            surplus.append(id)
        first.add(image_id)
    rows.remove(s, "annotation", surplus)


def toggle(s: Session, *, image_ids: Collection[int], class_id: int) -> bool:
    """Give a class to those of the images that lack it; where all have it, take it away.

    Returns whether it was given. What a network suggested of this class is settled by that.
    """
    have = {image for image, held in classes_of(s, image_ids).items() if class_id in held}
    lacking = [image for image in image_ids if image not in have]
    row = AnnotationRow
    of_class = (row.class_id == class_id, row.kind == Kind.IMAGE.value)
    if lacking:
        _give(s, lacking, class_id)
    else:
        gone = select(row.id).where(*of_class, *_counting(), id_list(row.image_id, image_ids))
        rows.remove(s, "annotation", list(s.scalars(gone)))
    waiting = select(row.id).where(
        *of_class, row.state == State.SUGGESTED.value, id_list(row.image_id, image_ids)
    )
    rows.change(s, "annotation", list(s.scalars(waiting)), state=State.REJECTED.value)
    commands.follow_review(s, image_ids)
    return bool(lacking)


def _give(s: Session, image_ids: Collection[int], class_id: int) -> None:
    tops = queries.tops(s, image_ids)
    asked = attributes.defaults(s, class_id)
    new = [
        commands.annotation_row(
            image_id=id, class_id=class_id, shape=None, width=w, height=h,
            z=tops.get(id, -1) + 1, attributes=asked,
        )
        for id, (w, h) in queries.sizes(s, image_ids).items()
    ]  # fmt: skip
    rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, new)
