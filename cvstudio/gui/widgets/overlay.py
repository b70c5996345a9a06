"""Shapes over a picture, as thumbnails and small images show them: outlines, masks, dashes, rings.

items = overlay_items(annotations, classes)        # from the project's records
items.append(OverlayItem(box, "#F73C62", dashed=True, text="RBC 0.87"))     # a prediction
paint_items(painter, target, size, items)          # boxes and polygons
layer = mask_layer(items, size, longest=256)       # masks; slow, call it in a thread
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from cvstudio.core.annotation import Annotation, LabelClass, Shape, State, box_of
from cvstudio.core.convert import to_polygon
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Edges, Skeleton
from cvstudio.gui import theme
from cvstudio.gui.widgets.pixels import to_image

FILL = 0.25
_MOST_POINTS = 120
_DOT = 1.5  # px, the radius of a keypoint


@dataclass(frozen=True, slots=True)
class OverlayItem:
    """One shape in image pixels with the colour of its class.

    `dashed`: a prediction. `ring`: a circle around the place, for what has no area. `strong`: two
    pixels wide. `text` stands on a tag at the top left corner. `edges` are those of keypoints both
    of whose ends have a place.
    """

    shape: Shape
    colour: str
    dashed: bool = False
    strong: bool = False
    ring: bool = False
    text: str = ""
    fill: float = FILL
    edges: Edges = ()


def overlay_items(
    annotations: Iterable[Annotation],
    classes: Iterable[LabelClass] | dict[int, LabelClass],
    skeletons: Mapping[int, Skeleton] | None = None,
) -> list[OverlayItem]:
    """The annotations of an image as they are drawn: rejected ones not, suggested ones dashed, and
    keypoints with the edges of their class's skeleton."""
    table = classes if isinstance(classes, dict) else {c.id: c for c in classes}
    items = []
    for annotation in annotations:
        found = table.get(annotation.class_id)
        if found is None or annotation.shape is None or annotation.state == State.REJECTED:
            continue
        dashed = annotation.state == State.SUGGESTED
        edges = edges_of(annotation.shape, (skeletons or {}).get(found.id))
        items.append(OverlayItem(annotation.shape, found.colour, dashed=dashed, edges=edges))
    return items


def edges_of(shape: Shape, skeleton: Skeleton | None) -> Edges:
    """The edges to be drawn of a shape; only keypoints have some."""
    if skeleton is None or not isinstance(shape, Keypoints):
        return ()
    return skeleton.edges_of(shape)


def has_masks(items: Iterable[OverlayItem]) -> bool:
    """Whether some items need mask_layer."""
    return any(isinstance(item.shape, Mask) for item in items)


def paint_items(
    painter: QPainter, target: QRectF, size: QSizeF, items: Sequence[OverlayItem]
) -> None:
    """Draw what is no mask of an image of `size` px into a rectangle, lines one px wide; the tags
    lie over all outlines."""
    if size.isEmpty():
        return
    scale = target.width() / size.width()
    painter.save()
    painter.setClipRect(target.adjusted(-1, -1, 1, 1), Qt.ClipOperation.IntersectClip)
    for item in items:
        pen = QPen(QColor(item.colour), 2 if item.strong else 1)
        pen.setCosmetic(True)
        if item.dashed:
            pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        match item.shape:
            case Box():
                rect = _on_pixels(item.shape, target, scale)
                painter.drawRect(rect)
            case Polygon() | RotatedBox():
                if isinstance(item.shape, Polygon):
                    fill = QColor(item.colour)
                    fill.setAlphaF(item.fill)
                    painter.setBrush(fill)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
                painter.drawPath(_path(to_polygon(item.shape), target, scale))
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                rect = _on_pixels(item.shape.box, target, scale)
            case Mask():
                rect = _on_pixels(item.shape.box, target, scale)
                if item.dashed or item.strong:
                    painter.drawRect(rect)
            case Keypoints():
                rect = _on_pixels(item.shape.box, target, scale)
                _figure(painter, item, item.shape.points, target, scale)
            case None:
                continue
        if item.ring:
            _ring(painter, rect)
    paint_tags(painter, target, size, items)
    painter.restore()


