"""Parallel coordinates: one upright axis per setting and one for the figure, a line per trial.

plot = ParallelPlot()
plot.show_lines(axes, lines)                 # Axis, Line
plot.opened.connect(f)                       # key of the line that was clicked
plot.filtered.connect(f)                     # keys of the lines inside every brush
Dragging along an axis brushes it: lines outside fade. A click on the axis takes the brush away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.verbatim import tip

_TOP, _BOTTOM, _SIDE = 34, 26, 54
_NEAR = 14.0
"""Pixels beside an axis in which a drag brushes it."""

_HIT = 7.0
"""Pixels from a line within which a click means it."""

Value = float | str | bool | None


@dataclass(frozen=True)
class Axis:
    """An axis: its title, and either the words on it or the ends of its numbers."""

    title: str
    words: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False

    @classmethod
    def of(cls, title: str, values: Sequence[Value], *, log: bool | None = None) -> Axis:
        """The axis that holds these values; numbers over more than a factor of 20 by powers."""
        known = [v for v in values if v is not None]
        if any(isinstance(v, str | bool) for v in known):
            return cls(title, words=tuple(sorted({words_of(v) for v in known})))
        numbers = [float(v) for v in known] or [0.0]
        low, high = min(numbers), max(numbers)
        by_powers = (low > 0 and high / low >= 20) if log is None else log and low > 0
        if low == high:
            low, high = (low / 2, high * 2) if by_powers else (low - 0.5, high + 0.5)
        return cls(title, low=low, high=high, log=by_powers)

    def place(self, value: Value) -> float | None:
        """Where a value lies, 0 at the bottom to 1 at the top; None for one that is missing."""
        if value is None:
            return None
        if self.words:
            words = words_of(value)
            if words not in self.words:
                return None
            return self.words.index(words) / max(len(self.words) - 1, 1)
        number = float(value)
        if not self.log:
            return (number - self.low) / (self.high - self.low)
        return math.log(number / self.low) / math.log(self.high / self.low) if number > 0 else None

    def ends(self) -> tuple[str, str]:
        """The words at the bottom and at the top of an axis of numbers."""
        return words_of(self.low), words_of(self.high)


@dataclass(frozen=True)
class Line:
    """One trial: its key, what it is called, a value for each axis; the best one stands out."""

    key: int
    name: str
    values: tuple[Value, ...]
    best: bool = False


def words_of(value: Value) -> str:
    """A value in few letters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float | int) else str(value)


