"""The header's pill while a network suggests labels: how far it is, and a way to stop it."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar

from cvstudio.gui import theme
from cvstudio.gui.suggesting import Suggesting
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, tool


class SuggestPill(QFrame):
    """Hidden unless a job is at work."""

    def __init__(self) -> None:
        super().__init__()
        theme.mark(self, pill=True)
        self.setFixedHeight(32)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 4, 0)
        row.setSpacing(8)
        row.addWidget(IconLabel("creation-outline", "link"))
        row.addWidget(label("Suggesting labels", "section"))
        self.words = label("", "muted")
        row.addWidget(self.words)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(72)
        self.bar.setRange(0, 1000)
        theme.mark(self.bar, job=True)
        row.addWidget(self.bar)
        self.stop = tool(icon_name="close", tip="Stop: nothing is brought into the project")
        self.stop.setAccessibleName("Stop suggesting labels")
        row.addWidget(self.stop)
        self.hide()

    def follow(self, work: Suggesting) -> None:
        """Show what this work tells."""
        work.moved.connect(self._show)
        work.ended.connect(self.hide)
        self.stop.clicked.connect(lambda _checked=False: work.cancel())

    def _show(self, words: str, share: float) -> None:
        self.words.setText(words)
        self.bar.setValue(round(share * 1000))
        self.setAccessibleName(f"Suggesting labels {words}")
        self.show()
