"""A lazy pyramid of 512-pixel tiles, so that only what is seen of a large image is mapped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2
from cvstudio.core.video_names import is_video_name
from cvstudio.imaging.decode import probe, read_channels, read_image
from cvstudio.imaging.display import Display, Window, apply, auto_window, fitting_window
from cvstudio.imaging.pixel_size import PixelSize, pixel_size

TILE = 512
"""The side of a tile in pixels of its level; tiles at the right and lower edge are smaller."""


class Pyramid:
    """An image and its halvings. One pixel of level k covers exactly 2**k by 2**k of level 0.

    `source` is an array as read_image gives it or a file, which is decoded when it is first
    needed: call `load` and `build` from a worker thread. Safe to use from several threads. All
    levels together take at most four thirds of the array's memory (`nbytes`).
    """

    def __init__(self, source: NDArray[Any] | Path, page: int = 0) -> None:
        self._source = source
        self._page = page
        self._lock = threading.RLock()
        self._levels: list[NDArray[Any]] = []
        self._window: Window | None = None
        self._fitting: Window | None = None
        self.beside: tuple[Pyramid, ...] = ()
        """Channels that are measurements of their own and no part of the picture, known once it is
        loaded; empty for a file that is read in pieces."""
        self.pixel_size: PixelSize | None = None
        """How large a pixel is in the world, where the file says so; known once it is loaded."""
        self.unfinished = False
        """Whether the coarse levels are a first look that `refine` makes exact."""
        self.version = 0
        """Goes up whenever `refine` has made the levels from `finest_held` on more exact."""

    def load(self) -> NDArray[Any]:
        """The full array, decoded now if it was not yet. Raises ImageError."""
        with self._lock:
            if not self._levels:
                source = self._source
                if isinstance(source, Path) and not is_video_name(source):
                    array = self._read(source)
                else:
                    array = read_image(source, self._page) if isinstance(source, Path) else source
                self._levels.append(array)
            return self._levels[0]

    def _read(self, path: Path) -> NDArray[Any]:
        """The picture in a file, with the channels beside it and the size of a pixel."""
        infos = probe(path)
        self.pixel_size = pixel_size(path, self._page, infos[0].orientation)
        info = next((one for one in infos if one.page == self._page), None)
        if info is None or not info.separate:
            return read_image(path, self._page)
        channels = read_channels(path, self._page)
        shown = 3 if info.channels >= 3 else 1
        rest = range(shown, channels.shape[2])
        self.beside = tuple(Pyramid(np.ascontiguousarray(channels[:, :, n])) for n in rest)
        return np.ascontiguousarray(channels[:, :, :shown].squeeze())

    def looked_at(self, channel: int | None) -> Pyramid:
        """Where a channel lies that is shown alone: this pyramid, or one beside it."""
        array = self._levels[0] if self._levels else None
        shown = 3 if array is None or array.ndim == 3 else 1
        place = -1 if channel is None else channel - shown
        return self.beside[place] if 0 <= place < len(self.beside) else self

    def pixel(self, x: int, y: int) -> tuple[float, ...] | None:
        """The file's own numbers at a pixel, one per channel; None outside the image."""
        array = self.load()
        if not (0 <= y < array.shape[0] and 0 <= x < array.shape[1]):
            return None
        return tuple(np.atleast_1d(array[y, x]).tolist())

    @property
    def width(self) -> int:
        return int(self.load().shape[1])

    @property
    def height(self) -> int:
        return int(self.load().shape[0])

    @property
    def levels(self) -> int:
        """How many levels there are; the last fits into one tile."""
        longest = max(self.load().shape[:2])
        count = 1
        while longest > TILE:
            longest = (longest + 1) // 2
            count += 1
        return count

    @property
    def nbytes(self) -> int:
        """The memory that the levels built so far take."""
        with self._lock:
            own = sum(level.nbytes for level in self._levels)
        return own + sum(other.nbytes for other in self.beside)

    @property
    def window(self) -> Window:
        """The window that shows the image well, found once for all tiles."""
        with self._lock:
            if self._window is None:
                self._window = auto_window(self.load())
            return self._window

    @property
    def fitting(self) -> Window:
        """The window that spreads the values of this image over all greys, also of 8 bits."""
        with self._lock:
            if self._fitting is None:
                self._fitting = fitting_window(self.level(self.finest_held))
            return self._fitting

    def build(self, level: int | None = None) -> None:
        """Make the levels up to one (None: all)."""
        self.level(self.levels - 1 if level is None else level)

    def level(self, level: int) -> NDArray[Any]:
        """The array of a level, made from the one below it when it is first needed."""
        with self._lock:
            self.load()
            if not 0 <= level < self.levels:
                raise IndexError(f"level {level} of {self.levels}")
            while len(self._levels) <= level:
                self._levels.append(halved(self._levels[-1]))
            return self._levels[level]

    def level_for(self, scale: float) -> int:
        """The level to draw at `scale` screen pixels per image pixel: never less detail than that
        shows."""
        level = int(np.floor(np.log2(1 / scale))) if 0 < scale < 1 else 0
        return min(level, self.levels - 1)

    def columns(self, level: int) -> int:
        """How many tiles lie side by side in a level."""
        return -(-self._length(level, self.width) // TILE)

    def rows(self, level: int) -> int:
        """How many tiles lie one above another in a level."""
        return -(-self._length(level, self.height) // TILE)

    def tile(
        self, level: int, column: int, row: int, display: Display | None = None
    ) -> NDArray[np.uint8]:
        """One tile as contiguous (h, w, 3) uint8 RGB; `display` maps it (None: neutral)."""
        display = display or Display()
        part = self.looked_at(display.channel)._raw_tile(level, column, row)
        if part.size == 0:
            raise IndexError(f"tile {column}, {row} of level {level}")
        if display.window is None:
            display = replace(display, window=self.window)
        return np.ascontiguousarray(apply(part, display))

    def part(self, level: int, x0: int, y0: int, x1: int, y1: int) -> NDArray[Any]:
        """A rectangle of a level, in the file's own numbers; cut at the image's edges."""
        return self.level(level)[y0:y1, x0:x1]

    def at_hand(self, level: int, column: int, row: int) -> bool:
        """Whether a tile can be had at once; else `fetch` it in a thread."""
        return True

    def fetch(self, level: int, column: int, row: int) -> None:
        """Read what a tile needs."""

    def refine(self) -> Iterator[float]:
        """Make exact what is `unfinished`, yielding the share that is done."""
        return iter(())

    def close(self) -> None:
        """Let go of the file, where it is held."""

    @property
    def finest_held(self) -> int:
        """The level whose values stand for all of the image's; two halvings hurt nobody. Of a file
        that is read in pieces, the finest level that is in memory whole."""
        return min(2, self.levels - 1)

    def _raw_tile(self, level: int, column: int, row: int) -> NDArray[Any]:
        left, top = column * TILE, row * TILE
        return self.part(level, left, top, left + TILE, top + TILE)

    @staticmethod
    def _length(level: int, full: int) -> int:
        for _ in range(level):
            full = (full + 1) // 2
        return full


def halved(array: NDArray[Any]) -> NDArray[Any]:
    """An array of half the size, rounded up; each pixel is the mean of those it covers."""
    height, width = array.shape[:2]
    even_height, even_width = height // 2 * 2, width // 2 * 2
    half = np.empty(((height + 1) // 2, (width + 1) // 2, *array.shape[2:]), array.dtype)
    rows, columns = even_height // 2, even_width // 2
    if rows and columns:
        inside = array[:even_height, :even_width]
        half[:rows, :columns] = cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA)
    if width % 2 and rows:
        edge = array[:even_height, -1:]
        half[:rows, -1:] = _mean(edge[0::2], edge[1::2])
    if height % 2 and columns:
        edge = array[-1:, :even_width]
        half[-1:, :columns] = _mean(edge[:, 0::2], edge[:, 1::2])
    if height % 2 and width % 2:
        half[-1, -1] = array[-1, -1]
    return half


def _mean(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    mean = (a + b) / 2 if a.dtype.kind == "f" else (a.astype(np.uint32) + b + 1) // 2
    return np.asarray(mean, a.dtype)
