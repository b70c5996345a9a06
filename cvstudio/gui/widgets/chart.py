"""Line charts in the look of look.md, section 6. Imported when a chart is first shown: this is the
only module that imports pyqtgraph.

    chart = Chart("Loss", x="epoch", y="loss")
    chart.set_line("train", epochs, losses)       # the first line is solid, the second dashed ...
    chart.set_range(x=(0, 100), y=(0, None))      # None: a round figure above the data
    chart.set_limit(12, "12 GB fitted")
    chart.set_figures("1.09 train, 1.26 val")
Hovering reads the values in the place of the figures; Ctrl+wheel zooms, a double click shows all;
the context menu saves PNG or CSV.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label

STYLES: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("chart1", ()),
    ("chart2", (5, 3)),
    ("chart3", (2, 3)),
    ("chart4", (6, 3, 1, 3)),
)
"""Colour role and dash pattern by order: readable in print and without colour."""

AXIS_WIDTH = 62
MOST_POINTS = 2000


def round_ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Three to five round values inside a range."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / (most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.9)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def round_up(value: float) -> float:
    """The next round figure that leaves a little air above a value."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 1.2, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * power >= value)


def shown(value: float) -> str:
    """A value with as many digits as a person reads: 1.26, 0.0069, 1,240."""
    if value != value:
        return "–"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 0.01:
        return np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return f"{value:.3g}" if size >= 100 else f"{value:.3f}".rstrip("0").rstrip(".")


