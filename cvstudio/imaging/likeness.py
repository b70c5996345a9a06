"""Which pictures look alike, although their files differ: scaled, compressed, brightened or turned.

A look is a picture as 33 x 33 grey values. Looks that may be alike are found by 64 bits (which
of two neighbouring cells is brighter), and compared value by value then.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

SIDE = 33
_CELLS = 9
_BITS = 7
"""How many of the 64 bits of two pictures that are alike may differ."""
_ALIKE = 0.985
"""The correlation of the looks from which pictures are alike."""
_FLAT = 4.0
"""Deviation of grey values below which a picture shows too little to be compared."""
_ROWS = 512

Looks = NDArray[np.uint8]
log = logging.getLogger(__name__)


def look(jpeg: bytes) -> Looks | None:
    """The look (33, 33) of a picture in a file format; None when it cannot be decoded."""
    data = np.frombuffer(jpeg, np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_2) if len(data) else None
    if grey is None:
        return None
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def alike(
    some: Looks, others: Looks, *, cancelled: Callable[[], bool] = lambda: False
) -> list[tuple[int, int]]:
    """The pairs (place in `some`, place in `others`) of looks (n, 33, 33) that are alike, also when
    one is mirrored or turned by a quarter; each of `others` with the one it is most like."""
    if not len(some) or not len(others):
        return []
    hashes, plain = _hashes(some), _plain(some)
    best: dict[int, tuple[float, int]] = {}
    for turned in _turns(others):
        theirs, values = _hashes(turned), _plain(turned)
        for start in range(0, len(theirs), _ROWS):
            if cancelled():
                return []
            part = theirs[start : start + _ROWS]
            apart = np.bitwise_count(part[:, None] ^ hashes[None, :])
            rows, places = np.nonzero(apart <= _BITS)
            if not len(rows):
                continue
            likeness = np.einsum("ij,ij->i", values[start + rows], plain[places])
            for row, place, value in zip(rows, places, likeness, strict=True):
                known = best.get(start + int(row), (_ALIKE, -1))
                if value > known[0]:
                    best[start + int(row)] = (float(value), int(place))
    return sorted((place, row) for row, (_, place) in best.items())


def _turns(looks: Looks) -> list[Looks]:
    """The looks in the eight ways in which a square can lie."""
    sides = [np.rot90(looks, turn, axes=(1, 2)) for turn in range(4)]
    return [*sides, *(side[:, :, ::-1] for side in sides)]


def _hashes(looks: Looks) -> NDArray[np.uint64]:
    """64 bits (n,) a look: whether each of 8 x 8 cells is brighter than its right neighbour."""
    step = (SIDE - 1) // (_CELLS - 1)
    sums = np.zeros((len(looks), _CELLS, _CELLS), np.int32)
    for y in range(step):
        for x in range(step):
            rows = np.minimum(np.arange(_CELLS) * step + y, SIDE - 1)
            columns = np.minimum(np.arange(_CELLS) * step + x, SIDE - 1)
            sums += looks[:, rows][:, :, columns]
    brighter = (sums[:, :8, :8] > sums[:, :8, 1:]).reshape(len(looks), 64)
    return np.packbits(brighter, axis=1).view(np.uint64)[:, 0]


def _plain(looks: Looks) -> NDArray[np.float32]:
    """Grey values (n, 1089) about their mean, of length one; zeros where there is little to see."""
    values = looks.reshape(len(looks), -1).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    deviation = values.std(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.where(deviation > _FLAT, values / np.maximum(length, 1e-6), 0)


class LookStore:
    """Looks by image id in one SQLite file beside the thumbnails; each is kept with its file's key.

    It is a cache: what cannot be read or written costs time alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, keys: Mapping[int, str]) -> dict[int, Looks]:
        """The looks that are kept, of those of the images whose file has not changed."""
        try:
            with closing(self._open()) as connection:
                rows = connection.execute("SELECT image_id, key, look FROM look").fetchall()
        except sqlite3.DatabaseError as error:
            self._forget(error)
            return {}
        return {
            image_id: np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)
            for image_id, key, data in rows
            if keys.get(image_id) == key and len(data) == SIDE * SIDE
        }

    def put(self, looks: Mapping[int, Looks], keys: Mapping[int, str]) -> None:
        """Keep looks with the keys of their files."""
        rows = [(image_id, keys[image_id], found.tobytes()) for image_id, found in looks.items()]
        try:
            with closing(self._open()) as connection, connection:
                connection.executemany("INSERT OR REPLACE INTO look VALUES (?, ?, ?)", rows)
        except sqlite3.DatabaseError as error:
            self._forget(error)

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=5)
        try:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS look"
                " (image_id INTEGER PRIMARY KEY, key TEXT NOT NULL, look BLOB NOT NULL)"
            )
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _forget(self, error: sqlite3.DatabaseError) -> None:
        """A damaged file is thrown away; one that is busy is left alone."""
        log.warning("looks are not kept: %s", error)
        if not isinstance(error, sqlite3.OperationalError):
            self.path.unlink(missing_ok=True)
