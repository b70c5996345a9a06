"""A small read-only image with shapes over it, for comparing: labels, predictions, heat maps.

    view = ImageView("Labels")
    view.show_image(rgb)                                  # (h, w, 3) uint8, or None
    view.show_shapes([Drawn(a.shape, colour) for a in annotations])
    view.show_frame(box)                                  # a dashed white frame: look here
    link_views([labels, prediction, heat])                # zoom and pan go together
The wheel zooms at the pointer, dragging moves, a double click shows everything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask, outline_of
from cvstudio.gui import theme

_MOST_ZOOM = 40.0
_CASING = QColor(0, 0, 0, 76)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One shape to draw: its colour, 25 % fill for masks and polygons, dashes for predictions.

    `tag` is a word in a small box of the colour at the shape's corner; `strong` draws 2 px.
    """

    shape: Shape
    colour: str
    dashed: bool = False
    tag: str = ""
    strong: bool = False


def to_image(rgb: NDArray[np.uint8]) -> QImage:
    """A QImage with its own copy of (h, w, 3) RGB pixels."""
    array = np.ascontiguousarray(rgb)
    height, width = array.shape[:2]
    return QImage(array.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def path_of(shape: Shape) -> QPainterPath:
    """The outline of a shape in image pixels; empty for an image-level annotation."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    match shape:
        case Box():
            path.addRect(QRectF(shape.x, shape.y, shape.w, shape.h))
        case Polygon() | Mask():
            polygon = outline_of(shape) if isinstance(shape, Mask) else shape
            for part in polygon.parts:
                for ring in part.rings():
                    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in ring.tolist()]))
                    path.closeSubpath()
        case None:
            pass
    return path


class ImageView(QWidget):
    """The image, fitted to the room it gets. `region_changed` gives the visible part in pixels."""

    region_changed = Signal(QRectF)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMinimumSize(120, 90)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._image: QImage | None = None
        self._shapes: list[tuple[Drawn, QPainterPath]] = []
        self._frame: Box | None = None
        self._words = ""
        self._region = QRectF()
        self._grabbed: QPointF | None = None

    # -- what it shows

    def show_image(self, rgb: NDArray[np.uint8] | QImage | None, *, words: str = "") -> None:
        """Show another image (or `words` in its place); zoom stays when the size is the same."""
        before = self._image.size() if self._image is not None else QSize()
        self._image = to_image(rgb) if isinstance(rgb, np.ndarray) else rgb
        self._words = words
        if self._image is not None and self._image.size() != before:
            self._region = QRectF(self._image.rect())
        self.update()

    def show_shapes(self, shapes: Sequence[Drawn]) -> None:
        """Show other shapes over the image."""
        self._shapes = [(drawn, path_of(drawn.shape)) for drawn in shapes]
        self.update()

    def show_frame(self, box: Box | None) -> None:
        """Show where to look."""
        self._frame = box
        self.update()

    def show_region(self, region: QRectF) -> None:
        """Show a part of the image, without telling."""
        if self._image is not None and region != self._region:
            self._region = QRectF(region)
            self.update()

    def show_all(self) -> None:
        """Show the whole image."""
        if self._image is not None:
            self._go(QRectF(self._image.rect()))

    @property
    def image(self) -> QImage | None:
        return self._image

    # -- geometry

    def _transform(self) -> QTransform:
        """From image pixels to the widget: the region fits, centred, proportions kept."""
        region = self._region
        if region.isEmpty():
            return QTransform()
        scale = min(self.width() / region.width(), self.height() / region.height())
        return QTransform(
            scale, 0, 0, scale,
            self.width() / 2 - region.center().x() * scale,
            self.height() / 2 - region.center().y() * scale,
        )  # fmt: skip

    def _go(self, region: QRectF) -> None:
        self._region = region
        self.update()
        self.region_changed.emit(region)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        if self._image is None:
            painter.setPen(theme.colour("muted"))
            painter.setFont(theme.font("caption"))
            area = self.rect().adjusted(12, 8, -12, -8)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area, int(flags), self._words)
            return
        transform = self._transform()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, transform.m11() < 4)
        painter.setTransform(transform)
        painter.drawImage(QPointF(0, 0), self._image)
        painter.resetTransform()
        casing = len(self._shapes) <= 500
        for drawn, path in self._shapes:
            self._draw(painter, drawn, transform.map(path), casing=casing)
        for drawn, _ in self._shapes:
            if drawn.tag:
                self._draw_tag(painter, drawn, transform)
        if self._frame is not None:
            self._draw_frame(painter, transform)

    def _draw(self, painter: QPainter, drawn: Drawn, path: QPainterPath, *, casing: bool) -> None:
        plain = isinstance(drawn.shape, Box)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not plain)
        colour = QColor(drawn.colour)
        if not plain:
            fill = QColor(colour)
            fill.setAlphaF(0.25)
            painter.fillPath(path, fill)
        width = 2 if drawn.strong else 1
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if casing:
            painter.setPen(QPen(_CASING, width + 2))
            painter.drawPath(path)
        pen = QPen(colour, width)
        if drawn.dashed:
            pen.setDashPattern([6, 4])
        painter.setPen(pen)
        painter.drawPath(path)

    def _draw_tag(self, painter: QPainter, drawn: Drawn, transform: QTransform) -> None:
        box = box_of(drawn.shape)
        corner = transform.map(QPointF(box.x, box.y + box.h))
        painter.setFont(theme.font("small"))
        width = painter.fontMetrics().horizontalAdvance(drawn.tag) + 8
        x = min(max(corner.x(), 0), max(self.width() - width, 0))
        y = corner.y() + 2
        if y + 18 > self.height():
            y = max(transform.map(QPointF(box.x, box.y)).y() - 20, 0)
        area = QRectF(x, y, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(drawn.colour))
        painter.drawRoundedRect(area, 2, 2)
        painter.setPen(theme.tag_text(drawn.colour))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), drawn.tag)

    def _draw_frame(self, painter: QPainter, transform: QTransform) -> None:
        assert self._frame is not None
        box = self._frame
        area = transform.mapRect(QRectF(box.x, box.y, box.w, box.h)).adjusted(-3, -3, 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 120), 1))
        painter.drawRect(area)
        pen = QPen(QColor("#FFFFFF"), 1)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.drawRect(area)

    # -- looking around

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._image is None:
            return
        factor = 1.2 ** (-event.angleDelta().y() / 120)
        inverse, _ = self._transform().inverted()
        at = inverse.map(event.position())
        region, whole = self._region, QRectF(self._image.rect())
        width = min(max(region.width() * factor, whole.width() / _MOST_ZOOM), whole.width())
        factor = width / region.width()
        new = QRectF(
            at.x() - (at.x() - region.x()) * factor, at.y() - (at.y() - region.y()) * factor,
            region.width() * factor, region.height() * factor,
        )  # fmt: skip
        self._go(_inside(new, whole))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._grabbed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is None or self._image is None:
            return
        scale = self._transform().m11()
        delta = (event.position() - self._grabbed) / scale
        self._grabbed = event.position()
        whole = QRectF(self._image.rect())
        self._go(_inside(self._region.translated(-delta.x(), -delta.y()), whole))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.show_all()


def _inside(region: QRectF, whole: QRectF) -> QRectF:
    x = min(max(region.x(), 0), whole.width() - region.width())
    y = min(max(region.y(), 0), whole.height() - region.height())
    return QRectF(x, y, region.width(), region.height())


def link_views(views: Sequence[ImageView]) -> None:
    """Let several views of one image show the same part of it."""
    for view in views:
        for other in views:
            if other is not view:
                view.region_changed.connect(other.show_region)