def paint_tags(
    painter: QPainter, target: QRectF, size: QSizeF, items: Sequence[OverlayItem]
) -> None:
    """The tags of items alone, as paint_items draws them: for what is drawn over the outlines."""
    if size.isEmpty():
        return
    scale = target.width() / size.width()
    for item in items:
        if item.text and item.shape is not None:
            _tag(painter, _on_pixels(box_of(item.shape), target, scale), target, item)


def _figure(
    painter: QPainter, item: OverlayItem, points: Points, target: QRectF, scale: float
) -> None:
    """Keypoints (n, 3) and their edges: dots large enough to be seen when small, hidden ones
    hollow."""
    places = [QPointF(target.x() + x * scale, target.y() + y * scale) for x, y, _ in points]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.drawLines([QLineF(places[a], places[b]) for a, b in item.edges])
    solid = QPen(painter.pen())
    solid.setStyle(Qt.PenStyle.SolidLine)
    painter.setPen(solid)
    for place, known in zip(places, points[:, 2].tolist(), strict=True):
        if known > 0:
            hollow = known == Visibility.HIDDEN
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QColor(item.colour))
            painter.drawEllipse(place, _DOT, _DOT)
    painter.restore()


def _on_pixels(box: Box, target: QRectF, scale: float) -> QRectF:
    """A box on whole pixels of the screen, so that its outline is sharp."""
    x = round(target.x() + box.x * scale) + 0.5
    y = round(target.y() + box.y * scale) + 0.5
    right = round(target.x() + box.right * scale) - 0.5
    bottom = round(target.y() + box.bottom * scale) - 0.5
    return QRectF(x, y, max(right - x, 1), max(bottom - y, 1))


def _path(polygon: Polygon, target: QRectF, scale: float) -> QPainterPath:
    path = QPainterPath()
    for ring in polygon.rings():
        step = max(1, len(ring) // _MOST_POINTS)
        points = ring[::step] * scale + (target.x(), target.y())
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points.tolist()]))
        path.closeSubpath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    return path


def _ring(painter: QPainter, rect: QRectF) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor("#000000"), 2))
    painter.drawEllipse(rect.center(), 9, 9)
    painter.restore()


def _tag(painter: QPainter, rect: QRectF, target: QRectF, item: OverlayItem) -> None:
    painter.save()
    painter.setFont(theme.font("small"))
    metrics = painter.fontMetrics()
    room = int(target.width()) - 8
    text = metrics.elidedText(item.text, Qt.TextElideMode.ElideRight, room)
    width = metrics.horizontalAdvance(text) + 8
    left = max(target.left(), min(rect.left() - 0.5, target.right() - width))
    top = rect.top() - 18 if rect.top() - 18 >= target.top() else rect.top()
    tag = QRectF(left, top, width, 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(item.colour))
    painter.drawRoundedRect(tag, 2, 2)
    painter.setPen(theme.tag_text(item.colour))
    painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def mask_layer(
    items: Iterable[OverlayItem], width: int, height: int, *, longest: int = 256
) -> QImage | None:
    """The masks of an image, tinted and outlined, as a picture of at most `longest` px a side.

    None when there are none. Decodes every mask: call it in a thread.
    """
    masks = [(item, item.shape) for item in items if isinstance(item.shape, Mask)]
    if not masks or width < 1 or height < 1:
        return None
    scale = min(1.0, longest / max(width, height))
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    layer = np.zeros((rows, columns, 4), np.uint8)
    for item, mask in masks:
        _paint_mask(layer, mask, QColor(item.colour), scale, item.fill)
    return to_image(layer)


def _paint_mask(
    layer: NDArray[np.uint8], mask: Mask, colour: QColor, scale: float, fill: float
) -> None:
    rows, columns = layer.shape[:2]
    x0, y0 = int(mask.x * scale), int(mask.y * scale)
    x1 = min(columns, max(x0 + 1, round((mask.x + mask.w) * scale)))
    y1 = min(rows, max(y0 + 1, round((mask.y + mask.h) * scale)))
    x0, y0 = max(x0, 0), max(y0, 0)
    if x1 <= x0 or y1 <= y0:
        return
    small = cv2.resize(mask.patch(), (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    inside = small > 0
    padded = np.pad(inside.astype(np.uint8), 1)
    edge = inside & (cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    part = layer[y0:y1, x0:x1]
    rgb = (colour.red(), colour.green(), colour.blue())
    part[inside] = (*rgb, round(255 * fill))
    part[edge] = (*rgb, 255)
