"""A rotated box under the hand: handles on its own axes, one that turns it, and its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from cvstudio.core.annotation import Annotation, Shape
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui import theme
from cvstudio.gui.label import edits, hit

TURN = "turn"
"""The handle that turns; the others are those of hit.HANDLES, on the box's own sides."""
STEP = 15.0
"""Degrees between the angles that Shift allows."""

_STEM = 26.0  # screen px from the first side to the handle that turns
_AWAY = 16.0  # screen px between the pointer and the numbers
_CURSORS = (
    Qt.CursorShape.SizeHorCursor,
    Qt.CursorShape.SizeFDiagCursor,
    Qt.CursorShape.SizeVerCursor,
    Qt.CursorShape.SizeBDiagCursor,
)
_OUTWARD = dict(zip(hit.HANDLES, (225, 270, 315, 0, 45, 90, 135, 180), strict=True))


@dataclass(frozen=True)
class Grip:
    """A handle of a rotated box that follows the pointer."""

    annotation: Annotation
    shape: RotatedBox
    handle: str

    @property
    def label(self) -> str:
        return "Turn annotation" if self.handle == TURN else "Resize annotation"

    @property
    def cursor(self) -> Qt.CursorShape:
        """Arrows along the way that the handle goes, as near as eight directions come."""
        if self.handle == TURN:
            return Qt.CursorShape.PointingHandCursor
        return _CURSORS[round((_OUTWARD[self.handle] + self.shape.angle) / 45) % 4]

    def at(self, x: float, y: float, *, shift: bool) -> RotatedBox | None:
        """The box with its handle at a place; None when it would be thinner than a pixel.

        Shift turns by steps of 15 degrees, and keeps the proportions at a corner.
        """
        if self.handle == TURN:
            return turned_to(self.shape, x, y, steps=shift)
        made = resized(self.shape, self.handle, x, y, square=shift)
        return made if min(made.w, made.h) >= 1 else None


def grip(
    annotation: Annotation | None, x: float, y: float, *, reach: float, scale: float
) -> Grip | None:
    """The handle of a rotated box within reach (pixels of the image) of a place."""
    if annotation is None or annotation.locked or not isinstance(annotation.shape, RotatedBox):
        return None
    shape = annotation.shape
    tip = turn_handle(shape, scale)
    if max(abs(tip[0] - x), abs(tip[1] - y)) <= reach:
        return Grip(annotation, shape, TURN)
    away = np.abs(handle_points(shape) - (x, y)).max(axis=1)
    nearest = int(away.argmin())
    return Grip(annotation, shape, hit.HANDLES[nearest]) if away[nearest] <= reach else None


def handle_points(shape: RotatedBox) -> Points:
    """The eight handles on corners and sides, (8, 2), in the order of hit.HANDLES."""
    return shape.at(hit.handle_points(_own_box(shape)))


def turn_handle(shape: RotatedBox, scale: float) -> tuple[float, float]:
    """Where the handle that turns is, at so many screen pixels per image pixel."""
    ((x, y),) = shape.at(np.array([(0.0, -shape.h / 2 - _STEM / scale)])).tolist()
    return x, y


def resized(shape: RotatedBox, handle: str, x: float, y: float, *, square: bool) -> RotatedBox:
    """A box with one of its eight handles at a place; the opposite corner or side stays."""
    ((u, v),) = shape.own(np.array([(x, y)])).tolist()
    new = edits.dragged(_own_box(shape), handle, u, v, square=square)
    ((cx, cy),) = shape.at(np.array([(new.x + new.w / 2, new.y + new.h / 2)])).tolist()
    return RotatedBox(cx, cy, new.w, new.h, shape.angle)


def turned_to(shape: RotatedBox, x: float, y: float, *, steps: bool) -> RotatedBox:
    """A box turned so that the middle of its first side points to a place."""
    angle = math.degrees(math.atan2(y - shape.cy, x - shape.cx)) + 90
    angle = round(angle / STEP) * STEP if steps else round(angle, 1)
    return RotatedBox(shape.cx, shape.cy, shape.w, shape.h, angle)


def turned(shape: Shape, degrees: float) -> Shape:
    """A rotated box, polygon or keypoints turned around the middle; None for what cannot be turned.

    Keypoints lose the frame that another program gave them: it would not be around them any more.
    """
    if isinstance(shape, RotatedBox):
        return RotatedBox(shape.cx, shape.cy, shape.w, shape.h, round(shape.angle + degrees, 9))
    if not isinstance(shape, Polygon | Keypoints):
        return None
    turn = np.array(RotatedBox(0, 0, 1, 1, degrees).axes)
    if isinstance(shape, Keypoints):
        there = shape.placed()
        centre = there.mean(axis=0) if len(there) else 0.0
        return shape.changed((there - centre) @ turn + centre, None)
    box = shape.box
    middle = np.array([box.x + box.w / 2, box.y + box.h / 2])
    return edits.map_rings(shape, lambda ring: (ring - middle) @ turn + middle)


def rotated_words(shape: RotatedBox) -> str:
    """The sides and the angle of a rotated box: "120 × 40 px, 30°"."""
    angle = round(shape.angle, 1) + 0.0  # no "-0"
    words = f"{angle:g}".replace("-", "−")
    return f"{shape.w:.0f} × {shape.h:.0f} px, {words}°"


def paint_handles(painter: QPainter, shape: RotatedBox, scale: float, *, side: float) -> None:
    """The handles as squares of so many screen pixels, and the round one on its stem."""
    tip = QPointF(*turn_handle(shape, scale))
    top = QPointF(*handle_points(shape)[1].tolist())
    half = side / 2 / scale
    painter.drawLine(top, tip)
    squares = handle_points(shape).tolist()
    painter.drawRects([QRectF(x - half, y - half, 2 * half, 2 * half) for x, y in squares])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.drawEllipse(tip, 1.2 * half, 1.2 * half)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_numbers(painter: QPainter, shape: RotatedBox, x: float, y: float) -> None:
    """The sides and the angle beside the pointer at a place of the image."""
    paint_words(painter, rotated_words(shape), x, y)


def paint_words(painter: QPainter, text: str, x: float, y: float) -> None:
    """Words on a dark tag beside the pointer at a place of the image."""
    to_screen = painter.worldTransform()
    corner = to_screen.map(QPointF(x, y))
    painter.resetTransform()
    painter.setFont(theme.font("small"))
    width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 12
    room = painter.viewport()
    left = min(corner.x() + _AWAY, room.width() - width - 4)
    top = min(corner.y() + _AWAY, room.height() - 22.0)
    area = QRectF(round(left), round(top), round(width), 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#111111"))
    painter.drawRoundedRect(area, 2, 2)
    painter.setPen(QColor("white"))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
    painter.setWorldTransform(to_screen)


def _own_box(shape: RotatedBox) -> Box:
    """The box as it lies in its own axes, around their origin."""
    return Box(-shape.w / 2, -shape.h / 2, shape.w, shape.h)
