"""A question mark and the score beside each suggestion on the canvas."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from cvstudio.core.annotation import State
from cvstudio.gui import theme
from cvstudio.gui.label.overlay import GROUND, INK, Layer, View

_MOST = 200
"""With more suggestions in sight, scores would hide the image."""


class Scores(Layer):
    """A figure at the upper left corner of every suggestion that is not selected or hovered."""

    name = "scores"
    shown = True

    def paint(self, painter: QPainter, view: View) -> None:
        tags = self.tags(view)
        font = theme.font("small")
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        for place, text in tags:
            width = metrics.horizontalAdvance(text) + 6
            # Inside the corner: above it may stand the name.
            area = QRectF(round(place.x()) + 1, round(place.y()) + 1, round(width),
                          round(metrics.height()))  # fmt: skip
            painter.fillRect(area, GROUND)
            painter.setPen(INK)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def tags(self, view: View) -> list[tuple[QPointF, str]]:
        """Where in the viewport which score stands; nothing when there are too many."""
        document, seen = view.document, view.visible()
        away = document.hidden() | document.selection | {document.hovered}
        found = [
            (view.to_screen(a.box.x, a.box.y), _words(a.score))
            for a in document.annotations
            if a.state == State.SUGGESTED and a.shape is not None
            if a.id not in away and seen.intersects(QRectF(a.box.x, a.box.y, a.box.w, a.box.h))
        ]
        return found if len(found) <= _MOST else []


def _words(score: float | None) -> str:
    return "?" if score is None else f"? {score:.2f}"
