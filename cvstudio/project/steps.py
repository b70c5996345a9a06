"""The undo steps of a project as rows of its database: kept, found, turned and forgotten.

A step is written in the transaction that it tells of, so that rows and steps are never apart, not
even after kill -9. Memory holds only the nearest step in each direction, and of these what a menu
says; what they change is read when it is needed.

A step holds the changes that lead to its other side: back while it is done, forth while it is not.
Shapes in it are told by their difference from those that are there (step_shapes.py), so it can only
be read where the project stands beside it. The done ones come first in the order of their ids. None
that is done goes by itself; `forget` is asked for by a person. Those that were undone go with the
next new step.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from cvstudio.project import rows, step_codec, step_shapes
from cvstudio.project.changes import ChangeSet, Reach
from cvstudio.project.lock import user
from cvstudio.project.rows import Change, Set

OVERHEAD = 200
"""Bytes that a step takes besides its changes, about."""

MOMENT = 1.0
"""Seconds within which what is done again in the same way joins the step before."""

_FIELDS = "id, done, at, who, label, images, counts"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as a list shows it; `done` is False while it is undone and waits for redo.

    `images`: how many it touched, None when they are too many to be named.
    """

    id: int
    done: bool
    at: float
    who: str
    label: str
    images: int | None
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows it added, changed and removed."""
        return sum(sum(numbers) for numbers in self.counts.values())


@dataclass(frozen=True, slots=True)
class Near:
    """A step next to the present: what a menu and a question before it need."""

    id: int
    label: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a project stands between its steps."""

    back: Near | None = None
    forth: Near | None = None


def standing(s: Session) -> Standing:
    """Where the project stands now."""
    return Standing(_near(s, done=True), _near(s, done=False))


def note(
    s: Session, changes: ChangeSet, taken_back_by: Sequence[Change], *, now: Standing
) -> Standing:
    """Keep a new step; those that were undone before it can no longer be redone."""
    connection = s.connection()
    packed = _packed(s, taken_back_by)
    images = changes.images()
    count = None if images is None else len(images)
    with rows.door(connection):
        if now.forth is not None:
            connection.exec_driver_sql("DELETE FROM step WHERE done = 0")
        id = connection.exec_driver_sql(
            "INSERT INTO step (done, at, who, label, images, counts, size, changes)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(), user(), changes.label, count, json.dumps(changes.counts()),
                OVERHEAD + len(packed), packed,
            ),
        ).lastrowid  # fmt: skip
        if images:
            connection.exec_driver_sql(
                "INSERT INTO step_image (step_id, image_id) VALUES (?, ?)",
                [(id, image) for image in sorted(images)],
            )
    return standing(s)


def merge(
    s: Session, changes: ChangeSet, taken_back_by: Sequence[Change], *, into: int, now: Standing
) -> Standing | None:
    """Let the newest step take in what was done a moment later in the same way, such as the same
    key pressed once more. None when these are two steps: `into` is not the newest one, its label
    or its annotations are others, something came or went, or too much time lies between.
    """
    if now.back is None or now.forth is not None or now.back.id != into:
        return None
    connection = s.connection()
    sql = f"SELECT {_FIELDS} FROM step WHERE id = ?"
    before, at = _step(connection.exec_driver_sql(sql, (into,)).one()), time.time()
    if before.label != changes.label or not 0 <= at - before.at <= MOMENT:
        return None
    # The step is told from the shapes as they were before these changes were made.
    both = step_shapes.unfold([*_read(s, into), *taken_back_by], partial(_shapes, s))
    earlier = both[: len(both) - len(taken_back_by)]
    ids = _changed(earlier)
    if not ids or ids != _changed(taken_back_by):
        return None
    first: dict[Any, Change] = {}
    for change in (*earlier, *taken_back_by):
        assert isinstance(change, Set)
        columns = (change.table, tuple(change.columns), tuple(row[0] for row in change.rows))
        first.setdefault(columns, change)  # what was there before both is what undo brings back
    packed = _packed(s, list(first.values()))
    own = OVERHEAD + len(packed)
    with rows.door(connection):
        connection.exec_driver_sql(
            "UPDATE step SET at = ?, size = ?, changes = ? WHERE id = ?", (at, own, packed, into)
        )
    return standing(s)


