"""Which pictures look alike, although their files differ: scaled, compressed, brightened or turned.

A look is a picture as 33 x 33 grey values. Looks that may be alike are found by a perceptual hash
of 64 bits (pHash: which of the lowest frequencies of the cosine transform are above their median;
Zauner 2010), and compared value by value then.
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
_LOWEST = 8
_BITS = 10
"""How many of the 64 bits of two pictures that are alike may differ."""
ALIKE = 0.985
"""The correlation of the looks from which pictures are taken to show the same, unseen."""
WORTH_A_LOOK = 0.94
"""The correlation from which two pictures are worth a person's look."""
_FLAT = 4.0
"""Deviation of grey values below which a picture shows too little to be compared."""
_ROWS, _LOOKS, _PAIRS = 512, 4096, 8192
"""What is worked on at once: hashes against all others, looks, pairs of looks."""

Looks = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
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
    best: dict[int, tuple[float, int]] = {}
    for (place, row), value in _matches(some, others, ALIKE, cancelled).items():
        if value > best.get(row, (0.0, -1))[0]:
            best[row] = (value, place)
    return sorted((place, row) for row, (_, place) in best.items())


def pairs_within(
    looks: Looks, *, least: float = WORTH_A_LOOK, cancelled: Callable[[], bool] = lambda: False
) -> list[tuple[int, int, float]]:
    """All pairs (place, later place, likeness) of looks (n, 33, 33) whose likeness, the correlation
    of their values as they lie or turned, is at least `least`; the most alike first."""
    found = _matches(looks, looks, least, cancelled, within=True)
    return sorted(
        ((a, b, value) for (a, b), value in found.items()), key=lambda pair: (-pair[2], pair[:2])
    )


def likeness(one: Looks, other: Looks) -> float:
    """How alike two looks (33, 33) are, the better one of them turned or mirrored lies: the
    correlation of their values, 0 where there is too little to see."""
    values = np.concatenate([_plain(turned) for turned in _turns(other[None])])
    return float((values @ _plain(one[None])[0]).max())


def _matches(
    some: Looks, others: Looks, least: float, cancelled: Callable[[], bool], *, within: bool = False
) -> dict[tuple[int, int], float]:
    """The likeness of each pair (place in `some`, place in `others`) that has at least `least`; of
    one set with itself (`within`) each pair once. Nothing once cancelled."""
    found: dict[tuple[int, int], float] = {}
    if not len(some) or not len(others):
        return found
    known, plain = hashes(some), _plain(some)
    for turned in _turns(others):
        theirs, values = hashes(turned), _plain(turned)
        for start in range(0, len(theirs), _ROWS):
            if cancelled():
                return {}
            apart = np.bitwise_count(theirs[start : start + _ROWS, None] ^ known[None, :])
            rows, places = np.nonzero(apart <= _BITS)
            rows += start
            if within:
                rows, places = rows[places < rows], places[places < rows]
            for part in range(0, len(rows), _PAIRS):
                row, place = rows[part : part + _PAIRS], places[part : part + _PAIRS]
                alike_by = np.einsum("ij,ij->i", values[row], plain[place])
                for at in np.flatnonzero(alike_by >= least):
                    key = int(place[at]), int(row[at])
                    found[key] = max(float(alike_by[at]), found.get(key, 0.0))
    return found


def _turns(looks: Looks) -> list[Looks]:
    """The looks in the eight ways in which a square can lie."""
    sides = [np.rot90(looks, turn, axes=(1, 2)) for turn in range(4)]
    return [*sides, *(side[:, :, ::-1] for side in sides)]


def hashes(looks: Looks) -> Hashes:
    """The perceptual hash (n,) of looks (n, 33, 33): a bit for each of the 8 x 8 lowest frequencies
    of the cosine transform, set where it is above the median of the others than the mean."""
    steps = np.arange(_LOWEST)[:, None] * (2 * np.arange(SIDE) + 1)[None]
    waves = np.cos(np.pi / (2 * SIDE) * steps).astype(np.float32)
    found = np.zeros(len(looks), np.uint64)
    for start in range(0, len(looks), _LOOKS):
        part = looks[start : start + _LOOKS].astype(np.float32)
        lowest = (waves @ (part @ waves.T)).reshape(len(part), _LOWEST**2)
        middle = np.median(lowest[:, 1:], axis=1, keepdims=True)
        found[start : start + _LOOKS] = np.packbits(lowest > middle, axis=1).view(np.uint64)[:, 0]
    return found


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
