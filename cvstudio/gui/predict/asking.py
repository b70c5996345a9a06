"""What is asked: the network, the images and videos, the camera."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.video_names import SUFFIXES as VIDEOS
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import counted
from cvstudio.gui.drop_area import DropArea
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label, link, push
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.imaging.decode import SUFFIXES
from cvstudio.project import predicting
from cvstudio.project.predicting import Askable
from cvstudio.project.project import Project

_LISTED = 4
"""So many sources are named before the rest is counted."""


class NetworkChoice(QWidget):
    """Exported files, finished runs, and files of elsewhere."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.own: list[Path] = []
        self.box = QComboBox()
        self.box.setAccessibleName("Network")
        self.box.setPlaceholderText("No network yet")
        # Titles of runs are long: they are cut, and whole in the tooltip.
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(12)
        self.box.currentIndexChanged.connect(lambda _index: self._tell())
        self.where = NameLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box)
        column.addWidget(self.where)
        column.addWidget(link("Choose a file", self.choose, tip="An ONNX file of CVStudio or"
                              " ultralytics"))  # fmt: skip

    @property
    def chosen(self) -> Askable | None:
        """The network at hand."""
        found: Askable | None = self.box.currentData()
        return found

    def refresh(self, project: Project, *, wanted: Path | None = None) -> None:
        """Take in the networks of now; keep the one at hand, or take a wanted one."""
        if wanted is not None and wanted.suffix == ".onnx" and wanted not in self.own:
            self.own.insert(0, wanted)
        keep = wanted or (self.chosen.path if self.chosen is not None else None)
        found = predicting.networks(project, more=self.own)
        self.box.blockSignals(True)
        self.box.clear()
        for each in found:
            self.box.addItem(each.title, each)
        place = next((i for i, each in enumerate(found) if each.path == keep), 0)
        self.box.setCurrentIndex(place if found else -1)
        self.box.blockSignals(False)
        self._tell()

    def choose(self) -> None:
        """Let the person choose an ONNX file."""
        file, _ = QFileDialog.getOpenFileName(self, "Choose a network", "", "ONNX (*.onnx)")
        if file:
            self.take(Path(file))

    def take(self, file: Path) -> None:
        """Ask this file from now on."""
        if file not in self.own:
            self.own.insert(0, file)
            self.box.insertItem(0, file.name, Askable(file, file.name, f"in {file.parent}"))
        place = next(i for i in range(self.box.count()) if self.box.itemData(i).path == file)
        self.box.setCurrentIndex(place)
        self._tell()

    def _tell(self) -> None:
        asked = self.chosen
        self.where.setText(asked.note if asked is not None else "")
        self.box.setToolTip(tip(f"{asked.title}\n{asked.path}") if asked is not None else "")
        self.changed.emit()


class Sources(QWidget):
    """Files, folders and videos that are to be looked at."""

    changed = Signal()
    networks_dropped = Signal(object)
    """ONNX files that were dropped among them."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[Path] = []
        self.area = DropArea(
            [*SUFFIXES, *VIDEOS], title="Look at images and videos", folders=True,
            words="Drop images or videos here", what="Images and videos",
        )  # fmt: skip
        self.area.dropped.connect(self.add)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.area)
        self._names = QVBoxLayout()
        self._names.setSpacing(2)
        column.addLayout(self._names)
        self.clear_link = link("Clear", self.clear, tip="Take all of them off the list")
        column.addWidget(self.clear_link)
        self.step = QSpinBox()
        self.step.setRange(1, 10_000)
        self.step.setValue(1)
        self.step.setAccessibleName("Of videos, one frame in so many")
        self.step.setToolTip("1 looks at every frame of a video, 10 at each tenth")
        self._step_row = QWidget()
        row = QHBoxLayout(self._step_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label("Of videos, one frame in", "muted"))
        row.addStretch(1)
        row.addWidget(self.step)
        column.addWidget(self._step_row)
        self.tiles = QCheckBox("Large images in pieces")
        self.tiles.setToolTip(
            "Look at images larger than the network's input in pieces of their own scale:\n"
            "small things are found, and it takes as many times longer."
        )
        column.addWidget(self.tiles)
        self._show()

    def add(self, paths: Sequence[Path]) -> None:
        """Look at these too."""
        files = [path for path in paths if path.suffix.lower() == ".onnx"]
        if files:
            self.networks_dropped.emit(files)
        self.paths += [path for path in paths if path not in self.paths and path not in files]
        self._show()

    def clear(self) -> None:
        """Look at nothing."""
        self.paths = []
        self._show()

    def _show(self) -> None:
        empty(self._names)
        for path in self.paths[:_LISTED]:
            name = NameLabel()
            name.setText(f"{path.name}/" if path.is_dir() else path.name)
            name.setToolTip(tip(str(path)))
            self._names.addWidget(name)
        if len(self.paths) > _LISTED:
            more = counted(len(self.paths) - _LISTED, "more", "more")
            self._names.addWidget(label(f"and {more}", "muted"))
        self.clear_link.setVisible(bool(self.paths))
        videos = any(path.is_dir() or is_video_name(path.name) for path in self.paths)
        self._step_row.setVisible(videos)
        self.changed.emit()


class CameraChoice(QWidget):
    """A camera by its number, and the button that starts and stops it."""

    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.number = QSpinBox()
        self.number.setRange(0, 63)
        self.number.setAccessibleName("Number of the camera")
        self.number.setToolTip("0 is the first camera of this computer")
        self.button = push("Start camera", self.pressed.emit, icon_name="video-outline", small=True)
        row.addWidget(self.button, 1)
        row.addWidget(self.number)

    def show_running(self, running: bool) -> None:
        """What the button does now."""
        self.button.setText("Stop camera" if running else "Start camera")
        self.number.setEnabled(not running)