def _changed(changes: Sequence[Change]) -> set[int]:
    """The annotations whose values a step changes; none when it also adds or removes rows."""
    if not all(isinstance(change, Set) for change in changes):
        return set()
    return {
        row[0]
        for change in changes
        if isinstance(change, Set) and change.table == "annotation"
        for row in change.rows
    }


def turn(s: Session, id: int, opposite: Sequence[Change], *, done: bool) -> Standing:
    """Note that a step was undone or done again, and what leads to its other side from now on."""
    packed = _packed(s, opposite)
    connection = s.connection()
    with rows.door(connection):
        connection.exec_driver_sql(
            "UPDATE step SET done = ?, size = ?, changes = ? WHERE id = ?",
            (int(done), OVERHEAD + len(packed), packed, id),
        )
    return standing(s)


def size(s: Session) -> int:
    """Bytes of the database that all steps take, about."""
    sql = "SELECT coalesce(sum(size), 0) FROM step"
    return int(s.connection().exec_driver_sql(sql).scalar_one())


def older(s: Session, at: float) -> tuple[int, int, int]:
    """How many done steps were made before a time (seconds since 1970), the bytes that they take,
    and the id of the last of them. The newest one that is done is never among them."""
    sql = (
        "SELECT count(*), coalesce(sum(size), 0), coalesce(max(id), 0) FROM step WHERE done = 1"
        " AND at < ? AND id < (SELECT max(id) FROM step WHERE done = 1)"
    )
    count, size, last = s.connection().exec_driver_sql(sql, (at,)).one()
    return int(count), int(size), int(last)


def forget(s: Session, until: int) -> Standing:
    """Forget the done steps up to this id, for good; what is done and what can be done again stays
    as it is. A person asks for this; nothing else does."""
    connection = s.connection()
    with rows.door(connection):
        connection.exec_driver_sql("DELETE FROM step WHERE done = 1 AND id <= ?", (until,))
    return standing(s)


def clear(s: Session) -> Standing:
    """Forget all steps."""
    connection = s.connection()
    with rows.door(connection):
        connection.exec_driver_sql("DELETE FROM step")
    return Standing()


def changes_of(s: Session, id: int, held: step_shapes.Held | None = None) -> list[Change]:
    """What leads to the other side of a step, as rows.replay takes it; the project must stand
    beside the step, or `held` tell the shapes as they are there. Raises ProjectDamaged."""
    return step_shapes.unfold(_read(s, id), held or partial(_shapes, s))


def _read(s: Session, id: int) -> list[Change]:
    sql = "SELECT changes FROM step WHERE id = ?"
    return step_codec.decode(s.connection().exec_driver_sql(sql, (id,)).scalar_one())


def _packed(s: Session, changes: Sequence[Change]) -> bytes:
    return step_codec.encode(step_shapes.fold(changes, partial(_shapes, s)))


def _shapes(s: Session, ids: Iterable[int]) -> dict[int, bytes | None]:
    sql = "SELECT id, payload FROM annotation WHERE id IN (SELECT value FROM json_each(?))"
    found = s.connection().exec_driver_sql(sql, (json.dumps(list(ids)),))
    return {row[0]: row[1] for row in found.cursor.fetchall()}


def way(s: Session, to: int) -> list[Step]:
    """The steps to turn, in order, so that `to` is the newest one that is done (0: none is)."""
    sql = f"SELECT {_FIELDS} FROM step WHERE done = ? AND id {{}} ? ORDER BY id {{}}"
    connection = s.connection()
    back = connection.exec_driver_sql(sql.format(">", "DESC"), (1, to)).all()
    forth = connection.exec_driver_sql(sql.format("<=", ""), (0, to)).all()
    return [_step(row) for row in back or forth]


