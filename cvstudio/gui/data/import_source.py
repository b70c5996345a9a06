"""The first page of the import wizard: which folder or files, and as which format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.formats.table import all_formats
from cvstudio.gui import theme
from cvstudio.gui.data.import_video import VideoStep
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.section import label, push


class SourceStep(QWidget):
    """Which folder or files, and as which format. `chosen` when that changes."""

    chosen = Signal()

    def __init__(self, task: Task, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.sources: list[Path] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Where are the images?", "title"))
        words = (
            "A folder, a label file (COCO .json, YOLO data.yaml, CVAT annotations.xml), single"
            " image files, or videos."
        )
        column.addWidget(label(words, "muted", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        self.path = QLineEdit()
        self.path.setPlaceholderText("Folder or label file")
        self.path.setAccessibleName("Folder or label file")
        self.path.textEdited.connect(self._typed)
        row.addWidget(self.path, 1)
        row.addWidget(push("Folder", self._choose_folder, icon_name="folder-outline", small=True))
        row.addWidget(push("Files", self._choose_files, icon_name="file-outline", small=True))
        column.addLayout(row)
        self.said = label("", "caption", wrap=True)
        column.addWidget(self.said)
        line = QHBoxLayout()
        line.addWidget(label("Format of the labels"))
        self.formats = QComboBox()
        self.formats.addItem("Find out", "auto")
        self.formats.addItem("No labels, images only", "images")
        for found in all_formats():
            fits = "" if task in found.tasks else "  (made for other tasks)"
            self.formats.addItem(found.title + fits, found.name)
        self.formats.setMinimumWidth(220)
        line.addWidget(self.formats)
        line.addStretch(1)
        column.addSpacing(8)
        column.addLayout(line)
        self.video = VideoStep(studio.tasks)
        column.addWidget(self.video)
        column.addStretch(1)

    @property
    def format(self) -> str:
        """A name of formats.FORMATS, "images" or "auto"."""
        return str(self.formats.currentData())

    @property
    def ready(self) -> bool:
        """Whether there is something to look at."""
        return bool(self.sources) and all(map(os.path.exists, self.sources))

    def set_sources(self, paths: Sequence[Path]) -> None:
        """Take these files and folders."""
        self.sources = list(paths)
        if len(paths) == 1:
            self.path.setText(str(paths[0]))
        else:
            self.path.setText("; ".join(path.name for path in paths))
        self._tell()

    def _typed(self, text: str) -> None:
        self.sources = [Path(text.strip()).expanduser()] if text.strip() else []
        self._tell()

    def _tell(self) -> None:
        missing = [path for path in self.sources if not os.path.exists(path)]
        theme.mark(self.said, role="danger_caption" if missing else "caption")
        if missing:
            self.said.setText(f"There is nothing at {missing[0]}.")
        elif len(self.sources) > 1:
            self.said.setText(f"{len(self.sources):,} files and folders")
        else:
            self.said.setText("")
        self.video.show_sources(self.sources if self.ready else ())
        self.chosen.emit()

    def _choose_folder(self) -> None:
        start = str(self._studio.memory.get("folder", Path.home()))
        found = QFileDialog.getExistingDirectory(self, "Choose a folder", start)
        if found:
            self._studio.memory.set("folder", found)
            self.set_sources([Path(found)])

    def _choose_files(self) -> None:
        start = str(self._studio.memory.get("folder", Path.home()))
        found, _ = QFileDialog.getOpenFileNames(
            self, "Choose images, videos or a label file", start
        )
        if found:
            self._studio.memory.set("folder", str(Path(found[0]).parent))
            self.set_sources([Path(path) for path in found])
