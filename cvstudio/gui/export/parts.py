"""Small parts of the Export page: what holds for every export, and how far one is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from cvstudio.core.run_state import RunState
from cvstudio.gui import theme
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, push


class Busy(QFrame):
    """Takes the place of the result: a sentence, a bar, and Cancel."""

    def __init__(self, cancel: Any) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        head = QHBoxLayout()
        self._title = label("", "section")
        head.addWidget(self._title, 1)
        head.addWidget(push("Cancel", cancel, small=True))
        column.addLayout(head)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("How far the export is")
        theme.mark(self._bar, job=True)
        column.addWidget(self._bar)
        self._words = label("", "muted")
        column.addWidget(self._words)
        self.hide()

    def begin(self, title: str) -> None:
        """Show that work has begun."""
        self._title.setText(title)
        self._words.setText("Starting")
        self._bar.setRange(0, 0)
        self.show()

    def show_state(self, state: RunState) -> None:
        """Show how far the job is."""
        self._words.setText(state.phase)
        self._bar.setRange(0, state.total)
        self._bar.setValue(state.done)

    def end(self) -> None:
        """The work is over."""
        self.hide()


def fact(title: str, text: str) -> QWidget:
    """A tick, what holds for every export, and why."""
    frame = QWidget()
    row = QHBoxLayout(frame)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    row.addWidget(IconLabel("check", "muted", 16), 0, Qt.AlignmentFlag.AlignTop)
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(label(title))
    column.addWidget(label(text, "caption", wrap=True))
    row.addLayout(column, 1)
    return frame