def listed(s: Session, *, limit: int = 500, before: int | None = None) -> list[Step]:
    """Steps, newest first; `before`: only those older than this id. Never what they change."""
    sql = f"SELECT {_FIELDS} FROM step WHERE id < ? ORDER BY id DESC LIMIT ?"
    found = s.connection().exec_driver_sql(sql, (2**62 if before is None else before, limit))
    return [_step(row) for row in found]


def of_image(s: Session, image_id: int, *, until: int | None = None) -> list[Step]:
    """The steps that touched an image, newest first, and those that touched very many; `until`:
    none that is newer than this id."""
    sql = (
        f"SELECT {_FIELDS} FROM step WHERE id IN (SELECT step_id FROM step_image WHERE image_id = ?"
        " UNION SELECT id FROM step WHERE images IS NULL) AND id <= ? ORDER BY id DESC"
    )
    last = 2**62 if until is None else until
    return [_step(row) for row in s.connection().exec_driver_sql(sql, (image_id, last))]


def image_names(s: Session, found: Iterable[Step]) -> dict[int, str]:
    """The name of the image that a step touched, by step; only of those that touched just one."""
    ids = [step.id for step in found if step.images == 1]
    sql = (
        "SELECT step_image.step_id, image.name FROM step_image"
        " JOIN image ON image.id = step_image.image_id"
        " WHERE step_image.step_id IN (SELECT value FROM json_each(?))"
    )
    return {row[0]: row[1] for row in s.connection().exec_driver_sql(sql, (json.dumps(ids),))}


def which_are_done(s: Session, ids: Iterable[int]) -> dict[int, bool]:
    """Of these steps those that are still kept, and whether each is done."""
    sql = "SELECT id, done FROM step WHERE id IN (SELECT value FROM json_each(?))"
    found = s.connection().exec_driver_sql(sql, (json.dumps(list(ids)),))
    return {row[0]: bool(row[1]) for row in found}


def image_reach(s: Session, found: Iterable[Step], at_hand: int) -> tuple[int, int] | None:
    """How many images these steps touched together, and how many of these are not the one at hand;
    None when some touched too many to be named."""
    found = list(found)
    if any(step.images is None for step in found):
        return None
    sql = (
        "SELECT count(DISTINCT image_id), count(DISTINCT nullif(image_id, ?)) FROM step_image"
        " WHERE step_id IN (SELECT value FROM json_each(?))"
    )
    ids = json.dumps([step.id for step in found])
    images, others = s.connection().exec_driver_sql(sql, (at_hand, ids)).one()
    return int(images), int(others)


def count(s: Session) -> int:
    """How many steps there are, in both directions."""
    return int(s.connection().exec_driver_sql("SELECT count(*) FROM step").scalar_one())


def _step(row: Sequence[Any]) -> Step:
    id, done, at, who, label, images, counts = row
    told = {name: tuple(numbers) for name, numbers in json.loads(counts).items()}
    return Step(id, bool(done), at, who, label, images, told)


def _near(s: Session, *, done: bool) -> Near | None:
    connection = s.connection()
    sql = f"SELECT {_FIELDS} FROM step WHERE done = ? ORDER BY id {'DESC' if done else ''} LIMIT 1"
    row = connection.exec_driver_sql(sql, (int(done),)).first()
    if row is None:
        return None
    step = _step(row)
    sql = "SELECT image_id FROM step_image WHERE step_id = ? LIMIT 2"
    some = frozenset(connection.exec_driver_sql(sql, (step.id,)).scalars())
    came, _, went = step.counts.get("image", (0, 0, 0))
    images = None if step.images is None else some
    reach = Reach(images, step.images, came, went, "label_class" in step.counts, step.rows)
    return Near(step.id, step.label, reach)
