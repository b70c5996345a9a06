"""Which frames of a video come in: every so many, or one every so many seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.errors import ImageError
from cvstudio.core.video_names import clock, is_video_name
from cvstudio.core.words import counted
from cvstudio.formats.files import walk
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets.section import label
from cvstudio.imaging import video
from cvstudio.imaging.video import Step, VideoFacts

_SHOWN = 3  # videos that are described one by one

Found = list[tuple[Path, VideoFacts | str]]
"""Videos with what their headers say, or why they cannot be read."""


class VideoStep(QWidget):
    """Hidden until there are videos; then it says how long they are and how many images result.

    `looked` when the sources have been looked through, with whether there are videos.
    """

    looked = Signal(bool)

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._looking = LatestWins(tasks, owner=self)
        self._found: Found = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Frames of the video", "title"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label("Take one every"))
        self.many = QDoubleSpinBox()
        self.many.setAccessibleName("Take one every")
        self.many.setMinimumWidth(90)
        row.addWidget(self.many)
        self.unit = QComboBox()
        self.unit.setAccessibleName("Frames or seconds")
        self.unit.addItem("frames", "frames")
        self.unit.addItem("seconds", "seconds")
        row.addWidget(self.unit)
        row.addStretch(1)
        column.addLayout(row)
        self.said = label("", "muted", wrap=True)
        column.addWidget(self.said)
        words = (
            "Each frame becomes an image that refers to the video: nothing is written to the disk."
            " Frames of one video always share a split."
        )
        column.addWidget(label(words, "caption", wrap=True))
        self._set_unit(Step().frames)
        self.many.valueChanged.connect(self._tell)
        self.unit.currentIndexChanged.connect(self._on_unit)
        self.hide()

    @property
    def step(self) -> Step:
        """What was chosen."""
        if self.unit.currentData() == "seconds":
            return Step(1, self.many.value())
        return Step(int(self.many.value()))

    def show_sources(self, paths: Sequence[Path]) -> None:
        """Look at the videos among files, in folders and in those inside them."""
        self._found = []
        self.said.setText("")
        self._looking.request(lambda control: _look(paths, control), self._came)

    def _came(self, found: Found) -> None:
        self._found = found
        self.setVisible(bool(found))
        self._tell()
        self.looked.emit(bool(found))

    def _on_unit(self) -> None:
        """The same distance in the other unit, by the first video's speed."""
        fps = next((f.fps for _, f in self._found if isinstance(f, VideoFacts) and f.fps), 25.0)
        seconds = self.unit.currentData() == "seconds"
        self._set_unit(self.many.value() / fps if seconds else self.many.value() * fps)

    def _set_unit(self, value: float) -> None:
        seconds = self.unit.currentData() == "seconds"
        self.many.setDecimals(2 if seconds else 0)
        self.many.setRange(0.01 if seconds else 1, 86_400 if seconds else 1_000_000)
        self.many.setValue(value)
        self._tell()

    def _tell(self) -> None:
        step = self.step
        lines, total = [], 0
        for path, facts in self._found:
            if isinstance(facts, str):
                lines.append(facts)
                continue
            images = step.count(facts)
            total += images
            lines.append(
                f"{path.name}: about {counted(facts.frames, 'frame')}, {facts.fps:.4g} a second,"
                f" {clock(facts.seconds)}, {facts.width} × {facts.height} px;"
                f" {counted(images, 'image')}"
            )
        if len(lines) > _SHOWN:
            lines[_SHOWN - 1 :] = [f"and {len(lines) - _SHOWN + 1:,} more; {total:,} images in all"]
        bad = any(isinstance(facts, str) for _, facts in self._found)
        theme.mark(self.said, role="danger_caption" if bad else "muted")
        self.said.setText("\n".join(lines))


def _look(paths: Sequence[Path], control: Control) -> Found:
    """What the headers of videos say, for a thread: of large folders it takes a while."""
    found: Found = []
    for path in _videos(paths, control):
        control.check()
        try:
            found.append((path, video.look(path)))
        except ImageError as error:
            found.append((path, error.message))
    return found


def _videos(paths: Sequence[Path], control: Control) -> Iterator[Path]:
    """The video files that reading the same sources would find."""
    for path in paths:
        # Unlike those of Path, os.path's questions are answered for what may not be looked at too.
        if not os.path.isdir(path):
            if is_video_name(path) and os.path.isfile(path):
                yield path
            continue
        for folder, names in walk(path):
            control.check()
            yield from (folder / name for name in names if is_video_name(name))
