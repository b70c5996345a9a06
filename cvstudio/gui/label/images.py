"""Decoded images for the canvas: read in threads, the neighbours in advance, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import shiboken6
from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import ImageError
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.imaging.large_tiff import open_pyramid
from cvstudio.imaging.tiles import Pyramid
from cvstudio.project.records import ImageRecord

_LIMIT = 1 << 30  # bytes of decoded images that are kept besides the open one


class Images(QObject):
    """Pyramids by image id. `ready(id)` and `failed(id, sentence)` come on the window's thread."""

    ready = Signal(int)
    improved = Signal(int)
    """What was a first look at a large file is more exact now."""
    failed = Signal(int, str)

    def __init__(
        self,
        tasks: Tasks,
        path_of: Callable[[ImageRecord], Path],
        parent: QObject | None = None,
        *,
        limit: int = _LIMIT,
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._path_of = path_of
        self._limit = limit
        self._held: OrderedDict[int, Pyramid] = OrderedDict()
        self._reading: dict[int, Path] = {}
        self._wanted: tuple[ImageRecord, ...] = ()
        self._refining = False

    def get(self, image_id: int) -> Pyramid | None:
        """The pyramid of an image with all its levels, if it has been read."""
        found = self._held.get(image_id)
        if found is not None:
            self._held.move_to_end(image_id)
        return found

    def want(self, records: Sequence[ImageRecord]) -> None:
        """Read these images, the first one first; older wishes that wait are forgotten."""
        self._wanted = tuple(records)
        self._make_room(self._first)
        self._refine_first()
        self._read_next()

    def forget(self, image_id: int) -> None:
        """Read an image again when it is next wanted."""
        self._held.pop(image_id, None)

    @property
    def _first(self) -> int:
        """The image that is open; 0 when none is."""
        return self._wanted[0].id if self._wanted else 0

    def _make_room(self, newest: int) -> None:
        """Let go of what was looked at longest ago; what an image holds grows while it is used."""
        for other in list(self._held):
            if sum(p.nbytes for p in self._held.values()) <= self._limit:
                break
            if other not in (self._first, newest):
                del self._held[other]

    def _read_next(self) -> None:
        """The first wish may start beside a neighbour that is being read; others wait for it."""
        for place, record in enumerate(self._wanted):
            if record.id in self._held or record.id in self._reading:
                continue
            if self._reading and (place > 0 or len(self._reading) > 1):
                return
            path = self._reading[record.id] = self._path_of(record)
            self._tasks.run(
                partial(_read, path, record.page),
                done=partial(self._took, record.id),
                failed=partial(self._lost, record.id),
                owner=self,
            )
            if place > 0:
                return

    def _took(self, image_id: int, pyramid: Pyramid) -> None:
        self._reading.pop(image_id, None)
        self._held[image_id] = pyramid
        self._make_room(image_id)
        if image_id != self._first and sum(p.nbytes for p in self._held.values()) > 2 * self._limit:
            del self._held[image_id]
        self.ready.emit(image_id)
        self._refine_first()
        self._read_next()

    def _refine_first(self) -> None:
        """Make the first look at the open image exact; one at a time, so that the threads are there
        for what is asked for."""
        first = self._first
        pyramid = self._held.get(first)
        if self._refining or pyramid is None or not pyramid.unfinished:
            return
        self._refining = True
        self._tasks.run(
            partial(self._refine, first, pyramid),
            done=lambda _result: self._refined(first),
            failed=partial(self._not_refined, first),
            owner=self,
        )

    def _refine(self, image_id: int, pyramid: Pyramid, control: Control) -> None:
        """For a thread: go on while the image is the open one."""
        for _share in pyramid.refine():
            if control.cancelled() or image_id != self._first:
                return
            self._tasks.post(partial(self._tell_improved, image_id))

    def _refined(self, image_id: int) -> None:
        self._refining = False
        self.improved.emit(image_id)
        self._refine_first()

    def _not_refined(self, image_id: int, error: BaseException) -> None:
        self._refining = False
        self._lost(image_id, error)

    def _tell_improved(self, image_id: int) -> None:
        if shiboken6.isValid(self):
            self.improved.emit(image_id)

    def _lost(self, image_id: int, error: BaseException) -> None:
        tried = self._reading.pop(image_id, None)
        wanted = next((record for record in self._wanted if record.id == image_id), None)
        if tried is not None and wanted is not None and self._path_of(wanted) != tried:
            self._read_next()  # it has been found elsewhere meanwhile
            return
        if isinstance(error, ImageError):
            words = error.message
        elif isinstance(error, MemoryError):
            words = "There is not enough memory to show this image."
        elif isinstance(error, OSError):
            words = f"The image cannot be read: {error.strerror}."
        else:
            words = "The image cannot be read."
        # A neighbour that cannot be read must not be tried again and again.
        self._wanted = tuple(r for r in self._wanted if r.id != image_id)
        self.failed.emit(image_id, words)
        self._read_next()
        if not isinstance(error, ImageError | MemoryError | OSError):
            raise error


def _read(path: Path, page: int, control: Control) -> Pyramid:
    """A pyramid with all levels, for a thread."""
    pyramid = open_pyramid(path, page)
    control.check()
    pyramid.build()
    pyramid.window  # noqa: B018 - found here, so that the window's thread need not look for it
    pyramid.fitting  # noqa: B018
    return pyramid
