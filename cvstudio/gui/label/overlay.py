"""A layer: something drawn over image and shapes in pixels of the screen."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tile_painter import TilePainter

INK = QColor(255, 255, 255, 230)
"""What is written over an image of any brightness, on GROUND."""
GROUND = QColor(0, 0, 0, 150)


class View(Protocol):
    """What a layer may ask of the canvas."""

    document: Document
    tiles: TilePainter

    @property
    def scale(self) -> float: ...
    def to_screen(self, x: float, y: float) -> QPointF: ...
    def to_image(self, point: QPointF) -> tuple[float, float]: ...
    def visible(self) -> QRectF: ...
    def viewport(self) -> QWidget: ...


def clear_of(area: QRectF, covered: QRectF) -> QRectF:
    """A name's place, above what would cover it."""
    return (
        area.translated(0, covered.top() - 2 - area.bottom()) if area.intersects(covered) else area
    )


class Layer:
    """Painted while it is `shown`; `painter` is in pixels of the viewport."""

    name = ""
    shown = False

    def paint(self, painter: QPainter, view: View) -> None:
        """Draw."""
        raise NotImplementedError
