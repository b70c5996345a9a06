"""In projects that classify: what the image is, said plainly, in the place of the annotations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
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


class _Row(QWidget):
    """One class, and a link to take it away."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.swatch = _Swatch()
        row.addWidget(self.swatch)
        self.name = label("", "run_title")
        row.addWidget(self.name, 1)
        self.clear = link("Clear")
        row.addWidget(self.clear)

    def show_class(self, found: LabelClass | None, *, words: str, removable: bool) -> None:
        """Show a class, or that there is none yet."""
        self.swatch.colour = found.colour if found else ""
        self.swatch.setVisible(found is not None)
        self.swatch.update()
        self.name.setText(found.name if found else "Not classified yet")
        self.clear.setText(words)
        self.clear.setAccessibleName(f"{words} {found.name}" if found else words)
        self.clear.setVisible(found is not None and removable)


class ImageClassCard(QWidget):
    """The class or the classes of the whole image, each with a link to take it away."""

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
        self._column = QVBoxLayout(card)
        self._column.setContentsMargins(12, 10, 12, 10)
        self._column.setSpacing(6)
        self.rows: list[_Row] = []
        self._show_rows(1)
        frame = QHBoxLayout()
        frame.setContentsMargins(16, 0, 16, 8)
        frame.addWidget(card)
        column.addLayout(frame)

    @property
    def name(self) -> QLabel:
        """The words for the first class."""
        return self.rows[0].name

    def offer(self, words: str, do: Callable[[], Any]) -> QPushButton:
        """A link at the right of the heading."""
        made = link(words, do)
        self.header.add(made)
        return made

    def _show_rows(self, count: int) -> None:
        while len(self.rows) < count:
            row = _Row()
            row.clear.clicked.connect(partial(self._take_away, len(self.rows)))
            self.rows.append(row)
            self._column.addWidget(row)
        for place, row in enumerate(self.rows):
            row.setVisible(place < count)

    def _take_away(self, place: int, _checked: bool = False) -> None:
        held = self._document.image_classes()
        if place < len(held):
            self._document.classify(held[place] if self._document.several else None)

    def refresh(self) -> None:
        """The image, its classes or the setting are other ones."""
        document = self._document
        held = [document.classes[id] for id in document.image_classes() if id in document.classes]
        writable = document.project.writable
        self.header.title.setText("This image shows" if document.several else "This image is")
        self._show_rows(max(len(held), 1))
        words = "Remove" if document.several else "Clear"
        shown: list[LabelClass | None] = [*held] or [None]
        for row, found in zip(self.rows, shown, strict=False):
            row.show_class(found, words=words, removable=writable)
