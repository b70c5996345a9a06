"""The selected and hovered annotations as an item of its own: strong outline, handles, name tag."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from cvstudio.core.annotation import Annotation, Shape, State, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui import theme
from cvstudio.gui.label import turning
from cvstudio.gui.label.bones import paint_keypoints
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.hit import handle_box, handle_points
from cvstudio.gui.label.origins import origin_words
from cvstudio.gui.label.outlines import outline, path_of, qpolygon, rect_of
from cvstudio.gui.label.overlay import clear_of
from cvstudio.gui.label.pens import CASING, cosmetic, paint_dots, take_mark
from cvstudio.gui.label.shapes_item import ShapesItem

HANDLE = 7  # px
_FAR = 1e7
_MOST_HANDLED = 1  # annotations that get handles
_MOST_ADORNED = 200  # selected annotations that get casing, frame and fill
_MOST_POINTS = 600  # points of a polygon that are shown as such
_MARGIN = 6  # px between a box and its tag


class SelectionItem(QGraphicsItem):
    """What the person is working on. `shapes` are drafts that stand in for stored shapes."""

    def __init__(self, document: Document, below: ShapesItem) -> None:
        super().__init__()
        self._document = document
        self._below = below
        self.drafts: dict[int, Shape] = {}
        self.away: frozenset[int] = frozenset()
        """Annotations that a tool draws itself."""
        self.handles = True
        """Whether handles can be taken now (only the select tool does)."""
        self.turns = True
        """Whether those of a rotated box can be."""
        self.covered: Callable[[], QRectF] = QRectF
        """The part of the viewport in which a name could not be read."""
        self.edge: Callable[[], float] = float
        """Pixels at the left and at the top of the viewport on which rulers lie."""
        self.tags: dict[int, QRectF] = {}
        """Whose name was painted last, and where in the viewport."""
        self.setZValue(1)

    def boundingRect(self) -> QRectF:
        """Everything: what is drawn follows from the selection."""
        return QRectF(-_FAR, -_FAR, 2 * _FAR, 2 * _FAR)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Hovered first, then selected, then their tags in screen pixels."""
        scale = painter.worldTransform().m11() or 1.0
        selected = [
            (a, self.drafts.get(a.id, a.shape))
            for a in self._document.selected()
            if a.shape is not None and a.id not in self.away - self.drafts.keys()
        ]
        hovered = self._hovered()
        if hovered is not None:
            self._paint_outline(painter, hovered, hovered.shape, width=2)
        if len(selected) > _MOST_ADORNED:
            self._paint_many(painter, selected, scale)
        else:
            for annotation, shape in selected:
                self._paint_selected(painter, annotation, shape, scale)
        if len(selected) <= _MOST_HANDLED:
            for annotation, shape in selected:
                if not annotation.locked:
                    self._paint_handles(painter, shape, scale)
        to_screen = painter.worldTransform()
        painter.resetTransform()
        self.tags = {}
        if hovered is not None:
            self._paint_tag(painter, hovered, box_of(hovered.shape), to_screen, quiet=True)
        if len(selected) == 1 and not self._paints_area(selected[0][1]):
            annotation, shape = selected[0]
            stem = self._stem(shape, to_screen) if not annotation.locked else QRectF()
            self._paint_tag(painter, annotation, box_of(shape), to_screen, stem=stem)
        painter.setWorldTransform(to_screen)

    def _hovered(self) -> Annotation | None:
        """The hovered annotation, unless it is hidden or selected anyway."""
        document = self._document
        hovered = document.layer.get(document.hovered)
        if hovered is None or hovered.id in document.selection or hovered.id in self.away:
            return None
        return None if hovered.id in document.hidden() else hovered

    def _paint_selected(
        self, painter: QPainter, annotation: Annotation, shape: Shape, scale: float
    ) -> None:
        colour = self._below.colour(annotation.class_id)
        exposed = painter.worldTransform().inverted()[0].mapRect(QRectF(painter.viewport()))
        if isinstance(shape, Mask) and annotation.id in self.drafts:
            self._below.pictures.draw(
                shape, painter, exposed, scale=scale, colour=colour, opacity=self._below.fill
            )
        if isinstance(shape, Polygon):
            fill = QColor(colour)
            fill.setAlphaF(self._below.fill)
            painter.fillPath(path_of(shape), QBrush(fill))
        self._paint_outline(painter, annotation, shape, width=2)
        if not isinstance(shape, Box | RotatedBox) and not self._paints_area(shape):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            rect = rect_of(handle_box(shape, scale=scale))
            painter.setPen(cosmetic(QColor(0, 0, 0, 120)))
            painter.drawRect(rect)
            painter.setPen(cosmetic(QColor("white"), dashes=[4.0, 4.0]))
            painter.drawRect(rect)

    def _paints_area(self, shape: Shape) -> bool:
        """Whether somebody paints the one area of a class: frame and tag would only hide it."""
        painting = not self.handles and not self._below.masks_outlined
        return painting and isinstance(shape, Mask)

    def _paint_many(
        self, painter: QPainter, selected: list[tuple[Annotation, Shape]], scale: float
    ) -> None:
        """Hundreds of selected shapes: outlines in white, thinned as far as the zoom allows."""
        exposed = painter.worldTransform().inverted()[0].mapRect(QRectF(painter.viewport()))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(cosmetic(QColor("white")))
        for annotation, shape in selected:
            rect = rect_of(box_of(shape))
            if not exposed.intersects(rect):
                continue
            if isinstance(shape, Box | Keypoints) or max(rect.width(), rect.height()) * scale < 12:
                painter.drawRect(rect)
                continue
            for ring in self._rings(annotation, shape):
                painter.drawPolygon(ring)

    def _paint_outline(
        self, painter: QPainter, annotation: Annotation, shape: Shape, *, width: int
    ) -> None:
        colour = self._below.colour(annotation.class_id)
        pens = (
            cosmetic(CASING, width=width + 2),
            cosmetic(colour, width=width, dashes=self._below.dashes(annotation)),
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not isinstance(shape, Box))
        if isinstance(shape, Box):
            for pen in pens:
                painter.setPen(pen)
                painter.drawRect(rect_of(shape))
            return
        if isinstance(shape, Mask) and not self._below.masks_outlined:
            return
        if isinstance(shape, Keypoints):
            edges = self._below.layer.edges_of(annotation.class_id, shape)
            scale = painter.worldTransform().m11() or 1.0
            dashes = self._below.dashes(annotation)
            paint_keypoints(painter, shape, edges, colour, scale, strong=True, dashes=dashes)
        for ring in self._rings(annotation, shape):
            for pen in pens:
                painter.setPen(pen)
                painter.drawPolygon(ring)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _rings(self, annotation: Annotation, shape: Shape) -> list:
        if annotation.id not in self.drafts:
            row = self._below.layer.row_of.get(annotation.id)
            if row is not None:
                return self._below.outline_of(row).polygons(1)
        if isinstance(shape, Polygon):
            return [qpolygon(ring) for ring in shape.rings()]
        return outline(shape, self._below.pictures).polygons(1)

    def _paint_handles(self, painter: QPainter, shape: Shape, scale: float) -> None:
        if not (self.turns if isinstance(shape, RotatedBox) else self.handles):
            return
        half = HANDLE / 2 / scale
        take_mark(painter)
        if isinstance(shape, RotatedBox):
            turning.paint_handles(painter, shape, scale, side=HANDLE)
            return
        if isinstance(shape, Polygon):
            self._paint_points(painter, shape, scale)
        handles = handle_points(handle_box(shape, scale=scale))
        if isinstance(shape, Keypoints):  # a point is taken before the handle that would hide it
            away = np.abs(handles[:, None, :] - shape.placed()[None, :, :]).max(axis=2)
            handles = handles[(away > HANDLE / scale).all(axis=1)]
        painter.drawRects(
            [QRectF(x - half, y - half, 2 * half, 2 * half) for x, y in handles.tolist()]
        )

    def _paint_points(self, painter: QPainter, polygon: Polygon, scale: float) -> None:
        """The points of a polygon, while there is room between them."""
        rings = polygon.rings()
        if sum(map(len, rings)) > _MOST_POINTS:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for ring in rings:
            paint_dots(painter, ring.tolist(), scale)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_tag(
        self, painter: QPainter, annotation: Annotation, box: Box, to_screen: QTransform,
        *, quiet: bool = False, stem: QRectF | None = None,
    ) -> None:  # fmt: skip
        """The class's name on its colour, above the box; below or inside where there is no room.

        `quiet`: on black, so that what is only pointed at does not look selected.
        `stem`: where the handle that turns the box is; the name stands beside it.
        """
        found = self._document.classes.get(annotation.class_id)
        if found is None:
            return
        suggested = annotation.state == State.SUGGESTED
        text = self._document.studio.actions.said(tag_words(annotation, found.name))
        font = theme.font("small")
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        width = QFontMetricsF(font).horizontalAdvance(text) + 12
        area = self._tag_place(painter, box, to_screen, width, below=suggested)
        if stem is not None:
            area = beside(area, stem, least=self.edge() + 4)
        area = clear_of(area, self.covered())
        self.tags[annotation.id] = area
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        dark = suggested or quiet
        painter.setBrush(QColor("#111111") if dark else QColor(found.colour))
        painter.drawRoundedRect(area, 2, 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QColor("white") if dark else theme.tag_text(found.colour))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def _tag_place(
        self, painter: QPainter, box: Box, to_screen: QTransform, width: float, *, below: bool
    ) -> QRectF:
        """Where a name as wide as that is read: at the box, inside the view, beside the rulers."""
        room, edge = painter.viewport(), self.edge()
        corner = to_screen.map(QPointF(box.x, box.y))
        bottom = to_screen.map(QPointF(box.x, box.bottom)).y()
        x = max(min(corner.x(), room.width() - width - 4.0), edge + 4.0)
        y = corner.y() - 18 - _MARGIN
        if below or y < edge:
            y = bottom + _MARGIN if bottom + _MARGIN + 18 < room.height() else edge + 4.0
        return QRectF(round(x), round(y), round(width), 18)

    def _stem(self, shape: Shape, to_screen: QTransform) -> QRectF:
        """Where the handle that turns a rotated box is drawn, in the viewport."""
        if not isinstance(shape, RotatedBox) or not self.turns:
            return QRectF()
        tip = to_screen.map(QPointF(*turning.turn_handle(shape, to_screen.m11() or 1.0)))
        foot = to_screen.map(QPointF(*turning.handle_points(shape)[1].tolist()))
        return QRectF(tip, foot).normalized().adjusted(-HANDLE, -HANDLE, HANDLE, HANDLE)


def beside(area: QRectF, stem: QRectF, *, least: float) -> QRectF:
    """A name's place, at the left of a handle on which it would lie; at its right where there is
    no room (`least`: the smallest x)."""
    if not area.intersects(stem):
        return area
    x = stem.left() - area.width()
    return QRectF(x if x >= least else stem.right(), area.y(), area.width(), area.height())


def tag_words(annotation: Annotation, name: str) -> str:
    """What the tag of an annotation says: its class, how sure and who suggests it, and the keys,
    as `Actions.said` takes them."""
    text = name if annotation.score is None else f"{name} {annotation.score:.2f}"
    if origin := origin_words(annotation):
        text += f" · {origin}"
    suggested = annotation.state == State.SUGGESTED
    return text + (" · Enter accepts, {label.delete} rejects" if suggested else "")
