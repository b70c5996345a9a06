"""A small image that is looked at and not edited: outlines, dashed predictions, masks, heat.

    view = ImageView()
    view.set_image(rgb)                                # (h, w, 3) uint8 RGB, or a QImage
    view.set_items([OverlayItem(box, colour), OverlayItem(other, colour, dashed=True)])
    view.set_heat(heat)                                # (h, w) float 0 to 1, any size; None clears
    view.zoom_to(Box(10, 10, 80, 60))                  # None shows all
    view.pressed.connect(f)                            # x, y in image pixels
Shapes are in pixels of the whole image; `size` says how large that is when a thumbnail stands in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.overlay import OverlayItem, has_masks, mask_layer, paint_items
from cvstudio.gui.widgets.pixels import to_image
from cvstudio.imaging.heat import HOT, colours, opacity

_LONGEST_LAYER = 1024


class ImageView(QWidget):
    """Keeps the proportions and fills what it gets."""

    pressed = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._size = QSizeF()
        self._items: list[OverlayItem] = []
        self._layer: QImage | None = None
        self._heat: QImage | None = None
        self._heat_map: NDArray[np.float32] | None = None
        self._heat_opacity = HOT
        self._part: Box | None = None
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(48, 36)

    def set_image(
        self, image: NDArray[np.uint8] | QImage | None, *, size: tuple[int, int] | None = None
    ) -> None:
        """Show an image; `size` is (width, height) of the whole when this is a small copy."""
        self._image = to_image(image) if isinstance(image, np.ndarray) else image
        if size is not None:
            self._size = QSizeF(*size)
        elif self._image is not None:
            self._size = QSizeF(self._image.size())
        self.update()

    def set_items(self, items: list[OverlayItem]) -> None:
        """Draw shapes; masks are decoded here, once."""
        self._items = items
        self._layer = None
        if has_masks(items):
            width, height = round(self._size.width()), round(self._size.height())
            self._layer = mask_layer(items, width, height, longest=_LONGEST_LAYER)
        self.update()

    def set_heat(self, heat: NDArray[np.float32] | None) -> None:
        """Lay a heat map over the image turned grey: inferno, faint where cold."""
        self._heat_map = heat
        self._heat = None if heat is None else heat_image(heat, self._heat_opacity)
        self.update()

    def set_heat_opacity(self, opacity: float) -> None:
        """How much the hottest places cover the image, from 0 to 1."""
        self._heat_opacity = opacity
        self.set_heat(self._heat_map)

    def set_words(self, words: str) -> None:
        """Say something in the place of the image: "reading", or why it cannot be read."""
        self._words = words
        self.update()

    def read(
        self, latest: LatestWins, path: Path, page: int, *, size: tuple[int, int], side: int,
        came: Callable[[], None],
    ) -> None:  # fmt: skip
        """Show the picture of a file, at most `side` pixels long, once a thread has read it; `came`
        is called then. What cannot be read is said in its place. `size`: of the whole image."""
        self.set_words("Reading …")

        def work(_control: Control) -> bytes | str:
            from cvstudio.imaging.thumbnails import make

            try:
                return make(path, page, side)
            except ImageError as error:
                return error.message

        def show(found: bytes | str) -> None:
            if isinstance(found, str):
                self.set_words(found)
                return
            self.set_words("")
            self.set_image(QImage.fromData(found), size=size)
            came()

        latest.request(work, show)

    def zoom_to(self, part: Box | None) -> None:
        """Show a part of the image with some room around it."""
        self._part = part
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 180)

    def _target(self) -> QRectF:
        """Where the whole image would be drawn; larger than the widget when zoomed."""
        if self._size.isEmpty():
            return QRectF()
        room = QRectF(self.rect())
        if self._part is None:
            size = self._size.scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            corner = QPointF((room.width() - size.width()) / 2, (room.height() - size.height()) / 2)
            return QRectF(corner, size)
        part = self._part
        scale = min(room.width() / max(part.w * 1.6, 24), room.height() / max(part.h * 1.6, 24))
        left = room.center().x() - (part.x + part.w / 2) * scale
        top = room.center().y() - (part.y + part.h / 2) * scale
        return QRectF(left, top, self._size.width() * scale, self._size.height() * scale)

    def to_image(self, point: QPointF) -> QPointF:
        """A point of the widget in pixels of the image."""
        target = self._target()
        scale = self._size.width() / max(target.width(), 1e-6)
        return QPointF((point.x() - target.x()) * scale, (point.y() - target.y()) * scale)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        if self._image is None or self._words:
            painter.setPen(theme.colour("muted"))
            painter.drawText(
                self.rect().adjusted(8, 8, -8, -8),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                self._words,
            )
            return
        target = self._target()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = self._image
        if self._heat is not None:
            image = image.convertToFormat(QImage.Format.Format_Grayscale8)
        painter.drawImage(target, image)
        if self._heat is not None:
            painter.drawImage(target, self._heat)
        if self._layer is not None:
            painter.drawImage(target, self._layer)
        paint_items(painter, target, self._size, self._items)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._image is not None:
            point = self.to_image(event.position())
            self.pressed.emit(point.x(), point.y())


def heat_image(heat: NDArray[np.float32], strength: float = HOT) -> QImage:
    """A heat map (h, w) of 0 to 1 as a layer to lay over the grey image; `strength` is the opacity
    of what is hottest."""
    share = np.rint(opacity(heat, strength) * 255).astype(np.uint8)
    return to_image(np.dstack([colours(heat), share]))
