"""All annotations of the image as one item: culled with numpy, drawn with one-pixel pens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from cvstudio.core.annotation import Annotation, LabelClass, State
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.gui.label.bones import paint_keypoints
from cvstudio.gui.label.layer import ShapeLayer
from cvstudio.gui.label.mask_picture import MaskPictures
from cvstudio.gui.label.outlines import Outline, outline, path_of_rings, rect_of, steps_for
from cvstudio.gui.label.pens import CASING, cosmetic

MOST_CASED = 500
"""Up to that many shapes in view get a dark casing outside their outline."""

SUGGESTED_DASHES = [6.0, 4.0]
LATE_CLASS_DASHES = [4.0, 2.0]  # from the 13th class on colours are told apart less well
_PLAIN_COLOURS = 12
_HATCHING = 130  # of 255, how opaque the lines inside suggestions are
_UNKNOWN = QColor("#888888")
_FAR = 1e7

Rows = NDArray[np.intp]


class ShapesItem(QGraphicsItem):
    """Every annotation but those that are being edited. It knows nothing of selection."""

    def __init__(self, pictures: MaskPictures) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.pictures = pictures
        self.layer = ShapeLayer()
        self.fill = 0.25
        """How opaque masks are, 0 to 1."""
        self.shape_fill = 0.0
        """How opaque the inside of boxes and polygons is, 0 to 1."""
        self.masks_outlined = True
        """Whether masks get an outline; areas of a segmentation read better without one."""
        self.in_view = QRectF()
        """What the viewport shows, in pixels of the image; set by the canvas."""
        self._colours: dict[int, QColor] = {}
        self._late_classes: frozenset[int] = frozenset()
        self._outlines: dict[int, tuple[object, Outline]] = {}
        self._shown = np.zeros(0, bool)
        self._prepare()

    def boundingRect(self) -> QRectF:
        """Everything: what is drawn follows from the exposed rectangle."""
        return QRectF(-_FAR, -_FAR, 2 * _FAR, 2 * _FAR)

    def set_layer(
        self, layer: ShapeLayer, classes: Mapping[int, LabelClass], *, hidden: Set[int]
    ) -> None:
        """Take in annotations, classes, and the ids of annotations that are not to be drawn."""
        self.layer = layer
        self._colours = {c.id: QColor(c.colour) for c in classes.values()}
        ordered = sorted(classes.values(), key=lambda c: (c.order, c.id))
        self._late_classes = frozenset(c.id for c in ordered[_PLAIN_COLOURS:])
        self._prepare()
        self.hide_ids(hidden)

    def hide_ids(self, hidden: Set[int]) -> None:
        """Leave out some annotations: those of hidden classes, and those that are being edited."""
        self._shown = np.array([a.id not in hidden for a in self.layer.annotations], bool)
        self.update()

    def colour(self, class_id: int) -> QColor:
        """The colour of a class; grey for one that is not known."""
        return self._colours.get(class_id, _UNKNOWN)

    def dashes(self, annotation: Annotation) -> list[float] | None:
        """The dash pattern of an annotation's outline; None for a plain line."""
        if annotation.state == State.SUGGESTED:
            return SUGGESTED_DASHES
        return LATE_CLASS_DASHES if annotation.class_id in self._late_classes else None

    def outline_of(self, row: int) -> Outline:
        """The outline of a row's polygon or mask, traced once as long as the shape stays."""
        annotation = self.layer.annotations[row]
        known = self._outlines.get(annotation.id)
        same = known is not None and (known[0] is annotation.shape or known[0] == annotation.shape)
        if known is None or not same:
            known = (annotation.shape, outline(annotation.shape, self.pictures))
            self._outlines[annotation.id] = known
        return known[1]

    def count_in_view(self) -> int:
        """How many shapes the viewport shows."""
        return len(self._visible(self.in_view, 0.0))

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Fills first, then casings, then outlines."""
        scale = painter.worldTransform().m11() or 1.0
        exposed: QRectF = option.exposedRect
        rows = self._visible(exposed, 3 / scale)
        if not len(rows):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._paint_masks(painter, rows, exposed, scale)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.count_in_view() <= MOST_CASED:
            self._paint_fills(painter, rows, scale)
            self._paint_hatching(painter, rows, scale)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            self._paint_casings(painter, rows, scale)
            self._paint_outlines(painter, rows, scale)
        else:  # very many are filled as they are outlined, which saves a third of the time
            self._paint_outlines(painter, rows, scale, filled=self.shape_fill > 0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self._paint_keypoints(painter, rows, scale)

    def _visible(self, rect: QRectF, margin: float) -> Rows:
        box = Box(rect.x(), rect.y(), rect.width(), rect.height())
        rows = self.layer.touching(box, margin=margin)
        return rows[self._shown[rows]]

    def _prepare(self) -> None:
        """What painting asks of each row, as arrays and lists."""
        annotations = self.layer.annotations
        self._outlines = {a.id: self._outlines[a.id] for a in annotations if a.id in self._outlines}
        self._rects = [rect_of(a.shape) if isinstance(a.shape, Box) else None for a in annotations]
        self._is_box = np.array([rect is not None for rect in self._rects], bool)
        self._is_mask = np.array([isinstance(a.shape, Mask) for a in annotations], bool)
        self._is_suggested = np.array([a.state == State.SUGGESTED for a in annotations], bool)
        self._is_points = np.array([isinstance(a.shape, Keypoints) for a in annotations], bool)
        self._spacing = np.ones(len(annotations))
        for row, annotation in enumerate(annotations):
            if isinstance(annotation.shape, Polygon):
                self._spacing[row] = self.outline_of(row).spacing
        self._rings: dict[int, list[list[QPolygonF] | None]] = {}
        self._pens: list[QPen] = []
        codes: dict[tuple[int, bool], int] = {}
        self._pen_of = np.zeros(len(annotations), np.intp)
        for row, annotation in enumerate(annotations):
            key = (annotation.class_id, annotation.state == State.SUGGESTED)
            if key not in codes:
                codes[key] = len(self._pens)
                pen = cosmetic(
                    self.colour(annotation.class_id), dashes=self.dashes(annotation),
                    width=2 if key[1] else 1,
                )  # fmt: skip
                self._pens.append(pen)
            self._pen_of[row] = codes[key]

    def _outlined(self, rows: Rows, *, masks: bool) -> Rows:
        """Those of the rows that are drawn as rings."""
        return rows[~self._is_box[rows] & (masks | ~self._is_mask[rows])]

    def _rings_of(self, rows: Rows, scale: float) -> Iterator[QPolygonF]:
        """The rings of polygons and masks, thinned for a zoom."""
        return chain.from_iterable(self._ringed(rows, scale))

    def _ringed(self, rows: Rows, scale: float) -> Iterator[list[QPolygonF]]:
        """The rings of each polygon or mask, thinned for a zoom."""
        for step in np.unique(steps := steps_for(self._spacing[rows], scale)).tolist():
            kept = self._rings.setdefault(step, [None] * len(self.layer))
            for row in rows[steps == step].tolist():
                rings = kept[row]
                if rings is None:
                    rings = kept[row] = self.outline_of(row).polygons(step)
                yield rings

    def _paint_masks(self, painter: QPainter, rows: Rows, exposed: QRectF, scale: float) -> None:
        if self.fill <= 0:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        for row in rows[self._is_mask[rows]].tolist():
            annotation = self.layer.annotations[row]
            colour = self.colour(annotation.class_id)
            self.pictures.draw(
                annotation.shape, painter, exposed, scale=scale, colour=colour, opacity=self.fill
            )

    def _paint_fills(self, painter: QPainter, rows: Rows, scale: float) -> None:
        """The inside of boxes and polygons; holes stay empty."""
        if self.shape_fill <= 0:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        pens = self._pen_of[rows]
        for code in np.unique(pens).tolist():
            painter.setBrush(self._filling(code))
            alike = rows[pens == code]
            painter.drawRects([self._rects[row] for row in alike[self._is_box[alike]].tolist()])
            for rings in self._ringed(self._outlined(alike, masks=False), scale):
                _draw_filled(painter, rings)

    def _paint_hatching(self, painter: QPainter, rows: Rows, scale: float) -> None:
        """Slanting lines inside suggestions: they are told from what is kept without their colour,
        and where both lie upon each other."""
        rows = rows[self._is_suggested[rows]]
        if not len(rows):
            return
        painter.setPen(Qt.PenStyle.NoPen)
        pens = self._pen_of[rows]
        for code in np.unique(pens).tolist():
            colour = QColor(self._pens[code].color())
            colour.setAlpha(_HATCHING)
            brush = QBrush(colour, Qt.BrushStyle.BDiagPattern)
            brush.setTransform(QTransform.fromScale(1 / scale, 1 / scale))
            painter.setBrush(brush)
            alike = rows[pens == code]
            painter.drawRects([self._rects[row] for row in alike[self._is_box[alike]].tolist()])
            rings = alike[~self._is_box[alike] & ~self._is_points[alike]]
            for each in self._ringed(rings, scale):
                _draw_filled(painter, each)

    def _filling(self, code: int) -> QColor:
        colour = QColor(self._pens[code].color())
        colour.setAlphaF(self.shape_fill)
        return colour

    def _paint_casings(self, painter: QPainter, rows: Rows, scale: float) -> None:
        """A dark line on either side. Broad lines would cost ten times more than two thin ones."""
        one = 1 / scale
        boxes, others = rows[self._is_box[rows]], self._outlined(rows, masks=False)
        painter.setPen(cosmetic(CASING))
        rects = (self._rects[row] for row in boxes.tolist())
        painter.drawRects([r.adjusted(-one, -one, one, one) for r in rects if r is not None])
        draw = painter.drawPolygon
        for shift in (one, -2 * one):
            painter.translate(shift, shift)
            for ring in self._rings_of(others, scale):
                draw(ring)
        painter.translate(one, one)

    def _paint_outlines(
        self, painter: QPainter, rows: Rows, scale: float, *, filled: bool = False
    ) -> None:
        """One pen for all shapes that look alike; `filled`: and their inside with it."""
        pens = self._pen_of[rows]
        draw = painter.drawPolygon
        for code in np.unique(pens).tolist():
            painter.setPen(self._pens[code])
            alike = rows[pens == code]
            boxes = alike[self._is_box[alike]]
            others = self._outlined(alike, masks=self.masks_outlined)
            if filled:
                painter.setBrush(self._filling(code))
            if len(boxes):
                painter.drawRects([self._rects[row] for row in boxes.tolist()])
            if not filled:
                for ring in self._rings_of(others, scale):
                    draw(ring)
                continue
            masks = self._is_mask[others]
            for rings in self._ringed(others[~masks], scale):
                _draw_filled(painter, rings)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for ring in self._rings_of(others[masks], scale):
                draw(ring)

    def _paint_keypoints(self, painter: QPainter, rows: Rows, scale: float) -> None:
        for row in rows[self._is_points[rows]].tolist():
            annotation = self.layer.annotations[row]
            shape = annotation.shape
            assert isinstance(shape, Keypoints)
            edges = self.layer.edges_of(annotation.class_id, shape)
            colour = self.colour(annotation.class_id)
            paint_keypoints(painter, shape, edges, colour, scale, dashes=self.dashes(annotation))


def _draw_filled(painter: QPainter, rings: list[QPolygonF]) -> None:
    """Rings of one shape with pen and brush; what lies in two of them is a hole."""
    if len(rings) == 1:
        painter.drawPolygon(rings[0])
    else:
        painter.drawPath(path_of_rings(rings))
