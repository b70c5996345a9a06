"""A pyramid over a TIFF that is too large to be held: pieces are read where somebody looks."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging.display import Window, auto_window
from cvstudio.imaging.pixel_size import pixel_size
from cvstudio.imaging.tiff import READ_ERRORS
from cvstudio.imaging.tiff_pieces import Cache, Pieces, why_not
from cvstudio.imaging.tiles import TILE, Pyramid, halved

LARGE = 256_000_000
"""Bytes of decoded pixels from which a file is read in pieces, where it allows."""

_OVERVIEW = 4096  # the longer side of the finest level that is held in memory, at most
_QUICK = 0.4  # seconds for the first look at a file that has to be decoded for it
_TOLD_EVERY = 0.5  # seconds between two better looks
_BUDGET = 256_000_000  # bytes of segments and of tiles that are kept of one file


def open_pyramid(path: Path, page: int = 0) -> Pyramid:
    """The pyramid that suits a file: in pieces for a large TIFF that allows it, else whole.
    Raises ImageError."""
    try:
        large = path.stat().st_size >= 8 and _is_large(path, page)
    except READ_ERRORS:  # reading it whole tells why, or can do it
        large = False
    if not large:
        return Pyramid(path, page)
    try:
        return LargeTiff(path, page)
    except READ_ERRORS as error:  # never whole then: it may be larger than the memory
        raise ImageError(f"{path.name} cannot be read in pieces: {error}.") from error


def overview(path: Path, page: int = 0) -> NDArray[Any] | None:
    """A small copy of a large TIFF as read_image would give it, its longer side above 256 pixels;
    None for any other file. Raises ImageError."""
    pyramid = open_pyramid(path, page)
    if not isinstance(pyramid, LargeTiff):
        return None
    with contextlib.closing(pyramid):
        pyramid.build()
        for _ in pyramid.refine():
            pass
        return pyramid.level(pyramid.levels - 1)


def _is_large(path: Path, page: int) -> bool:
    with path.open("rb") as stream:
        if stream.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return False
    with tifffile.TiffFile(path) as file:
        found = _page(file, page)
        tag = found.tags.get(274)
        turned = tag is not None and tag.value not in (0, 1)
        return found.nbytes >= LARGE and not turned and not why_not(found)


def _page(file: tifffile.TiffFile, index: int) -> tifffile.TiffPage:
    found = file.pages[index]
    return found if isinstance(found, tifffile.TiffPage) else found.aspage()


class LargeTiff(Pyramid):
    """Levels from `base` on are held in memory, finer ones are read and put together piece by
    piece. `build` takes a first look within a second or two; `refine` makes it exact."""

    def __init__(self, path: Path, page: int = 0) -> None:
        super().__init__(path, page)
        self._path = path
        self._file_lock = threading.RLock()
        self._stream = path.open("rb")
        weakref.finalize(self, self._stream.close)
        self._kept = Cache(_BUDGET)
        try:
            self._find_sources()
        except BaseException:
            self._stream.close()
            raise
        self.base = 0
        while max(self._size(self.base)) > _OVERVIEW:
            self.base += 1
        self._overview: list[NDArray[Any]] = []
        self.unfinished = False

    def _find_sources(self) -> None:
        with tifffile.TiffFile(self._path) as file:
            own = _page(file, self._page)
            self._full = Pieces(self._path, own, self._stream, self._file_lock, self._kept)
            self._sources = {0: self._full}
            for smaller in _reduced(file, own):
                self._add_source(smaller)

    def _add_source(self, page: tifffile.TiffPage) -> None:
        """A level of the file's own, when it is one of ours to the pixel."""
        if why_not(page):
            return
        width, height = int(page.imagewidth), int(page.imagelength)
        for level in range(1, 12):
            wide, high = self._size(level)
            if 0 <= wide - width <= 1 and 0 <= high - height <= 1 and level not in self._sources:
                self._sources[level] = Pieces(
                    self._path, page, self._stream, self._file_lock, self._kept
                )

    def close(self) -> None:
        """Let go of the file."""
        with self._file_lock:
            self._stream.close()

    # -- what a Pyramid answers

    def load(self) -> NDArray[Any]:
        raise ImageError(
            f"{self._path.name} is too large to be held whole; zoom in to work on a part of it."
        )

    @property
    def width(self) -> int:
        return self._full.width

    @property
    def height(self) -> int:
        return self._full.height

    @property
    def levels(self) -> int:
        count, longest = 1, max(self.width, self.height)
        while longest > TILE:
            longest, count = (longest + 1) // 2, count + 1
        return count

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(each.nbytes for each in self._overview) + self._kept.nbytes

    @property
    def window(self) -> Window:
        with self._lock:
            if self._window is None:
                self._window = auto_window(self.level(self.levels - 1))
            return self._window

    def build(self, level: int | None = None) -> None:
        """Take the first look: exact from the file's own levels, else every so many pixels, else
        the tiles that a second is enough for."""
        with self._lock:
            if self._overview:
                return
            self.pixel_size = pixel_size(self._path, self._page)
            self._set_overview(self._first_look())

    def level(self, level: int) -> NDArray[Any]:
        """The array of a level that is held; finer ones come in parts only (see `part`)."""
        if not 0 <= level < self.levels:
            raise IndexError(f"level {level} of {self.levels}")
        if level < self.base:
            return self.load()
        self.build()
        with self._lock:
            return self._overview[level - self.base]

    def part(self, level: int, x0: int, y0: int, x1: int, y1: int) -> NDArray[Any]:
        if level >= self.base:
            return self.level(level)[y0:y1, x0:x1]
        width, height = self._size(level)
        x1, y1 = min(x1, width), min(y1, height)
        source = self._sources.get(level)
        if source is not None:
            return _padded(
                source.read(x0, y0, min(x1, source.width), min(y1, source.height)), x1 - x0, y1 - y0
            )
        return halved(self.part(level - 1, 2 * x0, 2 * y0, 2 * x1, 2 * y1))

    def pixel(self, x: int, y: int) -> tuple[float, ...] | None:
        """None besides where a strip would have to be decoded for it."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return None
        kept = self._kept.get((0, x // TILE, y // TILE))
        if kept is not None:
            return tuple(np.atleast_1d(kept[y % TILE, x % TILE]).tolist())
        if not self._full.has(x, y):
            return None
        return tuple(np.atleast_1d(self._full.read(x, y, x + 1, y + 1)[0, 0]).tolist())

    # -- reading where somebody looks

    def at_hand(self, level: int, column: int, row: int) -> bool:
        return level >= self.base or (level, column, row) in self._kept

    def fetch(self, level: int, column: int, row: int) -> None:
        if self.at_hand(level, column, row):
            return
        found = self.part(level, column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE)
        self._kept.keep((level, column, row), np.ascontiguousarray(found))

    @property
    def finest_held(self) -> int:
        return self.base

    def _raw_tile(self, level: int, column: int, row: int) -> NDArray[Any]:
        kept = self._kept.get((level, column, row))
        if kept is not None:
            return kept
        return super()._raw_tile(level, column, row)

    # -- the overview

    def _first_look(self) -> NDArray[Any]:
        near = [level for level in self._sources if level and level <= self.base]
        if near and max(near) >= self.base - 1:
            width, height = self._size(self.base)
            return self._level_piece(self.base, 0, height, width)
        if self._full.plain:
            return self._plain_glimpse()
        self.unfinished = True
        return self._glimpse()

    def _plain_row(self, row: int) -> NDArray[Any]:
        """A row of the overview: every so many pixels of one row of the file."""
        step = 1 << self.base
        y = min(row * step + step // 2, self.height - 1)
        line = self._full.sampled_row(y, step)[None]
        return np.asarray(_padded(line, self._size(self.base)[0], 1)[0])

    def _plain_glimpse(self) -> NDArray[Any]:
        """As many rows as can be read in time, evenly spread; each stands for those after it."""
        height = self._size(self.base)[1]
        known: dict[int, NDArray[Any]] = {}
        deadline = time.perf_counter() + _QUICK
        for _, row, _ in _coarse_to_fine(1, height):
            if known and time.perf_counter() > deadline:
                break
            known[row] = self._plain_row(row)
        self.unfinished = len(known) < height
        rows = sorted(known)
        nearest = np.searchsorted(rows, np.arange(height), side="right") - 1
        return np.stack([known[row] for row in rows])[nearest]

    def _level_piece(self, level: int, y0: int, y1: int, width: int) -> NDArray[Any]:
        """Rows of a level, from the file's nearest finer one."""
        source = self._sources.get(level)
        if source is not None:
            return _padded(source.read(0, y0, source.width, min(y1, source.height)), width, y1 - y0)
        finer, (wide, high) = level - 1, self._size(level - 1)
        return halved(self._level_piece(finer, 2 * y0, min(2 * y1, high), wide))

    def _glimpse(self) -> NDArray[Any]:
        """A mosaic of the tiles or strips that could be decoded in time, each for its nearest."""
        width, height = self._size(self.base)
        full = self._full
        first = full.decoded(full.across // 2, full.down // 2)
        made = np.empty((height, width, *first.shape[2:]), first.dtype)
        made[:] = cv2.mean(first)[: 1 if first.ndim == 2 else first.shape[2]]
        deadline = time.perf_counter() + _QUICK
        for column, row, block in _coarse_to_fine(full.across, full.down):
            if time.perf_counter() > deadline:
                break
            small = self._shrunk(full.decoded(column, row))
            for other_row in range(row, min(row + block, full.down)):
                for other in range(column, min(column + block, full.across)):
                    self._lay(made, small, other, other_row)
        return made

    def refine(self) -> Iterator[float]:
        """Make the overview exact after a glimpse, yielding the share that is done; tiles of the
        held levels look better after each. Raises ImageError."""
        if not self.unfinished:
            return
        full = self._full
        made = self._overview[0].copy()
        told = time.monotonic()
        rows, columns = (len(made), 1) if full.plain else (full.down, full.across)
        for row, column in itertools.product(range(rows), range(columns)):
            if full.plain:
                made[row] = self._plain_row(row)
            else:
                self._lay(made, self._shrunk(full.decoded(column, row)), column, row)
            if time.monotonic() - told > _TOLD_EVERY:
                with self._lock:
                    self._set_overview(made.copy())
                    self.version += 1
                yield (row * columns + column + 1) / (rows * columns)
                told = time.monotonic()
        with self._lock:
            self.unfinished = False
            self._set_overview(made)
            self.version += 1
            self._window = self._fitting = None
        yield 1.0

    def _shrunk(self, segment: NDArray[Any]) -> NDArray[Any]:
        step = 1 << self.base
        height, width = segment.shape[:2]
        size = (max(width // step, 1), max(height // step, 1))
        return np.asarray(cv2.resize(segment, size, interpolation=cv2.INTER_AREA))

    def _lay(self, made: NDArray[Any], small: NDArray[Any], column: int, row: int) -> None:
        """Put a shrunk segment where it belongs, or where another one does."""
        step = 1 << self.base
        wide, high = self._full.segment
        x0, y0 = column * wide // step, row * high // step
        x1 = min(-(-(column + 1) * wide // step), made.shape[1])
        y1 = min(-(-(row + 1) * high // step), made.shape[0])
        if x1 > x0 and y1 > y0:
            if small.shape[:2] != (y1 - y0, x1 - x0):
                small = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
            made[y0:y1, x0:x1] = small

    def _set_overview(self, finest: NDArray[Any]) -> None:
        levels = [np.ascontiguousarray(finest)]
        while len(levels) < self.levels - self.base:
            levels.append(halved(levels[-1]))
        self._overview = levels

    def _size(self, level: int) -> tuple[int, int]:
        return self._length(level, self.width), self._length(level, self.height)


def _padded(array: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """The same with its last column or row twice, where a file's level is a pixel short."""
    missing = height - array.shape[0], width - array.shape[1]
    if missing == (0, 0):
        return array
    array = array[:height, :width]
    around = [(0, max(missing[0], 0)), (0, max(missing[1], 0)), (0, 0)][: array.ndim]
    return np.pad(array, around, mode="edge")


def _reduced(file: tifffile.TiffFile, own: tifffile.TiffPage) -> list[tifffile.TiffPage]:
    """The smaller copies of a page that its file holds: in it, or right behind it."""
    found = []
    if own.subifds:
        found = [page for page in own.pages or () if isinstance(page, tifffile.TiffPage)]
    for index in range(own.index + 1, min(len(file.pages), own.index + 16)):
        page = _page(file, index)
        if not page.is_reduced:
            break
        found.append(page)
    return [p for p in found if p.dtype == own.dtype and p.samplesperpixel == own.samplesperpixel]


def _coarse_to_fine(across: int, down: int) -> Iterator[tuple[int, int, int]]:
    """Every segment once, first those that stand for many: (column, row, how many each way)."""
    block = 1
    while block * 2 <= max(across, down):
        block *= 2
    first = block
    while block >= 1:
        for row in range(0, down, block):
            for column in range(0, across, block):
                old = block * 2 <= first and row % (2 * block) == 0 and column % (2 * block) == 0
                if not old:
                    yield column, row, block
        block //= 2
