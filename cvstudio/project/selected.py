"""What chosen images hold together, in figures: counted by the database, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cvstudio.core.annotation import Review, Split, State
from cvstudio.project.queries import id_list
from cvstudio.project.tables import AnnotationRow, ImageRow, ImageTagRow, TagRow


@dataclass(frozen=True)
class SelectedFigures:
    """How many objects that count have each class (by its id), how many of the images are in each
    split (None: in none) and review state and carry each tag, and the bytes of their files.

    What nothing is or carries is missing.
    """

    classes: dict[int, int]
    splits: dict[Split | None, int]
    reviews: dict[Review, int]
    tags: dict[str, int]
    size: int


def figures(s: Session, ids: Sequence[int]) -> SelectedFigures:
    """The figures of these images, each named once; ids that are gone are left out."""
    every = len(ids) == s.scalar(select(func.count()).select_from(ImageRow))

    def among(what: InstrumentedAttribute[int]) -> tuple[ColumnElement[bool], ...]:
        """Counting all of a table is several times faster than all of a list."""
        return () if every else (id_list(what, ids),)

    objects = (
        select(AnnotationRow.class_id, func.count())
        .where(AnnotationRow.state == State.ACCEPTED.value, *among(AnnotationRow.image_id))
        .group_by(AnnotationRow.class_id)
    )
    tagged = (
        select(TagRow.name, func.count())
        .join(ImageTagRow, ImageTagRow.tag_id == TagRow.id)
        .where(*among(ImageTagRow.image_id))
        .group_by(TagRow.id)
        .order_by(TagRow.name)
    )
    states = (
        select(ImageRow.split, ImageRow.review, func.count(), func.sum(ImageRow.size))
        .where(*among(ImageRow.id))
        .group_by(ImageRow.split, ImageRow.review)
    )
    splits: Counter[Split | None] = Counter()
    reviews: Counter[Review] = Counter()
    size = 0
    for split, review, count, amount in s.execute(states):
        splits[Split(split) if split else None] += count
        reviews[Review(review)] += count
        size += amount
    return SelectedFigures(
        classes=dict(s.execute(objects).all()),
        splits={each: splits[each] for each in (*Split, None) if splits[each]},
        reviews={each: reviews[each] for each in Review if reviews[each]},
        tags=dict(s.execute(tagged).all()),
        size=size,
    )
