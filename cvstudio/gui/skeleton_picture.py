"""A skeleton as a picture: points are placed, dragged, named, joined and deleted by hand.

picture = SkeletonPicture(); picture.show_skeleton(skeleton, "#F73C62")
picture.changed.connect(f)        # a hand has changed it
picture.skeleton                  # every point has a place in its layout
"""

from __future__ import annotations

import math
from enum import Enum

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QWidget

from cvstudio.core import skeleton_edits
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.skeleton_template import laid_out
from cvstudio.core.words import counted
from cvstudio.gui import theme

_INSET = 28.0  # px between the border and the template, so that names have room
_RADIUS, _REACH = 6.0, 10.0  # px
_CLICK = 4.0  # px up to which a press and a release are a click
_STEP, _LEAP = 0.01, 0.05  # of the template's side, for arrows
_NAME_HEIGHT = 18.0
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}  # fmt: skip


class _Gesture(Enum):
    """What the left button does while it is down."""

    MOVE = "move"
    JOIN = "join"


class SkeletonPicture(QWidget):
    """The picture. `joining`: clicks join points; else they place and move them, and Shift joins.

    A step by hand can be undone here with Ctrl+Z, and done again with Ctrl+Shift+Z.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.skeleton = Skeleton(())
        self.joining = False
        self.point: int | None = None
        """The selected point."""
        self.edge: tuple[int, int] | None = None
        """The selected edge."""
        self._colour = QColor("white")
        self._gesture: _Gesture | None = None
        self._begun: Skeleton | None = None  # as it was when the button went down
        self._start: int | None = None  # of the edge to be
        self._pressed = QPointF()
        self._pointer: QPointF | None = None
        self._over: int | None = None
        self._past: list[Skeleton] = []
        self._undone: list[Skeleton] = []
        self.name = QLineEdit(self)
        """The name of the selected point while it is written."""
        self.name.setAccessibleName("Name of the point")
        self.name.hide()
        self.name.editingFinished.connect(self._rename)
        self.name.installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture of the skeleton")
        self._describe()

    def sizeHint(self) -> QSize:
        return QSize(400, 320)

    def minimumSizeHint(self) -> QSize:
        return QSize(280, 280)

    # -- what is shown

    def show_skeleton(self, skeleton: Skeleton, colour: str | None = None) -> None:
        """Show a skeleton, which is no step by hand."""
        if colour is not None:
            self._colour = QColor(colour)
        self.skeleton = laid_out(skeleton)
        self._choose(None)
        self._drop()

    def take(self, skeleton: Skeleton) -> None:
        """Show a skeleton that a person asked for: a step that can be undone."""
        self._step(laid_out(skeleton))
        self._choose(None)

    def join_points(self, joining: bool) -> None:
        """Whether clicks join points, or place and move them."""
        self.joining = joining
        self._drop()

    def place_of(self, point: int) -> QPointF:
        """Where a point is drawn, in pixels of this widget."""
        return self.at(*self.skeleton.layout[point])

    def at(self, x: float, y: float) -> QPointF:
        """Where a place of the template is, 0 to 1, in pixels of this widget."""
        area = self._area()
        return QPointF(area.x() + x * area.width(), area.y() + y * area.height())

    def _area(self) -> QRectF:
        """The template: the largest square in the middle."""
        side = max(1.0, min(self.width(), self.height()) - 2 * _INSET)
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _share(self, place: QPointF) -> tuple[float, float]:
        """A place of this widget in the template, 0 to 1 inside it."""
        area = self._area()
        x, y = place.x() - area.x(), place.y() - area.y()
        return x / area.width(), y / area.height()

    def _describe(self) -> None:
        names = self.skeleton.names
        if self.point is not None:
            words = f"Point {self.point + 1} of {len(names)}: {names[self.point]}"
        elif self.edge is not None:
            a, b = self.edge
            words = f"Edge from {names[a]} to {names[b]}"
        else:
            words = (
                f"{counted(len(names), 'point')} and {counted(len(self.skeleton.edges), 'edge')}"
            )
        self.setAccessibleDescription(words)

    # -- steps

    def _step(self, made: Skeleton, *, before: Skeleton | None = None) -> None:
        """Go on to another skeleton; `before` where a drag has shown steps in between."""
        old = self.skeleton if before is None else before
        if made == old:
            return
        self._past.append(old)
        self._undone.clear()
        self._become(made)

    def _become(self, made: Skeleton) -> None:
        self.skeleton = made
        if self.point is not None and self.point >= len(made.names):
            self.point = None
        if self.edge is not None and self.edge not in made.edges:
            self.edge = None
        self._over = self._start = None
        self._describe()
        self.update()
        self.changed.emit()

    def undo(self) -> None:
        """Take the last step by hand back."""
        if self._past:
            self._undone.append(self.skeleton)
            self._become(self._past.pop())

    def redo(self) -> None:
        """Do the step again that was taken back."""
        if self._undone:
            self._past.append(self.skeleton)
            self._become(self._undone.pop())

    def delete(self) -> bool:
        """Delete the selected point or edge; False without one."""
        if self.point is not None:
            gone, self.point = self.point, None
            self._step(skeleton_edits.without_point(self.skeleton, gone))
        elif self.edge is not None:
            self._step(skeleton_edits.parted(self.skeleton, self.edge))
        else:
            return False
        return True

    def _choose(self, point: int | None, edge: tuple[int, int] | None = None) -> None:
        self.point, self.edge = point, edge
        self._describe()
        self.update()

    def _drop(self) -> bool:
        """Forget what was begun; False when nothing was."""
        had = self._start is not None or self._gesture is not None
        if self._gesture is _Gesture.MOVE and self._begun is not None:
            self.skeleton = self._begun
        self._start = self._gesture = self._begun = None
        self.update()
        return had

    # -- the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        place = self._pressed = self._pointer = event.position()
        under = self._point_at(place)
        if self.joining or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._press_to_join(under, place)
        elif under is not None:
            self._gesture, self._begun = _Gesture.MOVE, self.skeleton
            self._choose(under)
        elif (edge := self._edge_at(place)) is not None:
            self._choose(None, edge)
        else:
            self._step(skeleton_edits.with_point(self.skeleton, *self._share(place)))
            self._gesture, self._begun = _Gesture.MOVE, self.skeleton
            self._choose(len(self.skeleton.names) - 1)
        self.update()

    def _press_to_join(self, under: int | None, place: QPointF) -> None:
        if under is None:
            self._start = None
            self._choose(None, self._edge_at(place))
            return
        if self._start is None:
            self._start = under
        self._gesture = _Gesture.JOIN
        self._choose(under)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self._pointer = event.position()
        self._over = self._point_at(place)
        if self._gesture is _Gesture.MOVE and self.point is not None and self._far(place):
            x, y = self._share(place)
            self.skeleton = skeleton_edits.with_point_at(self.skeleton, self.point, x, y)
        self._show_cursor()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, begun = self._gesture, self._begun
        self._gesture = self._begun = None
        place = event.position()
        if gesture is _Gesture.MOVE and begun is not None:
            self._step(self.skeleton, before=begun)
        elif gesture is _Gesture.JOIN and self._start is not None:
            under = self._point_at(place)
            if under is not None and under != self._start:
                self._join(self._start, under)
            elif self._far(place):
                self._start = None  # a line that was drawn to nowhere
        self._show_cursor()
        self.update()

    def _join(self, a: int, b: int) -> None:
        self._start = None
        self._step(skeleton_edits.joined(self.skeleton, a, b))
        edges = self.skeleton.edges
        self._choose(None, (a, b) if (a, b) in edges else (b, a))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        under = self._point_at(event.position())
        if under is None or self.joining:
            self.mousePressEvent(event)
        else:
            self._choose(under)
            self.write_name()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = self._over = None
        self.update()
        super().leaveEvent(event)

    def _far(self, place: QPointF) -> bool:
        return QLineF(self._pressed, place).length() >= _CLICK

    def _point_at(self, place: QPointF) -> int | None:
        """The nearest point within reach."""
        away = [QLineF(self.place_of(n), place).length() for n in range(len(self.skeleton.names))]
        nearest = min(range(len(away)), key=away.__getitem__, default=None)
        return nearest if nearest is not None and away[nearest] <= _REACH else None

    def _edge_at(self, place: QPointF) -> tuple[int, int] | None:
        """The nearest edge within reach."""
        best, found = _REACH * 0.7, None
        for a, b in self.skeleton.edges:
            away = _distance(place, self.place_of(a), self.place_of(b))
            if away <= best:
                best, found = away, (a, b)
        return found

    def _show_cursor(self) -> None:
        if self._gesture is _Gesture.MOVE:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._over is not None:
            hand = Qt.CursorShape.PointingHandCursor if self.joining else None
            self.setCursor(hand or Qt.CursorShape.OpenHandCursor)
        else:
            cross = Qt.CursorShape.ArrowCursor if self.joining else Qt.CursorShape.CrossCursor
            self.setCursor(cross)

    # -- the keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.modifiers()
        ctrl = bool(held & Qt.KeyboardModifier.ControlModifier)
        shift = bool(held & Qt.KeyboardModifier.ShiftModifier)
        text = event.text()
        if key == Qt.Key.Key_Z and ctrl:
            self.redo() if shift else self.undo()
        elif key in _ARROWS and self.point is not None:
            self._nudge(*_ARROWS[Qt.Key(key)], _LEAP if shift else _STEP)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp) and self.skeleton.names:
            self._walk(1 if key == Qt.Key.Key_PageDown else -1)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.delete():
            return
        elif key == Qt.Key.Key_F2 and self.point is not None:
            self.write_name()
        elif key == Qt.Key.Key_Escape and self._drop():
            return
        elif text.strip() and text.isprintable() and not ctrl and self.point is not None:
            self.write_name(text)
        else:
            super().keyPressEvent(event)

    def _nudge(self, dx: int, dy: int, step: float) -> None:
        assert self.point is not None
        x, y = self.skeleton.layout[self.point]
        x, y = x + dx * step, y + dy * step
        self._step(skeleton_edits.with_point_at(self.skeleton, self.point, x, y))

    def _walk(self, step: int) -> None:
        count = len(self.skeleton.names)
        here = self.point if self.point is not None else (-1 if step > 0 else 0)
        self._choose((here + step) % count)

    def write_name(self, text: str = "") -> None:
        """Let the person write the selected point's name: over the old one, or from this text."""
        if self.point is None:
            return
        place = self.place_of(self.point)
        width, height = 140, self.name.sizeHint().height()
        x = min(max(place.x() + _RADIUS + 4, 0), self.width() - width)
        y = min(max(place.y() - height / 2, 0), self.height() - height)
        self.name.setGeometry(round(x), round(y), width, height)
        self.name.setText(text or self.skeleton.names[self.point])
        if not text:
            self.name.selectAll()
        self.name.show()
        self.name.setFocus()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Enter and Esc end the writing of a name, and are not the dialog's."""
        if watched is self.name and isinstance(event, QKeyEvent):
            ends = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
            if ends and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if ends and event.type() == QEvent.Type.KeyPress:
                if event.key() == Qt.Key.Key_Escape and self.point is not None:
                    self.name.setText(self.skeleton.names[self.point])
                self._rename()
                self.setFocus()
                return True
        return super().eventFilter(self.name, event)

    def _rename(self) -> None:
        if self.name.isHidden():
            return
        text = self.name.text().strip()
        self.name.hide()
        if text and self.point is not None:
            self._step(skeleton_edits.renamed(self.skeleton, self.point, text))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        role, width = ("focus", 2) if self.hasFocus() else ("borderControl", 1)
        painter.setPen(QPen(theme.colour(role), width))
        painter.setBrush(theme.colour("canvas"))
        inset = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 4, 4)
        if not self.skeleton.names:
            painter.setPen(theme.colour("muted"))
            painter.setFont(theme.font("body"))
            words = "Click where the first point lies"
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            return
        self._paint_edges(painter)
        self._paint_points(painter)
        self._paint_names(painter)

    def _paint_edges(self, painter: QPainter) -> None:
        for edge in self.skeleton.edges:
            chosen = edge == self.edge
            line = QLineF(self.place_of(edge[0]), self.place_of(edge[1]))
            if chosen:
                painter.setPen(QPen(theme.colour("text"), 6))
                painter.drawLine(line)
            painter.setPen(QPen(self._colour, 3 if chosen else 2))
            painter.drawLine(line)
        if self._start is not None and self._pointer is not None:
            end = self._pointer if self._over is None else self.place_of(self._over)
            pen = QPen(theme.colour("text"), 2)
            pen.setDashPattern([3, 3])
            painter.setPen(pen)
            painter.drawLine(QLineF(self.place_of(self._start), end))

    def _paint_points(self, painter: QPainter) -> None:
        for point in range(len(self.skeleton.names)):
            near = point in (self._over, self._start)
            radius = _RADIUS + (1.5 if near else 0)
            painter.setPen(QPen(theme.colour("canvas"), 1))
            painter.setBrush(self._colour)
            painter.drawEllipse(self.place_of(point), radius, radius)
            if point == self.point:
                painter.setPen(QPen(theme.colour("text"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(self.place_of(point), radius + 3, radius + 3)

    def _paint_names(self, painter: QPainter) -> None:
        """Names where there is room beside their points; of the one in hand in any case."""
        painter.setFont(theme.font("small"))
        metrics = QFontMetricsF(painter.font())
        names = self.skeleton.names
        taken = [_square(self.place_of(n), _RADIUS) for n in range(len(names))]
        first = [n for n in (self.point, self._over, self._start) if n is not None]
        for point in dict.fromkeys([*first, *range(len(names))]):
            text = f"{point + 1}  {names[point]}"
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, 150)
            size = QSize(math.ceil(metrics.horizontalAdvance(text)) + 8, round(_NAME_HEIGHT))
            spots = self._spots(self.place_of(point), size)
            free = [s for s in spots if not any(s.intersects(t) for t in taken)]
            if not free and point not in first:
                continue
            spot = (free or spots)[0]
            taken.append(spot)
            painter.setPen(Qt.PenStyle.NoPen)
            ground = theme.colour("selection" if point == self.point else "canvas", 0.85)
            painter.setBrush(ground)
            painter.drawRoundedRect(spot, 3, 3)
            painter.setPen(theme.colour("text"))
            painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, text)

    def _spots(self, place: QPointF, size: QSize) -> list[QRectF]:
        """Where a name could stand: outside of its point, inside, below, above, in the corners; all
        of it in the picture."""
        w, h, away = size.width(), size.height(), _RADIUS + 3
        right, left = place.x() + away, place.x() - away - w
        outer, inner = (left, right) if place.x() < self.width() / 2 - 1 else (right, left)
        corners = (
            (outer, place.y() - h / 2), (inner, place.y() - h / 2),
            (place.x() - w / 2, place.y() + away), (place.x() - w / 2, place.y() - away - h),
            (outer, place.y() + 2), (outer, place.y() - h - 2),
            (inner, place.y() + 2), (inner, place.y() - h - 2),
        )  # fmt: skip
        room = QRectF(self.rect()).adjusted(3, 3, -3, -3)
        whole = [QRectF(x, y, w, h) for x, y in corners if room.contains(QRectF(x, y, w, h))]
        return whole or [QRectF(max(room.x(), room.right() - w), corners[0][1], w, h)]


def _square(place: QPointF, half: float) -> QRectF:
    return QRectF(place.x() - half, place.y() - half, 2 * half, 2 * half)


def _distance(place: QPointF, a: QPointF, b: QPointF) -> float:
    """How far a place is from a line between two others."""
    along, to = b - a, place - a
    length = QPointF.dotProduct(along, along)
    share = min(max(QPointF.dotProduct(along, to) / length, 0.0), 1.0) if length else 0.0
    return QLineF(place, a + along * share).length()


def hint(joining: bool) -> str:
    """What the hand can do, for the line below the picture."""
    if joining:
        return "Drag from one point to another, or click one and then the other · Del deletes"
    return "Click places a point, typing names it, drag moves it · Shift + drag joins · Del deletes"
