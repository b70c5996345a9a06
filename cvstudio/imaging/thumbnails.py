"""Small pictures of images for galleries, made by reduced decoding and kept in a side file.

The store is a cache: deleted, damaged or full, it costs time and never labels.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.core.video_names import is_video_name
from cvstudio.imaging.decode import probe, read_rgb, turn
from cvstudio.imaging.display import to_rgb8
from cvstudio.imaging.header import ImageInfo
from cvstudio.imaging.large_tiff import overview

SIZE = 256
"""The longest side in pixels, enough for a gallery of 160 on a screen with a scale of 1.5."""

_QUALITY = 85
_IDS_A_QUERY = 500
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)

log = logging.getLogger(__name__)


def key_of(path: Path, page: int = 0) -> str:
    """What changes when the file behind a thumbnail does. "" when there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{page}"


def make(path: Path, page: int = 0, size: int = SIZE) -> bytes:
    """A thumbnail as a JPEG whose longest side is at most `size` pixels. Raises ImageError."""
    small = shrink(_decode_small(path, page, size), size)
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    if not done:
        raise ImageError(f"{path.name} has no thumbnail: it could not be encoded.")
    return encoded.tobytes()


def shrink(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A picture (h, w, 3) whose longest side is at most `size`, never enlarged."""
    height, width = rgb.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return rgb
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, target, interpolation=cv2.INTER_AREA), np.uint8)


def _decode_small(path: Path, page: int, size: int) -> NDArray[np.uint8]:
    """The picture as RGB, with at least `size` pixels where it has them and few more."""
    if is_video_name(path):
        return read_rgb(path, page)
    info = probe(path)[0]
    if info.format == "JPEG" and info.channels != 4:
        reduced = _reduced_jpeg(path, info, size)
        if reduced is not None:
            return reduced
    if info.format == "TIFF" and (small := overview(path, page)) is not None:
        return to_rgb8(small)
    return read_rgb(path, page)


def _reduced_jpeg(path: Path, info: ImageInfo, size: int) -> NDArray[np.uint8] | None:
    longest = max(info.width, info.height)
    flag = next((flag for by, flag in _REDUCED if longest // by >= size), cv2.IMREAD_COLOR)
    data = np.fromfile(path, np.uint8)
    bgr = cv2.imdecode(data, flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        return None
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    return turn(rgb, info.orientation)


class ThumbnailStore:
    """JPEG thumbnails by image id in one SQLite file; may be used from any thread.

    Each is kept with a key (see `key_of`) and is only handed out to who asks with the same key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, wanted: Iterable[int] | Mapping[int, str]) -> dict[int, bytes]:
        """The stored thumbnails among some ids; a mapping id -> key leaves out outdated ones."""
        keys = wanted if isinstance(wanted, Mapping) else None
        ids = [int(i) for i in wanted]
        found: dict[int, bytes] = {}
        with self._lock:
            try:
                connection = self._open()
                for start in range(0, len(ids), _IDS_A_QUERY):
                    page = ids[start : start + _IDS_A_QUERY]
                    marks = ",".join("?" * len(page))
                    query = f"SELECT image_id, key, jpeg FROM thumbnail WHERE image_id IN ({marks})"
                    for image_id, key, jpeg in connection.execute(query, page):
                        if keys is None or keys[image_id] == key:
                            found[image_id] = jpeg
            except sqlite3.DatabaseError as error:
                self._start_over(error)
                return {}
        return found

    def put(self, thumbnails: Iterable[tuple[int, str, bytes]]) -> None:
        """Keep thumbnails given as (image id, key, JPEG); a store that cannot is only logged."""
        rows = list(thumbnails)
        with self._lock:
            for attempt in (1, 2):
                try:
                    with self._open() as connection:
                        connection.executemany(
                            "INSERT OR REPLACE INTO thumbnail VALUES (?, ?, ?)", rows
                        )
                    return
                except sqlite3.DatabaseError as error:
                    self._start_over(error)
                    if attempt == 2:
                        log.warning("thumbnails are not kept: %s", error)

    def kept_or_made(
        self,
        files: Mapping[int, tuple[Path, int]],
        keys: Mapping[int, str],
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[int, bytes]]:
        """The thumbnails of some images by id, from their file and page and the keys of these; what
        there is none of is made and kept. Images that cannot be read have none: whoever shows them
        says so. Ends before the next one is made once `stopped`."""
        kept = self.get({image: keys[image] for image in files})
        made: list[tuple[int, str, bytes]] = []
        for image, file in files.items():
            jpeg = kept.get(image)
            if jpeg is None:
                if stopped():
                    break
                try:
                    jpeg = make(*file)
                except ImageError:
                    continue
                made.append((image, keys[image], jpeg))
            yield image, jpeg
        if made:
            self.put(made)

    def forget(self, image_ids: Iterable[int]) -> None:
        """Drop the thumbnails of some images."""
        with self._lock:
            try:
                with self._open() as connection:
                    rows = [(int(i),) for i in image_ids]
                    connection.executemany("DELETE FROM thumbnail WHERE image_id = ?", rows)
            except sqlite3.DatabaseError as error:
                self._start_over(error)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and not self.path.exists():
            self._drop()  # deleted under our hands
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, check_same_thread=False, timeout=5)
            self._connection = connection
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA mmap_size=268435456")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS thumbnail"
                " (image_id INTEGER PRIMARY KEY, key TEXT NOT NULL, jpeg BLOB NOT NULL)"
            )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _start_over(self, error: sqlite3.DatabaseError) -> None:
        """Throw a damaged store away; a store that is merely busy or full is left as it is."""
        self._drop()
        if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
            log.warning("the thumbnail store cannot be used just now: %s", error)
            return
        log.warning("the thumbnail store is damaged and starts again: %s", error)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
