"""The canvas: tiles below, shapes above, and one tool that gets the pointer in image pixels."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.label import canvas_keys
from cvstudio.gui.label.camera import Camera
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.mask_picture import MaskPictures
from cvstudio.gui.label.overlay import Layer
from cvstudio.gui.label.reading_notice import ReadingNotice
from cvstudio.gui.label.selection_item import SelectionItem
from cvstudio.gui.label.shapes_item import ShapesItem
from cvstudio.gui.label.tile_painter import TilePainter
from cvstudio.gui.label.tools.base import Pointer, Tool
from cvstudio.gui.label.tools.pan import PanTool
from cvstudio.gui.label.unfinished import Unfinished
from cvstudio.imaging.regions.view import Sight

STILL_READING = "The image is still being read"
_REST = 90  # ms without another step of the wheel


class Canvas(QGraphicsView):
    """Shows a Document's image and shapes. It forwards events and owns no mode but panning."""

    pointed = Signal(object)
    """The pointer in pixels of the image as (x, y), or None when it left."""
    zoomed = Signal(float)
    said = Signal(str)
    """A tool has something to say in the status bar."""
    menu_wanted = Signal(QPoint)

    def __init__(self, document: Document) -> None:
        self.document = document
        self.tiles = TilePainter()
        self._pictures = MaskPictures()
        scene = QGraphicsScene()
        super().__init__(scene)
        self._own_scene = scene  # the view does not own it
        self.shapes = ShapesItem(self._pictures)
        self.selection = SelectionItem(document, self.shapes)
        self.shapes.masks_outlined = document.task != Task.SEGMENT
        scene.addItem(self.shapes)
        scene.addItem(self.selection)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Canvas")
        self.viewport().setAccessibleName("Canvas")
        self.notice = ReadingNotice(self)
        self.layers: list[Layer] = []
        """What is painted over everything in pixels of the screen."""
        self._camera = Camera(lambda: self.viewport().size())
        self.keeps_zoom = False
        """Whether another image of the same size opens where this one was looked at."""
        self._pan = PanTool(document, self)
        self._panning = False
        self._space = False
        self._held = False
        self._last: QPointF | None = None
        self._later = QTimer(self)  # draws tiles for which the last frame had no time
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.viewport().update)
        self._rest = QTimer(self)  # draws once more, smoothly, when the zoom has come to rest
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._rested)
        self.tool: Tool = Tool(document, self)
        self.unfinished = Unfinished(document, self)
        document.leaving.connect(self.settle)
        document.image_changed.connect(self._on_image)
        document.annotations_changed.connect(self.refresh_shapes)
        document.classes_changed.connect(self.refresh_shapes)
        document.hidden_changed.connect(self.drafts_changed)
        document.selection_changed.connect(self._on_selection)
        document.hover_changed.connect(self._on_selection)

    # -- what tools may ask (see tools/base.py, Surface)

    @property
    def scale(self) -> float:  # type: ignore[override]
        """Screen pixels per pixel of the image."""
        return self._camera.scale

    @property
    def pictures(self) -> MaskPictures:
        return self._pictures

    def repaint(self, box: Box | None = None, *, margin: float = 0) -> None:  # type: ignore[override]
        """Draw a part of the image again, grown by screen pixels; all of it for None."""
        self.unfinished.note(self.tool, held=self._held)
        if box is None:
            self.viewport().update()
            return
        corner = self.to_screen(box.x, box.y)
        area = QRectF(corner.x(), corner.y(), box.w * self.scale, box.h * self.scale)
        grown = area.adjusted(-margin - 1, -margin - 1, margin + 1, margin + 1)
        self.viewport().update(grown.toAlignedRect() & self.viewport().rect())

    def drafts_changed(self) -> None:
        """The tool draws other annotations than before, or others are hidden."""
        self.unfinished.note(self.tool, held=self._held)
        self.selection.drafts = self.tool.drafts
        self.selection.away = self.tool.hides | self.document.hidden()
        self.shapes.hide_ids(self.selection.away)

    def point_with(self, cursor: Qt.CursorShape) -> None:
        """Show another cursor over the image."""
        if self.viewport().cursor().shape() != cursor:
            self.viewport().setCursor(cursor)

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by screen pixels."""
        self._camera.pan(dx, dy)
        self._apply()

    def say(self, text: str) -> None:
        """Show one sentence in the status bar."""
        self.said.emit(text)

    def sight(self) -> Sight | None:
        pyramid = self.tiles.pyramid
        if pyramid is None:
            return None
        return Sight(pyramid, self.tiles.display, pyramid.version)

    # -- waiting for the picture

    @property
    def waiting(self) -> bool:
        """Whether the picture is waited for, and it is said: no tool gets the pointer then."""
        return not self.notice.isHidden()

    @property
    def unseen(self) -> bool:
        """Whether the person waits with not even a preview: nothing can be said of the image."""
        return self.waiting and self.tiles.preview is None

    def wait(self, on: bool) -> None:
        """Say that the open image is being read, or that it need not be said any more."""
        if on == self.waiting:
            return
        if on:
            self.tool.leave()
            self.notice.begin(self.document.image)
        else:
            self.notice.end()
            self.say("")  # it is over that the tools were told to wait
        self._show_cursor()

    # -- the tool

    def set_tool(self, tool: Tool) -> bool:
        """Let another tool have the pointer. False when a draft of the old one could not be stored:
        then that one stays in hand."""
        if tool is self.tool:
            return True
        if not self.settle():
            return False
        self.tool.leave()
        self.tool = tool
        self.selection.handles = tool.name == "select"
        self.selection.turns = tool.name in ("select", "rotated box")
        self.drafts_changed()
        self._show_cursor()
        self.repaint()
        return True

    def settle(self) -> bool:
        """The person goes on: what would be a shape is kept and the rest is dropped, and both are
        told. False when a draft could not be stored: it stays, and so must the person."""
        return self.unfinished.settle(self.tool)

    # -- where the image lies

    def to_screen(self, x: float, y: float) -> QPointF:
        """A point of the image in pixels of the viewport."""
        return self._camera.to_screen(x, y)

    def to_image(self, point: QPointF) -> tuple[float, float]:
        """A point of the viewport in pixels of the image."""
        return self._camera.to_image(point)

    def visible(self) -> QRectF:
        """The part of the image's plane that the viewport shows."""
        return self._camera.visible()

    def fit(self) -> None:
        """Show the whole image."""
        if self._camera.fit():
            self._apply()

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """Set screen pixels per image pixel; the point of the viewport stays where it is."""
        self.tiles.hurried = True
        self._rest.start()
        self._camera.zoom_to(scale, at or QPointF(self.viewport().rect().center()))
        self._apply()

    def zoom_by(self, steps: float, at: QPointF | None = None) -> None:
        """Come closer or go away by steps of the wheel."""
        self.tiles.hurried = True
        self._rest.start()
        self._camera.zoom_by(steps, at or QPointF(self.viewport().rect().center()))
        self._apply()

    def _rested(self) -> None:
        self.tiles.hurried = False
        self.repaint()

    def show_box(self, box: Box) -> None:
        """Zoom to an object with what is around it: it takes about a third of the viewport."""
        self._camera.show_box(box)
        self._apply()

    def _apply(self) -> None:
        """Hand scale and corner to the view, whose scroll bars hold whole pixels."""
        width, height = self.document.size
        room, corner = self.viewport().size(), self._camera.corner
        margin = (max(room.width(), room.height()) + 64) / self.scale
        self.setSceneRect(-margin, -margin, width + 2 * margin, height + 2 * margin)
        self.setTransform(QTransform.fromScale(self.scale, self.scale))
        self.horizontalScrollBar().setValue(-int(corner.x()))
        self.verticalScrollBar().setValue(-int(corner.y()))
        self.shapes.in_view = self.visible()
        self.viewport().update()
        self.zoomed.emit(self.scale)
        if self._last is not None:  # the pointer rests, and is over another place of the image
            self.pointed.emit(self.to_image(self._last))

    def _look_again(self) -> None:
        """Another image or another room: all of it if that was to be seen, else the same place."""
        if self._camera.fits:
            self.fit()
        else:
            self._camera.move_to(self._camera.corner)
            self._apply()

    # -- painting

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        exposed = QRectF(rect)
        painter.fillRect(exposed, theme.colour("canvas"))
        if not self.tiles.paint(painter, exposed, self.scale * self.devicePixelRatioF()):
            self._later.start()

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        painter.save()
        self.tool.paint(painter, QRectF(rect))
        painter.restore()
        for layer in self.layers:
            if layer.shown:
                painter.save()
                painter.resetTransform()
                layer.paint(painter, self)
                painter.restore()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Everything is drawn again: what is drawn in screen pixels would smear otherwise."""
        super().scrollContentsBy(dx, dy)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.notice.place()
        self._look_again()

    def refresh_shapes(self) -> None:
        """Annotations or classes are other ones."""
        hidden = self.tool.hides | self.document.hidden()
        self.shapes.set_layer(self.document.layer, self.document.classes, hidden=hidden)
        self.selection.away = hidden
        self.repaint()

    def _on_image(self) -> None:
        size = self.document.size
        same_size, self._camera.size = size == self._camera.size, size
        self.tiles.show(None, size)
        self.refresh_shapes()
        if self.keeps_zoom and same_size:
            self._look_again()
        else:
            self.fit()

    def _on_selection(self) -> None:
        self.repaint()

    # -- events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._last = event.position()
        if event.button() == Qt.MouseButton.MiddleButton or (
            event.button() == Qt.MouseButton.LeftButton and self._space
        ):
            self._panning = True
            self._pan.press(self._pointer(event))
        elif event.button() == Qt.MouseButton.LeftButton and self._can_begin():
            self._held = True
            self.tool.press(self._pointer(event))
        elif (
            event.button() == Qt.MouseButton.RightButton
            and self.tool.takes_right
            and self._can_begin()
        ):
            self.tool.press_right(self._pointer(event))
            self.unfinished.note(self.tool, held=False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._space:
            self.mousePressEvent(event)
        elif self._can_begin():
            self._held = True
            self.tool.double_click(self._pointer(event))

    def _can_begin(self) -> bool:
        """Whether a gesture may begin; nobody draws on a picture that they cannot see yet."""
        if self.document.image is not None and self.waiting:
            self.say(STILL_READING)
        return self.document.image is not None and not self.waiting

    def _listens(self) -> bool:
        """Whether the tool is told where the pointer goes; a gesture under way comes to its end."""
        return self.document.image is not None and (self._held or not self.waiting)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._last = event.position()
        pointer = self._pointer(event)
        if self._panning:
            self._pan.move(pointer, held=True)
        elif self._listens():
            self.tool.move(pointer, held=self._held)
        self.pointed.emit((pointer.x, pointer.y))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._panning:
            if event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.LeftButton):
                self._panning = False
                self._pan.release(self._pointer(event))
                self._show_cursor()
        elif event.button() == Qt.MouseButton.LeftButton and self._held:
            try:
                self.tool.release(self._pointer(event))
            finally:
                self._held = False
            self.unfinished.note(self.tool, held=self._held)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        if not (self.tool.busy or self.waiting or (mouse and self.tool.takes_right)):
            self.menu_wanted.emit(event.globalPos())

    def enterEvent(self, event: QEnterEvent) -> None:
        self._show_cursor()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._last = None
        self.tool.leave()
        self.pointed.emit(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if not steps:
            steps = event.angleDelta().x() / 120  # Alt turns the wheel sideways
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if steps and not (ctrl and self.tool.wheel(steps)):
            self.zoom_by(steps, event.position())
            self._follow_pointer(event.modifiers())
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Keys that the canvas needs itself come before the shortcuts of the window."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._is_own_key(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab goes on to the next widget, unless the tool needs it itself."""
        key = Qt.Key.Key_Tab if next else Qt.Key.Key_Backtab
        return key not in self.tool.own_keys and super().focusNextPrevChild(next)

    def leave(self, *, forward: bool) -> None:
        """Give the keys to the control after or before the canvas."""
        super().focusNextPrevChild(forward)

    def _is_own_key(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        pans = event.key() == Qt.Key.Key_Space and plain
        return pans or canvas_keys.is_for(self.tool, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self._show_cursor()
        elif canvas_keys.is_for(self.tool, event):
            canvas_keys.give(self.tool, event)
        else:
            if key == Qt.Key.Key_Alt:
                self._follow_pointer(event.modifiers() | Qt.KeyboardModifier.AltModifier)
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.document.selection:
                self.say("Shift + arrows move what is selected, with Ctrl by ten pixels")
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._show_cursor()
            return
        if event.key() == Qt.Key.Key_Alt:
            self._follow_pointer(event.modifiers() & ~Qt.KeyboardModifier.AltModifier)
        event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        super().focusOutEvent(event)

    def _pointer(self, event: QMouseEvent) -> Pointer:
        return self._pointer_at(event.position(), event.modifiers())

    def _pointer_at(self, place: QPointF, keys: Qt.KeyboardModifier) -> Pointer:
        x, y = self.to_image(place)
        return Pointer(
            x,
            y,
            shift=bool(keys & Qt.KeyboardModifier.ShiftModifier),
            ctrl=bool(keys & Qt.KeyboardModifier.ControlModifier),
            alt=bool(keys & Qt.KeyboardModifier.AltModifier),
        )

    def _follow_pointer(self, keys: Qt.KeyboardModifier) -> None:
        """Tell the tool where the pointer is now, although it did not move on the screen."""
        if self._last is not None and not self._panning and self._listens():
            self.tool.move(self._pointer_at(self._last, keys), held=self._held)

    def _show_cursor(self) -> None:
        own = Qt.CursorShape.BusyCursor if self.waiting else self.tool.cursor
        self.point_with(self._pan.cursor if self._space else own)
