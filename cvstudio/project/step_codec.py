"""The bytes in which a step's changes lie in the database: plain data by columns, compressed.

Columns of one kind compress several times better than rows, and are packed by single calls. What is
read back is checked against the tables of this program, for a project may come from anywhere: a
name that is no column never reaches a statement.

A step that was written before a column was added leaves it at its default. A migration that removes
or renames columns, or changes the bytes of shapes, must remove the steps.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from types import NoneType
from typing import Any

import numpy as np

from cvstudio.core.errors import ProjectDamaged
from cvstudio.project.rows import Change, Drop, Put, Row, Set
from cvstudio.project.step_shapes import Difference
from cvstudio.project.tables import Base

LEVEL = 1
"""Of zlib: a quarter of a million rows wait for it, and higher levels gain a tenth."""

_HEAD = struct.Struct("<I")


def encode(changes: Sequence[Change]) -> bytes:
    """Changes as bytes; `decode` is the way back."""
    head: list[dict[str, Any]] = []
    body: list[bytes] = []
    for change in changes:
        match change:
            case Drop():
                flat = [id for pair in change.ids for id in pair]
                parts = [_encode_column(flat)]
                head.append({"drop": change.table, "cells": _sizes(parts)})
            case Put() | Set():
                kind = "put" if isinstance(change, Put) else "set"
                parts = [_encode_column(column) for column in zip(*change.rows, strict=True)]
                head.append({kind: change.table, "columns": change.columns, "cells": _sizes(parts)})
        body += [data for _, data in parts]
    words = json.dumps(head, separators=(",", ":")).encode()
    return zlib.compress(_HEAD.pack(len(words)) + words + b"".join(body), LEVEL)


def decode(data: bytes) -> list[Change]:
    """The changes in such bytes. Raises ProjectDamaged when they are none that can be replayed."""
    try:
        raw = zlib.decompress(data)
        (length,) = _HEAD.unpack_from(raw)
        head = json.loads(raw[_HEAD.size : _HEAD.size + length])
        place = _HEAD.size + length
        changes = []
        for one in head:
            columns = []
            for kind, size in one["cells"]:
                columns.append(_decode_column(kind, raw[place : place + size]))
                place += size
            changes.append(_change(one, columns))
        return changes
    except (zlib.error, struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise ProjectDamaged(
            "A step of the project's history cannot be read.",
            hint="The images and annotations themselves are not touched by this.",
        ) from error


def _change(one: dict[str, Any], columns: list[list[Any]]) -> Change:
    if "drop" in one:
        (flat,) = columns
        pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
        return Drop(_known(one["drop"], ()), pairs)
    names = tuple(one["columns"])
    rows: list[Row] = list(zip(*columns, strict=True))
    if "put" in one:
        table = _known(one["put"], names)
        if names[:1] != ("id",) or (rows and len(rows[0]) != len(names)):
            raise ValueError("rows without all their columns")
        return Put(table, names, rows)
    table = _known(one["set"], names)
    if rows and len(rows[0]) != len(names) + 1:
        raise ValueError("values without all their columns")
    return Set(table, names, rows)


def _known(table: str, columns: Sequence[str]) -> str:
    """The table's name, when there is one with these columns."""
    fields = Base.metadata.tables[table].columns
    for name in columns:
        if name not in fields:
            raise ValueError(f"{table} has no {name}")
    return table


def _sizes(parts: Sequence[tuple[str, bytes]]) -> list[tuple[str, int]]:
    return [(kind, len(data)) for kind, data in parts]


def _encode_column(values: Sequence[Any]) -> tuple[str, bytes]:
    """The kind of a column's values and their bytes; "?" before a kind: some are NULL."""
    kinds = set(map(type, values))
    if NoneType in kinds and len(kinds) > 1:
        there = np.fromiter((v is not None for v in values), np.bool_, len(values))
        kind, data = _encode_column([v for v in values if v is not None])
        return f"?{kind}", _HEAD.pack(len(values)) + np.packbits(there).tobytes() + data
    if kinds == {int}:
        return "int", np.diff(np.array(values, "<i8"), prepend=np.int64(0)).tobytes()
    if kinds == {float}:
        return "float", np.array(values, "<f8").tobytes()
    if kinds == {str}:
        return "text", _lengths(values) + "".join(values).encode()
    if kinds == {bytes}:
        return "bytes", _lengths(values) + b"".join(values)
    if Difference in kinds:
        whole = [v.data if isinstance(v, Difference) else v for v in values]
        apart = np.fromiter((isinstance(v, Difference) for v in values), np.bool_, len(values))
        bits = _HEAD.pack(len(values)) + np.packbits(apart).tobytes()
        return "changed", bits + _lengths(whole) + b"".join(whole)
    if kinds <= {NoneType}:
        return "none", bytes(len(values))
    return "json", json.dumps(values).encode()  # numbers and text in one column


def _lengths(values: Sequence[str] | Sequence[bytes]) -> bytes:
    lengths = np.fromiter(map(len, values), "<u4", len(values))
    return _HEAD.pack(len(values)) + lengths.tobytes()


def _decode_column(kind: str, data: bytes) -> list[Any]:
    if kind.startswith("?"):
        (count,) = _HEAD.unpack_from(data)
        packed = -(-count // 8)
        bits = np.frombuffer(data, np.uint8, packed, _HEAD.size)
        found = iter(_decode_column(kind[1:], data[_HEAD.size + packed :]))
        there = np.unpackbits(bits, count=count)
        try:
            return [next(found) if one else None for one in there.tolist()]
        except StopIteration as error:
            raise ValueError("fewer values than were said") from error
    match kind:
        case "int":
            return list(np.cumsum(np.frombuffer(data, "<i8"), dtype=np.int64).tolist())
        case "float":
            return list(np.frombuffer(data, "<f8").tolist())
        case "none":
            return [None] * len(data)
        case "json":
            return list(json.loads(data))
        case "text" | "bytes":
            (count,) = _HEAD.unpack_from(data)
            lengths = np.frombuffer(data, "<u4", count, _HEAD.size).tolist()
            rest = data[_HEAD.size + 4 * count :]
            whole = rest.decode() if kind == "text" else rest
            ends = [0, *accumulate(lengths)]
            if ends[-1] != len(whole):
                raise ValueError("fewer values than were said")
            return [whole[first:last] for first, last in pairwise(ends)]
        case "changed":
            return _decode_differences(data)
    raise ValueError(f"values of an unknown kind {kind}")


def _decode_differences(data: bytes) -> list[bytes | Difference]:
    """Whole bytes and differences in one column; bits in front say which are which."""
    (count,) = _HEAD.unpack_from(data)
    packed = _HEAD.size + -(-count // 8)
    apart = np.unpackbits(np.frombuffer(data[_HEAD.size : packed], np.uint8), count=count)
    told = _decode_column("bytes", data[packed:])
    return [Difference(v) if bit else v for v, bit in zip(told, apart.tolist(), strict=True)]
