"""A titled picture that can be zoomed, as they stand side by side."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.analyze.compare_view import CompareView
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label


class Pane(QWidget):
    """A titled picture with a figure at the right of its title."""

    def __init__(self, title: str, right: QWidget | None = None) -> None:
        super().__init__()
        self.title = label(title, "section")
        self.figure = NameLabel(role="caption", front=0.4)
        self.view = CompareView(title)
        header = QWidget()
        header.setFixedHeight(theme.size("row_compact"))
        head = self.head = QHBoxLayout(header)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self.figure)
        head.insertStretch(1 if right is None else 2, 1)
        if right is not None:
            head.addWidget(right, 100)  # all the room there is, up to its greatest width
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(header)
        column.addWidget(self.view, 1)
