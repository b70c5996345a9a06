"""Thumbnails for the window's lists: from memory at once, else from threads, newest wish first.

How a page uses it
    picture = studio.thumbnails.picture(record)   # QImage, or None: it is being fetched
    studio.thumbnails.ready.connect(self._repaint)  # list of image ids that are there now
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from cvstudio.core.errors import ImageError
from cvstudio.gui.tasks import Control, Tasks

if TYPE_CHECKING:
    from cvstudio.imaging.thumbnails import ThumbnailStore
    from cvstudio.project.records import ImageRecord

_AT_A_TIME = 24
_WAITING_KEPT = 240
_AT_WORK = 2


class Thumbnails(QObject):
    """Keeps the pictures that were shown last, and fetches what is asked for in batches."""

    ready = Signal(object)
    """A list of image ids whose picture can be had now, or never (`failed` says so)."""

    def __init__(
        self, tasks: Tasks, parent: QObject | None = None, *, megabytes: int = 256
    ) -> None:
        super().__init__(parent)
        self.tasks = tasks
        self._limit = megabytes * 2**20
        self._bytes = 0
        self._pictures: OrderedDict[int, QImage] = OrderedDict()
        self._failed: dict[int, str] = {}
        self._waiting: OrderedDict[int, ImageRecord] = OrderedDict()
        self._fetching: set[int] = set()
        self._doubted: set[int] = set()
        """Those of them that may fail for a place where the file is no more."""
        self._at_work = 0
        self._store: _Store | None = None
        self._file_of: Callable[[ImageRecord], Path] | None = None
        self._generation = 0
        self._start = QTimer(self)
        self._start.setSingleShot(True)
        self._start.setInterval(0)
        self._start.timeout.connect(self._work)

    def set_limit(self, megabytes: int) -> None:
        """Keep this much from now on."""
        self._limit = megabytes * 2**20
        self._shrink()

    def open(self, store_file: Path, file_of: Callable[[ImageRecord], Path]) -> None:
        """Serve the images of a project whose side file and image files are these."""
        self.close()
        self._store, self._file_of = _Store(store_file), file_of

    def close(self) -> None:
        """Forget the project; answers that are still under way are dropped."""
        self._generation += 1
        self._at_work = 0
        self._pictures.clear()
        self._failed.clear()
        self._waiting.clear()
        self._fetching.clear()
        self._doubted.clear()
        self._bytes = 0
        if self._store is not None:
            self._store.close()
        self._store = None

    def picture(self, record: ImageRecord) -> QImage | None:
        """The picture of an image; None while it is fetched or when it cannot be read."""
        found = self._pictures.get(record.id)
        if found is not None:
            self._pictures.move_to_end(record.id)
            return found
        if record.id not in self._failed and record.id not in self._fetching:
            self._waiting[record.id] = record
            self._waiting.move_to_end(record.id)
            while len(self._waiting) > _WAITING_KEPT:
                self._waiting.popitem(last=False)
            if not self._start.isActive():
                self._start.start()
        return None

    def failure(self, image_id: int) -> str:
        """Why an image has no picture; "" while nothing is known against it."""
        return self._failed.get(image_id, "")

    def forget(self, image_ids: Iterable[int]) -> None:
        """Fetch these again when they are next asked for."""
        for image_id in image_ids:
            old = self._pictures.pop(image_id, None)
            if old is not None:
                self._bytes -= old.sizeInBytes()
            self._failed.pop(image_id, None)

    def try_again(self, image_ids: Iterable[int]) -> None:
        """Fetch again what of these could not be read, or is just found not to be: its file may be
        there by now, or in another place."""
        wanted = set(image_ids)
        for image_id in wanted & self._failed.keys():
            del self._failed[image_id]
        self._doubted |= wanted & self._fetching

    def _work(self) -> None:
        while self._at_work < _AT_WORK and self._waiting and self._store is not None:
            batch: list[ImageRecord] = []
            while self._waiting and len(batch) < _AT_A_TIME:
                batch.append(self._waiting.popitem(last=True)[1])
            self._begin(batch, self._store)

    def _begin(self, batch: list[ImageRecord], store: _Store) -> None:
        assert self._file_of is not None
        self._fetching.update(record.id for record in batch)
        self._at_work += 1
        generation = self._generation
        files = {record.id: (self._file_of(record), record.page) for record in batch}
        work = self.tasks.run(
            partial(_fetch, store, files),
            done=lambda found: self._take(found, generation),
            failed=lambda error: self._lost(files, str(error), generation),
        )
        work.ended = lambda: None if work.stopped else self._one_over(generation)

    def _one_over(self, generation: int) -> None:
        if generation == self._generation:
            self._at_work -= 1
            self._work()

    def _lost(self, files: dict[int, tuple[Path, int]], why: str, generation: int) -> None:
        self._take((dict.fromkeys(files, why), {}), generation)

    def _take(self, found: tuple[dict[int, str], dict[int, QImage]], generation: int) -> None:
        if generation != self._generation:
            return
        failed, pictures = found
        self._failed.update({i: why for i, why in failed.items() if i not in self._doubted})
        for image_id, picture in pictures.items():
            self._pictures[image_id] = picture
            self._bytes += picture.sizeInBytes()
        self._shrink()
        ids = [*failed, *pictures]
        self._fetching.difference_update(ids)
        self._doubted.difference_update(ids)
        if ids:
            self.ready.emit(ids)

    def _shrink(self) -> None:
        while self._bytes > self._limit and len(self._pictures) > 1:
            self._bytes -= self._pictures.popitem(last=False)[1].sizeInBytes()


class _Store:
    """The side file, opened in the first thread that needs it: image libraries load slowly."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._opened: ThumbnailStore | None = None

    def opened(self) -> ThumbnailStore:
        with self._lock:
            if self._opened is None:
                from cvstudio.imaging.thumbnails import ThumbnailStore

                self._opened = ThumbnailStore(self._path)
            return self._opened

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()


def _fetch(
    store: _Store, files: dict[int, tuple[Path, int]], control: Control
) -> tuple[dict[int, str], dict[int, QImage]]:
    """Pictures from the store, and made from the files where the store has none or an old one."""
    from cvstudio.imaging import thumbnails

    keys = {i: thumbnails.key_of(path, page) for i, (path, page) in files.items()}
    jpegs = store.opened().get(keys)
    made: list[tuple[int, str, bytes]] = []
    failed: dict[int, str] = {}
    for image_id, (path, page) in files.items():
        if control.cancelled():
            break
        if image_id in jpegs:
            continue
        try:
            jpeg = thumbnails.make(path, page)
        except (ImageError, OSError) as error:
            failed[image_id] = str(error)
            continue
        jpegs[image_id] = jpeg
        made.append((image_id, keys[image_id], jpeg))
    if made:
        store.opened().put(made)
    pictures = {}
    for image_id, jpeg in jpegs.items():
        picture = QImage.fromData(jpeg)
        if picture.isNull():
            failed[image_id] = "the stored thumbnail is damaged"
        else:
            pictures[image_id] = picture.convertToFormat(QImage.Format.Format_RGB32)
    return failed, pictures
