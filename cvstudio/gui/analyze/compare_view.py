"""Pictures of one image side by side: zoom and pan go together, and a frame says where to look.

The wheel zooms at the pointer, dragging moves, a double click shows everything again, and a click
tells where it was (`pressed`). Where `draws_regions`, dragging with Shift draws a rectangle.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent

from cvstudio.core.geometry import Box
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.overlay import paint_tags

_MOST_ZOOM = 40.0
_CLICK_REACH = 5
"""A press that moved no further than this, in screen pixels, is a click."""


class CompareView(ImageView):
    """An ImageView that can be zoomed; `moved` gives the part that is shown, in image pixels."""

    moved = Signal(QRectF)
    drawn = Signal(object)
    """A Box that was drawn with Shift, in image pixels."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMinimumSize(120, 120)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._region = QRectF()
        self._frame: Box | None = None
        self._grabbed: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self.draws_regions = False
        self._corner: QPointF | None = None
        self._draft: QRectF | None = None

    def show_frame(self, box: Box | None) -> None:
        """Show where to look."""
        self._frame = box
        self.update()

    def show_region(self, region: QRectF) -> None:
        """Show a part of the image without telling; an empty one is the whole image."""
        if region != self._region:
            self._region = QRectF(region)
            self.update()

    @property
    def _whole(self) -> QRectF:
        return QRectF(QPointF(0, 0), self._size)

    def _go(self, region: QRectF) -> None:
        self.show_region(region)
        self.moved.emit(region)

    def _target(self) -> QRectF:
        if self._size.isEmpty() or self._region.isEmpty():
            return super()._target()
        scale = min(self.width() / self._region.width(), self.height() / self._region.height())
        corner = QPointF(self.rect().center()) - self._region.center() * scale
        return QRectF(corner, self._size * scale)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._image is None or self._words:
            return
        if self._draft is not None:
            self._paint_dashes(self._draft)
        elif self._frame is not None:
            target, box = self._target(), self._frame
            scale = target.width() / self._size.width()
            self._paint_dashes(
                QRectF(
                    round(target.x() + box.x * scale) - 3, round(target.y() + box.y * scale) - 3,
                    round(box.w * scale) + 6, round(box.h * scale) + 6,
                )
            )  # fmt: skip

    def _paint_dashes(self, area: QRectF) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(QColor(0, 0, 0, 140), 1))
        painter.drawRect(area)
        pen = QPen(QColor("#FFFFFF"), 1)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.drawRect(area)
        paint_tags(painter, self._target(), self._size, self._items)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._size.isEmpty():
            return
        whole = self._whole
        region = whole if self._region.isEmpty() else self._region
        at = self.to_image(event.position())
        factor = 1.2 ** (-event.angleDelta().y() / 120)
        width = min(max(region.width() * factor, whole.width() / _MOST_ZOOM), whole.width())
        factor = width / region.width()
        wanted = QRectF(
            at.x() - (at.x() - region.x()) * factor, at.y() - (at.y() - region.y()) * factor,
            region.width() * factor, region.height() * factor,
        )  # fmt: skip
        self._go(_inside(wanted, whole))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = event.position()
            if self.draws_regions and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._corner = event.position()
                return
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._grabbed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._corner is not None:
            self._draft = QRectF(self._corner, event.position()).normalized()
            self.update()
            return
        if self._grabbed is None or self._region.isEmpty():
            return
        step = self.to_image(self._grabbed) - self.to_image(event.position())
        self._grabbed = event.position()
        self._go(_inside(self._region.translated(step), self._whole))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        start, draft = self._pressed_at, self._draft
        self._grabbed = self._pressed_at = self._corner = self._draft = None
        if start is None or event.button() != Qt.MouseButton.LeftButton or self._image is None:
            return
        if draft is not None:
            self.update()
            corners = QRectF(self.to_image(draft.topLeft()), self.to_image(draft.bottomRight()))
            inside = corners.intersected(self._whole)
            if inside.width() >= 1 and inside.height() >= 1:
                self.drawn.emit(Box(inside.x(), inside.y(), inside.width(), inside.height()))
        elif (event.position() - start).manhattanLength() < _CLICK_REACH:
            at = self.to_image(event.position())
            self.pressed.emit(at.x(), at.y())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._go(QRectF())


def _inside(region: QRectF, whole: QRectF) -> QRectF:
    x = min(max(region.x(), 0.0), whole.width() - region.width())
    y = min(max(region.y(), 0.0), whole.height() - region.height())
    return QRectF(x, y, region.width(), region.height())


def link_views(views: Sequence[CompareView]) -> None:
    """Let several views of one image show the same part of it."""
    for view in views:
        for other in views:
            if other is not view:
                view.moved.connect(other.show_region)
