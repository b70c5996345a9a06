"""Rectangles of a TIFF's page, read without the rest: tiles, strips, or plain rows of the file."""

from __future__ import annotations

import lzma
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.imaging.tiff import READ_ERRORS, inverted, shown_of, with_channels

LARGEST_SEGMENT = 64_000_000
"""Bytes of a decoded tile or strip; a file in larger pieces is no easier to read than whole."""

_MINISWHITE, _MINISBLACK, _RGB, _YCBCR = 0, 1, 2, 6
_PLAIN = (1, 8, 32946, 32773, 34925)  # tifffile decodes these itself
_WRAPPED = (5, 7)  # LZW and JPEG: OpenCV does, when the piece stands in a file of its own
_COPIED = {262: "H", 266: "H", 317: "H", 338: "H", 339: "H", 530: "H"}


class Cache:
    """Arrays of one file by what they are, the ones not asked for longest going first. Safe to use
    from several threads; one budget for all that a file has, however many levels it holds."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def get(self, key: Hashable) -> NDArray[Any] | None:
        """The array, if it is still here."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Hashable, array: NDArray[Any]) -> None:
        """Keep an array; the newest stays, however large it is."""
        with self._lock:
            before = self._kept.pop(key, None)
            self.nbytes += array.nbytes - (0 if before is None else before.nbytes)
            self._kept[key] = array
            while len(self._kept) > 1 and self.nbytes > self._budget:
                self.nbytes -= self._kept.popitem(last=False)[1].nbytes


def why_not(page: tifffile.TiffPage) -> str:
    """Why a page can only be read whole, as the end of a sentence; "" when pieces can be had."""
    bits = page.bitspersample
    depth = bits if isinstance(bits, int) else bits[0]
    photometric = int(page.photometric)
    if page.is_memmappable and int(page.planarconfig) == 1 and photometric < _YCBCR:
        return "" if photometric != 3 else "its colours stand in a table"
    if photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _YCBCR):
        return "its colours stand in a table"
    if int(page.planarconfig) != 1 or depth not in (8, 16, 32):
        return "its channels lie apart"
    if int(page.compression) not in (*_PLAIN, *_WRAPPED):
        return "its compression is not known"
    if _segment_bytes(page) > LARGEST_SEGMENT:
        return "its pixels lie in one piece, not in tiles or strips"
    return ""


def _segment_size(page: tifffile.TiffPage) -> tuple[int, int]:
    """Width and height of a tile or strip."""
    if page.is_tiled:
        return int(page.tilewidth), int(page.tilelength)
    return int(page.imagewidth), min(int(page.rowsperstrip), int(page.imagelength))


def _segment_bytes(page: tifffile.TiffPage) -> int:
    width, height = _segment_size(page)
    item = page.dtype.itemsize if page.dtype is not None else 1
    return width * height * int(page.samplesperpixel) * item