class ParallelPlot(QWidget):
    """The plot; see the module."""

    opened = Signal(int)
    filtered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.axes: tuple[Axis, ...] = ()
        self.lines: tuple[Line, ...] = ()
        self.brushes: dict[int, tuple[float, float]] = {}
        self._hover: int | None = None
        self._brushing: tuple[int, float] | None = None
        self._moved = False
        self.setMouseTracking(True)
        self.setMinimumHeight(230)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.keeper().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(640, 250)

    def show_lines(self, axes: Sequence[Axis], lines: Sequence[Line]) -> None:
        """Show trials; the brushes stay while the axes are the same ones."""
        if [axis.title for axis in axes] != [axis.title for axis in self.axes]:
            self.brushes = {}
        self.axes, self.lines = tuple(axes), tuple(lines)
        self.setAccessibleName(
            f"Parallel coordinates of {len(lines)} trials over"
            f" {', '.join(axis.title for axis in axes)}"
        )
        self.filtered.emit(self.inside)
        self.update()

    @property
    def inside(self) -> set[int]:
        """The keys of the lines that lie inside every brush."""
        return {line.key for line in self.lines if self._passes(line)}

    def clear_brushes(self) -> None:
        """Show all lines again."""
        self.brushes = {}
        self.filtered.emit(self.inside)
        self.update()

    def axis_x(self, index: int) -> float:
        """Where an axis stands, in pixels of the widget."""
        room = self.width() - 2 * _SIDE
        return _SIDE + room * index / max(len(self.axes) - 1, 1)

    def y_of(self, place: float) -> float:
        """Where a place on an axis lies, in pixels of the widget."""
        return self.height() - _BOTTOM - place * (self.height() - _TOP - _BOTTOM)

    def points(self, line: Line) -> list[QPointF]:
        """The corners of a line, in pixels of the widget; a missing value has none."""
        found = []
        for index, (axis, value) in enumerate(zip(self.axes, line.values, strict=True)):
            place = axis.place(value)
            if place is not None:
                found.append(QPointF(self.axis_x(index), self.y_of(place)))
        return found

    def _passes(self, line: Line) -> bool:
        for index, (low, high) in self.brushes.items():
            place = self.axes[index].place(line.values[index])
            if place is None or not low - 1e-9 <= place <= high + 1e-9:
                return False
        return True

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        if not self.lines:
            painter.setPen(theme.colour("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No trial is over yet")
            return
        order = sorted(self.lines, key=lambda line: (self._passes(line), line.best))
        for line in order:
            if line.key != self._hover:
                self._paint_line(painter, line, hover=False)
        for line in order:
            if line.key == self._hover:
                self._paint_line(painter, line, hover=True)
        for index in range(len(self.axes)):
            self._paint_axis(painter, index)

    def _paint_line(self, painter: QPainter, line: Line, *, hover: bool) -> None:
        passes = self._passes(line)
        pen = QPen(self._colour(line, passes), 3.0 if line.best or hover else 1.6)
        if hover:
            pen.setColor(theme.colour("text"))
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(self.points(line)))

    def _colour(self, line: Line, passes: bool) -> QColor:
        """From faint to the chart's colour as the figure grows, and the best line in full."""
        place = self.axes[-1].place(line.values[-1]) or 0.0
        colour = theme.colour("chart2" if line.best else "chart1")
        colour.setAlphaF(1.0 if line.best else 0.28 + 0.6 * min(max(place, 0.0), 1.0))
        if not passes:
            colour = theme.colour("muted")
            colour.setAlphaF(0.16)
        return colour

    def _paint_axis(self, painter: QPainter, index: int) -> None:
        axis, x = self.axes[index], self.axis_x(index)
        painter.setPen(QPen(theme.colour("borderControl"), 1))
        painter.drawLine(QPointF(x, self.y_of(0)), QPointF(x, self.y_of(1)))
        if index in self.brushes:
            low, high = self.brushes[index]
            area = QRectF(x - 6, self.y_of(high), 12, max(self.y_of(low) - self.y_of(high), 2))
            fill = theme.colour("link")
            fill.setAlpha(70)
            painter.fillRect(area, fill)
            painter.setPen(QPen(theme.colour("link"), 1))
            painter.drawRect(area)
        metrics = QFontMetrics(painter.font())
        room = round((self.width() - 2 * _SIDE) / max(len(self.axes) - 1, 1)) - 8
        wide = max(min(room, 2 * _SIDE - 8 if index in (0, len(self.axes) - 1) else room), 40)
        painter.setPen(theme.colour("text"))
        title = metrics.elidedText(axis.title, Qt.TextElideMode.ElideRight, wide)
        centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(x - wide / 2, 0, wide, 16), centre, title)
        painter.setPen(theme.colour("chartAxis"))
        if axis.words:
            for number, words in enumerate(axis.words):
                y = self.y_of(number / max(len(axis.words) - 1, 1))
                self._words_at(painter, x, y, words, first=index == 0)
        else:
            for place, words in zip((0.0, 1.0), axis.ends(), strict=True):
                below = place == 0.0
                y = self.y_of(place) + (13 if below else -9)
                painter.drawText(QRectF(x - 40, y - 8, 80, 16), centre, words)

    def _words_at(
        self, painter: QPainter, x: float, y: float, words: str, *, first: bool
    ) -> None:  # fmt: skip
        """A word beside its place on an axis, on a ground of its own: no line cuts it."""
        wide = painter.fontMetrics().horizontalAdvance(words) + 6
        area = QRectF(x - wide - 6 if first else x + 6, y - 8, wide, 16)
        if area.right() > self.width():
            area.moveRight(x - 6)
        ground = theme.colour("raised")
        ground.setAlpha(210)
        painter.fillRect(area, ground)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, words)

    # Mouse

    def line_at(self, position: QPointF) -> Line | None:
        """The line that a place of the widget lies on, the nearest of those inside the brushes."""
        best, nearest = None, _HIT
        for line in self.lines:
            corners = self.points(line)
            for one, other in pairwise(corners):
                away = _distance(position, one, other)
                if away < nearest and self._passes(line):
                    best, nearest = line, away
        return best

    def _axis_at(self, x: float) -> int | None:
        near = [i for i in range(len(self.axes)) if abs(self.axis_x(i) - x) <= _NEAR]
        return near[0] if near else None

    def _place_at(self, y: float) -> float:
        room = self.height() - _TOP - _BOTTOM
        return min(max((self.height() - _BOTTOM - y) / max(room, 1), 0.0), 1.0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self.lines:
            return
        axis = self._axis_at(event.position().x())
        self._brushing = None if axis is None else (axis, self._place_at(event.position().y()))
        self._moved = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._brushing is not None and event.buttons() & Qt.MouseButton.LeftButton:
            axis, start = self._brushing
            now = self._place_at(event.position().y())
            if self._moved or abs(now - start) > 0.02:
                self._moved = True
                self.brushes[axis] = (min(start, now), max(start, now))
                self.filtered.emit(self.inside)
                self.update()
            return
        over = self.line_at(event.position())
        on_axis = self._axis_at(event.position().x()) is not None
        shape = Qt.CursorShape.SizeVerCursor if on_axis else Qt.CursorShape.PointingHandCursor
        self.setCursor(shape if on_axis or over is not None else Qt.CursorShape.ArrowCursor)
        self._hover_over(None if over is None else over.key)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        brushing, self._brushing = self._brushing, None
        if brushing is not None and self._moved:
            return
        if brushing is not None and brushing[0] in self.brushes:
            del self.brushes[brushing[0]]
            self.filtered.emit(self.inside)
            self.update()
            return
        line = self.line_at(event.position())
        if line is not None:
            self.opened.emit(line.key)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover_over(None)

    def _hover_over(self, key: int | None) -> None:
        if key != self._hover:
            self._hover = key
            self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            line = self.line_at(QPointF(event.pos()))
            if line is None:
                words = "Drag along an axis to see only the trials inside; click a line for its run"
            else:
                told = zip(self.axes, line.values, strict=True)
                words = f"{line.name}: " + ", ".join(
                    f"{axis.title} {words_of(value)}" for axis, value in told if value is not None
                )
            QToolTip.showText(event.globalPos(), tip(words))
            return True
        return super().event(event)


def _distance(point: QPointF, one: QPointF, other: QPointF) -> float:
    """How far a point is from a stretch of line, in pixels."""
    along = other - one
    length = along.x() ** 2 + along.y() ** 2
    away = point - one
    share = (away.x() * along.x() + away.y() * along.y()) / length if length else 0.0
    nearest = one + along * min(max(share, 0.0), 1.0)
    return math.hypot(point.x() - nearest.x(), point.y() - nearest.y())
