"""Polygon: a click a point; Enter, a double-click or the first point closes it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from cvstudio.core.geometry import Polygon, ring_area
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.shapes_item import CASING, cosmetic
from cvstudio.gui.label.tools.base import REACH, Pointer, Surface, Tool

_DRAG_EVERY = 12.0  # screen pixels between the points that a drag leaves


class PolygonTool(Tool):
    """Draws a polygon of the current class; dragging draws it freehand."""

    name = "polygon"

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._points: list[tuple[float, float]] = []
        self._pointer: tuple[float, float] | None = None

    @property
    def busy(self) -> bool:
        return bool(self._points)

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The points of the draft."""
        return tuple(self._points)

    def press(self, pointer: Pointer) -> None:
        if not self._points and not self.document.ready_to_draw():
            return
        point = self.on_image(pointer.x, pointer.y)
        if self._closes(pointer):
            self.finish()
            return
        self._points.append(point)
        self._pointer = point
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if not self._points:
            return
        self._pointer = self.on_image(pointer.x, pointer.y)
        last = self._points[-1]
        away = np.hypot(self._pointer[0] - last[0], self._pointer[1] - last[1])
        if held and away * self.surface.scale >= _DRAG_EVERY:
            self._points.append(self._pointer)
        self.surface.repaint()

    def double_click(self, pointer: Pointer) -> None:
        """The first press of the double-click has set the last point already."""
        self.finish()

    def finish(self) -> bool:
        if not self._points:
            return False
        ring = np.array(self._points, np.float64)
        keep = np.any(np.abs(ring - np.roll(ring, 1, axis=0)) > 1e-6, axis=1)
        ring = ring[keep]
        if len(ring) < 3 or ring_area(ring) < 1:
            self.surface.say("A polygon needs three points that are not on one line")
            return True
        self._points = []
        self.document.add(Polygon.simple(ring), label="Add polygon")
        return True

    def step_back(self) -> bool:
        if not self._points:
            return False
        self._points.pop()
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had, self._points = self.busy, []
        self.surface.repaint()
        return had

    def settle(self) -> None:
        """Points that were clicked are work: a polygon that can be closed is kept."""
        if len(self._points) >= 3:
            self.finish()
        self.cancel()

    def hint(self) -> str:
        if not self._points:
            return "Click the points, or drag freehand · Space + drag pans"
        return "Enter or first point closes · Backspace takes a point back · Esc drops"

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if not self._points:
            return
        line = QPolygonF([QPointF(x, y) for x, y in self._points])
        if self._pointer is not None:
            line.append(QPointF(*self._pointer))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(cosmetic(CASING, width=4))
        painter.drawPolyline(line)
        painter.setPen(cosmetic(self.document.colour(), width=2))
        painter.drawPolyline(line)
        if self._pointer is not None and len(self._points) > 1:
            painter.setPen(cosmetic(self.document.colour(), dashes=[4.0, 4.0]))
            painter.drawLine(QLineF(QPointF(*self._pointer), QPointF(*self._points[0])))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(cosmetic(QColor("#151516")))
        painter.setBrush(QColor("white"))
        for index, (x, y) in enumerate(self._points):
            half = (5 if index == 0 and len(self._points) > 2 else 3) / self.surface.scale
            painter.drawRect(QRectF(x - half, y - half, 2 * half, 2 * half))

    def _closes(self, pointer: Pointer) -> bool:
        """Whether a click is on the first point of something that can be closed."""
        if len(self._points) < 3:
            return False
        x, y = self._points[0]
        reach = (REACH + 2) / self.surface.scale
        return abs(pointer.x - x) <= reach and abs(pointer.y - y) <= reach
