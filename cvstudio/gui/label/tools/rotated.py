"""Rotated box: drag a box and turn it by its handle, or click a side and how deep it is."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.label import turning
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.outlines import qpolygon
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.tools.base import CLICK, REACH, Pointer, Surface, Tool
from cvstudio.gui.label.training_words import note_of_boxes
from cvstudio.gui.label.turning import Grip


class RotatedBoxTool(Tool):
    """Draws a rotated box of the current class, and takes the handles of the selected one."""

    name = "rotated box"
    drawn = "Rotated box"

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._points: list[tuple[float, float]] = []
        """The ends of the first side, as far as they are there."""
        self._dragging = False
        """Whether the button that set the first point is still down."""
        self._shape: RotatedBox | None = None
        self._grip: Grip | None = None
        self._pointer: Pointer | None = None

    @property
    def busy(self) -> bool:
        return bool(self._points) or bool(self.drafts)

    @property
    def ripe(self) -> bool:
        return self._whole(self._shape) or bool(self.drafts)

    @property
    def lacks(self) -> str:
        return "it is thinner than a pixel" if self._shape else "it has only one side"

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        self._pointer = pointer
        if not self._points:
            self._grip = self._grip_at(pointer)
            if self._grip is not None or not self.document.ready_to_draw():
                return
            self._points, self._dragging = [self.on_image(pointer.x, pointer.y)], True
        elif len(self._points) == 1:
            end = self._end(pointer)
            if math.dist(self._points[0], end) >= 1:
                self._points.append(end)
                self.surface.say("Click how deep the box is, or Esc")
        else:
            self._stretch(pointer)
            self._commit()
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._pointer = pointer
        if self._grip is not None and held:
            made = self._grip.at(pointer.x, pointer.y, shift=pointer.shift)
            if made is not None:
                self._draft(self._grip, made)
        elif self._points:
            self._stretch(pointer)
        else:
            found = self._grip_at(pointer)
            self.surface.point_with(self.cursor if found is None else found.cursor)
        self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        grip, self._grip = self._grip, None
        if grip is not None:
            self._keep_draft(grip)
        elif self._dragging:
            self._stretch(pointer)
            self._dragging = False
            far = math.dist(self._points[0], self.on_image(pointer.x, pointer.y))
            if far * self.surface.scale >= CLICK:
                self._commit()
            else:
                self._shape = None
                self.surface.say("Click the other end of this side, or Esc")
        self.surface.repaint()

    def double_click(self, pointer: Pointer) -> None:
        """The second press of a double-click is where a point is already."""
        if not self._points:
            self.press(pointer)

    def finish(self) -> bool:
        if not self.ripe:
            return False
        if self.drafts and self._grip is not None:
            grip, self._grip = self._grip, None
            self._keep_draft(grip)
        else:
            self._commit()
        return True

    def step_back(self) -> bool:
        if not self._points or self._dragging:
            return False
        self._points.pop()
        self._shape = None
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had = self.busy
        self._points, self._shape, self._grip, self._dragging = [], None, None, False
        super().cancel()
        self.surface.repaint()
        return had

    def leave(self) -> None:
        self._pointer = None
        self.surface.repaint()

    # -- parts of it

    def _grip_at(self, pointer: Pointer) -> Grip | None:
        scale = self.surface.scale
        return turning.grip(self.selected(), pointer.x, pointer.y, reach=REACH / scale, scale=scale)

    def _draft(self, grip: Grip, shape: RotatedBox) -> None:
        id = grip.annotation.id
        if id in self.drafts:
            self.drafts[id] = shape  # the canvas draws from this very dict
        else:
            self.drafts = {id: shape}
            self.surface.drafts_changed()

    def _keep_draft(self, grip: Grip) -> None:
        drafts: dict[int, Shape] = self.drafts
        self.drafts = {}
        if drafts:
            self.document.reshape(drafts, label=grip.label)
            self.surface.drafts_changed()

    def _end(self, pointer: Pointer) -> tuple[float, float]:
        """The other end of the first side; with Shift at a multiple of 15 degrees."""
        x0, y0 = self._points[0]
        x, y = self.on_image(pointer.x, pointer.y)
        if not pointer.shift:
            return x, y
        angle = math.atan2(y - y0, x - x0)
        step = math.radians(turning.STEP)
        direction, length = round(angle / step) * step, math.dist((x0, y0), (x, y))
        return x0 + length * math.cos(direction), y0 + length * math.sin(direction)

    def _stretch(self, pointer: Pointer) -> None:
        """The draft as the pointer says: upright while dragged, else along the first side."""
        x, y = self.on_image(pointer.x, pointer.y)
        if self._dragging:
            x0, y0 = self._points[0]
            self._shape = RotatedBox.of_box(Box.from_corners(x0, y0, x, y))
        elif len(self._points) == 2:
            self._shape = along(self._points[0], self._points[1], x, y)

    def _whole(self, shape: RotatedBox | None) -> bool:
        return shape is not None and min(shape.w, shape.h) >= 1

    def _commit(self) -> None:
        shape = self._shape
        if shape is None or not self._whole(shape):
            self._points, self._shape = [], None
            self.surface.say("That box is thinner than one pixel and was not kept")
        elif self.document.add(shape, label="Add rotated box") is not None:
            self._points, self._shape = [], None  # not before it is stored
            self.surface.say("Drag the round handle to turn it, with Shift by 15°")
        self._dragging = False
        self.surface.repaint()

    def hint(self) -> str:
        if len(self._points) == 1 and not self._dragging:
            return "Click the other end of the side · Shift by 15° · Esc drops"
        if len(self._points) == 2:
            return "Click how deep the box is · Backspace takes a point back · Esc drops"
        return "Drag a box and turn its round handle, or click a side's two ends and its depth"

    def note(self) -> str:
        return note_of_boxes(self.document.task)

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        pens = (
            cosmetic(CASING, width=4),
            cosmetic(self.document.colour(), width=2),
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for pen in pens:
            painter.setPen(pen)
            if self._shape is not None:
                painter.drawPolygon(qpolygon(self._shape.corners()))
            elif self._points and self._pointer is not None:
                start, end = QPointF(*self._points[0]), QPointF(*self._end(self._pointer))
                painter.drawLine(QLineF(start, end))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        drafts = [s for s in self.drafts.values() if isinstance(s, RotatedBox)]
        shown = drafts[0] if drafts else self._shape
        if shown is not None and self._pointer is not None:
            turning.paint_numbers(painter, shown, self._pointer.x, self._pointer.y)


def along(a: tuple[float, float], b: tuple[float, float], x: float, y: float) -> RotatedBox:
    """The box whose first side runs from a to b, and that reaches as deep as a place."""
    (ax, ay), (bx, by) = a, b
    length = math.dist(a, b)
    if length == 0:
        return RotatedBox(ax, ay, 0, 0)
    normal = np.array([ay - by, bx - ax]) / length
    depth = float(normal @ np.array([x - ax, y - ay]))
    cx, cy = ((ax + bx) / 2 + normal[0] * depth / 2, (ay + by) / 2 + normal[1] * depth / 2)
    angle = math.degrees(math.atan2(by - ay, bx - ax))
    return RotatedBox(float(cx), float(cy), length, abs(depth), angle)
