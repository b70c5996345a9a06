"""The table of labelled against predicted with its heading, its unit and which classes it shows."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.gui.analyze.confusion import ConfusionView
from cvstudio.gui.analyze.confusion_model import Figures
from cvstudio.gui.analyze.controls import ArrowKeeper
from cvstudio.gui.widgets.section import SectionHeader, Segments, label, tool
from cvstudio.gui.widgets.verbatim import face
from cvstudio.gui.widgets.what_is import WhatIs

_FIGURES = (Figures.COUNTS, Figures.OF_ROW, Figures.OF_COLUMN)


class MatrixPanel(QWidget):
    """`toggled` when other classes are shown than before, or in another order."""

    toggled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.matrix = ConfusionView()
        self.header = SectionHeader(
            "Labelled against predicted", link_text=" ", do=self._toggle, padded=False
        )
        self.header.row.insertWidget(1, WhatIs("Confusion matrix"))
        self.caption = label("", "caption", wrap=True)
        self.figures = Segments(
            ("Counts", "% row", "% column"),
            tips=(
                "Counts: how many there are",
                "% row: of what is labelled so, how much is predicted as what",
                "% column: of what is predicted so, how much is labelled as what",
            ),
        )
        self.figures.setAccessibleName("Figures of the table")
        self.figures.chosen.connect(lambda place: self.matrix.show_figures(_FIGURES[place]))
        self.sorted = tool(
            icon_name="sort-descending",
            tip="Sort by confusion: the classes that are confused most come first",
        )
        self.sorted.setCheckable(True)
        self.sorted.toggled.connect(self._sort)
        self._arrows = ArrowKeeper(self)
        self._arrows.watch(*self.figures.buttons)
        how = QHBoxLayout()
        how.setContentsMargins(0, 0, 0, 0)
        how.setSpacing(8)
        how.addWidget(self.figures)
        how.addWidget(self.sorted)
        how.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.caption)
        column.addSpacing(6)
        column.addLayout(how)
        column.addSpacing(8)
        column.addWidget(self.matrix)

    def tell(self, unit: str, of: str, *, objects: bool) -> None:
        """Say what is counted, when labels changed since, of when, and how many classes there are.

        `of` is the time of the evaluation, "" while the labels are still those judged by. Of
        `objects`, those that are loose or reported twice have a kind of error of their own.
        """
        then = f", as of {of}" if of else ""
        more = ". Missed and false alarm hold the loose and the double ones too" if objects else ""
        self.caption.setText(f"Rows labelled, columns predicted; {unit}{then}{more}")
        absent = self.matrix.absent
        button = self.header.link
        assert button is not None
        button.setVisible(absent > 0)
        if absent:
            words = "Only those that occur" if self.matrix.whole else f"{absent} more classes"
            button.setText(face(words))
            button.setToolTip("Classes that are neither labelled nor predicted on these images")

    def _sort(self, on: bool) -> None:
        self.matrix.show_sorted(on)
        self.toggled.emit()

    def _toggle(self) -> None:
        self.matrix.show_whole(not self.matrix.whole)
        self.toggled.emit()
