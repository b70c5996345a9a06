"""Deciding on what networks suggest: keep or reject, one by one or by score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Annotation, Kind, State
from cvstudio.core.geometry import Box
from cvstudio.core.masks import pixels_of
from cvstudio.project import commands, image_classes, queries, rows
from cvstudio.project.records import ImageFilter
from cvstudio.project.tables import AnnotationRow

CHUNK = 500
"""Images whose annotations are read at once."""

DOUBLE = 0.7
"""Two suggestions of one class that overlap that much are the same thing."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A suggestion that nobody has decided on, without its outline."""

    id: int
    image_id: int
    class_id: int
    kind: Kind
    score: float | None
    box: Box

    def reaches(self, score: float) -> bool:
        """Whether it is at least that sure; regions carry no score and always do."""
        return self.score is None or self.score >= score


def pending(
    s: Session, image_ids: Collection[int] | None = None, *, ids: Collection[int] | None = None
) -> list[Pending]:
    """The suggestions that wait, on these images or with these ids or all, surest first."""
    row = AnnotationRow
    query = select(
        row.id, row.image_id, row.class_id, row.kind, row.score, row.x, row.y, row.w, row.h
    ).where(row.state == State.SUGGESTED.value)
    if image_ids is not None:
        query = query.where(queries.id_list(row.image_id, image_ids))
    if ids is not None:
        query = query.where(queries.id_list(row.id, ids))
    found = s.execute(query.order_by(row.score.is_not(None), row.score.desc(), row.id))
    return [
        Pending(id, image, class_id, Kind(kind), score, Box(*box))
        for id, image, class_id, kind, score, *box in found
    ]


def waiting_images(s: Session) -> list[int]:
    """The images that have suggestions, in the order of their names."""
    return queries.image_ids(s, ImageFilter(states=(State.SUGGESTED,)))


def keep(s: Session, *, ids: Collection[int]) -> None:
    """Keep these suggestions, and only suggestions. Where an image has one class, the kept one
    takes the place of what was said before, and of other suggestions for the whole image."""
    chosen = pending(s, ids=ids)
    whole = [p for p in chosen if p.kind is Kind.IMAGE]
    if whole and image_classes.several(s):
        had = image_classes.classes_of(s, {p.image_id for p in whole})
        doubles = {p.id for p in whole if p.class_id in had.get(p.image_id, ())}
        commands.set_state(s, ids=doubles, state=State.REJECTED)
        chosen = [p for p in chosen if p.id not in doubles]
    elif whole:
        _make_room(s, {p.image_id: p.id for p in whole})
    commands.set_state(s, ids=[p.id for p in chosen], state=State.ACCEPTED)


def reject(s: Session, *, ids: Collection[int]) -> None:
    """Reject these suggestions; the same is not suggested again."""
    found = [p.id for p in pending(s, ids=ids)]
    commands.set_state(s, ids=found, state=State.REJECTED)


def keep_from(s: Session, *, image_ids: Collection[int], score: float = 0.0) -> int:
    """Keep all suggestions on images that reach a score; returns how many.

    Of several that mean the same thing (two networks were asked) the surest is kept and the others
    are rejected, and so is what a label has come to lie on in the meantime.
    """
    sure: dict[int, list[int]] = {}
    for each in pending(s, image_ids):
        if each.reaches(score):
            sure.setdefault(each.image_id, []).append(each.id)
    kept: list[int] = []
    images = list(sure)
    for start in range(0, len(images), CHUNK):
        for image_id, there in queries.annotations_of(s, images[start : start + CHUNK]).items():
            kept += _without_doubles(sure[image_id], there)
    chosen = set(kept)
    reject(s, ids=[id for ids in sure.values() for id in ids if id not in chosen])
    keep(s, ids=kept)
    return len(kept)


def _without_doubles(ids: Sequence[int], there: Sequence[Annotation]) -> list[int]:
    """Those of an image's suggestions, surest first, that nothing before them says already."""
    known = {a.id: a for a in there}
    sure = [known[id] for id in ids]
    whole = [a.id for a in sure if a.shape is None]
    shaped = [a for a in sure if a.shape is not None]
    beside = [a for a in there if a.state is State.ACCEPTED and a.shape is not None]
    same: dict[int, set[int]] = {}
    if shaped:
        from cvstudio.core.metrics.overlaps import ImageObjects, find_overlaps  # late: they are
        from cvstudio.core.predictions import Found  # much, and the window has this at its start

        found = [Found(a.class_id, 1.0, a.box, pixels_of(a.shape)) for a in shaped]
        masks = any(a.kind is not Kind.BOX for a in shaped)
        overlaps = find_overlaps([ImageObjects(0, [*beside, *shaped], found)], masks=masks)
        for pair in np.nonzero(overlaps.pair_iou >= DOUBLE)[0].tolist():
            mine = shaped[int(overlaps.found_index[overlaps.pair_found[pair]])]
            other = known[int(overlaps.label_id[overlaps.pair_label[pair]])]
            if other.class_id == mine.class_id and other.id != mine.id:
                same.setdefault(mine.id, set()).add(other.id)
    taken = {a.id for a in beside}
    kept = whole[:1]
    for a in shaped:
        if not same.get(a.id, set()) & taken:
            taken.add(a.id)
            kept.append(a.id)
    return kept


def reject_below(s: Session, *, image_ids: Collection[int], score: float | None = None) -> int:
    """Reject the suggestions on images that do not reach a score, or all; returns how many."""
    ids = [p.id for p in pending(s, image_ids) if score is None or not p.reaches(score)]
    reject(s, ids=ids)
    return len(ids)


def _make_room(s: Session, chosen: dict[int, int]) -> None:
    """One class an image: take away what was accepted before, reject what else was suggested."""
    found = s.execute(
        select(AnnotationRow.id, AnnotationRow.image_id, AnnotationRow.state)
        .where(queries.id_list(AnnotationRow.image_id, chosen))
        .where(AnnotationRow.kind == Kind.IMAGE.value)
    ).all()
    others = [(id, state) for id, image, state in found if id != chosen[image]]
    rows.remove(s, "annotation", [id for id, state in others if state == State.ACCEPTED.value])
    suggested = [id for id, state in others if state == State.SUGGESTED.value]
    commands.set_state(s, ids=suggested, state=State.REJECTED)
