"""The six steps of the work in one line, with the one that is next."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from cvstudio.gui.widgets.section import label, line

STEPS = (
    ("Data", "Bring in images"),
    ("Label", "Draw and review"),
    ("Augment", "See variations"),
    ("Train", "Watch it learn"),
    ("Analyze", "Find errors"),
    ("Export", "Take ONNX home"),
)


class Steps(QWidget):
    """Numbers in circles with words; `now` is the index of the step that comes next."""

    def __init__(self, now: int = 0) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(line())
        grid = QGridLayout()
        grid.setContentsMargins(0, 8, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        for place, (title, text) in enumerate(STEPS):
            number = label(str(place + 1), "number_on" if place == now else "number")
            number.setAlignment(number.alignment().AlignCenter)
            grid.addWidget(number, 0, 2 * place)
            grid.addWidget(label(title, "section"), 0, 2 * place + 1)
            grid.addWidget(label(text, "caption"), 1, 2 * place + 1)
            grid.setColumnStretch(2 * place + 1, 1)
        column.addLayout(grid)
