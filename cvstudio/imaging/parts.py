"""Rectangles of large image files, read without decoding the rest where a file allows it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from cvstudio.imaging.tiff import READ_ERRORS
from cvstudio.imaging.tiff_pieces import Cache, Pieces, why_not

WORTH = 16_000_000
"""Bytes of decoded pixels below which a file is as well decoded whole."""

_FEW = 4
"""Tiles or strips below which a part costs about as much as the whole."""

_FILES = 16
_BUDGET = 16_000_000  # bytes of decoded tiles and strips that are kept of each
_ORIENTATION = 274


class Parts:
    """Reads rectangles and keeps the files that were asked for last open. Safe to use from several
    threads; a process that was forked opens files of its own, for place and lock would be shared.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._open: OrderedDict[tuple[Path, int], Pieces | None] = OrderedDict()
        self._streams: dict[tuple[Path, int], BinaryIO] = {}
        self._lock = threading.RLock()

    def read(
        self, path: Path, page: int, *, size: tuple[int, int], at: tuple[int, int, int, int],
        deep: bool,
    ) -> NDArray[Any] | None:  # fmt: skip
        """The pixels `at` (left, top, right, bottom) as read_image would give them; None where the
        file has to be decoded whole, has more than 8 bits and is not asked for `deep`, or is not an
        image of `size` (width, height) any more. Raises ImageError.
        """
        if self._process != os.getpid():
            self.__init__()  # type: ignore[misc]
        with self._lock:
            pieces = self._pieces(path, page)
            if pieces is None or (pieces.width, pieces.height) != size:
                return None
            return pieces.read(*at) if deep or pieces.dtype == np.uint8 else None

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            for stream in self._streams.values():
                stream.close()
            self._open.clear()
            self._streams.clear()

    def _pieces(self, path: Path, page: int) -> Pieces | None:
        key = (path, page)
        if key in self._open:
            self._open.move_to_end(key)
            return self._open[key]
        self._open[key] = self._opened(path, page)
        if len(self._open) > _FILES:
            old, _ = self._open.popitem(last=False)
            if old in self._streams:
                self._streams.pop(old).close()
        return self._open[key]

    def _opened(self, path: Path, page: int) -> Pieces | None:
        with contextlib.ExitStack() as opened:
            try:
                # One opening for header and pixels: the file cannot be another one in between.
                stream = opened.enter_context(path.open("rb"))
                if stream.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
                    return None
                stream.seek(0)
                with tifffile.TiffFile(stream) as file:
                    found = file.pages[page]
                    own = found if isinstance(found, tifffile.TiffPage) else found.aspage()
                    turned = own.tags.get(_ORIENTATION)
                    upright = turned is None or turned.value in (0, 1)
                    if own.nbytes < WORTH or not upright or why_not(own):
                        return None
                    pieces = Pieces(path, own, stream, self._lock, Cache(_BUDGET))
            except READ_ERRORS:  # whoever reads it whole is told what is wrong
                return None
            if not pieces.plain and pieces.across * pieces.down < _FEW:
                return None
            self._streams[path, page] = stream
            opened.pop_all()
            return pieces
