"""Masks as pictures: a patch, its reduced levels, and QImages that look straight into them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from cvstudio.core.masks import Mask, Patch
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.dabs import NOTHING, Rect

_SMALLEST = 256  # no level below this side


class MaskPicture:
    """A patch of 0 and 1, ready to be drawn at any zoom.

    Level 0 is the patch itself, edited in place by the brush. Each further level halves the one
    before and holds the covered share, 0 to 255. The QImages share the arrays' memory. `left` and
    `top` say where the mask that the picture was kept for begins inside the patch.
    """

    def __init__(self, patch: Patch, *, left: int = 0, top: int = 0) -> None:
        self.patch = np.ascontiguousarray(patch)
        self.left = left
        self.top = top
        self.ink = Rect(0, 0, self.width, self.height)
        """What may hold set pixels; the rest is known to be empty and costs nothing."""
        self.levels: list[NDArray[np.uint8]] = [self.patch]
        self._images: list[QImage | None] = [None]
        self._tint: tuple[int, int] | None = None

    @classmethod
    def blank(cls, width: int, height: int) -> MaskPicture:
        """An empty picture; memory that nobody paints on is never touched."""
        picture = cls(np.zeros((height, width), np.uint8))
        picture.ink = NOTHING
        return picture

    @property
    def width(self) -> int:
        return int(self.patch.shape[1])

    @property
    def height(self) -> int:
        return int(self.patch.shape[0])

    def bytes(self) -> int:
        return sum(level.nbytes for level in self.levels)

    def changed(self, rect: Rect) -> None:
        """Bring the reduced levels up to date after the patch was edited inside a rectangle."""
        self.ink = self.ink.joined(rect)
        for index in range(1, len(self.levels)):
            above, level = self.levels[index - 1], self.levels[index]
            rect = Rect(rect.x0 // 2, rect.y0 // 2, (rect.x1 + 1) // 2, (rect.y1 + 1) // 2)
            _reduce(above, level, rect.within(level.shape[1], level.shape[0]), first=index == 1)

    def draw(
        self,
        painter: QPainter,
        exposed: QRectF,
        *,
        x: float,
        y: float,
        scale: float,
        colour: QColor,
        opacity: float,
    ) -> None:
        """Paint the part inside an exposed rectangle; the patch's corner lies at x, y."""
        index = self._level_for(scale)
        image = self._image(index, colour, opacity)
        step = 1 << index
        ink = self.ink
        x0 = max(int(exposed.left() - x) // step - 1, ink.x0 // step, 0)
        y0 = max(int(exposed.top() - y) // step - 1, ink.y0 // step, 0)
        x1 = min(int(exposed.right() - x) // step + 2, -(-ink.x1 // step), image.width())
        y1 = min(int(exposed.bottom() - y) // step + 2, -(-ink.y1 // step), image.height())
        if x0 >= x1 or y0 >= y1:
            return
        part = QRectF(x0, y0, x1 - x0, y1 - y0)
        target = QRectF(x + x0 * step, y + y0 * step, part.width() * step, part.height() * step)
        painter.drawImage(target, image, part)

    def _level_for(self, scale: float) -> int:
        """The level whose pixels are just not larger than the screen's; made when first wanted."""
        wanted = 0
        while scale * (2 << wanted) <= 1 and min(self.width, self.height) >> wanted > _SMALLEST:
            wanted += 1
        while len(self.levels) <= wanted:
            above = self.levels[-1]
            height, width = (above.shape[0] + 1) // 2, (above.shape[1] + 1) // 2
            level = np.zeros((height, width), np.uint8)
            step = 1 << len(self.levels)
            inked = Rect(
                self.ink.x0 // step,
                self.ink.y0 // step,
                (self.ink.x1 + step - 1) // step,
                (self.ink.y1 + step - 1) // step,
            )
            _reduce(above, level, inked, first=len(self.levels) == 1)
            self.levels.append(level)
            self._images.append(None)
        return wanted

    def _image(self, index: int, colour: QColor, opacity: float) -> QImage:
        tint = (colour.rgb(), round(opacity * 255))
        if tint != self._tint:
            self._tint = tint
            self._images = [None] * len(self.levels)
        image = self._images[index]
        if image is None:
            level = self.levels[index]
            height, width = level.shape
            image = QImage(
                level.data, width, height, level.strides[0], QImage.Format.Format_Indexed8
            )
            image.setColorTable(_colour_table(tint[0], tint[1], steps=1 if index == 0 else 255))
            self._images[index] = image
        return image


class MaskPictures:
    """The pictures of the masks that were drawn last, up to a number of bytes."""

    def __init__(self, limit: int = 512 * 1024 * 1024) -> None:
        self._limit = limit
        self._held: OrderedDict[tuple[int, int, bytes], MaskPicture] = OrderedDict()

    def get(self, mask: Mask) -> MaskPicture:
        """The picture of a mask, decoded once; it is the same wherever the mask lies."""
        key = _key(mask)
        picture = self._held.get(key)
        if picture is None:
            picture = MaskPicture(mask.patch())
            self.keep(mask, picture)
        else:
            self._held.move_to_end(key)
        return picture

    def patch(self, mask: Mask) -> Patch:
        """The pixels of a mask's own rectangle."""
        picture = self.get(mask)
        top, left = picture.top, picture.left
        return picture.patch[top : top + mask.h, left : left + mask.w]

    def draw(
        self,
        mask: Mask,
        painter: QPainter,
        exposed: QRectF,
        *,
        scale: float,
        colour: QColor,
        opacity: float,
    ) -> None:
        """Paint the part of a mask inside an exposed rectangle, in image coordinates."""
        picture = self.get(mask)
        picture.draw(
            painter,
            exposed,
            x=mask.x - picture.left,
            y=mask.y - picture.top,
            scale=scale,
            colour=colour,
            opacity=opacity,
        )

    def keep(self, mask: Mask, picture: MaskPicture) -> None:
        """Take in a picture that is known to show a mask (the brush hands its own over)."""
        self._held[_key(mask)] = picture
        self._held.move_to_end(_key(mask))
        while len(self._held) > 1 and sum(p.bytes() for p in self._held.values()) > self._limit:
            self._held.popitem(last=False)

    def take(self, mask: Mask) -> MaskPicture | None:
        """Hand a picture out for good, because its patch is going to be edited."""
        return self._held.pop(_key(mask), None)


def _key(mask: Mask) -> tuple[int, int, bytes]:
    return (mask.w, mask.h, mask.counts)


def _reduce(above: NDArray[np.uint8], level: NDArray[np.uint8], rect: Rect, *, first: bool) -> None:
    """Fill a rectangle of a level with the mean of the 2 x 2 pixels above each of its pixels."""
    if rect.empty:
        return
    piece: NDArray[Any] = above[rect.y0 * 2 : rect.y1 * 2, rect.x0 * 2 : rect.x1 * 2]
    height, width = piece.shape
    missing_y, missing_x = (rect.y1 - rect.y0) * 2 - height, (rect.x1 - rect.x0) * 2 - width
    if missing_x or missing_y:  # an odd side: its last pixel counts twice
        piece = cv2.copyMakeBorder(piece, 0, missing_y, 0, missing_x, cv2.BORDER_REPLICATE)
    if first:
        piece = piece * np.uint8(255)
    cv2.resize(
        piece,
        (rect.x1 - rect.x0, rect.y1 - rect.y0),
        dst=level[rect.y0 : rect.y1, rect.x0 : rect.x1],
        interpolation=cv2.INTER_AREA,
    )


def _colour_table(rgb: int, alpha: int, *, steps: int) -> list[int]:
    base = rgb & 0xFFFFFF
    return [(round(alpha * step / steps) << 24) | base for step in range(steps + 1)]
