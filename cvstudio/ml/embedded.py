"""What was embedded before, in one SQLite file beside the run, by a hash of all it depends on."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.predictions import Prediction, from_json, to_json

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Embedded:
    """What is known of an image: its answer, how unsure it is, and a vector for the image or for
    each of its objects, labelled ones first and then those of the answer, (k, d); and the layer
    that they come from."""

    prediction: Prediction
    doubt: float
    vectors: NDArray[np.float16]
    layer: str


class EmbeddedStore:
    """A cache: a damaged file is thrown away, and costs time alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the file open, for as long as the block lasts."""
        self._open()
        try:
            yield
        finally:
            self._close()

    def get(self, keys: Mapping[int, str]) -> dict[int, Embedded]:
        """What is kept of images, by their keys; "" is no key."""
        try:
            return self._kept(keys)
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
            return {}

    def _kept(self, keys: Mapping[int, str]) -> dict[int, Embedded]:
        assert self._connection is not None
        found = {}
        for image_id, key in keys.items():
            query = "SELECT answer, doubt, width, vectors, layer FROM embedded WHERE key = ?"
            row = self._connection.execute(query, (key,)).fetchone() if key else None
            if row is not None:
                answer, doubt, width, data, layer = row
                prediction = replace(from_json(json.loads(answer)), image_id=image_id)
                vectors = np.frombuffer(data, np.float16).reshape(-1, width)
                found[image_id] = Embedded(prediction, doubt, vectors, layer)
        return found

    def put(self, found: Mapping[int, Embedded], keys: Mapping[int, str]) -> None:
        """Keep these, at once: what is killed afterwards loses nothing."""
        rows = [
            (keys[id], json.dumps(to_json(each.prediction)), each.doubt, each.vectors.shape[1],
             each.vectors.tobytes(), each.layer)
            for id, each in found.items() if keys[id]
        ]  # fmt: skip
        try:
            self._write(rows)
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
            self._write(rows)

    def _write(self, rows: Sequence[tuple[object, ...]]) -> None:
        assert self._connection is not None
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO embedded VALUES (?, ?, ?, ?, ?, ?)", rows
            )

    def _open(self) -> None:
        try:
            self._connection = self._connected()
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        """Throw a damaged file away. What says nothing of damage, as a full disk, is raised."""
        if isinstance(error, sqlite3.OperationalError):
            raise error
        log.warning("what was embedded before is lost: %s", error)
        self._close()
        self._path.unlink()
        self._connection = self._connected()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30)
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS embedded (key TEXT PRIMARY KEY, answer TEXT NOT NULL,"
                " doubt REAL NOT NULL, width INTEGER NOT NULL, vectors BLOB NOT NULL,"
                " layer TEXT NOT NULL)"
            )
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection
