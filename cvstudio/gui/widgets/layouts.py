"""What several pages do with a column: empty it, let it scroll."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QWidget

from cvstudio.gui import theme


def empty(layout: QLayout) -> None:
    """Remove all widgets of a layout. They are hidden at once: Qt deletes them a moment later."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def scrolling(inside: QWidget) -> QScrollArea:
    """A column that scrolls up and down on the ground around it, and never sideways."""
    area = QScrollArea()
    theme.mark(area, plain=True)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area
