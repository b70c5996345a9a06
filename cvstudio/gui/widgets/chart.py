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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QMouseEvent, QPen
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QMenu, QVBoxLayout

from cvstudio.core.thinning import telling
from cvstudio.gui import theme
from cvstudio.gui.widgets.chart_figures import log_ticks, round_ticks, round_up, shown, smoothed
from cvstudio.gui.widgets.chart_legend import Legend, line_pen
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label

AXIS_WIDTH = 62
MOST_POINTS = 2000
GHOST = 0.28
"""Opacity of the values behind their running mean."""


class _Axis(pg.AxisItem):
    """An axis with few round ticks, no tick marks, and figures as they are.

    With `powers` it stands for values by their logarithms.
    """

    powers = False

    def updateAutoSIPrefix(self) -> None:
        """Never scale: pyqtgraph does so whenever a label is set again, even when told not to."""
        self.autoSIPrefixScale = 1.0

    def boundingRect(self) -> QRectF:
        # With a grid, pyqtgraph leaves no room for the words of the first and the last tick.
        return super().boundingRect().adjusted(-16, -8, 16, 8)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        ticks = log_ticks(minVal, maxVal) if self.powers else round_ticks(minVal, maxVal)
        return [(ticks[1] - ticks[0] if len(ticks) > 1 else 1.0, ticks)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if self.powers:
            return [shown(10**value) for value in values]
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
        log_x: bool = False,
    ) -> None:
        """`ground` is the colour of a page that an unframed chart lies on, edge to edge. With
        `log_x` equal distances to the right are equal factors."""
        super().__init__()
        self._x_name, self._y_name = x, y
        self._lines: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._places: dict[str, int] = {}
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._colours: dict[str, str] = {}
        self._dashed: dict[str, bool | None] = {}
        self._ghosts: dict[str, pg.PlotDataItem] = {}
        self._smoothing, self._log, self._log_x = 0.0, False, log_x
        self._mark: tuple[float, str] | None = None
        self._dots: pg.ScatterPlotItem | None = None
        self._x_range: tuple[float, float | None] = (1e-3 if log_x else 0, None)
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
        self, name: str, x: Sequence[float] | NDArray[np.float64],
        y: Sequence[float] | NDArray[np.float64], *, place: int | None = None,
        colour: str = "", dashed: bool | None = None,
    ) -> None:  # fmt: skip
        """Show or replace a line; `place` chooses its style, else the order of coming does.

        With a place, `dashed` parts two lines of one colour, as those of train and val.

        A line that stands for a label class has that class's `colour` ("#RRGGBB") and no entry in
        the legend.
        """
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if len(xs) > MOST_POINTS:
            kept = telling([ys], MOST_POINTS)
            xs, ys = xs[kept], ys[kept]
        new = name not in self._curves
        if new:
            self._places[name] = len(self._places) if place is None else place
            if colour:
                self._colours[name] = colour
            self._dashed[name] = dashed
            self._curves[name] = self.plot.plot(
                pen=self._pen(name), antialias=True, connect="finite"
            )
            self._name_lines()
        self._lines[name] = (xs, ys)
        self._draw_line(name)
        self._apply_range()

    def _name_lines(self) -> None:
        """Name the lines; dashed twins of solid ones are named once for all of them."""
        named = [n for n in self._places if n not in self._colours and not self._dashed[n]]
        entries = [(n, self._places[n], self._dashed[n]) for n in named]
        twins = [n for n, dashed in self._dashed.items() if dashed]
        if twins:
            words = "val" if all(n.endswith(" val") for n in twins) else "dashed"
            entries.append((words, self._places[twins[0]], True))
        self.legend.set_entries(entries)

    def _draw_line(self, name: str) -> None:
        """Draw a line as it is; smoothed with the values themselves pale behind it."""
        xs, ys = self._lines[name]
        alone, curve = len(xs) == 1, self._curves[name]
        even = smoothed(ys, self._smoothing)
        across = self._across(xs)
        curve.setData(across, self._placed(even), symbol="o" if alone else None, symbolSize=5)
        if alone:
            curve.setSymbolBrush(self._pen(name).color())
            curve.setSymbolPen(None)
        ghost = self._ghosts.get(name)
        if self._smoothing > 0 and ghost is None:
            ghost = self.plot.plot(antialias=True, connect="finite")
            ghost.setZValue(curve.zValue() - 1)
            self._ghosts[name] = ghost
        if ghost is not None:
            pale = QPen(self._pen(name))
            colour = QColor(pale.color())
            colour.setAlphaF(GHOST)
            pale.setColor(colour)
            ghost.setPen(pale)
            ghost.setVisible(self._smoothing > 0)
            ghost.setData(across, self._placed(ys))

    def _placed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where values lie on the axis; nothing below zero has a logarithm."""
        if not self._log:
            return values
        return np.log10(values, where=values > 0, out=np.full_like(values, np.nan))

    def _across(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where x values lie on the axis; a chart with factors has none that are not above zero."""
        return np.log10(values) if self._log_x else values

    def set_smoothing(self, share: float) -> None:
        """Draw running means in which what was before weighs `share`, 0 to below 1."""
        if share != self._smoothing:
            self._smoothing = share
            for name in self._lines:
                self._draw_line(name)

    def set_log(self, on: bool) -> None:
        """Whether equal distances upwards are equal factors."""
        if on != self._log:
            self._log = self.plot.getAxis("left").powers = on
            for name in self._lines:
                self._draw_line(name)
            self._apply_range()
            self.plot.getAxis("left").picture = None
            self.plot.getAxis("left").update()

    def set_mark(self, x: float | None, words: str = "") -> None:
        """An upright line with words at its top: "best"; None takes it away."""
        mark = None if x is None else (x, words)
        if mark != self._mark:
            self._mark = mark
            self._dress_mark()
            self._apply_range()

    @property
    def mark(self) -> tuple[float, str] | None:
        """Where the upright line stands, and its words."""
        return self._mark

    def set_range(
        self,
        *,
        x: tuple[float, float | None] = (0, None),
        y: tuple[float, float | None] = (0, None),
    ) -> None:
        """The ends of the axes; None means a round figure beyond the data, or, of an x axis with
        factors, the end of the data."""
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
            [
                {"pos": (float(self._across(np.array(x))), y), "brush": self._pen(name).color()}
                for name, (x, y) in dots.items()
            ]
        )

    def _pen(self, name: str) -> QPen:
        pen = line_pen(self._places[name], self._dashed[name])
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
        for curve in (*self._curves.values(), *self._ghosts.values()):
            self.plot.removeItem(curve)
        self._ghosts.clear()
        self.set_mark(None)
        self._curves, self._lines, self._places, self._colours = {}, {}, {}, {}
        self._dashed = {}
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
        axes["bottom"].powers = self._log_x
        self.plot = pg.PlotWidget(viewBox=_View(enableMenu=False), axisItems=axes)
        self.plot.setAccessibleName(f"{title or 'Chart'}: plot")
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
        self._mark_line = pg.InfiniteLine(angle=90, movable=False)
        self._mark_words = pg.TextItem(anchor=(0, 0))
        for item in (
            self._cross, self._limit_line, self._limit_words, self._mark_line, self._mark_words,
        ):  # fmt: skip
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
            if name in self._ghosts:
                self._draw_line(name)
        self._dress_limit()
        self._dress_mark()
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
        self._limit_line.setValue(float(self._placed(np.array([value]))[0]))
        self._limit_words.setText(words, theme.colour("muted"))
        self._limit_words.setFont(theme.font("small"))

    def _dress_mark(self) -> None:
        for item in (self._mark_line, self._mark_words):
            item.setVisible(self._mark is not None)
        if self._mark is None:
            return
        pen = QPen(theme.colour("muted"), 1)
        pen.setCosmetic(True)
        pen.setDashPattern([2, 3])
        self._mark_line.setPen(pen)
        self._mark_line.setValue(float(self._across(np.array(self._mark[0]))))
        self._mark_words.setText(self._mark[1], theme.colour("muted"))
        self._mark_words.setFont(theme.font("small"))

    def _apply_range(self) -> None:
        ends = [xs[-1] for xs, _ in self._lines.values() if len(xs)]
        tops = [float(np.nanmax(ys)) for _, ys in self._lines.values() if np.isfinite(ys).any()]
        if self._limit is not None:
            tops.append(self._limit[0] * 1.15)
        x_end, y_end = self._x_range[1], self._y_range[1]
        right = x_end if x_end is not None else self._beyond(ends)
        top = y_end if y_end is not None else round_up(float(max(tops, default=1.0)))
        left, right = (float(x) for x in self._across(np.array([self._x_range[0], right])))
        self.plot.setXRange(left, max(right, left + 1e-9), padding=0.01)
        low = self._y_range[0]
        if self._log:
            known = [ys[ys > 0] for _, ys in self._lines.values() if (ys > 0).any()]
            least = min((float(np.nanmin(ys)) for ys in known), default=top / 100)
            low = float(np.log10(min(least, top) * 0.9))
            top = float(np.log10(top))
        self.plot.setYRange(low, max(top, low + 1e-9), padding=0.02)
        if self._limit is not None:
            self._limit_words.setPos(right, self._limit[0])
        if self._mark is not None:
            at = float(self._across(np.array(self._mark[0])))
            beyond = at > (left + right) / 2
            self._mark_words.setAnchor((1, 0) if beyond else (0, 0))
            self._mark_words.setPos(at, top)

    def _beyond(self, ends: Sequence[float]) -> float:
        """A round figure from the last x on: an axis that ends at 212 has no step that fits it. One
        with factors ends at its last value."""
        last = float(max([*ends, self._x_range[0] + 1]))
        return last if self._log_x else round_up(last)

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
                index = int(np.abs(self._across(xs) - at).argmin())
                nearest = float(xs[index])
                parts.append(f"{shown(float(ys[index]))} {name}")
        self._cross.setVisible(nearest is not None)
        if nearest is not None:
            self._cross.setValue(float(self._across(np.array(nearest))))
            self.figures.setText(f"{self._x_name} {shown(nearest)}: {', '.join(parts)}")
