"""A panel of the view Figures: a header whose term is explained, and a column below it."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.gui.widgets.section import SectionHeader
from cvstudio.gui.widgets.what_is import WhatIs


class ExplainedPanel(QWidget):
    """`inside` is the column for what the panel shows."""

    def __init__(self, title: str, term: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        header = SectionHeader(title)
        header.row.insertWidget(1, WhatIs(term))
        column.addWidget(header)
        self.inside = QVBoxLayout()
        self.inside.setContentsMargins(16, 0, 16, 12)
        column.addLayout(self.inside)
