"""Erase points: what of polygons' points comes under the circle goes, their borders stay closed."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core import outlines
from cvstudio.core.annotation import Annotation, Shape
from cvstudio.core.geometry import Box, Polygon
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.pens import CASING, cosmetic, paint_dots
from cvstudio.gui.label.tools.base import Pointer, Surface, Tool
from cvstudio.gui.label.tools.brush_settings import LARGEST, SMALLEST, BrushSettings
from cvstudio.gui.label.tools.options import ToolOptions, number_field
from cvstudio.gui.widgets.section import label

_MOST_SHOWN = 3000  # points around the circle that are drawn


class PointOptions(ToolOptions):
    """The size of the circle, which is that of the brush."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = BrushSettings()
        self.row.addWidget(label("Size", "muted"))
        self.spin = number_field("Size of the point eraser", SMALLEST, LARGEST)
        self.row.addWidget(self.spin)
        self.spin.valueChanged.connect(self._set_size)

    def show_settings(self, settings: BrushSettings) -> None:
        """Show the size; what is changed here is changed in the settings."""
        self._settings = settings
        self.spin.blockSignals(True)
        self.spin.setValue(settings.size)
        self.spin.blockSignals(False)

    def _set_size(self, size: int) -> None:
        self._settings.size = size
        self.changed.emit()


class PointEraser(Tool):
    """Takes points from the selected polygons, or without a selection from all."""

    name = "points"
    drawn = "Erasing of points"
    options_type = PointOptions

    def __init__(self, document: Document, surface: Surface, settings: BrushSettings) -> None:
        super().__init__(document, surface)
        self.settings = settings
        self._options: PointOptions | None = None
        self._pointer: Pointer | None = None

    @property
    def radius(self) -> float:
        """Of the circle, in pixels of the image."""
        return self.settings.size / 2

    @property
    def ripe(self) -> bool:
        return bool(self.drafts)

    def press(self, pointer: Pointer) -> None:
        self._pointer = pointer
        self._erase(pointer)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._pointer = pointer
        if held:
            self._erase(pointer)
        self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        self.finish()

    def finish(self) -> bool:
        """As if the button went up now; what cannot be stored stays in hand."""
        drafts, before = self.drafts, self.document.failures
        if drafts:
            mended: dict[int, Shape] = {
                id: outlines.repaired(cast(Polygon, shape)) for id, shape in drafts.items()
            }
            left = {id: shape for id, shape in mended.items() if cast(Polygon, shape).parts}
            self.document.reshape(left, label="Erase points")
            if self.document.failures == before:
                self.drafts = {}
            self.surface.drafts_changed()
        self.surface.repaint()
        return bool(drafts)

    def leave(self) -> None:
        self._pointer = None
        self.surface.repaint()

    def wheel(self, steps: float) -> bool:
        """Ctrl and the wheel make the circle larger or smaller."""
        self.settings.grow(steps)
        if self._options is not None:
            self._options.show_settings(self.settings)
        self.surface.repaint()
        return True

    def hint(self) -> str:
        keys = "{label.smaller} {label.larger}"  # the status bar puts the keys in their place
        return f"Drag over the points that should go · {keys} size · Space + drag pans"

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, PointOptions)
        self._options = options
        options.show_settings(self.settings)

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        pointer = self._pointer
        if pointer is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        room = _MOST_SHOWN
        for annotation in self._targets(pointer, around=3 * self.radius):
            polygon = self._polygon(annotation)
            room -= outlines.point_count(polygon)
            if room < 0:
                break
            for ring in polygon.rings():
                paint_dots(painter, ring.tolist(), self.surface.scale)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (cosmetic(CASING, width=3), cosmetic(QColor("white"))):
            painter.setPen(pen)
            painter.drawEllipse(QPointF(pointer.x, pointer.y), self.radius, self.radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _erase(self, pointer: Pointer) -> None:
        drafts = dict(self.drafts)
        for annotation in self._targets(pointer, around=self.radius):
            old = self._polygon(annotation)
            left = outlines.without_points(old, pointer.x, pointer.y, radius=self.radius)
            if left is not old and left.parts:
                drafts[annotation.id] = left
        if drafts != self.drafts:
            new = drafts.keys() != self.drafts.keys()
            self.drafts = drafts
            if new:
                self.surface.drafts_changed()

    def _targets(self, pointer: Pointer, *, around: float) -> list[Annotation]:
        """The polygons near the pointer whose points may go."""
        document = self.document
        near = document.layer.touching(Box(pointer.x, pointer.y, 0, 0), margin=around)
        away, selection = document.untouchable(), document.selection
        found = [document.layer.annotations[row] for row in near]
        polygons = [a for a in found if isinstance(a.shape, Polygon) and a.id not in away]
        return [a for a in polygons if a.id in selection] or polygons

    def _polygon(self, annotation: Annotation) -> Polygon:
        return cast(Polygon, self.drafts.get(annotation.id, annotation.shape))
