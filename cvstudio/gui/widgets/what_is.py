"""A small question mark beside a heading: it says what a word means and opens Help there.

header.add(WhatIs("Confusion matrix"))     # the name of a word in resources/words.md
"""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QWhatsThisClickedEvent
from PySide6.QtWidgets import QApplication, QToolButton

from cvstudio.core.meanings import meaning
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.layouts import show_or_hide


class WhatIs(QToolButton):
    """The window hears of a click as of a link in What's This; nothing has to be connected."""

    def __init__(self, word: str = "") -> None:
        super().__init__()
        self.setFixedSize(20, 20)
        self.setIconSize(QSize(14, 14))
        self.setIcon(icon("help-circle-outline"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(lambda _checked=False: self._ask())
        self.set_word(word)

    def set_word(self, word: str) -> None:
        """Explain another word; one that Help does not know takes the mark away."""
        self.word = word
        known = meaning(word)
        show_or_hide(self, known is not None)
        if known is not None:
            self.setToolTip(f"<p>{escape(known.name)}: {escape(known.text)}</p>")
            self.setAccessibleName(f"What is {word}?")

    def _ask(self) -> None:
        QApplication.sendEvent(self, QWhatsThisClickedEvent(self.word))
