"""What holds the canvas while shapes are adjusted in a popup: it shows their preview, no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from cvstudio.core import outlines
from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Polygon
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.pens import paint_dots
from cvstudio.gui.label.tools.base import Surface, Tool

_MOST_SHOWN = 6000  # points that are drawn


class AdjustTool(Tool):
    """The drafts are the shapes as they would be. `ended(kept)` tells how it came to an end."""

    name = "adjust"
    cursor = Qt.CursorShape.ArrowCursor

    def __init__(self, document: Document, surface: Surface, ended: Callable[[bool], None]) -> None:
        super().__init__(document, surface)
        self._ended = ended
        self.active = False
        self.waiting = False
        """Whether the preview of the newest amount is still being computed."""
        self._keep = False

    @property
    def busy(self) -> bool:
        return self.active

    def show(self, drafts: Mapping[int, Shape]) -> None:
        """Preview other shapes."""
        self.active, self.waiting = True, False
        self.drafts = dict(drafts)
        self.surface.drafts_changed()
        self.surface.repaint()
        if self._keep:
            self.finish()

    def finish(self) -> bool:
        """Keep the preview; when it is still being computed, as soon as it is there."""
        if self.active and self.waiting:
            self._keep = True
            return True
        return self._end(kept=True)

    def cancel(self) -> bool:
        return self._end(kept=False)

    def hint(self) -> str:
        return "Enter keeps · Esc drops · Space + drag pans, the wheel zooms"

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        """The points of the previewed polygons."""
        polygons = [shape for shape in self.drafts.values() if isinstance(shape, Polygon)]
        if sum(outlines.point_count(polygon) for polygon in polygons) > _MOST_SHOWN:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for polygon in polygons:
            for ring in polygon.rings():
                paint_dots(painter, ring.tolist(), self.surface.scale)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _end(self, *, kept: bool) -> bool:
        if not self.active:
            return False
        self.active = self.waiting = self._keep = False
        if not kept:
            self.drafts = {}
            self.surface.drafts_changed()
        self._ended(kept)
        self.drafts = {}
        self.surface.drafts_changed()
        self.surface.repaint()
        return True
