"""Select: click, rubber band, move, resize by eight handles, points and edges of polygons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.annotation import Annotation, Shape, Task, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.label import edits, hit, turning
from cvstudio.gui.label.borders import Borders
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.hit import Place
from cvstudio.gui.label.outlines import rect_of
from cvstudio.gui.label.pens import cosmetic
from cvstudio.gui.label.tools.base import CLICK, REACH, Pointer, Surface, Tool
from cvstudio.gui.label.tools.point_hand import PointHand
from cvstudio.gui.label.tools.polygon_hand import PolygonHand, Taken, paint_edge
from cvstudio.gui.label.turning import Grip

_CURSORS = {
    "nw": Qt.CursorShape.SizeFDiagCursor,
    "se": Qt.CursorShape.SizeFDiagCursor,
    "ne": Qt.CursorShape.SizeBDiagCursor,
    "sw": Qt.CursorShape.SizeBDiagCursor,
    "n": Qt.CursorShape.SizeVerCursor,
    "s": Qt.CursorShape.SizeVerCursor,
    "e": Qt.CursorShape.SizeHorCursor,
    "w": Qt.CursorShape.SizeHorCursor,
}


@dataclass(frozen=True)
class _Moving:
    """Selected annotations follow the pointer."""

    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class _Resizing:
    """A handle of the selected annotation follows the pointer."""

    annotation: Annotation
    handle: str
    off: tuple[float, float] = (0.0, 0.0)
    """From where it was taken to the side or corner that it stands for."""


@dataclass(frozen=True)
class _Keypoint:
    """A point of the selected keypoints follows the pointer."""

    annotation: Annotation
    shape: Keypoints
    place: int


@dataclass(frozen=True)
class _Band:
    """A rubber band; `kept` stays selected."""

    kept: frozenset[int]


_Gesture = _Moving | _Resizing | _Keypoint | _Band | Taken | Grip


class SelectTool(Tool):
    """The tool that changes what is there."""

    name = "select"
    cursor = Qt.CursorShape.ArrowCursor

    def __init__(self, document: Document, surface: Surface, borders: Borders) -> None:
        super().__init__(document, surface)
        self._start: Pointer | None = None
        self._gesture: _Gesture | None = None
        self._dragging = False
        self._band: Box | None = None
        self._turned: tuple[RotatedBox, float, float] | None = None
        """What is being turned or resized on its own axes, and where the pointer is."""
        self._last_click: tuple[float, float] | None = None
        self._point_gone = False
        self._clicked_edge: Taken | None = None
        """What the last press took, where that was an edge; a second one adds a point to it."""
        self._pointer: Pointer | None = None
        """Where the pointer is, while no button is down."""
        self._edge: Taken | None = None
        """The edge under the pointer, that a drag would move."""
        self._points = PointHand(self)
        self._hand = PolygonHand(document, borders)

    @property
    def busy(self) -> bool:
        return self._gesture is not None and self._dragging

    @property
    def nudges(self) -> bool:
        return bool(self.document.selection)

    @property
    def own_keys(self) -> frozenset[Qt.Key]:
        """Keys for single points, while keypoints are selected."""
        return frozenset() if self.busy else self._points.keys(self._pointer)

    def own_key(self, key: Qt.Key) -> None:
        self._points.key(key, self._pointer)

    @property
    def reach(self) -> float:
        """How near counts, in pixels of the image."""
        return REACH / self.surface.scale

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        self._start, self._dragging = pointer, False
        self._gesture = self._grip(pointer)
        self._clicked_edge = _edge_of(self._gesture)
        if self._gesture is not None or self._point_gone:
            return
        under = self._under(pointer)
        if not under:
            kept = self.document.selection if pointer.shift or pointer.ctrl else frozenset()
            self._gesture = _Band(frozenset(kept))
            return
        if not (pointer.shift or pointer.ctrl or pointer.alt):
            if not self.document.selection.intersection(under):
                self.document.select([under[0]])
            movable = (a for a in self.document.selected() if not a.locked)
            chosen = tuple(a for a in movable if a.shape is not None)
            self._gesture = _Moving(chosen) if chosen else None

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if self._start is None or not held:
            self._hover(pointer)
            return
        dx, dy = pointer.x - self._start.x, pointer.y - self._start.y
        if not self._dragging:
            if max(abs(dx), abs(dy)) * self.surface.scale < CLICK or self._gesture is None:
                return
            self._dragging = True
        self._drag(pointer, dx, dy)

    def release(self, pointer: Pointer) -> None:
        start, gesture, dragged = self._start, self._gesture, self._dragging
        drafts = self.drafts
        self._start, self._gesture, self._dragging = None, None, False
        if self._point_gone:
            self._point_gone = False
        elif isinstance(gesture, _Keypoint) and not dragged:
            self._points.take(gesture.place)
        elif start is not None and not dragged and not drafts:
            self._click(start)
        elif isinstance(gesture, _Band):
            self._take_band(gesture)
        elif drafts:
            self.drafts = {}
            self.document.reshape(drafts, label=_label(gesture, len(drafts)))
            self.surface.drafts_changed()
        self._band = self._turned = None
        self.surface.repaint()

    def double_click(self, pointer: Pointer) -> None:
        """A new point on an edge of the selected polygon; elsewhere it is a click as well."""
        edge = self._clicked_edge
        self.press(pointer)
        if edge is None or self.document.get(edge.annotation.id) is not edge.annotation:
            return
        # The first click may have taken a smaller shape that lies there.
        self.document.select([edge.annotation.id])
        place = self.on_image(pointer.x, pointer.y)
        self._gesture = self._hand.new_point(edge, *place)
        self._draft(self._gesture.moved(self._gesture.ends))

    def cancel(self) -> bool:
        had = self.busy
        self._start, self._gesture, self._dragging, self._band = None, None, False, None
        super().cancel()
        put_down = not had and self._points.put_down()
        self.surface.repaint()
        return had or put_down

    def leave(self) -> None:
        self._pointer = self._edge = None
        self.document.hover(None)
        self.surface.repaint()

    def nudge(self, dx: float, dy: float) -> None:
        if self._points.nudge(dx, dy):
            return
        shapes = {a.id: a.shape for a in self.document.selected() if a.shape is not None}
        if not shapes:
            return
        step_x, step_y = self._inside(shapes, dx, dy)
        if step_x or step_y:
            moved = {id: edits.moved(shape, step_x, step_y) for id, shape in shapes.items()}
            self.document.reshape(moved, label=_label(None, len(moved)), by_key=True)

    def first_under(self, x: float, y: float) -> int | None:
        """The annotation that a click there would select first; else a locked one."""
        place = Pointer(x, y)
        under = self._under(place) or self._under(place, away=self.document.hidden())
        return under[0] if under else None

    # -- parts of it

    def _grip(self, pointer: Pointer) -> _Gesture | None:
        """A point, a handle or an edge of the one selected annotation under the pointer."""
        annotation = self.selected()
        if annotation is None or annotation.shape is None or pointer.ctrl or annotation.locked:
            return None
        shape, x, y = annotation.shape, pointer.x, pointer.y
        if isinstance(shape, RotatedBox):  # with Shift as well, which turns by steps
            scale = self.surface.scale
            return turning.grip(annotation, x, y, reach=self.reach, scale=scale)
        if pointer.shift:
            return None
        if isinstance(shape, Polygon):
            place = hit.vertex_at(shape, x, y, reach=self.reach)
            if place is not None and pointer.alt:
                self._remove_point(annotation, shape, place)
                return None
            if place is not None:
                return self._hand.point(annotation, shape, place)
        if isinstance(shape, Keypoints):
            found = hit.keypoint_at(shape, x, y, reach=self.reach)
            if found is not None and pointer.alt:
                self._point_gone = True
                self._points.toggle(found)
                return None
            if found is not None:
                return _Keypoint(annotation, shape, found)
        if pointer.alt:
            return None
        if isinstance(shape, Polygon):
            edge = self._hand.edge(annotation, shape, x, y, reach=self.reach)
            if edge is not None:
                return edge
        box = hit.handle_box(shape, scale=self.surface.scale)
        handle = hit.handle_at(box, x, y, reach=self.reach)
        if handle is None:
            return None
        number = hit.HANDLES.index(handle)
        off = hit.handle_points(annotation.box)[number] - hit.handle_points(box)[number]
        return _Resizing(annotation, handle, (float(off[0]), float(off[1])))

    def _drag(self, pointer: Pointer, dx: float, dy: float) -> None:
        x, y = self.on_image(pointer.x, pointer.y)
        match self._gesture:
            case _Moving(annotations):
                shapes = {a.id: a.shape for a in annotations}
                step_x, step_y = self._inside(shapes, dx, dy)
                self._draft({i: edits.moved(s, step_x, step_y) for i, s in shapes.items()})
            case _Resizing(annotation, handle, (off_x, off_y)):
                x, y = self.on_image(pointer.x + off_x, pointer.y + off_y)
                new = edits.dragged(annotation.box, handle, x, y, square=pointer.shift)
                if new.w >= 1 and new.h >= 1:
                    self._draft({annotation.id: edits.fitted(annotation.shape, new)})
            case Grip() as grip:
                turned = grip.at(pointer.x, pointer.y, shift=pointer.shift)
                if turned is not None:
                    self._turned = (turned, pointer.x, pointer.y)
                    self._draft({grip.annotation.id: turned})
            case Taken() as taken:
                scale = 0.0 if pointer.opposite else self.surface.scale
                self._draft(self._hand.drag(taken, x, y, (dx, dy), snap_scale=scale))
            case _Keypoint(annotation, shape, number):
                known = Visibility(int(shape.points[number, 2]))
                self._draft({annotation.id: shape.with_point(number, x, y, known)})
            case _Band():
                assert self._start is not None
                self._band = Box.from_corners(self._start.x, self._start.y, pointer.x, pointer.y)
                self.surface.repaint()

    def _draft(self, shapes: dict[int, Shape]) -> None:
        if self.drafts.keys() == shapes.keys():
            self.drafts.update(shapes)  # the canvas draws from this very dict
        else:
            self.drafts = shapes
            self.surface.drafts_changed()
        self.surface.repaint()

    def _click(self, pointer: Pointer) -> None:
        """A click selects the smallest under it; clicking again, or with Alt, the next one."""
        under = self._under(pointer)
        selection = self.document.selection
        if not under:
            if not (pointer.shift or pointer.ctrl) and self._grip(pointer) is None:
                self.document.select([])
            self._last_click = None
            return
        if pointer.shift or pointer.ctrl:
            self.document.select(selection ^ {under[0]})
            return
        again = self._last_click is not None and self._is_near(self._last_click, pointer)
        if pointer.alt or (again and selection.intersection(under)):
            following = hit.next_under(under, selection)
            self.document.select([] if following is None else [following])
        else:
            self.document.select([under[0]])
        self._last_click = (pointer.x, pointer.y)

    def _take_band(self, gesture: _Band) -> None:
        if self._band is not None:
            hidden = self.document.untouchable()
            found = hit.shapes_within(self.document.layer, self._band, hidden=hidden)
            self.document.select(gesture.kept | set(found))

    def _remove_point(self, annotation: Annotation, polygon: Polygon, place: Place) -> None:
        self._point_gone = True
        left = edits.point_removed(polygon, place)
        if left is None:
            self.surface.say("A polygon keeps at least three points · {label.delete} deletes it")
        else:
            self.document.reshape({annotation.id: left}, label="Remove point")

    def _hover(self, pointer: Pointer) -> None:
        self._pointer = pointer
        under = self._under(pointer)
        self.document.hover(under[0] if under else None)
        grip = self._grip_under(pointer)
        if (edge := _edge_of(grip)) != self._edge:
            self._edge = edge
            self.surface.repaint()
        match grip:
            case _Resizing(_, handle):
                self.surface.point_with(_CURSORS[handle])
            case Grip() as grip:
                self.surface.point_with(grip.cursor)
            case Taken(what="edge"):
                self.surface.point_with(Qt.CursorShape.PointingHandCursor)
            case Taken() | _Keypoint():
                self.surface.point_with(Qt.CursorShape.CrossCursor)
            case _:
                over = self.document.selection.intersection(under)
                shape = Qt.CursorShape.SizeAllCursor if over else Qt.CursorShape.ArrowCursor
                self.surface.point_with(shape)

    def _grip_under(self, pointer: Pointer) -> _Gesture | None:
        """As _grip, without doing anything to a point that Alt would remove."""
        plain = Pointer(pointer.x, pointer.y)
        return self._grip(plain)

    def _grips(self, edge: Taken) -> bool:
        """Whether an edge is still one of the selected shape."""
        return self.selected() is edge.annotation

    def _under(self, pointer: Pointer, away: frozenset[int] | None = None) -> list[int]:
        """What a click meets, the smallest first; `away` is met by none."""
        return hit.shapes_at(
            self.document.layer,
            pointer.x,
            pointer.y,
            reach=self.reach / 2,
            hidden=self.document.untouchable() if away is None else away,
            patch_of=self.surface.pictures.patch,
        )

    def _inside(self, shapes: Mapping[int, Shape], dx: float, dy: float) -> tuple[float, float]:
        """A step that keeps all of the shapes on the image."""
        boxes = [box_of(shape) for shape in shapes.values()]
        around = Box.from_corners(
            min(b.x for b in boxes),
            min(b.y for b in boxes),
            max(b.right for b in boxes),
            max(b.bottom for b in boxes),
        )
        width, height = self.document.size
        return edits.step_inside(around, dx, dy, width=width, height=height)

    def _is_near(self, place: tuple[float, float], pointer: Pointer) -> bool:
        away = max(abs(place[0] - pointer.x), abs(place[1] - pointer.y))
        return away * self.surface.scale < CLICK

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if self._turned is not None and self.drafts:
            turning.paint_numbers(painter, *self._turned)
        self._points.paint(painter, self._pointer)
        if self._edge is not None and not self._dragging and self._grips(self._edge):
            paint_edge(painter, self._edge)
        if self._band is None:
            return
        painter.setBrush(QColor(255, 255, 255, 24))
        painter.setPen(cosmetic(QColor(0, 0, 0, 160)))
        painter.drawRect(rect_of(self._band))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(cosmetic(QColor("white"), dashes=[4.0, 4.0]))
        painter.drawRect(rect_of(self._band))

    def hint(self) -> str:
        if self.document.task == Task.CLASSIFY:
            return "Press a class's key, or click the class · Space + drag pans"
        annotation = self.selected()
        if annotation is not None and annotation.locked:
            return "Locked: {label.lock} unlocks · Space + drag pans"
        if annotation is not None and isinstance(annotation.shape, Polygon):
            return "Drag a point or an edge · double-click adds a point · Alt + click removes one"
        if annotation is not None and isinstance(annotation.shape, Keypoints):
            return "Drag a point, or Tab to it · C or Alt + click: hidden · X: away, or back here"
        if annotation is not None and isinstance(annotation.shape, RotatedBox):
            return "The round handle turns, with Shift by 15° · Alt + Left or Right turns by 1°"
        if annotation is not None:
            return "Drag or Shift + arrows move, handles resize · click again for the one below"
        return "Click or drag a band to select · Space + drag pans"


def _edge_of(gesture: _Gesture | None) -> Taken | None:
    return gesture if isinstance(gesture, Taken) and gesture.what == "edge" else None


def _label(gesture: _Gesture | None, count: int) -> str:
    match gesture:
        case Grip():
            return gesture.label
        case _Resizing():
            return "Resize annotation"
        case Taken():
            return gesture.label
        case _Keypoint():
            return "Move point"
        case _:
            return "Move annotation" if count == 1 else f"Move {count} annotations"
