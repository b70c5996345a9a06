"""What Data shows in a project without images: bring some in, or learn on a sample."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.read_only import Follow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.samples import SampleCards
from cvstudio.gui.widgets.section import NextButton, label, push
from cvstudio.gui.widgets.steps import Steps

COLUMN = 880


class DropArea(QFrame):
    """The dashed frame; the window takes what is dropped, this only lights up."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        theme.mark(self, drop=True, over=False)
        self.setAcceptDrops(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 36, 24, 36)
        column.setSpacing(8)
        centre = Qt.AlignmentFlag.AlignHCenter
        mark = IconLabel("image-plus-outline", "muted", theme.size("empty_page"))
        column.addWidget(mark, 0, centre)
        column.addSpacing(4)
        column.addWidget(label("Drop images or a folder here", "title"), 0, centre)
        formats = (
            "JPEG, PNG, TIFF with 16 bits or many pages, BMP, WebP."
            " Labels beside the images are found too."
        )
        words = label(formats, "muted", wrap=True)
        words.setAlignment(centre)
        column.addWidget(words)
        column.addSpacing(12)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.choose = NextButton(studio.actions["data.choose"])
        row.addWidget(self.choose)
        self.import_ = push(
            "Import images with labels", lambda: studio.actions.trigger("data.import"), tall=True
        )
        Follow(self.import_, studio.actions["data.import"])
        self.import_.setIcon(icon("import", "text"))
        self.import_.setIconSize(QSize(20, 16))
        row.addWidget(self.import_)
        row.addStretch(1)
        column.addLayout(row)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        theme.mark(self, over=True)
        event.ignore()  # the window decides, and gets the drop

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        theme.mark(self, over=False)

    def dropEvent(self, event: QDropEvent) -> None:
        theme.mark(self, over=False)
        event.ignore()


class EmptyProject(QWidget):
    """`sample_asked(key)` when a sample is chosen."""

    sample_asked = Signal(str)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        outer = QHBoxLayout(self)
        outer.setContentsMargins(24, 16, 24, 16)
        outer.addStretch(1)
        inside = QWidget()
        inside.setMaximumWidth(COLUMN)
        inside.setMinimumWidth(560)
        outer.addWidget(inside, 100)
        outer.addStretch(1)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(label("Bring in your first images", "page"))
        words = (
            "They stay on this computer and where they are."
            " You decide whether CVStudio keeps a copy."
        )
        column.addWidget(label(words, "muted", wrap=True))
        column.addSpacing(16)
        self.drop = DropArea(studio)
        column.addWidget(self.drop)
        column.addSpacing(16)
        column.addWidget(label("Or learn on a sample", "section"))
        self.samples = SampleCards(studio.tasks)
        self.samples.chosen.connect(self.sample_asked)
        column.addWidget(self.samples)
        column.addSpacing(16)
        column.addWidget(Steps(0))
        column.addStretch(3)
