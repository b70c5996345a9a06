"""Polygon: a click a point; Enter, a double-click or the first point closes it. While a polygon is
selected, Shift at the first point draws another part of it, Alt or Ctrl a hole in it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from cvstudio.core.geometry import Points, Polygon, ring_area
from cvstudio.gui.label.borders import BorderPoint, Borders
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.pens import CASING, cosmetic, paint_set_points
from cvstudio.gui.label.tools.base import REACH, Pointer, Surface, Tool
from cvstudio.gui.label.tools.options import ToolOptions
from cvstudio.gui.label.tools.piecewise import OFFER, Onto, subject, wanted, with_hole, with_part
from cvstudio.gui.label.tools.snap_options import SnapOptions

_FEWEST = 3  # points
_DRAG_EVERY = 12.0  # screen pixels between the points that a drag leaves


class PolygonTool(Tool):
    """Draws a polygon of the current class; dragging draws it freehand."""

    name = "polygon"
    drawn = "Polygon"

    options_type = SnapOptions

    def __init__(self, document: Document, surface: Surface, borders: Borders) -> None:
        super().__init__(document, surface)
        self._borders = borders
        self._points: list[tuple[float, float]] = []
        self._snaps: list[BorderPoint | None] = []
        """Where each point lies on a neighbour's border."""
        self._snap: BorderPoint | None = None
        self._pointer: tuple[float, float] | None = None
        self._onto: Onto | None = None
        """What the outline becomes of the selected polygon; None for a polygon of its own."""

    @property
    def busy(self) -> bool:
        return bool(self._points)

    @property
    def ripe(self) -> bool:
        return len(self._points) >= _FEWEST

    @property
    def lacks(self) -> str:
        if not self.ripe:
            return "it needs three points"
        hole = self._onto is not None and self._onto.how == "hole"
        return "it is no hole of the selected shape" if hole else "it encloses nothing"

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The points of the draft."""
        return tuple(self._points)

    def press(self, pointer: Pointer) -> None:
        if not self._points:
            if not self.document.ready_to_draw():
                return
            self._onto = wanted(self.document, pointer)
        if self._closes(pointer):
            self.finish()
            return
        self._aim(pointer)
        self._add_point()
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._aim(pointer)
        if not self._points:
            if self._borders.on:
                self.surface.repaint()
            return
        assert self._pointer is not None
        last = self._points[-1]
        away = np.hypot(self._pointer[0] - last[0], self._pointer[1] - last[1])
        if held and away * self.surface.scale >= _DRAG_EVERY:
            self._add_point()
        self.surface.repaint()

    def double_click(self, pointer: Pointer) -> None:
        """The first press of the double-click has set the last point already."""
        self.finish()

    def finish(self) -> bool:
        if not self._points:
            return False
        ring = np.array([*self._points, *self._way(self._snaps[-1], self._snaps[0])], np.float64)
        keep = np.any(np.abs(ring - np.roll(ring, 1, axis=0)) > 1e-6, axis=1)
        ring = ring[keep]
        if len(ring) < _FEWEST or ring_area(ring) < 1:
            self.surface.say("A polygon needs three points that are not on one line")
            return True
        if self._store(ring):
            self._points, self._snaps, self._onto = [], [], None  # not before it is stored
            self.surface.repaint()
        return True

    def _store(self, ring: Points) -> bool:
        """Keep the outline; False when that was not possible, which is said."""
        onto = self._onto
        target = None if onto is None else self.document.get(onto.id)
        if onto is None or target is None or not isinstance(target.shape, Polygon):
            return self.document.add(Polygon.simple(ring), label="Add polygon") is not None
        change = with_part if onto.how == "part" else with_hole
        shape = change(target.shape, ring)
        if shape is None:
            self.surface.say("A hole must take a part of the selected shape, and leave a part")
            return False
        self.document.select([onto.id])
        return self.document.reshape({onto.id: shape}, label=onto.label)

    def step_back(self) -> bool:
        if not self._points:
            return False
        self._points.pop()
        self._snaps.pop()
        if not self._points:
            self._onto = None
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had, self._points, self._snaps, self._onto = self.busy, [], [], None
        self.surface.repaint()
        return had

    def hint(self) -> str:
        selected = subject(self.document)
        if not self._points and selected is not None:
            name = self.document.classes[selected.class_id].name
            return f"Click the points, or drag freehand · {OFFER.format(name=name)}"
        if not self._points:
            return "Click the points, or drag freehand · Space + drag pans"
        if self._onto is not None:
            what = "part" if self._onto.how == "part" else "hole"
            return (
                f"Enter or first point closes the {what} · Backspace takes a point back · Esc drops"
            )
        return "Enter or first point closes · Backspace takes a point back · Esc drops"

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        self._paint_snap(painter)
        if not self._points:
            return
        line = QPolygonF([QPointF(x, y) for x, y in self._points])
        if self._pointer is not None:
            line.append([QPointF(x, y) for x, y in self._way(self._snaps[-1], self._snap)])
            line.append(QPointF(*self._pointer))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(cosmetic(CASING, width=4))
        painter.drawPolyline(line)
        hole = self._onto is not None and self._onto.how == "hole"
        painter.setPen(cosmetic(self.document.colour(), width=2, dashes=[2.0, 2.0] if hole else []))
        painter.drawPolyline(line)
        if self._pointer is not None and len(self._points) > 1:
            painter.setPen(cosmetic(self.document.colour(), dashes=[4.0, 4.0]))
            painter.drawLine(QLineF(QPointF(*self._pointer), QPointF(*self._points[0])))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        closes = len(self._points) >= _FEWEST
        paint_set_points(painter, self._points, self.surface.scale, closes=closes)

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, SnapOptions)
        options.show_borders(self._borders)

    def leave(self) -> None:
        self._snap = None
        self.surface.repaint()

    def _aim(self, pointer: Pointer) -> None:
        """Where the next point would lie: on a border nearby, unless Alt or Ctrl is held."""
        self._pointer = self.on_image(pointer.x, pointer.y)
        self._snap = None
        if not pointer.opposite:
            self._snap = self._borders.near(*self._pointer, scale=self.surface.scale)
        if self._snap is not None:
            self._pointer = self.on_image(self._snap.x, self._snap.y)

    def _add_point(self) -> None:
        """Set a point where the pointer is; along a shared border its points come too."""
        assert self._pointer is not None
        way = self._way(self._snaps[-1], self._snap) if self._snaps else []
        self._points += [*way, self._pointer]
        self._snaps += [*([None] * len(way)), self._snap]

    def _way(self, start: BorderPoint | None, end: BorderPoint | None) -> list[tuple[float, float]]:
        """The points of the border on which both places lie, on the way from one to the other."""
        if start is None or end is None:
            return []
        return [self.on_image(x, y) for x, y in start.way_to(end).tolist()]

    def _paint_snap(self, painter: QPainter) -> None:
        """A ring where a click would land on a border."""
        if self._snap is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius, middle = 6 / self.surface.scale, QPointF(self._snap.x, self._snap.y)
        for pen in (cosmetic(CASING, width=4), cosmetic(QColor("white"), width=2)):
            painter.setPen(pen)
            painter.drawEllipse(middle, radius, radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _closes(self, pointer: Pointer) -> bool:
        """Whether a click is on the first point of something that can be closed."""
        if len(self._points) < _FEWEST:
            return False
        x, y = self._points[0]
        reach = (REACH + 2) / self.surface.scale
        return abs(pointer.x - x) <= reach and abs(pointer.y - y) <= reach
