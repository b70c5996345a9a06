"""Which images pass an ImageFilter, as conditions of SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, exists, false, or_, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Source, State
from cvstudio.project.finding import conditions, id_list, in_folder
from cvstudio.project.query_language import LONGEST_VALUE, MOST_VALUES
from cvstudio.project.records import ImageFilter
from cvstudio.project.tables import AnnotationRow, CommentRow, ImageRow, ImageTagRow, TagRow

ACCEPTED = State.ACCEPTED.value


def conditions_of(s: Session, filter: ImageFilter) -> Iterator[ColumnElement[bool]]:
    """The conditions on images under which they pass a filter."""
    if filter.ids is not None:
        yield id_list(ImageRow.id, filter.ids)
    yield from _in_name(filter.text)
    if filter.splits:
        known = [split.value for split in filter.splits if split is not None]
        chosen = ImageRow.split.in_(known)
        yield or_(chosen, ImageRow.split.is_(None)) if None in filter.splits else chosen
    if filter.reviews:
        yield ImageRow.review.in_([review.value for review in filter.reviews])
    if filter.folder:
        yield in_folder(filter.folder)
    if filter.tags:
        yield ImageRow.id.in_(
            select(ImageTagRow.image_id)
            .join(TagRow, TagRow.id == ImageTagRow.tag_id)
            .where(TagRow.name.in_(filter.tags))
        )
    if filter.problems is not None:
        yield ImageRow.problem != "" if filter.problems else ImageRow.problem == ""
    if filter.rejected is not None:
        rejected = ImageRow.reject_reason != ""
        yield rejected if filter.rejected else ~rejected
    if filter.open_comments is not None:
        waiting = select(CommentRow.image_id).where(CommentRow.resolved == 0)
        yield ImageRow.id.in_(waiting) if filter.open_comments else ImageRow.id.not_in(waiting)
    if filter.query:
        yield from conditions(s, filter.query)
    yield from _annotation_conditions(filter)


def _in_name(text: str) -> Iterator[ColumnElement[bool]]:
    """The words that a name is to hold; no name holds more than the database can be asked for."""
    words = dict.fromkeys(text.split())
    if len(words) > MOST_VALUES or any(len(word) > LONGEST_VALUE for word in words):
        yield false()
        return
    for word in words:
        yield ImageRow.uri.contains(word, autoescape=True)


def _annotation_conditions(filter: ImageFilter) -> Iterator[ColumnElement[bool]]:
    on_image = select(AnnotationRow.image_id)
    counting = on_image.where(AnnotationRow.state == ACCEPTED)
    if filter.without_class_ids:
        yield ImageRow.id.not_in(
            counting.where(AnnotationRow.class_id.in_(filter.without_class_ids))
        )
    if filter.without_annotations is not None:
        has = exists().where(AnnotationRow.image_id == ImageRow.id, AnnotationRow.state == ACCEPTED)
        yield ~has if filter.without_annotations else has
    one: list[ColumnElement[bool]] = []
    if filter.sources:
        one.append(AnnotationRow.source.in_([source.value for source in filter.sources]))
    if filter.scores:
        one.append(AnnotationRow.score.between(*filter.scores))
    if filter.run_id is not None:
        one.append(AnnotationRow.run_id == filter.run_id)
        one.append(AnnotationRow.source == Source.NETWORK.value)
    if filter.states:
        one.append(AnnotationRow.state.in_([state.value for state in filter.states]))
    elif filter.class_ids and not one:
        one.append(AnnotationRow.state == ACCEPTED)
    if filter.class_ids:
        one.append(AnnotationRow.class_id.in_(filter.class_ids))
    if one:
        yield ImageRow.id.in_(on_image.where(and_(*one)))
