"""Gets the picture of the open image onto the canvas: preview, wait, read, neighbours too."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.images import Images
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.tile_fetcher import TileFetcher
from cvstudio.gui.studio import Studio
from cvstudio.project import queries

_SAID_AFTER = 300  # ms
_LARGE = 50_000_000  # pixels from which it is plain that reading takes a while: said at once


class ImageLoader(QObject):
    """Reading happens in threads (images.py); the canvas says so when it takes long."""

    shown = Signal()
    """The picture of the open image is on the canvas."""
    failed = Signal(str)
    """The open image cannot be read; why, in a sentence."""
    said = Signal(str)

    def __init__(
        self, studio: Studio, document: Document, canvas: Canvas, order: ImageOrder, page: QObject
    ) -> None:
        super().__init__(page)
        self._studio, self._document, self._canvas = studio, document, canvas
        self._order = order
        self._images = Images(studio.tasks, document.project.image_path, self)
        self._images.ready.connect(self._on_decoded)
        self._images.failed.connect(self._on_unreadable)
        self._images.improved.connect(self._on_improved)
        self._fetcher = TileFetcher(studio.tasks, canvas, self)
        self._fetcher.said.connect(self.said)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_SAID_AFTER)
        self._later.timeout.connect(lambda: self._wait(True))
        studio.thumbnails.ready.connect(self._on_thumbnails)

    def release(self) -> None:
        """The project closes."""
        self._later.stop()
        self._studio.thumbnails.ready.disconnect(self._on_thumbnails)

    def load(self) -> None:
        """Another image is open: its picture may be at hand, else a thumbnail stands in."""
        image = self._document.image
        self._wait(False)
        if image is None:
            return
        self._canvas.tiles.preview = self._studio.thumbnails.picture(image)
        if self._images.get(image.id) is not None:
            self._on_decoded(image.id)
        elif image.width * image.height >= _LARGE:
            self._wait(True)
        else:
            self._later.start()
        beside = [self._order.beside(image.id, step) for step in (1, -1)]
        with self._document.project.read() as session:
            neighbours = queries.images(session, [id for id in beside if id])
        self._images.want([image, *neighbours])

    def _wait(self, on: bool) -> None:
        """Say on the canvas that the image is being read, and let nobody draw meanwhile.

        Nothing is said of a short wait: what is drawn in it lands where it should, for the image's
        size and its annotations are known.
        """
        self._later.stop()
        self._canvas.wait(on)

    def _on_decoded(self, image_id: int) -> None:
        pyramid = self._images.get(image_id)
        image = self._document.image
        if image is None or image_id != image.id or pyramid is None:
            return
        self._wait(False)
        if (pyramid.width, pyramid.height) != (image.width, image.height):
            self.said.emit("This file is of another size than when it came into the project")
        self._canvas.tiles.show(pyramid, self._document.size)
        self.shown.emit()

    def _on_improved(self, image_id: int) -> None:
        """More of a large picture has been read: what was coarse can be drawn better."""
        image, pyramid = self._document.image, self._images.get(image_id)
        if image is None or image_id != image.id or self._canvas.tiles.pyramid is not pyramid:
            return
        if pyramid is not None and not pyramid.unfinished:
            self._canvas.tiles.show(pyramid, self._document.size)  # the range of values may differ
            self.shown.emit()
        else:
            self._canvas.tiles.renew()
        self._canvas.repaint()

    def _on_unreadable(self, image_id: int, words: str) -> None:
        image = self._document.image
        if image is not None and image_id == image.id:
            self._wait(False)
            self.failed.emit(words)

    def _on_thumbnails(self, ids: Sequence[int]) -> None:
        image = self._document.image
        if image is not None and image.id in ids and self._canvas.tiles.pyramid is None:
            self._canvas.tiles.preview = self._studio.thumbnails.picture(image)
            self._canvas.repaint()
