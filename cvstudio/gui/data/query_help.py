"""The small question mark beside the query box: every key of the query language by example.

An example that is chosen, by click or Enter, is put into the box: after a query that finds images,
in the place of one that does not.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.gui import theme
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.told_rows import ABOUT, ToldRows
from cvstudio.project.query_language import GRAMMAR, KEYS

_WIDTH, _HEIGHT = 620, 480
_EXAMPLE_WIDTH = 184
"""Pixels of the examples: what they mean begins at one line."""


class QueryHelp(QFrame):
    """Opens under the question mark; Esc or a click beside it closes it."""

    chosen = Signal(str)
    """An example, to be put into the box."""
    more = Signal()
    """All of it is wanted, in Help."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        theme.mark(self, toast=True)
        self.setAccessibleName("Words of queries")
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 8, 1, 1)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setContentsMargins(12, 0, 12, 0)
        head.addWidget(label("Words of queries", "section"))
        head.addWidget(label("Enter or a click puts an example into the box", "muted"), 1)
        head.addWidget(link("All in Help", self._ask_more))
        column.addLayout(head)
        self.list = QListWidget()
        self.list.setItemDelegate(ToldRows(self.list, _EXAMPLE_WIDTH))
        self.list.setAccessibleName("Examples of queries")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        for example, about in rows():
            item = QListWidgetItem(example)
            item.setData(ABOUT, about)
            item.setToolTip(about)
            self.list.addItem(item)
        column.addWidget(self.list, 1)

    def open_under(self, button: QWidget) -> None:
        """Show it where the button is, within its window."""
        room = button.window()
        width = min(_WIDTH, room.width() - 24)
        at = button.mapTo(room, QPoint(0, button.height() + 4))
        left = max(min(at.x(), room.width() - width - 12), 12)
        height = min(_HEIGHT, room.height() - at.y() - 12)
        self.setGeometry(*room.mapToGlobal(QPoint(left, at.y())).toTuple(), width, height)
        self.list.setCurrentRow(0)
        self.show()
        self.list.setFocus()

    def _choose(self, item: QListWidgetItem) -> None:
        if self.isVisible():  # a click that activates tells twice
            self.hide()
            self.chosen.emit(item.text())

    def _ask_more(self) -> None:
        self.hide()
        self.more.emit()


def rows() -> list[tuple[str, str]]:
    """Examples with what they ask: how terms are put together, then key by key."""
    return [*GRAMMAR, *((each.example, f"{key}: {each.about}") for key, each in KEYS.items())]
