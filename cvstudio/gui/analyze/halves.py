"""How the page is divided, and who gets the height where it is scarce."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QSplitter, QVBoxLayout, QWidget

from cvstudio.gui.analyze.figures import CardRow, ClassTable
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import SectionHeader, line
from cvstudio.gui.widgets.what_is import WhatIs

GALLERY, PICTURES = 254, 360
"""The height of one row of large crops, and what the three pictures need to be compared, in px."""

_ROOMY = 600
"""The height from which cards of two lines leave the pictures enough, in px."""


class Content(QWidget):
    """Cards over everything else. Where height is scarce the cards fold to a line."""

    def __init__(self, cards: CardRow, below: QWidget) -> None:
        super().__init__()
        self._cards = cards
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(cards)
        column.addWidget(line())
        column.addWidget(below, 1)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._cards.fold(self.height() < _ROOMY)
        return super().event(event)


class Halves(QSplitter):
    """Gallery over pictures. Where height is scarce the pictures get it; a hand at it is final."""

    def __init__(self, gallery: QWidget, detail: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._touched = False
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        self.addWidget(gallery)
        self.addWidget(detail)
        self.setStretchFactor(1, 1)
        self.splitterMoved.connect(self._touch)

    def _touch(self, _position: int, _index: int) -> None:
        self._touched = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._touched:
            gallery = min(max(self.height() - PICTURES, 0), GALLERY)
            self.setSizes([gallery, self.height() - gallery])


def figure_column(matrix: QWidget, table: ClassTable, chart: QWidget) -> QScrollArea:
    """The matrix, the figures of the classes and the curves, one under the other."""
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(16, 0, 12, 16)
    column.setSpacing(0)
    column.addWidget(matrix)
    column.addSpacing(8)
    per_class = SectionHeader("Per class", padded=False)
    per_class.row.insertWidget(1, WhatIs("Recall"))
    column.addWidget(per_class)
    column.addWidget(table.caption)
    column.addWidget(table)
    column.addSpacing(8)
    column.addWidget(chart)
    column.addStretch(1)
    area = scrolling(inside)
    area.setMinimumWidth(360)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def beside(figures: QWidget, errors: QWidget) -> QSplitter:
    """Figures at the left, errors at the right with most of the width."""
    across = QSplitter(Qt.Orientation.Horizontal)
    across.setHandleWidth(1)
    across.setChildrenCollapsible(False)
    across.addWidget(figures)
    across.addWidget(errors)
    across.setStretchFactor(1, 1)
    across.setSizes([408, 962])
    return across
