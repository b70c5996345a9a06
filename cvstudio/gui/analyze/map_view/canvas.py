"""The points of the map: pan, zoom, choose by lasso or rectangle, and see what is under the mouse.

Left drags choose (Shift adds, Alt takes away), the middle or right button pans, the wheel zooms. By
keys: arrows pan, + and - zoom, 0 shows all, Space chooses what lies under the cross in the middle,
Ctrl+A all, Esc nothing, Enter opens what is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from cvstudio.gui import theme
from cvstudio.gui.analyze.map_view import raster

_MARGIN = 28
_NEAR = 9  # px around the mouse in which a point is meant
_STEP = 0.15  # of the view, for an arrow key
_ZOOM = 1.25
_FURTHEST = 400.0
_DIMMED = 0.28
_LEAST_DRAG = 4
_RIMMED = 2_000  # chosen points up to which each gets a line around it


class Reach(Enum):
    """How a drag chooses."""

    LASSO = "lasso"
    RECTANGLE = "rectangle"


@dataclass(frozen=True, eq=False)
class _Layer:
    """Points (n, 2) with their colours (n,), the first ones undermost."""

    points: NDArray[np.float32]
    colours: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.points)


class MapCanvas(QWidget):
    """Points in -1 .. 1, y upwards; rows are places in the arrays that it was given."""

    chosen = Signal(object)
    """The rows that are chosen now, as an array."""
    pointed = Signal(int, object)
    """The row under the mouse, -1 for none, and where (QPoint of the widget)."""
    opened = Signal()
    """Enter, or a double click: the person wants to see what is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 200)
        self.setAccessibleName("Map of the images")
        self.setAccessibleDescription(
            "Arrow keys pan, plus and minus zoom, Space chooses the point in the middle."
        )
        self.reach = Reach.LASSO
        self.rows = np.zeros(0, np.int64)
        """The chosen ones."""
        self._points = np.zeros((0, 2), np.float32)
        self._colours = np.zeros(0, np.uint32)
        self._shown = np.zeros(0, np.bool_)
        self._order = np.zeros(0, np.int64)
        self._marked = -1
        self._centre = np.zeros(2)
        self._zoom = 1.0
        self._whole = True
        """Whether all is in view, and stays so in a window of another size."""
        self._path: list[QPointF] = []
        self._grip: QPointF | None = None
        self._hovered = -1
        self._kept: NDArray[np.uint32] | None = None
        self._drawn: tuple[_Layer, _Layer] | None = None
        theme.keeper().changed.connect(self._restyle)

    # -- what is shown

    def show_points(self, points: NDArray[np.float32]) -> None:
        """Other points (n, 2); nothing is chosen and all of them are in view."""
        self._points = points
        self._colours = np.full(len(points), 0xFF808080, np.uint32)
        self._shown = np.ones(len(points), np.bool_)
        # Whatever order the images came in, no class covers all others.
        self._order = np.random.default_rng(0).permutation(len(points))
        self._marked = self._hovered = -1
        self.rows = np.zeros(0, np.int64)
        self._changed()
        self.show_all()

    def move_points(self, points: NDArray[np.float32]) -> None:
        """The same rows elsewhere: another projection; what is chosen stays so."""
        self._points = points
        self._changed()
        self.show_all()

    def show_colours(self, colours: NDArray[np.uint32], shown: NDArray[np.bool_]) -> None:
        """A colour 0xFFRRGGBB for each row (n,), and which rows are shown."""
        self._colours, self._shown = colours, shown
        self._changed()

    def mark(self, row: int) -> None:
        """Ring a row, and bring it into view; -1 for none."""
        self._marked = row
        if row >= 0:
            place = self._places(np.array([row]))[0]
            if not self.rect().adjusted(20, 20, -20, -20).contains(QPoint(*map(int, place))):
                self._centre = self._points[row].astype(np.float64)
                self._whole = False
        self._redraw()

    def choose(self, rows: NDArray[np.int64]) -> None:
        """Choose these rows and tell so."""
        self.rows = np.unique(np.asarray(rows, np.int64))
        self._changed()
        self.chosen.emit(self.rows)

    def show_all(self) -> None:
        """Bring everything into view."""
        self._whole = True
        if len(self._points):
            low, high = self._points.min(axis=0), self._points.max(axis=0)
            self._centre = (low + high).astype(np.float64) / 2
            span = np.maximum(high - low, 1e-3)
            room = np.array([self.width(), self.height()]) - 2 * _MARGIN
            self._zoom = float(np.maximum(room, 50).min() / 2) if span.max() < 1e-2 else float(
                (np.maximum(room, 50) / span).min()
            )  # fmt: skip
        self._redraw()

    @property
    def zoom(self) -> float:
        """Pixels of one unit."""
        return self._zoom

    def place_of(self, row: int) -> QPointF:
        """Where a row is drawn, in pixels of the widget."""
        x, y = self._places(np.array([row]))[0]
        return QPointF(float(x), float(y))

    def row_at(self, place: QPointF) -> int:
        """The shown row nearest to a place of the widget, -1 where none is near."""
        if not len(self._points):
            return -1
        away = self._places(None) - np.array([place.x(), place.y()], np.float32)
        distance = np.where(self._shown, np.abs(away).max(axis=1), np.inf)
        row = int(distance.argmin())
        return row if distance[row] <= _NEAR else -1

    # -- drawing

    def _places(self, rows: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """Where rows (all: None) are drawn, (n, 2) in pixels of the widget."""
        return self._placed(self._points if rows is None else self._points[rows])

    def _placed(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        scale = np.array([self._zoom, -self._zoom], np.float32)
        middle = np.array([self.width() / 2, self.height() / 2], np.float32)
        return points * scale + (middle - self._centre.astype(np.float32) * scale)

    def _diameter(self, number: int) -> int:
        """Of one point: small where there are many, larger when few are in view."""
        return 4 if number > 20_000 else 5 if number > 4_000 else 7 if number > 500 else 9

    def _restyle(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        """Draw the points again, from another side."""
        self._kept = None
        self.update()

    def _changed(self) -> None:
        """Other points, colours or chosen ones."""
        self._drawn = None
        self._redraw()

    def picture(self) -> NDArray[np.uint32]:
        """The points as they stand, (h, w) of 0xFFRRGGBB in device pixels."""
        ratio = self.devicePixelRatioF()
        width, height = max(int(self.width() * ratio), 1), max(int(self.height() * ratio), 1)
        ground = theme.colour("canvas").rgb()
        picture = np.full((height, width), ground, np.uint32)
        front, back = self._layers()
        diameter = max(round(self._diameter(len(front) + len(back)) * ratio), 2)
        chosen = len(self.rows) > 0
        for layer in (back, front):
            places = self._placed(layer.points) * np.float32(ratio)
            colours = layer.colours
            if layer is back and chosen:
                colours = _towards(colours, ground, 1 - _DIMMED)
            rim = theme.colour("text").rgb() if layer is front and len(front) < _RIMMED else None
            size = diameter + 1 if layer is front else diameter
            raster.draw(picture, places, colours, diameter=size, rim=rim)
        return picture

    def _layers(self) -> tuple[_Layer, _Layer]:
        """What is chosen, and what lies behind it, in the order in which they are drawn."""
        if self._drawn is None:
            order = self._order[self._shown[self._order]]
            front = np.zeros(len(self._points), np.bool_)
            front[self.rows] = True
            chosen, others = order[front[order]], order[~front[order]]
            self._drawn = (
                _Layer(self._points[chosen], self._colours[chosen]),
                _Layer(self._points[others], self._colours[others]),
            )
        return self._drawn

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._kept is None:
            self._kept = self.picture()
        kept = self._kept
        image = QImage(
            kept.data, kept.shape[1], kept.shape[0], kept.strides[0], QImage.Format.Format_RGB32
        )
        image.setDevicePixelRatio(self.devicePixelRatioF())
        painter = QPainter(self)
        painter.drawImage(0, 0, image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, role in ((self._hovered, "text"), (self._marked, "focus")):
            if row >= 0:
                painter.setPen(QPen(theme.colour(role), 2))
                painter.drawEllipse(self.place_of(row), 8, 8)
        if len(self._path) > 1:
            self._paint_reach(painter)
        if self.hasFocus():
            self._paint_cross(painter)

    def _paint_reach(self, painter: QPainter) -> None:
        painter.setPen(QPen(theme.colour("focus"), 1.5, Qt.PenStyle.DashLine))
        painter.setBrush(theme.colour("focus", 0.12))
        painter.drawPolygon(QPolygonF(self._outline()))

    def _paint_cross(self, painter: QPainter) -> None:
        """Where Space chooses, and that the keys work here."""
        middle = QRectF(self.rect()).center()
        painter.setPen(QPen(theme.colour("muted"), 1))
        for dx, dy in ((6, 0), (0, 6)):
            painter.drawLine(middle - QPointF(dx, dy), middle + QPointF(dx, dy))
        painter.setPen(QPen(theme.colour("focus"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    # -- the mouse

    def _outline(self) -> list[QPointF]:
        """The corners of what is being dragged."""
        if self.reach is Reach.LASSO:
            return self._path
        box = QRectF(self._path[0], self._path[-1]).normalized()
        return [box.topLeft(), box.topRight(), box.bottomRight(), box.bottomLeft()]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._path = [event.position()]
        else:
            self._grip = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            moved = event.position() - self._grip
            self._grip = event.position()
            self.pan(-moved.x(), -moved.y())
        elif self._path:
            self._path.append(event.position())
            self.update()
        else:
            self._point_at(self.row_at(event.position()), event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            self._grip = None
            self.unsetCursor()
            return
        if not self._path:
            return
        outline = [(p.x(), p.y()) for p in self._outline()]
        span = np.ptp(np.array(outline), axis=0).max() if len(self._path) > 1 else 0
        self._path = []
        if span < _LEAST_DRAG:
            row = self.row_at(event.position())
            rows = np.array([row] if row >= 0 else [], np.int64)
        else:
            found = raster.inside(np.array(outline, np.float64), self._places(None))
            rows = np.flatnonzero(found & self._shown)
        self._take(rows, event.modifiers())

    def _take(self, rows: NDArray[np.int64], modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            rows = np.union1d(self.rows, rows)
        elif modifiers & Qt.KeyboardModifier.AltModifier:
            rows = np.setdiff1d(self.rows, rows)
        self.choose(rows)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._path = []
        row = self.row_at(event.position())
        if row >= 0:
            self.choose(np.array([row]))
            self.opened.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turns = event.angleDelta().y() / 120
        if turns:
            self.zoom_at(_ZOOM**turns, event.position())
        event.accept()

    def leaveEvent(self, event: object) -> None:
        self._point_at(-1, QPoint())

    def _point_at(self, row: int, place: QPoint) -> None:
        if row != self._hovered:
            self._hovered = row
            self.update()
            self.pointed.emit(row, place)

    # -- the view

    def pan(self, dx: float, dy: float) -> None:
        """Move the view over the points, in pixels."""
        self._centre += np.array([dx, -dy]) / self._zoom
        self._whole = False
        self._redraw()

    def zoom_at(self, factor: float, place: QPointF | None = None) -> None:
        """Zoom about a place of the widget, the middle if none is given."""
        at = place if place is not None else QRectF(self.rect()).center()
        room = max(min(self.width(), self.height()), 1) / 2
        zoom = float(np.clip(self._zoom * factor, room / 4, room * _FURTHEST))
        offset = np.array([at.x() - self.width() / 2, self.height() / 2 - at.y()])
        self._centre += offset / self._zoom - offset / zoom
        self._zoom = zoom
        self._whole = False
        self._redraw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._whole:
            self.show_all()
            return
        old = max(min(event.oldSize().width(), event.oldSize().height()), 1)
        self._zoom *= max(min(self.width(), self.height()), 1) / old
        self._redraw()

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        step = _STEP * min(self.width(), self.height())
        moves = {
            Qt.Key.Key_Left: (-step, 0), Qt.Key.Key_Right: (step, 0),
            Qt.Key.Key_Up: (0, -step), Qt.Key.Key_Down: (0, step),
        }  # fmt: skip
        if key in moves:
            self.pan(*moves[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom_at(1 / _ZOOM if key == Qt.Key.Key_Minus else _ZOOM)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.show_all()
        elif key == Qt.Key.Key_Space:
            row = self.row_at(QRectF(self.rect()).center())
            self._take(np.array([row] if row >= 0 else [], np.int64), event.modifiers())
        elif key == Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.choose(np.flatnonzero(self._shown))
        elif key == Qt.Key.Key_Escape and (len(self.rows) or self._path):
            self._path = []
            self.choose(np.zeros(0, np.int64))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and len(self.rows):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: object) -> None:
        self.update()

    def focusOutEvent(self, event: object) -> None:
        self.update()


def _towards(colours: NDArray[np.uint32], ground: int, share: float) -> NDArray[np.uint32]:
    """Colours (n,) of 0xFFRRGGBB mixed with one other, `share` of it."""
    mixed = np.full(colours.shape, 0xFF000000, np.uint32)
    for shift in (0, 8, 16):
        own, other = (colours >> shift) & 0xFF, (ground >> shift) & 0xFF
        value = own * (1 - share) + other * share
        mixed |= value.astype(np.uint32) << np.uint32(shift)
    return mixed
