"""What the canvas says while a picture is read: its name, how large it is, and a busy bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QProgressBar, QVBoxLayout, QWidget

from cvstudio.core.words import size_words
from cvstudio.gui import theme
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label
from cvstudio.project.records import ImageRecord

_WIDTH = 320
_MARGIN = 12  # px that stay free beside it on a narrow canvas
_MEGABYTE = 1_000_000


class ReadingNotice(QFrame):
    """A card in the middle of its parent. The mouse goes through it: the image can be panned."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        theme.mark(self, card=True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Reading the image")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(6)
        self.title = NameLabel(role="section")
        self.title.setFixedHeight(20)
        column.addWidget(self.title)
        self.words = label("", "muted")
        column.addWidget(self.words)
        column.addSpacing(6)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        column.addWidget(self.bar)
        self.hide()

    def begin(self, image: ImageRecord | None) -> None:
        """Show that an image is being read."""
        self.title.setText(image.title if image else "")
        size = (image.width, image.height, image.size) if image else (0, 0, 0)
        self.words.setText(reading_words(*size))
        self.bar.setRange(0, 0)
        self.show()
        self.place()
        self.raise_()

    def end(self) -> None:
        """The picture is there, or never will be."""
        self.bar.setRange(0, 1)  # a bar that nobody sees must not go on moving
        self.hide()

    def place(self) -> None:
        """Stand in the middle; the parent has another size."""
        room = self._around.size()
        width = max(min(_WIDTH, room.width() - 2 * _MARGIN), 0)
        height = self.sizeHint().height()
        self.setGeometry((room.width() - width) // 2, (room.height() - height) // 2, width, height)


def reading_words(width: int, height: int, size: int) -> str:
    """ "Reading 12,000 × 12,000 px, 251 MB…"; a file's `size` in bytes is said from 1 MB on."""
    words = f"Reading {width:,} × {height:,} px"
    if size >= _MEGABYTE:
        words += f", {size_words(size)}"
    return words + "…"
