"""The main figures, one below the other: the value, its range as words and as a bar from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from cvstudio.core.metrics.resampling import Measured
from cvstudio.gui import theme
from cvstudio.gui.analyze.figures_view.titles import NO_RANGE, range_of, said, title_of, word_of
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.what_is import WhatIs


class RangeBar(QWidget):
    """A line from 0 to 1 with the figure as a mark and its 95 % interval as a band."""

    def __init__(self, figure: Measured) -> None:
        super().__init__()
        self.figure = figure
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(160, 16)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 16)

    def show_figure(self, figure: Measured) -> None:
        """Show another figure."""
        self.figure = figure
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide, middle = self.width() - 4.0, self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("border"))
        painter.drawRect(QRectF(2, middle - 0.5, wide, 1))
        value = self.figure.value
        if value != value:
            return
        if (between := self.figure.interval) is not None:
            low, high = (min(max(end, 0.0), 1.0) for end in between)
            band = theme.colour("chart1", 0.45)
            painter.setBrush(band)
            area = QRectF(2 + low * wide, middle - 4, max((high - low) * wide, 2), 8)
            painter.drawRoundedRect(area, 2, 2)
        painter.setBrush(theme.colour("text"))
        at = 2 + min(max(value, 0.0), 1.0) * wide
        painter.drawRect(QRectF(at - 1, middle - 6, 2, 12))


class FigureRows(QWidget):
    """One row per figure; the rows are kept while only their values change."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 4, 16, 12)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(4, 1)
        self._names: tuple[str, ...] = ()
        self._rows: dict[str, tuple[QLabel, QLabel, RangeBar]] = {}

    def show_figures(self, figures: Mapping[str, Measured]) -> None:
        """Show figures by name, in their order."""
        if tuple(figures) != self._names:
            self._make(tuple(figures))
        for name, figure in figures.items():
            value, between, bar = self._rows[name]
            value.setText(said(figure.value))
            between.setText(range_of(figure))
            bar.show_figure(figure)
            told = f"{title_of(name)} {said(figure.value)}"
            if figure.interval is not None:
                told += f", 95 % interval {range_of(figure)}"
            elif figure.why_no_range:
                told += f", {NO_RANGE}"
            bar.setAccessibleName(told)
            for part in (value, between, bar):
                part.setToolTip(told)

    def _make(self, names: tuple[str, ...]) -> None:
        empty(self._grid)
        self._names, self._rows = names, {}
        for row, name in enumerate(names):
            value, between = label("", "section"), label("", "caption")
            value.setMinimumWidth(theme.size("row_compact") * 2)
            bar = RangeBar(Measured(float("nan")))
            self._grid.addWidget(label(title_of(name)), row, 0)
            self._grid.addWidget(WhatIs(word_of(name)), row, 1)
            self._grid.addWidget(value, row, 2, Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(between, row, 3)
            self._grid.addWidget(bar, row, 4)
            self._rows[name] = (value, between, bar)
