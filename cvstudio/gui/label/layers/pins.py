"""Pins where comments are: filled while one waits, a ring when all are resolved."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from cvstudio.gui import theme
from cvstudio.gui.label.overlay import GROUND, INK, Layer, View
from cvstudio.project.comments import Comment

RADIUS = 10
Thread = tuple[Comment, ...]
"""The comments at one place, oldest first."""


def threads_of(comments: Sequence[Comment]) -> list[Thread]:
    """The comments by their place, in the order in which each place was first spoken of."""
    by_place: dict[tuple[float, float] | None, list[Comment]] = {}
    for comment in comments:
        by_place.setdefault(comment.place, []).append(comment)
    return [tuple(thread) for thread in by_place.values()]


def waits(thread: Thread) -> bool:
    """Whether a thread has something that is not resolved."""
    return any(not comment.resolved for comment in thread)


class Pins(Layer):
    """The threads of the open image, numbered as in the list."""

    name = "pins"
    shown = True

    def __init__(self) -> None:
        self.threads: list[Thread] = []
        self.moved: tuple[Thread, tuple[float, float]] | None = None
        """A thread whose pin is dragged, and where it is."""

    def paint(self, painter: QPainter, view: View) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption"))
        for number, thread in enumerate(self.threads, start=1):
            place = thread[0].place
            if place is None:
                continue
            if self.moved is not None and self.moved[0] is thread:
                place = self.moved[1]
            at = view.to_screen(*place)
            disc = QRectF(at.x() - RADIUS, at.y() - RADIUS, 2 * RADIUS, 2 * RADIUS)
            painter.setBrush(theme.colour("accent") if waits(thread) else GROUND)
            painter.setPen(QPen(INK, 1.5))
            painter.drawEllipse(disc)
            painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(number))

    def at(self, point: QPointF, view: View) -> Thread | None:
        """The thread whose pin is at a point of the viewport, the last drawn first."""
        for thread in reversed(self.threads):
            if thread[0].place is not None:
                away = view.to_screen(*thread[0].place) - point
                if away.x() ** 2 + away.y() ** 2 <= RADIUS**2:
                    return thread
        return None