class _Axis(pg.AxisItem):
    """An axis with few round ticks, no tick marks, and figures as they are."""

    def updateAutoSIPrefix(self) -> None:
        """Never scale: pyqtgraph does so whenever a label is set again, even when told not to."""
        self.autoSIPrefixScale = 1.0

    def boundingRect(self) -> QRectF:
        # With a grid, pyqtgraph leaves no room for the words of the first and the last tick.
        return super().boundingRect().adjusted(-16, -8, 16, 8)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        ticks = round_ticks(minVal, maxVal)
        return [(ticks[1] - ticks[0] if len(ticks) > 1 else 1.0, ticks)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [f"{round(value * scale, 10):,.10g}" for value in values]


class _View(pg.ViewBox):
    """No zoom by accident: the wheel needs Ctrl, a double click shows everything again."""

    def wheelEvent(self, ev: Any, axis: Any = None) -> None:
        if ev.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(ev, axis=0)
        else:
            ev.ignore()

    def mouseDragEvent(self, ev: Any, axis: Any = None) -> None:
        ev.ignore()


class Legend(QWidget):
    """Names of lines with a piece of each line."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[tuple[str, int], ...] = ()
        self.setFixedHeight(16)

    def set_entries(self, entries: Sequence[tuple[str, int]]) -> None:
        """Names with the place of each line's style."""
        if tuple(entries) != self._entries:
            self._entries = tuple(entries)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        x = 0.0
        for name, place in self._entries:
            painter.setPen(line_pen(place))
            painter.drawLine(QPointF(x, 8), QPointF(x + 18, 8))
            painter.setPen(theme.colour("text"))
            width = painter.fontMetrics().horizontalAdvance(name)
            painter.drawText(QRectF(x + 24, 0, width + 2, 16), Qt.AlignmentFlag.AlignVCenter, name)
            x += 24 + width + 16


def line_pen(place: int) -> QPen:
    """The pen of the line at a place: 1.5 px, cosmetic."""
    role, dashes = STYLES[place % len(STYLES)]
    pen = QPen(theme.colour(role), 1.5)
    pen.setCosmetic(True)
    if dashes:
        pen.setDashPattern([length / 1.5 for length in dashes])
    return pen


class Chart(QFrame):
    """A titled chart of up to four lines; a card unless it is not framed."""

    def __init__(
        self,
        title: str,
        *,
        x: str,
        y: str,
        framed: bool = True,
        height: int = 216,
        fixed: bool = False,
        ground: str = "",
    ) -> None:
        """`ground` is the colour of a page that an unframed chart lies on, edge to edge."""
        super().__init__()
        self._x_name, self._y_name = x, y
        self._lines: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._places: dict[str, int] = {}
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._colours: dict[str, str] = {}
        self._dots: pg.ScatterPlotItem | None = None
        self._x_range: tuple[float, float | None] = (0, None)
        self._y_range: tuple[float, float | None] = (0, None)
        self._limit: tuple[float, str, str] | None = None
        self._figures = ""
        self._ground = "raised" if framed else ground or "surface"
        if framed:
            theme.mark(self, card=True)
        self.setMinimumHeight(height)
        if fixed:
            self.setMaximumHeight(height)
        self.setAccessibleName(title)
        self._build(title, framed)
        self._dress()
        theme.keeper().changed.connect(self._dress)

    # What it shows

    def set_line(
        self, name: str, x: Sequence[float], y: Sequence[float], *, place: int | None = None,
        colour: str = "",
    ) -> None:  # fmt: skip
        """Show or replace a line; `place` chooses its style, else the order of coming does.

        A line that stands for a label class has that class's `colour` ("#RRGGBB") and no entry in
        the legend.
        """
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if len(xs) > MOST_POINTS:
            step = -(-len(xs) // MOST_POINTS)
            xs, ys = xs[::step], ys[::step]
        new = name not in self._curves
        if new:
            self._places[name] = len(self._places) if place is None else place
            if colour:
                self._colours[name] = colour
            self._curves[name] = self.plot.plot(
                pen=self._pen(name), antialias=True, connect="finite"
            )
            self.legend.set_entries([e for e in self._places.items() if e[0] not in self._colours])
        self._lines[name] = (xs, ys)
        alone = len(xs) == 1
        self._curves[name].setData(xs, ys, symbol="o" if alone else None, symbolSize=5)
        if alone:
            self._curves[name].setSymbolBrush(self._pen(name).color())
            self._curves[name].setSymbolPen(None)
        self._apply_range()

    def set_range(
        self,
        *,
        x: tuple[float, float | None] = (0, None),
        y: tuple[float, float | None] = (0, None),
    ) -> None:
        """The ends of the axes; None means a round figure beyond the data."""
        if (x, y) != (self._x_range, self._y_range):
            self._x_range, self._y_range = x, y
            self._apply_range()

    def set_limit(self, value: float | None, words: str = "", *, role: str = "warning") -> None:
        """A horizontal line with words: "12 GB fitted"; None takes it away."""
        limit = None if value is None else (value, words, role)
        if limit == self._limit:
            return
        self._limit = limit
        self._dress_limit()
        self._apply_range()

    def set_figures(self, text: str) -> None:
        """The current figures, right of the title."""
        self._figures = text
        self.figures.setText(text)

    def set_dots(self, dots: Mapping[str, tuple[float, float]]) -> None:
        """Mark one point on each of some lines, in the colour of the line."""
        if self._dots is None:
            self._dots = pg.ScatterPlotItem(size=9, pen=None)
            self.plot.addItem(self._dots)
        self._dots.setData(
            [{"pos": at, "brush": self._pen(name).color()} for name, at in dots.items()]
        )

    def _pen(self, name: str) -> QPen:
        pen = line_pen(self._places[name])
        if name in self._colours:
            pen = QPen(QColor(self._colours[name]), 1.5)
            pen.setCosmetic(True)
        return pen

    def set_title(self, title: str) -> None:
        """Another title."""
        self.title.setText(title)
        self.setAccessibleName(title)

    def clear(self) -> None:
        """Take all lines away."""
        for curve in self._curves.values():
            self.plot.removeItem(curve)
        self._curves, self._lines, self._places, self._colours = {}, {}, {}, {}
        if self._dots is not None:
            self._dots.clear()
        self.legend.set_entries([])
        self.set_figures("")

    def line(self, name: str) -> tuple[list[float], list[float]]:
        """The points of a line, as shown; none while it is not."""
        xs, ys = self._lines.get(name, (np.empty(0), np.empty(0)))
        return xs.tolist(), ys.tolist()

    @property
    def names(self) -> list[str]:
        """The lines that are shown, in their order."""
        return list(self._lines)

    # Saving

    def save_csv(self, path: Path) -> None:
        """Write all lines: one row per x value, one column per line."""
        table: dict[float, dict[str, float]] = {}
        for name, (xs, ys) in self._lines.items():
            for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
                table.setdefault(x, {})[name] = y
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow([self._x_name, *self._lines])
            for x in sorted(table):
                writer.writerow([x, *(table[x].get(name, "") for name in self._lines)])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction("Save as PNG", lambda: self._save("PNG image (*.png)", ".png"))
        menu.addAction("Save as CSV", lambda: self._save("CSV table (*.csv)", ".csv"))
        menu.exec(event.globalPos())

    def _save(self, kind: str, suffix: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save chart", self.title.text() + suffix, kind)
        if name and suffix == ".csv":
            self.save_csv(Path(name))
        elif name:
            self.grab().save(name)

    # Making and dressing

    def _build(self, title: str, framed: bool) -> None:
        side = theme.size("card_padding") if framed else theme.size("panel_padding")
        if self._ground == "window":
            side = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(side, 8 if framed else 0, side, 4)
        column.setSpacing(2)
        head = QHBoxLayout()
        self.title = label(title, "section")
        self.figures = NameLabel(front=1)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.figures)
        column.addLayout(head)
        self.legend = Legend()
        keys = QHBoxLayout()
        keys.setContentsMargins(AXIS_WIDTH, 2, 0, 0)
        keys.addWidget(self.legend)
        column.addLayout(keys)
        axes = {"left": _Axis("left"), "bottom": _Axis("bottom")}
        self.plot = pg.PlotWidget(viewBox=_View(enableMenu=False), axisItems=axes)
        self.plot.setFrameShape(QFrame.Shape.NoFrame)
        self.plot.hideButtons()
        self.plot.getPlotItem().setContentsMargins(0, 8, 14, 0)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.viewport().setMouseTracking(True)
        self.plot.viewport().installEventFilter(self)
        self.plot.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.setVisible(False)
        self._limit_line = pg.InfiniteLine(angle=0, movable=False)
        self._limit_words = pg.TextItem(anchor=(1, 1))
        for item in (self._cross, self._limit_line, self._limit_words):
            self.plot.addItem(item, ignoreBounds=True)
        column.addWidget(self.plot, 1)

    def _dress(self) -> None:
        self.plot.setBackground(theme.colour(self._ground))
        words = theme.colour("chartAxis")
        font = QFont(theme.font("small"))
        style = {"color": words.name(), "font-size": f"{font.pixelSize()}px"}
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setStyle(
                tickFont=font, tickLength=0, autoExpandTextSpace=False, hideOverlappingLabels=False
            )
            axis.setTextPen(words)
            axis.enableAutoSIPrefix(False)
        left, bottom = self.plot.getAxis("left"), self.plot.getAxis("bottom")
        left.setWidth(AXIS_WIDTH)
        bottom.setHeight(34)
        left.setPen(QColor(0, 0, 0, 0))
        left.setTickPen(QPen(theme.colour("chartGrid"), 1))
        left.setGrid(255)
        bottom.setPen(QPen(theme.colour("borderControl"), 1))
        bottom.setTickPen(QColor(0, 0, 0, 0))
        for axis, name in ((left, self._y_name), (bottom, self._x_name)):
            axis.setLabel(name, **style)  # last: setPen takes the label's colour along
        cross = QPen(theme.colour("borderControl"), 1)
        cross.setCosmetic(True)  # else it is as thick as an epoch
        self._cross.setPen(cross)
        for name, curve in self._curves.items():
            curve.setPen(self._pen(name))
        self._dress_limit()
        self.legend.update()

    def _dress_limit(self) -> None:
        for item in (self._limit_line, self._limit_words):
            item.setVisible(self._limit is not None)
        if self._limit is None:
            return
        value, words, role = self._limit
        pen = QPen(theme.colour(role), 1)
        pen.setCosmetic(True)
        pen.setDashPattern([4, 3])
        self._limit_line.setPen(pen)
        self._limit_line.setValue(value)
        self._limit_words.setText(words, theme.colour("muted"))
        self._limit_words.setFont(theme.font("small"))

    def _apply_range(self) -> None:
        ends = [xs[-1] for xs, _ in self._lines.values() if len(xs)]
        tops = [float(np.nanmax(ys)) for _, ys in self._lines.values() if np.isfinite(ys).any()]
        if self._limit is not None:
            tops.append(self._limit[0] * 1.15)
        x_end, y_end = self._x_range[1], self._y_range[1]
        right = x_end if x_end is not None else max([*ends, self._x_range[0] + 1])
        top = y_end if y_end is not None else round_up(float(max(tops, default=1.0)))
        self.plot.setXRange(self._x_range[0], max(right, self._x_range[0] + 1e-9), padding=0.01)
        self.plot.setYRange(self._y_range[0], top, padding=0.02)
        if self._limit is not None:
            self._limit_words.setPos(right, self._limit[0])

    # Reading values

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._read(event.position())
        elif event.type() == QEvent.Type.Leave:
            self._cross.setVisible(False)
            self.figures.setText(self._figures)
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self._apply_range()
        return super().eventFilter(watched, event)

    def _read(self, position: QPointF) -> None:
        box = self.plot.getPlotItem().vb
        at = box.mapSceneToView(position).x()
        parts, nearest = [], None
        for name, (xs, ys) in self._lines.items():
            if len(xs):
                index = int(np.abs(xs - at).argmin())
                nearest = float(xs[index])
                parts.append(f"{shown(float(ys[index]))} {name}")
        self._cross.setVisible(nearest is not None)
        if nearest is not None:
            self._cross.setValue(nearest)
            self.figures.setText(f"{self._x_name} {shown(nearest)}: {', '.join(parts)}")
