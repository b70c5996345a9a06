"""The one door for writes: rows are added, changed and removed here, and each time the change that
would take it back is noted.

A change is one of three values, and applying one yields its opposite, so undo and redo are the same
few lines. They are kept in the database itself, by steps.py, in the same transaction.
Any other write is refused by the database connection (see `guard`), so nothing can slip past undo.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.orm import Session

from cvstudio.project.tables import Base

Row = tuple[Any, ...]
Ranges = tuple[tuple[int, int], ...]
"""Ids as (first, last) pairs, both included."""

MANY = 5_000
"""From that many rows on, a change names no single ids: views refresh wholly."""

IMAGE_COLUMN = {
    "image": "id",
    "annotation": "image_id",
    "image_tag": "image_id",
    "comment": "image_id",
}
"""The column of a table that says which image a row belongs to."""


@dataclass(frozen=True, slots=True)
class Put:
    """Rows to add, with the values of `columns`, of which the first is the id."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Drop:
    """Rows to remove."""

    table: str
    ids: Ranges


@dataclass(frozen=True, slots=True)
class Set:
    """Values to set: each row is an id followed by the values of `columns`."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


Change = Put | Drop | Set


@dataclass
class Touched:
    """What a transaction did to one table. `ids` and `images` are None when they are many."""

    ids: set[int] | None = field(default_factory=set)
    images: set[int] | None = field(default_factory=set)
    added: int = 0
    changed: int = 0
    removed: int = 0

    def add(self, ids: Sequence[int], images: Sequence[int]) -> None:
        self.ids = _grown(self.ids, ids)
        self.images = _grown(self.images, images)


@dataclass
class Recorder:
    """Notes what takes back the writes of one transaction, in the order in which they happened."""

    changes: list[Change] = field(default_factory=list)
    touched: dict[str, Touched] = field(default_factory=dict)
    broken: bool = False
    """A write failed halfway: whoever caught the error, this must not be committed."""

    def of(self, table: str) -> Touched:
        return self.touched.setdefault(table, Touched())


def recorder_of(session: Session) -> Recorder:
    """The recorder of a writing session. Raises RuntimeError in a session made for reading."""
    recorder = session.info.get("recorder")
    if not isinstance(recorder, Recorder):
        raise RuntimeError("this session only reads; write inside project.transaction(...)")
    return recorder


def add(
    session: Session,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    about: int | None = None,
) -> range:
    """Add rows and return their ids, which are consecutive and in the order of the rows.

    Columns that are not named take their defaults. This is also the door for hundreds of
    thousands of rows: undo remembers a range of them and not each. They may be made while they are
    written, so that they never lie in memory together; `about` then says how many to expect.
    """
    if isinstance(rows, Sized):
        about = len(rows)
        if not about:
            return range(0)
    recorder = recorder_of(session)
    first = next_id(session, table)
    column = IMAGE_COLUMN.get(table)
    place = columns.index(column) if column in columns else None
    images: set[int] = set()
    numbered = _numbered(rows, first, place, images)
    count = _insert(session, table, ("id", *columns), numbered, about=about or 0)
    ids = range(first, first + count)
    if not ids:
        return ids
    recorder.changes.append(Drop(table, ((ids[0], ids[-1]),)))
    touched = recorder.of(table)
    touched.added += count
    touched.add(ids, ids if column == "id" else list(images))
    return ids


def _numbered(
    rows: Iterable[Sequence[Any]], first: int, place: int | None, images: set[int]
) -> Iterator[Row]:
    """The rows with their ids in front; what stands at `place` in them is gathered in `images`."""
    for id, row in enumerate(rows, first):
        if place is not None:
            images.add(row[place])
        yield (id, *row)


def change(session: Session, table: str, ids: Iterable[int], **values: Any) -> list[int]:
    """Set the same values in many rows; returns the ids of the rows that were different before."""
    columns = tuple(values)
    wanted = tuple(values.values())
    before = _select(session, table, ("id", *columns), ids)
    return change_each(
        session, table, columns, [(r[0], *wanted) for r in before if r[1:] != wanted]
    )


def change_each(
    session: Session, table: str, columns: Sequence[str], rows: Sequence[Row]
) -> list[int]:
    """Set values row by row: each row is an id and the values of `columns`.

    Rows that hold these values already are left alone; a column "updated" is set to now in the
    others, unless it is among the columns. Returns the ids of the changed rows.
    """
    recorder = recorder_of(session)
    fields = _columns(table)
    stamped = "updated" in fields and "updated" not in columns
    names = (*columns, "updated") if stamped else tuple(columns)
    image = IMAGE_COLUMN.get(table)
    extra = (image,) if image else ()
    count = len(columns)
    now = (time.time(),) if stamped else ()
    before = {
        row[0]: row for row in _select(session, table, ("id", *names, *extra), (r[0] for r in rows))
    }
    after = [
        (*row, *now)
        for row in rows
        if row[0] in before and before[row[0]][1 : 1 + count] != tuple(row[1:])
    ]
    if not after:
        return []
    old = [before[row[0]] for row in after]
    _update(session, table, names, after)
    width = 1 + len(names)
    recorder.changes.append(Set(table, names, [row[:width] for row in old]))
    touched = recorder.of(table)
    touched.changed += len(after)
    ids = [row[0] for row in after]
    images = [row[-1] for row in old] if image else []
    touched.add(ids, images)
    return ids


def remove(session: Session, table: str, ids: Iterable[int]) -> int:
    """Remove rows, and before them whatever the foreign keys would remove with them.

    The database would do the same by itself; done here, each row can come back.
    """
    chosen = [row[0] for row in _select(session, table, ("id",), ids)]
    for child, column, rule in _children(table):
        dependent = _select(session, child, ("id",), chosen, where=column)
        if rule == "CASCADE":
            remove(session, child, (row[0] for row in dependent))
        else:
            change_each(session, child, (column,), [(row[0], None) for row in dependent])
    return _drop(session, table, ranges_of(chosen))


def replay(session: Session, changes: Sequence[Change]) -> None:
    """Apply noted changes, the last one first; the recorder notes what takes this back."""
    for item in reversed(changes):
        match item:
            case Put():
                put_back(session, item.table, item.columns, item.rows)
            case Drop():
                _drop(session, item.table, item.ids)
            case Set():
                change_each(session, item.table, item.columns, item.rows)


def put_back(session: Session, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Add rows that were there before under their old ids, which stand first in `columns`."""
    recorder = recorder_of(session)
    _insert(session, table, columns, rows, about=len(rows))
    ids = [row[0] for row in rows]
    recorder.changes.append(Drop(table, ranges_of(ids)))
    touched = recorder.of(table)
    touched.added += len(rows)
    image = IMAGE_COLUMN.get(table)
    place = columns.index(image) if image else None
    touched.add(ids, [] if place is None else [row[place] for row in rows])


