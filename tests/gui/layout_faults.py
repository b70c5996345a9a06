"""What an eye finds wrong in a picture of the window, found without one: cut words, overlaps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QStackedLayout,
    QWidget,
)

from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import NextButton

_SHORTENS = (NameLabel, NextButton)
"""What shortens its words itself, on purpose and legibly, or leaves out its key."""


def faults(root: QWidget) -> list[str]:
    """What is wrong with the visible widgets of a page, a panel or a dialog, in words."""
    found: list[str] = []
    for widget in [root, *root.findChildren(QWidget)]:
        if widget.isVisible() and widget.window() is root.window():
            found += [f"{_where(widget)}: {words}" for words in (*_cut(widget), *_laid(widget))]
    return found


def _cut(widget: QWidget) -> Iterator[str]:
    """Words that need more room than they have."""
    if isinstance(widget, _SHORTENS):
        return
    if isinstance(widget, QLabel) and widget.text():
        if widget.wordWrap():
            if widget.heightForWidth(widget.width()) > widget.height() + 1:
                yield f"the last lines of {widget.text()!r} are cut"
        elif widget.sizeHint().width() > widget.width() + 1:
            yield f"the end of {widget.text()!r} is cut"
        elif widget.sizeHint().height() > widget.height() + 2:
            yield f"the foot of {widget.text()!r} is cut"
    elif isinstance(widget, QPushButton | QCheckBox | QRadioButton) and widget.text():
        if widget.sizeHint().width() > widget.width() + 1:
            yield f"the words of the button {widget.text()!r} are cut"
    elif isinstance(widget, QAbstractSpinBox):
        field = widget.findChild(QLineEdit)
        if field is not None:
            needed = widget.fontMetrics().horizontalAdvance(widget.text())
            if needed > field.width() - 2:
                yield f"the figure {widget.text()!r} is cut"


def _laid(widget: QWidget) -> Iterator[str]:
    """Children of a layout that lie on each other, or reach out of their parent."""
    layout = widget.layout()
    if layout is None or isinstance(layout, QStackedLayout):
        return
    items = [layout.itemAt(place) for place in range(layout.count())]
    children = [item.widget() for item in items if item is not None]
    seen = [child for child in children if child is not None and child.isVisible()]
    for child in seen:
        if not widget.rect().adjusted(-1, -1, 1, 1).contains(child.geometry()):
            yield f"{_where(child)} reaches out of it"
    for one, other in itertools.combinations(seen, 2):
        common = one.geometry().intersected(other.geometry())
        # In one cell two may stand side by side, at its left and at its right end.
        if common.width() > 1 and common.height() > 1 and not _beside(one, other):
            yield f"{_where(one)} and {_where(other)} lie on each other"


def _beside(one: QWidget, other: QWidget) -> bool:
    """Whether a label that fills a row leaves its free end to the other one."""
    for label, guest in ((one, other), (other, one)):
        if isinstance(label, QLabel) and not label.wordWrap():
            words = label.sizeHint().width()
            left, right = guest.geometry().left() - label.x(), label.geometry().right()
            if words <= left or words <= right - guest.geometry().right():
                return True
    return False


def _where(widget: QWidget) -> str:
    named = widget.objectName() or widget.accessibleName() or getattr(widget, "text", str)()
    return f"{type(widget).__name__} {named!r}" if named else type(widget).__name__
