"""One val image over the epochs: a strip of small pictures, scrubbed by mouse and arrow keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cvstudio.core.opencv import cv2
from cvstudio.gui import theme

HEIGHT, WIDTH, GAP = 52, 64, 3
"""Pixels of a small picture, and between two."""

KEPT = 400
"""Small pictures that are kept."""


def thumbnail(picture: NDArray[np.uint8], boxes: Sequence[tuple[Any, ...]]) -> QImage:
    """A picture (h, w, 3) at twice the strip's size, with boxes in 0 .. 1 and their colours."""
    scale = min(2 * WIDTH / picture.shape[1], 2 * HEIGHT / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    image = QImage(small.data, size[0], size[1], 3 * size[0], QImage.Format.Format_RGB888).copy()
    painter = QPainter(image)
    for x, y, w, h, colour in boxes:
        painter.setPen(QPen(QColor(colour), 2))
        painter.drawRect(QRectF(x * size[0], y * size[1], w * size[0], h * size[1]))
    painter.end()
    return image


class FilmStrip(QWidget):
    """`chosen(place)`: the person wants to see the epoch at a place; `needed()`: pictures are.

    Of more epochs than have room, an even choice with the first and the last is shown.
    """

    chosen = Signal(int)
    needed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._epochs: list[int] = []
        self._current = 0
        self._pictures: OrderedDict[int, QImage] = OrderedDict()
        self.setFixedHeight(HEIGHT + 20)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Predictions over the epochs")
        self.setToolTip("Predictions over the epochs: drag, or use the arrow keys, to look back")

    def clear(self) -> None:
        """Forget everything: another run or another image."""
        self._epochs, self._current = [], 0
        self._pictures.clear()
        self.update()

    def forget_pictures(self) -> None:
        """The pictures are of another image now."""
        self._pictures.clear()
        self.update()
        self.needed.emit()

    def set_epochs(self, epochs: Sequence[int]) -> None:
        """The epochs that there are predictions of."""
        if list(epochs) != self._epochs:
            self._epochs = list(epochs)
            self.update()
            self.needed.emit()

    def set_current(self, place: int) -> None:
        """Mark the epoch that is shown large."""
        if place != self._current:
            self._current = place
            self.update()

    def add_pictures(self, pictures: Mapping[int, QImage]) -> None:
        """Small pictures by epoch."""
        self._pictures |= pictures
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        self.update()

    @property
    def places(self) -> list[int]:
        """The places of the epochs that have room, from left to right."""
        count, room = len(self._epochs), max(self.width() // (WIDTH + GAP), 1)
        if count <= room:
            return list(range(count))
        return sorted({round(n * (count - 1) / max(room - 1, 1)) for n in range(room)})

    @property
    def missing(self) -> list[int]:
        """The places of the shown epochs that have no picture yet, the newest first."""
        return [p for p in reversed(self.places) if self._epochs[p] not in self._pictures]

    def sizeHint(self) -> QSize:
        return QSize(6 * (WIDTH + GAP), HEIGHT + 20)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.needed.emit()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(theme.font("caption"))
        places = self.places
        marked = self._nearest(places)
        for nth, place in enumerate(places):
            area = QRectF(nth * (WIDTH + GAP), 0, WIDTH, HEIGHT)
            painter.fillRect(area, theme.colour("canvas"))
            picture = self._pictures.get(self._epochs[place])
            if picture is not None:
                size = picture.size().scaled(
                    area.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio
                )
                inner = QRectF(0, 0, size.width(), size.height())
                inner.moveCenter(area.center())
                painter.drawImage(inner, picture)
            here = place == marked
            if here:
                painter.setPen(QPen(theme.colour("link"), 2))
                painter.drawRect(area.adjusted(1, 1, -1, -1))
            painter.setPen(theme.colour("text" if here else "muted"))
            below = QRectF(area.x(), HEIGHT + 2, WIDTH, 16)
            number = self._epochs[self._current] if here else self._epochs[place]
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, str(number))
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("link"), 1))
            painter.drawRect(QRectF(0, 0, len(places) * (WIDTH + GAP) - GAP, HEIGHT))

    def _nearest(self, places: Sequence[int]) -> int:
        return min(places, key=lambda place: abs(place - self._current), default=-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._scrub(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._scrub(event.position())
        elif (place := self._place_at(event.position())) is not None:
            QToolTip.showText(
                event.globalPosition().toPoint(), f"Epoch {self._epochs[place]}", self
            )

    def _scrub(self, at: QPointF) -> None:
        place = self._place_at(at)
        if place is not None and place != self._current:
            self.set_current(place)
            self.chosen.emit(place)

    def _place_at(self, at: QPointF) -> int | None:
        """The epoch under a point; between the pictures of far apart epochs, one between them."""
        places = self.places
        if not places:
            return None
        if len(places) == len(self._epochs):
            return places[int(min(max(at.x() // (WIDTH + GAP), 0), len(places) - 1))]
        width = len(places) * (WIDTH + GAP) - GAP
        share = min(max(at.x() / width, 0.0), 1.0)
        return round(share * (len(self._epochs) - 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._epochs) - 1
        wanted = {
            Qt.Key.Key_Left: self._current - 1, Qt.Key.Key_Right: self._current + 1,
            Qt.Key.Key_Home: 0, Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if wanted is None or last < 0:
            super().keyPressEvent(event)
            return
        place = min(max(wanted, 0), last)
        if place != self._current:
            self.set_current(place)
            self.chosen.emit(place)
