"""What becomes of whole annotations when their shapes are joined, divided, locked or restacked.

Commands as those of commands.py: short verbs on a session, without any undo code.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Shape, State
from cvstudio.core.errors import ProjectError
from cvstudio.project import commands, queries, rows
from cvstudio.project.queries import id_list
from cvstudio.project.tables import AnnotationRow


def join(s: Session, *, id: int, shape: Shape, others: Collection[int]) -> None:
    """Let one annotation stand for several: it gets the shape, the others go.

    It keeps its class, its attributes and its place in the drawing order.
    """
    commands.set_shape(s, id=id, shape=shape)
    commands.set_state(s, ids=[id], state=State.ACCEPTED)
    commands.delete_annotations(s, ids=others)


def divide(s: Session, *, id: int, shapes: Sequence[Shape]) -> list[int]:
    """Let several annotations stand for one: it gets the first shape, new ones get the others.

    The new ones have its class and attributes, and lie right above it. Returns all ids.
    """
    old = queries.annotation(s, id)
    if old is None:
        raise ProjectError("That annotation is no longer there.")
    commands.set_shape(s, id=id, shape=shapes[0])
    commands.set_state(s, ids=[id], state=State.ACCEPTED)
    new = [
        commands.add_annotation(
            s, image_id=old.image_id, class_id=old.class_id, shape=shape, attributes=old.attributes
        )
        for shape in shapes[1:]
    ]
    order = [each for each in _order(s, old.image_id) if each not in set(new)]
    place = order.index(id) + 1
    _restack(s, [*order[:place], *new, *order[place:]])
    return [id, *new]


def set_locked(s: Session, *, ids: Collection[int], locked: bool) -> None:
    """Lock annotations against the hand on the canvas, or open them again. No other command asks
    for it: a deleted class takes its locked annotations along."""
    rows.change(s, "annotation", ids, locked=int(locked))


def stack(s: Session, *, image_id: int, ids: Collection[int], to: str) -> None:
    """Draw annotations of an image above ("front") or below ("back") all others of it.

    Among themselves they keep their order.
    """
    order = _order(s, image_id)
    moved = [id for id in order if id in set(ids)]
    rest = [id for id in order if id not in set(ids)]
    _restack(s, rest + moved if to == "front" else moved + rest)


def _order(s: Session, image_id: int) -> list[int]:
    found = select(AnnotationRow.id).where(AnnotationRow.image_id == image_id)
    return list(s.scalars(found.order_by(AnnotationRow.z, AnnotationRow.id)))


def _restack(s: Session, order: Sequence[int]) -> None:
    known = s.execute(
        select(AnnotationRow.id, AnnotationRow.z).where(id_list(AnnotationRow.id, order))
    )
    z_of = {row.id: row.z for row in known}
    moved = [(id, z) for z, id in enumerate(order) if z_of[id] != z]
    rows.change_each(s, "annotation", ("z",), moved)