def next_id(session: Session, table: str) -> int:
    """The id that the next added row gets; ids are never given twice."""
    sql = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    found = session.connection().exec_driver_sql(sql, (table,)).scalar()
    return int(found or 0) + 1


def ranges_of(ids: Iterable[int]) -> Ranges:
    """Ids as sorted runs of consecutive numbers."""
    ordered = sorted(set(ids))
    runs = groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    found = []
    for _, run in runs:
        numbers = [number for _, number in run]
        found.append((numbers[0], numbers[-1]))
    return tuple(found)


def guard(engine: Engine) -> None:
    """Let an engine refuse every write that does not come through this module."""

    @event.listens_for(engine, "before_cursor_execute")
    def refuse(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement[:6].upper() in _WRITES and not connection.info.get("door"):
            raise RuntimeError("this write would escape undo; use cvstudio.project.rows")


_WRITES = {"INSERT", "UPDATE", "DELETE", "REPLAC"}


@contextmanager
def _writing(session: Session) -> Iterator[Connection]:
    """The session's connection, let through by the guard; a failure condemns the transaction."""
    connection = session.connection()
    try:
        with door(connection):
            yield connection
    except BaseException:
        recorder_of(session).broken = True
        raise


@contextmanager
def door(connection: Connection) -> Iterator[None]:
    """Writes inside are let through by the guard."""
    connection.info["door"] = True
    try:
        yield
    finally:
        connection.info["door"] = False


def _insert(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[Row], *, about: int
) -> int:
    """Insert about as many rows as said; returns how many they were."""
    names = ", ".join(f'"{name}"' for name in columns)
    marks = f"({', '.join('?' * len(columns))})"
    # Indexes built once over many rows are faster than indexes that grow row by row.
    later = about >= MANY and _has_fewer(session, table, about // 4)
    # A statement takes several rows: each costs Python and SQLite more than a row does.
    each = max(1, _MOST_VALUES // len(columns))
    count, source = 0, iter(rows)
    with (
        _writing(session) as connection,
        _without_indexes(connection, table, really=later),
        # The driver's own cursor: SQLAlchemy would look at each of the values.
        closing(connection.connection.cursor()) as cursor,
    ):
        while block := tuple(islice(source, each)):
            values = ", ".join([marks] * len(block))
            sql = f'INSERT INTO "{table}" ({names}) VALUES {values}'
            cursor.execute(sql, tuple(chain.from_iterable(block)))
            count += len(block)
    return count


_MOST_VALUES = 900
"""Values in one statement; every SQLite takes 999."""


def _has_fewer(session: Session, table: str, number: int) -> bool:
    sql = f'SELECT count(*) FROM (SELECT 1 FROM "{table}" LIMIT ?)'
    return int(session.connection().exec_driver_sql(sql, (number,)).scalar_one()) < number


@contextmanager
def _without_indexes(connection: Connection, table: str, *, really: bool) -> Iterator[None]:
    """The table's own indexes are gone inside and back after it; those of constraints stay.

    A failure inside needs no care: the transaction is rolled back, and the indexes with it.
    """
    if not really:
        yield
        return
    found = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql <> ''",
        (table,),
    ).all()
    for name, _ in found:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    yield
    for _, sql in found:
        connection.exec_driver_sql(sql)


def _update(session: Session, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    names = ", ".join(f'"{name}" = ?' for name in columns)
    sql = f'UPDATE "{table}" SET {names} WHERE id'
    same = rows[0][1:]
    with _writing(session) as connection:
        if len(rows) > 1 and all(row[1:] == same for row in rows):
            # One statement goes through an index once, where many begin anew at its root.
            ids = json.dumps([row[0] for row in rows])
            connection.exec_driver_sql(f"{sql} IN (SELECT value FROM json_each(?))", (*same, ids))
        else:
            connection.exec_driver_sql(f"{sql} = ?", [(*row[1:], row[0]) for row in rows])


def _drop(session: Session, table: str, ids: Ranges) -> int:
    recorder = recorder_of(session)
    columns = _columns(table)
    names = ", ".join(f'"{name}"' for name in columns)
    connection = session.connection()
    where = "id IN (SELECT value FROM json_each(?))"
    given: list[tuple[str, tuple[Any, ...]]] = []
    singles = [first for first, last in ids if first == last]
    if singles:
        given.append((where, (json.dumps(singles),)))
    given += [("id BETWEEN ? AND ?", pair) for pair in ids if pair[0] != pair[1]]
    rows: list[Row] = []
    for condition, values in given:
        sql = f'SELECT {names} FROM "{table}" WHERE {condition} ORDER BY id'
        rows += map(tuple, connection.exec_driver_sql(sql, values).cursor.fetchall())
        with _writing(session):
            connection.exec_driver_sql(f'DELETE FROM "{table}" WHERE {condition}', values)
    if not rows:
        return 0
    recorder.changes.append(Put(table, columns, rows))
    touched = recorder.of(table)
    touched.removed += len(rows)
    image = IMAGE_COLUMN.get(table)
    place = columns.index(image) if image else None
    touched.add([r[0] for r in rows], [] if place is None else [r[place] for r in rows])
    return len(rows)


def _select(
    session: Session, table: str, columns: Sequence[str], ids: Iterable[int], where: str = "id"
) -> list[Row]:
    names = ", ".join(f'"{name}"' for name in columns)
    sql = (
        f'SELECT {names} FROM "{table}" '
        f'WHERE "{where}" IN (SELECT value FROM json_each(?)) ORDER BY id'
    )
    found = session.connection().exec_driver_sql(sql, (json.dumps(list(ids)),))
    # The driver's own rows are tuples already; SQLAlchemy's take four times as long.
    return list(found.cursor.fetchall())


def _table(name: str) -> Table:
    return Base.metadata.tables[name]


def _columns(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in _table(table).columns)


def _children(table: str) -> list[tuple[str, str, str]]:
    """The tables that refer to one: their name, the column, and what happens on deletion."""
    return [
        (other.name, key.parent.name, key.ondelete or "CASCADE")
        for other in Base.metadata.sorted_tables
        for key in other.foreign_keys
        if key.column.table.name == table
    ]


def _grown(known: set[int] | None, more: Sequence[int]) -> set[int] | None:
    if known is None:
        return None
    if len(more) > MANY and not isinstance(more, range):
        more = list(set(more))
    if len(known) + len(more) > MANY:
        return None
    known.update(more)
    return known