class Pieces:
    """One page. `read` gives any rectangle as read_image would, in bounded memory; the pages of a
    file share its stream, lock and cache. Safe to use from several threads."""

    def __init__(
        self, path: Path, page: tifffile.TiffPage, stream: BinaryIO, lock: threading.RLock,
        cache: Cache,
    ) -> None:  # fmt: skip
        self.width, self.height = int(page.imagewidth), int(page.imagelength)
        self._path, self._page, self._stream, self._lock = path, page, stream, lock
        self._cache = cache
        self.dtype = page.dtype
        self.plain = bool(page.is_memmappable)
        """Whether the pixels lie in the file as they are."""
        self.segment = _segment_size(page)
        self.across = -(-self.width // self.segment[0])
        self.down = -(-self.height // self.segment[1])
        self.costly = not self.plain and _segment_bytes(page) > 4_000_000
        """Whether a single pixel takes long, unless its segment is kept."""

    def read(self, x0: int, y0: int, x1: int, y1: int) -> NDArray[Any]:
        """The pixels of a rectangle inside the page. Raises ImageError."""
        if self.plain:
            return self._finished(np.array(self._rows(x0, y0, x1, y1)))
        width, height = self.segment
        rows = []
        for row in range(y0 // height, -(-y1 // height)):
            line = []
            for column in range(x0 // width, -(-x1 // width)):
                left, top = column * width, row * height
                found = self.decoded(column, row)
                line.append(found[max(y0 - top, 0) : y1 - top, max(x0 - left, 0) : x1 - left])
            rows.append(line[0] if len(line) == 1 else np.concatenate(line, axis=1))
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=0)

    def sampled_row(self, y: int, step: int) -> NDArray[Any]:
        """Every `step`th pixel of a row of a plain page: (n,) or (n, channels). Raises
        ImageError."""
        line = self._rows(0, y, self.width, y + 1)
        return np.asarray(self._finished(np.array(line[:, step // 2 :: step]))[0])

    def _rows(self, x0: int, y0: int, x1: int, y1: int) -> NDArray[Any]:
        """A rectangle of a plain page as it lies in the file: (h, w) or (h, w, channels).

        It is read, not mapped: a file that another program cuts short, or a share that goes away,
        would end the whole program in the middle of a map, and here it is said.
        """
        page = self._page
        assert page.dtype is not None
        channels = int(page.samplesperpixel)
        pixel = channels * page.dtype.itemsize
        start, length = page.dataoffsets[0], self.width * pixel
        with self._lock:
            if (x0, x1) == (0, self.width):
                data = self._bytes(start + y0 * length, (y1 - y0) * length)
            else:
                data = b"".join(
                    self._bytes(start + y * length + x0 * pixel, (x1 - x0) * pixel)
                    for y in range(y0, y1)
                )
        kind = page.dtype.newbyteorder(page.parent.byteorder)
        shape = (y1 - y0, x1 - x0, channels) if channels > 1 else (y1 - y0, x1 - x0)
        return np.frombuffer(data, kind).reshape(shape)

    def _bytes(self, place: int, length: int) -> bytes:
        try:
            self._stream.seek(place)
            data = self._stream.read(length)
        except ValueError:  # the stream has been closed
            raise ImageError(f"{self._path.name} is not open any more.") from None
        except OSError as error:
            raise ImageError(f"{self._path.name} cannot be read: {error.strerror}.") from error
        if len(data) < length:
            raise ImageError(f"{self._path.name} is damaged: it ends too early.")
        return data

    def has(self, x: int, y: int) -> bool:
        """Whether a pixel can be had at once."""
        at = y // self.segment[1] * self.across + x // self.segment[0]
        return not self.costly or (id(self), at) in self._cache

    def decoded(self, column: int, row: int) -> NDArray[Any]:
        """A tile or strip, cut to the page. Kept while it is likely to be asked for again."""
        index = row * self.across + column
        found = self._cache.get((id(self), index))
        if found is not None:
            return found
        with self._lock:
            data = self._data(index)
        width, height = self.segment
        if not page_rows(self.height, height, row):
            raise IndexError(f"segment {index}")
        found = self._decode(index, data) if data else None
        if found is None:  # a sparse file leaves empty tiles out
            channels = int(self._page.samplesperpixel)
            shape = (height, width) if channels == 1 else (height, width, channels)
            found = np.zeros(shape, self._page.dtype)
        found = found[: self.height - row * height, : self.width - column * width]
        found = np.ascontiguousarray(self._finished(found))
        self._cache.keep((id(self), index), found)
        return found

    def _data(self, index: int) -> bytes:
        return self._bytes(self._page.dataoffsets[index], self._page.databytecounts[index])

    def _decode(self, index: int, data: bytes) -> NDArray[Any] | None:
        try:
            if int(self._page.compression) in _PLAIN:
                found = self._page.decode(data, index)[0]
                return None if found is None else _flat(np.asarray(found))
            return self._through_opencv(data)
        except (*READ_ERRORS, zlib.error, lzma.LZMAError, cv2.error) as error:
            raise ImageError(f"{self._path.name} is damaged: {error}.") from None

    def _through_opencv(self, data: bytes) -> NDArray[Any]:
        """A segment that stands alone in a TIFF of its own."""
        width, height = self.segment
        array = cv2.imdecode(
            np.frombuffer(_wrapped(self._page, data, width, height), np.uint8),
            cv2.IMREAD_UNCHANGED,
        )
        if array is None:
            raise ImageError(f"{self._path.name} is damaged: a piece of it cannot be decoded.")
        if array.ndim == 3:
            code = cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB
            array = cv2.cvtColor(array, code)
        return np.asarray(array)

    def _finished(self, array: NDArray[Any]) -> NDArray[Any]:
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        wrapped = int(self._page.compression) in _WRAPPED
        if int(self._page.photometric) == _MINISWHITE and not wrapped:
            bits = self._page.bitspersample
            native = array.astype(array.dtype.newbyteorder("="), copy=False)
            array = inverted(native, bits if isinstance(bits, int) else bits[0])
        return with_channels(np.ascontiguousarray(shown_of(self._page, array)))


def page_rows(height: int, segment: int, row: int) -> int:
    """How many rows of a page a row of segments covers."""
    return max(min(segment, height - row * segment), 0)


def _flat(segment: NDArray[Any]) -> NDArray[Any]:
    """tifffile's (depth, height, width, samples) without what has one."""
    return segment[0] if segment.ndim == 4 else segment


def _wrapped(page: tifffile.TiffPage, data: bytes, width: int, height: int) -> bytes:
    """A TIFF of one strip around the compressed bytes of a segment."""
    order = page.parent.byteorder
    samples = int(page.samplesperpixel)
    bits = page.bitspersample
    depth = bits if isinstance(bits, int) else bits[0]
    tables = page.jpegtables or b""
    entries: list[tuple[int, str, tuple[int, ...] | bytes]] = [
        (256, "I", (width,)), (257, "I", (height,)), (258, "H", (depth,) * samples),
        (259, "H", (int(page.compression),)), (277, "H", (samples,)), (278, "I", (height,)),
        (279, "I", (len(data),)), (284, "H", (1,)),
    ]  # fmt: skip
    for code, kind in _COPIED.items():
        tag = page.tags.get(code)
        if tag is not None:
            value = tag.value if isinstance(tag.value, tuple) else (tag.value,)
            entries.append((code, kind, tuple(int(v) for v in value)))
    if tables:
        entries.append((347, "B", tables))
    entries.append((273, "I", (0,)))
    entries.sort(key=lambda entry: entry[0])
    start = 8 + 2 + 12 * len(entries) + 4
    body, rows = b"", b""
    sizes = {"B": (7, 1), "H": (3, 2), "I": (4, 4)}
    packed = [
        value if isinstance(value, bytes) else struct.pack(f"{order}{len(value)}{kind}", *value)
        for _, kind, value in entries
    ]
    length = sum(len(raw) + len(raw) % 2 for raw in packed if len(raw) > 4)
    for (code, kind, _), raw in zip(entries, packed, strict=True):
        number, size = sizes[kind]
        count = len(raw) // size
        if code == 273:
            raw = struct.pack(f"{order}I", start + length)
        if len(raw) > 4:
            place = struct.pack(f"{order}I", start + len(body))
            body += raw + b"\0" * (len(raw) % 2)
        else:
            place = raw.ljust(4, b"\0")
        rows += struct.pack(f"{order}HHI", code, number, count) + place
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}I", 8) + struct.pack(f"{order}H", len(entries))
    return head + rows + b"\0\0\0\0" + body + data
