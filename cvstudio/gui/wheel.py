"""Who the mouse wheel belongs to: it scrolls the page, and changes a field only when the field has
the focus. The style puts this on every field, so forms need not care."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QScrollBar,
    QWidget,
)


class WheelGuard(QObject):
    """An event filter for fields that a wheel would change while the person means to scroll."""

    def watch(self, widget: QWidget) -> None:
        """Guard a widget if it is a field that listens to the wheel."""
        kinds = (QAbstractSpinBox, QComboBox, QAbstractSlider)
        if not isinstance(widget, kinds) or isinstance(widget, QScrollBar):
            return
        if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            # Else the first turn of the wheel would give it the focus, and the second change it.
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass a wheel that is not meant for the field on to what scrolls around it."""
        if event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus() or not (isinstance(watched, QComboBox) or _scrolls(watched)):
            return False
        event.ignore()
        return True


def _scrolls(widget: QWidget) -> bool:
    """Whether a widget stands in something that scrolls."""
    around = widget
    while not around.isWindow():
        parent = around.parentWidget()
        if parent is None:
            return False
        if isinstance(parent, QAbstractScrollArea):
            return True
        around = parent
    return False
