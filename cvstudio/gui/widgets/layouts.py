"""What several pages do with a row or a column: dress it, empty it, let it scroll."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QScrollArea, QWidget

from cvstudio.gui import theme


def bar_row(frame: QFrame) -> QHBoxLayout:
    """Make a frame the bar over a part of a page; what stands in it goes into the row."""
    theme.mark(frame, panel="bar")
    frame.setFixedHeight(theme.size("bar"))
    row = QHBoxLayout(frame)
    row.setContentsMargins(16, 0, 16, 0)
    row.setSpacing(8)
    return row


def empty(layout: QLayout) -> None:
    """Remove all widgets of a layout. They are hidden at once: Qt deletes them a moment later."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


class ColumnArea(QScrollArea):
    """A scroll area whose inside is never lower than its lines of text need.

    Rows that are new, or get their font from another theme, may ask for more room after Qt has
    looked for the last time: they would be cut and lie over each other until something else moves.
    """

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self._inside = inside
        self._asked = (0, 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and watched is self._inside:
            self._look()
        return super().eventFilter(watched, event)

    def _look(self) -> None:
        width = self._inside.width()
        wanted = width, self._inside.heightForWidth(width)
        if self._inside.height() >= wanted[1]:
            self._asked = 0, 0
        elif wanted != self._asked:  # once: it may have a height that nothing changes
            self._asked = wanted
            QTimer.singleShot(0, self, self._look_again)

    def _look_again(self) -> None:
        QCoreApplication.postEvent(self._inside, QEvent(QEvent.Type.LayoutRequest))


def scrolling(inside: QWidget) -> QScrollArea:
    """A column that scrolls up and down on the ground around it, and never sideways."""
    area = ColumnArea(inside)
    theme.mark(area, plain=True)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area


def show_or_hide(widget: QWidget, on: bool) -> None:
    """Show a part of a page or hide it, also while the page is being made.

    What has no parent yet would open as a little window of its own; it is shown with the page.
    """
    if on and widget.parentWidget() is None:
        widget.setAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)
    else:
        widget.setVisible(on)
