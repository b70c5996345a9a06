"""A place where files are dropped, or chosen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout

from cvstudio.gui import theme
from cvstudio.gui.dropping import copies, files_of
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, link


class DropArea(QFrame):
    """Takes files and folders. `suffixes` are those that are offered when files are chosen, `what`
    names them; `folders`: whether a folder can be chosen too."""

    dropped = Signal(object)
    """A list of paths."""

    def __init__(
        self, suffixes: Iterable[str], *, title: str, words: str = "Drop images here",
        what: str = "Images", folders: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self._suffixes, self._title, self._what = sorted(suffixes), title, what
        theme.mark(self, drop=True)
        self.setAcceptDrops(True)
        self.setFixedHeight(88)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(IconLabel("image-plus-outline", "muted", 18))
        row.addWidget(label(words))
        row.addStretch(1)
        column.addLayout(row)
        second = QHBoxLayout()
        second.addStretch(1)
        second.addWidget(label("or", "muted"))
        second.addWidget(link("choose files", self.choose))
        if folders:
            second.addWidget(label("or", "muted"))
            second.addWidget(link("a folder", self.choose_folder))
        second.addStretch(1)
        column.addLayout(second)

    def choose(self) -> None:
        """Let the person choose files."""
        endings = " ".join(f"*{suffix}" for suffix in self._suffixes)
        files, _ = QFileDialog.getOpenFileNames(self, self._title, "", f"{self._what} ({endings})")
        if files:
            self.dropped.emit([Path(f) for f in files])

    def choose_folder(self) -> None:
        """Let the person choose a folder."""
        folder = QFileDialog.getExistingDirectory(self, self._title)
        if folder:
            self.dropped.emit([Path(folder)])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            theme.mark(self, over=True)
            copies(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        theme.mark(self, over=False)

    def dropEvent(self, event: QDropEvent) -> None:
        theme.mark(self, over=False)
        paths = files_of(event.mimeData())
        copies(event)
        if paths:
            self.dropped.emit(paths)
