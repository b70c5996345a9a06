"""The table of labelled against predicted with its heading, its unit and which classes it shows."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.gui.analyze.confusion import ConfusionView
from cvstudio.gui.widgets.section import SectionHeader, label
from cvstudio.gui.widgets.verbatim import face
from cvstudio.gui.widgets.what_is import WhatIs


class MatrixPanel(QWidget):
    """`toggled` when other classes are shown than before."""

    toggled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.matrix = ConfusionView()
        self.header = SectionHeader(
            "Labelled against predicted", link_text=" ", do=self._toggle, padded=False
        )
        self.header.row.insertWidget(1, WhatIs("Confusion matrix"))
        self.caption = label("", "caption", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.caption)
        column.addSpacing(4)
        column.addWidget(self.matrix)

    def tell(self, unit: str, of: str) -> None:
        """Say what is counted, when labels changed since, of when, and how many classes there are.

        `of` is the time of the evaluation, "" while the labels are still those judged by.
        """
        then = f", as of {of}" if of else ""
        self.caption.setText(f"Rows labelled, columns predicted; {unit}{then}")
        absent = self.matrix.absent
        button = self.header.link
        assert button is not None
        button.setVisible(absent > 0)
        if absent:
            words = "Only those that occur" if self.matrix.whole else f"{absent} more classes"
            button.setText(face(words))
            button.setToolTip("Classes that are neither labelled nor predicted on these images")

    def _toggle(self) -> None:
        self.matrix.show_whole(not self.matrix.whole)
        self.toggled.emit()
