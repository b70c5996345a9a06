"""Slice: a line across shapes cuts them; drawn in one drag, or point by point."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from cvstudio.gui.label.document import Document
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.shape_verbs import ShapeVerbs
from cvstudio.gui.label.tools.base import CLICK, Pointer, Surface, Tool


class SliceTool(Tool):
    """Cuts the selected shapes, or all that the line crosses, into pieces of their own."""

    name = "slice"
    drawn = "Cut"

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._verbs = ShapeVerbs(document)
        self._points: list[tuple[float, float]] = []
        self._pointer: tuple[float, float] | None = None

    @property
    def busy(self) -> bool:
        return bool(self._points)

    @property
    def lacks(self) -> str:
        return "Enter was not pressed"

    def press(self, pointer: Pointer) -> None:
        self._points.append((pointer.x, pointer.y))
        self._pointer = (pointer.x, pointer.y)
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if self._points:
            self._pointer = (pointer.x, pointer.y)
            self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        """A drag is the whole cut; a click was one point of it."""
        if len(self._points) == 1 and self._is_far(pointer):
            self._points.append((pointer.x, pointer.y))
            self.finish()

    def double_click(self, pointer: Pointer) -> None:
        """The first press of the double-click has set the last point already."""
        self.finish()

    def finish(self) -> bool:
        if not self._points:
            return False
        line = np.array(self._points, np.float64)
        self.cancel()
        keep = np.append(True, np.any(np.abs(np.diff(line, axis=0)) > 1e-6, axis=1))
        if keep.sum() < 2:
            self.surface.say("A cut needs two points")
        else:
            self.surface.say(self._verbs.slice(line[keep]))
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

    def hint(self) -> str:
        if self._points:
            return "Enter or double-click cuts · Backspace takes a point back · Esc drops"
        return "Drag a line across shapes, or click its points · Space + drag pans"

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
        painter.setPen(cosmetic(QColor("white"), width=2, dashes=[6.0, 3.0]))
        painter.drawPolyline(line)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _is_far(self, pointer: Pointer) -> bool:
        x, y = self._points[0]
        return max(abs(pointer.x - x), abs(pointer.y - y)) * self.surface.scale >= CLICK
