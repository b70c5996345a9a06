"""How far a predict job is, with a way to stop it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from cvstudio.core.run_state import RunState
from cvstudio.gui import theme
from cvstudio.gui.widgets.section import label, link


class Busy(QWidget):
    """A row with words, a bar and Cancel; hidden until something is at work."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.words = label("", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("How far it is")
        theme.mark(self.bar, job=True)
        row.addWidget(self.words)
        row.addWidget(self.bar, 1)
        row.addWidget(link("Cancel", cancel, tip="Stop; what was answered stays"))
        self.hide()

    def begin(self) -> None:
        """Nothing is known yet."""
        self.words.setText("Starting")
        self.bar.setRange(0, 0)

    def show_state(self, state: RunState) -> None:
        """What the job says."""
        words = f"{state.phase}: {state.done:,} of {state.total:,}" if state.total else state.phase
        self.words.setText(words or "Starting")
        self.bar.setRange(0, state.total)
        self.bar.setValue(state.done)
