"""The image below the shapes: mapped tiles as QImages, kept while they are likely to be seen."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from cvstudio.imaging.display import Display
from cvstudio.imaging.tiles import TILE, Pyramid

_KEPT = 160  # tiles of 1 MB
_BUDGET = 0.005  # seconds for new tiles in one frame; coarser ones stand in for the rest
_NEAREST_FROM = 2.0  # screen pixels per image pixel from which single pixels are shown as squares

Key = tuple[int, int, int]
"""Level, column and row of a tile."""


class TilePainter:
    """Draws the part of a pyramid that is exposed, in image coordinates."""

    def __init__(self) -> None:
        self.pyramid: Pyramid | None = None
        self.preview: QImage | None = None
        """A thumbnail that stands in for an image that is still being read."""
        self.size = (0, 0)
        self.display = Display()
        self.complete = False
        """Whether the last frame had all tiles that it wanted."""
        self.hurried = False
        """While the zoom is changing: draw fast now, and beautifully when it rests."""
        self.ask: Callable[[Pyramid, list[Key]], None] | None = None
        """Told which tiles in sight have to be read from a file before they can be drawn."""
        self._tiles: OrderedDict[Key, QImage] = OrderedDict()

    def show(self, pyramid: Pyramid | None, size: tuple[int, int]) -> None:
        """Another image, or none yet; `size` is its width and height."""
        self.pyramid, self.size = pyramid, size
        self.complete = False
        self._tiles.clear()

    def renew(self) -> None:
        """The levels that the pyramid holds are more exact: their tiles are made again. Finer ones
        come from the file and stay."""
        if self.pyramid is None:
            return
        first = self.pyramid.finest_held
        self._tiles = OrderedDict((k, image) for k, image in self._tiles.items() if k[0] < first)
        self.complete = False

    def set_display(self, display: Display) -> None:
        """Map the image's numbers to the screen in another way."""
        if display != self.display:
            self.display = display
            self._tiles.clear()

    def whole(self) -> QImage | None:
        """All of the image as it is shown, at most a tile large; None while it is being read."""
        if self.pyramid is None:
            return None
        key = (self.pyramid.levels - 1, 0, 0)
        return self._tiles.get(key) or self._make(*key)

    def paint(self, painter: QPainter, exposed: QRectF, scale: float) -> bool:
        """Draw; False when coarser tiles had to stand in and another frame should follow."""
        self.complete = self._paint(painter, exposed, scale)
        return self.complete

    def _paint(self, painter: QPainter, exposed: QRectF, scale: float) -> bool:
        whole = QRectF(0, 0, *self.size)
        area = exposed & whole
        if area.isEmpty():
            return True
        smooth = scale < _NEAREST_FROM and scale != 1.0 and not self.hurried
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        if self.pyramid is None:
            if self.preview is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
                painter.drawImage(whole, self.preview)
            return True
        level = self.pyramid.level_for(scale)
        step = 1 << level
        side = TILE * step
        last_column, last_row = self.pyramid.columns(level) - 1, self.pyramid.rows(level) - 1
        columns = range(int(area.left() // side), min(int(area.right() // side), last_column) + 1)
        rows = range(int(area.top() // side), min(int(area.bottom() // side), last_row) + 1)
        deadline = time.perf_counter() + _BUDGET
        complete = True
        missing: list[Key] = []
        for row in rows:
            for column in columns:
                image = self._tiles.get((level, column, row))
                if image is None and not self.pyramid.at_hand(level, column, row):
                    missing.append((level, column, row))
                    self._paint_coarser(painter, level, column, row)
                    continue
                if image is None and time.perf_counter() < deadline:
                    image = self._make(level, column, row)
                if image is None:
                    complete = False
                    self._paint_coarser(painter, level, column, row)
                    continue
                self._tiles.move_to_end((level, column, row))
                target = QRectF(
                    column * side, row * side, image.width() * step, image.height() * step
                )
                painter.drawImage(target & whole, image, _source(target & whole, target, image))
        if missing and self.ask is not None:
            self.ask(self.pyramid, missing)
        return complete

    def _paint_coarser(self, painter: QPainter, level: int, column: int, row: int) -> None:
        """The same place out of the nearest coarser tile that is there; the coarsest always is."""
        assert self.pyramid is not None
        in_file = not self.pyramid.at_hand(level, column, row)
        side = TILE << level
        place = QRectF(column * side, row * side, side, side) & QRectF(0, 0, *self.size)
        for coarser in range(level + 1, self.pyramid.levels):
            shift = coarser - level
            key = (coarser, column >> shift, row >> shift)
            image = self._tiles.get(key)
            last = coarser == self.pyramid.levels - 1
            held = in_file and self.pyramid.at_hand(*key)
            if image is None and (last or held):
                image = self._make(*key)
            if image is not None:
                step = 1 << coarser
                tile = TILE * step
                target = QRectF(
                    key[1] * tile, key[2] * tile, image.width() * step, image.height() * step
                )
                painter.drawImage(place, image, _source(place, target, image))
                return

    def _make(self, level: int, column: int, row: int) -> QImage:
        assert self.pyramid is not None
        rgb = self.pyramid.tile(level, column, row, self.display)
        height, width = rgb.shape[:2]
        shared = QImage(rgb.data, width, height, rgb.strides[0], QImage.Format.Format_RGB888)
        # Qt draws 32-bit pixels several times faster than 24-bit ones.
        image = shared.convertToFormat(QImage.Format.Format_RGB32)
        self._tiles[level, column, row] = image
        while len(self._tiles) > _KEPT:
            self._tiles.popitem(last=False)
        return image


def _source(place: QRectF, target: QRectF, image: QImage) -> QRectF:
    """The part of a tile's pixels that lies at a place, when the whole tile lies at target."""
    across, down = image.width() / target.width(), image.height() / target.height()
    return QRectF(
        (place.x() - target.x()) * across,
        (place.y() - target.y()) * down,
        place.width() * across,
        place.height() * down,
    )
