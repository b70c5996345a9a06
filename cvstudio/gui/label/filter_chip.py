"""The chip over the filmstrip that says which images are gone through, and ends the filter."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.verbatim import face, tip

_LONGEST = 72  # characters


class FilterChip(QWidget):
    """A row that is there only while a filter holds."""

    removed = Signal()
    """The person wants to go through every image again."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 2)
        self.button = QToolButton()
        theme.mark(self.button, filter=True, set=True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the cross comes last
        self.button.setIconSize(QSize(16, 16))
        self.button.setIcon(icon("close", "selectionText"))
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(lambda _checked=False: self.removed.emit())
        row.addWidget(self.button)
        row.addStretch(1)
        self.hide()

    def show_words(self, words: str) -> None:
        """The filter as it follows "Filtered: "; "" when every image is gone through."""
        text = f"Filtered: {words}"
        self.button.setText(face(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"))
        self.button.setAccessibleName(text)
        self.button.setToolTip(tip(f"{text}. The cross shows every image again."))
        self.setVisible(bool(words))
