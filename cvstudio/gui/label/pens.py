"""What everything over the image is drawn with: lines of one width at every zoom, and the marks on
points that a hand can take or has set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

CASING = QColor(0, 0, 0, 77)
"""Around a line, so that it is seen on an image of its own colour."""
RIM = QColor("#151516")
"""Around a mark, which is white inside."""

_MARK = 3.0  # screen px from the middle of a mark to its border
_CLOSING = 5.0  # of the point that closes an outline


def cosmetic(colour: QColor, *, width: float = 1, dashes: list[float] | None = None) -> QPen:
    """A pen of the same width, in screen pixels, at every zoom."""
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    if dashes:
        pen.setDashPattern(dashes)
    return pen


def take_mark(painter: QPainter) -> None:
    """Draw marks from now on: white, with a dark rim."""
    painter.setPen(cosmetic(RIM))
    painter.setBrush(QColor("white"))


def paint_set_points(
    painter: QPainter, points: Sequence[tuple[float, float]], scale: float, *, closes: bool = False
) -> None:
    """Squares on points of the image that were clicked, `scale` screen pixels to one of the image.

    `closes`: a click on the first one closes the outline, so that one is larger.
    """
    take_mark(painter)
    for index, (x, y) in enumerate(points):
        half = (_CLOSING if closes and index == 0 else _MARK) / scale
        painter.drawRect(QRectF(x - half, y - half, 2 * half, 2 * half))


def paint_dots(painter: QPainter, points: Iterable[tuple[float, float]], scale: float) -> None:
    """Discs on points of the image, `scale` screen pixels to one of the image."""
    take_mark(painter)
    radius = _MARK / scale
    for x, y in points:
        painter.drawEllipse(QPointF(x, y), radius, radius)
