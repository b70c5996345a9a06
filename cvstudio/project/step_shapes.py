"""Shapes in a step told by what tells them from the shape that is there, so that steps stay small.

A stroke changes a few hundred of the million bytes of a mask, a dragged point sixteen of a polygon.
`fold` puts such differences in the place of shapes before a step is written, `unfold` brings the
shapes back, to the same bytes, from those that the rows hold when the step is turned. A step that
was written with whole shapes is left as it is.

A shape that a step sets is told from the one that the row has when that change is replayed; both
functions therefore walk the changes as rows.replay does, the last one first.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from cvstudio.core import mask_changes
from cvstudio.core.annotation import Kind
from cvstudio.core.errors import ProjectDamaged
from cvstudio.project.rows import Change, Drop, Put, Row, Set

TABLE, COLUMN = "annotation", "payload"

LEAST = 64
"""Bytes from which on a shape is told by its difference."""

Held = Callable[[Iterable[int]], Mapping[int, bytes | None]]
"""The shapes that rows have now, by id; rows that are not there are left out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes the shape before of the shape after, and the checksum of what comes out."""

    data: bytes


_SUM = struct.Struct("<I")
_MASK, _SPLICE = b"m", b"s"
_ENDS = struct.Struct("<II")


def difference(before: bytes, after: bytes, *, mask: bool) -> Difference | None:
    """What makes `before` of `after`, when it takes fewer bytes than `before` itself."""
    found = _splice(before, after)
    if mask and len(found) > LEAST:
        small = mask_changes.difference(before, after)
        if small is not None and len(small) + 1 < len(found):
            found = _MASK + small
    data = _SUM.pack(zlib.crc32(before)) + found
    return Difference(data) if len(data) < len(before) else None


def apply(after: bytes, small: Difference) -> bytes:
    """The shape that `difference` was told as `before`. Raises ProjectDamaged when `after` is not
    the shape that it was told from."""
    try:
        (wanted,) = _SUM.unpack_from(small.data)
        kind, told = small.data[_SUM.size : _SUM.size + 1], small.data[_SUM.size + 1 :]
        if kind == _MASK:
            before = mask_changes.apply(after, told)
        else:
            head, tail = _ENDS.unpack_from(told)
            before = after[:head] + told[_ENDS.size :] + after[len(after) - tail :]
    except (struct.error, ValueError) as error:
        raise _damaged() from error
    if kind not in (_MASK, _SPLICE) or zlib.crc32(before) != wanted:
        raise _damaged()
    return before


def fold(changes: Sequence[Change], held: Held) -> list[Change]:
    """The changes with differences in the place of the shapes that they set."""
    return _walk(changes, held, _folded)


def unfold(changes: Sequence[Change], held: Held) -> list[Change]:
    """The changes as they were before `fold`. Differences of rows that `held` does not have stay:
    who asks about one image has no need of others. Raises ProjectDamaged."""
    return _walk(changes, held, _unfolded)


Turn = Callable[[Any, bytes | None, bool], tuple[Any, bytes | None]]
"""Of a cell, the shape that the row has before, and whether both are masks: the cell to write, and
the shape that the row has then."""


def _folded(cell: Any, now: bytes | None, mask: bool) -> tuple[Any, bytes | None]:
    if not isinstance(cell, bytes) or now is None or len(cell) < LEAST:
        return cell, cell
    return difference(cell, now, mask=mask) or cell, cell


def _unfolded(cell: Any, now: bytes | None, _mask: bool) -> tuple[Any, bytes | None]:
    if isinstance(cell, Difference):
        if now is None:
            return cell, None
        cell = apply(now, cell)
    return cell, cell


def _walk(changes: Sequence[Change], held: Held, turn: Turn) -> list[Change]:
    ids = {row[0] for change in changes if _sets_shapes(change) for row in change.rows}
    if not ids:
        return list(changes)
    shapes = dict(held(ids))
    result: list[Change] = []
    for change in reversed(changes):
        match change:
            case Put(table=table) if table == TABLE and COLUMN in change.columns:
                place = change.columns.index(COLUMN)
                shapes.update((row[0], row[place]) for row in change.rows)
            case Set() if _sets_shapes(change):
                change = _turned(change, shapes, turn)
            case Drop(table=table) if table == TABLE:
                for first, last in change.ids:
                    for id in [id for id in shapes if first <= id <= last]:
                        del shapes[id]
        result.append(change)
    return result[::-1]


def _turned(change: Set, shapes: dict[int, bytes | None], turn: Turn) -> Set:
    place = 1 + change.columns.index(COLUMN)
    kind = 1 + change.columns.index("kind") if "kind" in change.columns else None
    rows: list[Row] = []
    for row in change.rows:
        # Where the kind is told, it is that of the shape told; XOR of what is no mask is refused.
        mask = kind is None or row[kind] == Kind.MASK
        cell, shape = turn(row[place], shapes.get(row[0]), mask)
        if shape is not None or row[0] in shapes:
            shapes[row[0]] = shape
        rows.append((*row[:place], cell, *row[place + 1 :]))
    return Set(change.table, change.columns, rows)


def _sets_shapes(change: Change) -> TypeGuard[Set]:
    return isinstance(change, Set) and change.table == TABLE and COLUMN in change.columns


def _splice(before: bytes, after: bytes) -> bytes:
    """What lies between the bytes that both share at their beginning and at their end."""
    head = mask_changes.shared(before, after)
    tail = mask_changes.shared(before[head:], after[head:], from_end=True)
    return _SPLICE + _ENDS.pack(head, tail) + before[head : len(before) - tail]


def _damaged() -> ProjectDamaged:
    return ProjectDamaged(
        "A step of the project's history does not fit the shape that it changes.",
        hint="The images and annotations themselves are not touched by this.",
    )
