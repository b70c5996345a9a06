"""In projects that classify: what the image is, said plainly, in the place of the annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.section import SectionHeader, label, link
from cvstudio.gui.widgets.swatch import paint_swatch


class _Swatch(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(16, 16)
        self.colour = ""

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.colour:
            painter = QPainter(self)
            paint_swatch(painter, QRect(0, 0, 16, 16), self.colour)


class ImageClassCard(QWidget):
    """The class of the whole image, and a link to take it away."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = SectionHeader("This image is")
        column.addWidget(self.header)
        card = QFrame()
        theme.mark(card, card=True)
        row = QHBoxLayout(card)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(10)
        self._swatch = _Swatch()
        row.addWidget(self._swatch)
        self.name = label("", "run_title")
        row.addWidget(self.name, 1)
        self.clear = link("Clear", lambda: document.classify(None), tip="Say nothing about it")
        row.addWidget(self.clear)
        frame = QHBoxLayout()
        frame.setContentsMargins(16, 0, 16, 8)
        frame.addWidget(card)
        column.addLayout(frame)

    def offer(self, words: str, do: Callable[[], Any]) -> QPushButton:
        """A link at the right of the heading."""
        made = link(words, do)
        self.header.add(made)
        return made

    def refresh(self) -> None:
        """The image or its class is another one."""
        document = self._document
        found = document.classes.get(document.image_class() or 0)
        self._swatch.colour = found.colour if found else ""
        self._swatch.setVisible(found is not None)
        self._swatch.update()
        self.name.setText(found.name if found else "Not classified yet")
        self.clear.setVisible(found is not None and document.project.writable)
