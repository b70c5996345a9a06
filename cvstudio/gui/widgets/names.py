"""File names in less room than they need: what tells neighbours apart stays to be read."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from cvstudio.gui import theme

_NUMBER = re.compile(r"[^\W_]*\d[^\W_]+|[^\W_]+\d[^\W_]*")
"""What counts as a name of its own behind the last divider: "00035", "img7", but not "(50%)"."""


def elided(name: str, metrics: QFontMetrics, room: int, *, front: float = 0.25) -> str:
    """A name in a width of `room` pixels; when cut, a `front` share of what is left is its start.

    Names of one folder mostly differ at the end, so more is kept of the end than of the start.
    """
    if metrics.horizontalAdvance(name) <= room:
        return name
    for kept in range(len(name) - 1, 0, -1):
        start = int(kept * front)
        text = f"{name[:start].rstrip()}…{name[len(name) - kept + start :].lstrip()}"
        if metrics.horizontalAdvance(text) <= room:
            return text
    return "…"


def short(name: str, metrics: QFontMetrics, room: int) -> str:
    """A name where there is very little room: "BloodImage_00035" is then known as "00035", and
    "clip.mp4, frame 6" as "frame 6"."""
    if metrics.horizontalAdvance(name) > room:
        *before, last = re.split(r"([_\-\s])", name)
        words = "".join([*before[-2:], last])
        if _NUMBER.fullmatch(last):
            name = last
        elif last.isdigit() and metrics.horizontalAdvance(words) <= room:
            name = words
    return elided(name, metrics, room, front=0)


class NameLabel(QLabel):
    """A line of words that gives way to its neighbours and is cut only while there is no room."""

    def __init__(
        self, parent: QWidget | None = None, *, role: str = "muted", front: float = 0.25
    ) -> None:
        super().__init__(parent)
        self._front = front
        self.setTextFormat(Qt.TextFormat.PlainText)
        theme.mark(self, role=role)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def shown(self) -> str:
        """What can be read of the text now."""
        return elided(self.text(), self.fontMetrics(), self.width(), front=self._front)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(
            self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, self.shown()
        )
