"""What is made of many heat maps: pictures in a folder, and the mean of each class, by a job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QPixmap
from PySide6.QtWidgets import QFileDialog, QFrame, QLabel, QRadioButton, QVBoxLayout, QWidget

from cvstudio.core.config import ExplainCase, ExplainManyConfig
from cvstudio.core.jobdir import JobDir
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.analyze.how import How
from cvstudio.gui.analyze.scale import Scale
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.flow import FlowLayout
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.possible import allow
from cvstudio.gui.widgets.section import label, push
from cvstudio.project import runs
from cvstudio.project.at_work import jobs_at_work
from cvstudio.project.explained_cases import explain_case
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis, Case

AVERAGES = "averages.json"
"""What the job leaves of the means (ml/explaining/many.py)."""
_MOST_AVERAGED = 40
_PICTURE = 160


@dataclass(frozen=True, eq=False, slots=True)
class HeatSource:
    """Whose heat maps are made, by which method, and what the list beside them says."""

    run: RunRecord
    analysis: Analysis
    score: float
    nothing: str


class Making(OneJob):
    """At most one such job at a time; how far it is stands in `how`. Pictures that are drawn when
    it is stopped stay."""

    def __init__(self, studio: Studio, how: How, parent: QWidget) -> None:
        super().__init__(studio, parent)
        self._how, self._parent = how, parent
        self._asked: tuple[object, ...] = ()
        """What the means are of that are being made, or were made last."""
        self._means: JobDir | None = None
        self.moved.connect(how.working)
        self.done.connect(self._show)
        how.stop_wanted.connect(self.cancel)

    def find(self, run: RunRecord) -> None:
        """Go on with heat maps of a run that began before the project was opened, or elsewhere."""
        if self.studio.project is not None and not self.running:
            found = jobs_at_work(self.studio.project, "explain-many", run)
            self.go_on("Drawing heat maps", found)

    def average(self, asked: HeatSource) -> None:
        """Lay the heat maps of each class over each other; those that are ready are shown."""
        wanted = (asked.run.id, asked.analysis, self._how.method, self._how.layer)
        if self._means is not None and self._asked == wanted:
            self._show_means(self._means)
            return
        self._means, self._asked = None, wanted
        self._make(asked, (), None, "Mean of each class")

    def pictures(self, asked: HeatSource, current: Case | None, cases: Sequence[Case]) -> None:
        """Ask which and where to, then draw them."""
        dialog = PicturesDialog(self._parent, len(cases), has_current=current is not None)
        accepted, every = dialog.exec(), dialog.every
        dialog.deleteLater()
        wanted = list(cases) if every else [current] if current is not None else []
        if not accepted or not wanted:
            return
        folder = _folder(self._parent)
        if folder is not None:
            names = {0: asked.nothing} | {c.id: c.name for c in asked.analysis.classes}
            rows = tuple(explain_case(case, names) for case in wanted)
            self._make(asked, rows, folder, "Drawing heat maps")

    def _make(
        self, asked: HeatSource, cases: tuple[ExplainCase, ...], folder: Path | None, title: str
    ) -> None:
        project, command, how = self.studio.project, self.studio.jobs.command, self._how
        if project is None:
            return
        config = ExplainManyConfig(
            run_directory=runs.job_of(asked.run).path, split=asked.analysis.split.value,
            cases=cases, folder=folder, method=how.method, layer=how.layer, opacity=how.opacity,
            score=asked.score, most=_MOST_AVERAGED,
        )  # fmt: skip

        def begin(_control: Control) -> JobDir:
            # Packing every label of a large project takes seconds.
            return runs.start_job(
                project, asked.run.id, config, snapshot=asked.analysis.snapshot, command=command
            )

        self.start(title, begin)

    def _show(self, job: JobDir) -> None:
        folder = json.loads(job.config.read_text(encoding="utf-8"))["folder"]
        if folder is None:
            self._means = job
            self.studio.toast(  # a dialog would come over what is done by then
                "The mean heat map of each class is ready.", level="success", link="Show",
                do=partial(self._show_means, job),
            )  # fmt: skip
        else:
            self._tell_pictures(Path(folder))

    def _show_means(self, job: JobDir) -> None:
        content = json.loads((job.path / AVERAGES).read_text(encoding="utf-8"))
        dialog = MeansDialog(self._parent, job.path, content)
        dialog.exec()
        dialog.deleteLater()

    def _tell_pictures(self, folder: Path) -> None:
        self.studio.toast(
            f"Saved the heat maps in {folder.name}", level="success", link="Open folder",
            do=lambda: _open(folder),
        )  # fmt: skip


def _folder(parent: QWidget) -> Path | None:
    start = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    found = QFileDialog.getExistingDirectory(parent, "A folder for the pictures", start)
    return Path(found) if found else None


class PicturesDialog(StudioDialog):
    """Asks whether the error at hand is drawn, or all that are listed."""

    def __init__(self, parent: QWidget, count: int, *, has_current: bool) -> None:
        super().__init__(parent, "Save pictures", width=460)
        self.setObjectName("heat_pictures")
        self.one = QRadioButton("The error at hand")
        self.all = QRadioButton(f"All that are listed: {counted(count, 'picture')}")
        allow(self.one, "" if has_current else "No error is at hand", does="")
        allow(self.all, "" if count else "No error is listed", does="")
        (self.one if has_current else self.all).setChecked(True)
        for choice in (self.one, self.all):
            self.content.addWidget(choice)
        self.content.addWidget(
            label(
                "Each shows the labels, the prediction and the heat side by side. A list beside"
                " them (CSV) says what they are.", "muted", wrap=True,
            )
        )  # fmt: skip
        self.add_button("Cancel", self.reject)
        self.add_button("Choose a folder…", self.accept, next=True)

    @property
    def every(self) -> bool:
        """Whether all that are listed were chosen."""
        return self.all.isChecked()


class MeansDialog(StudioDialog):
    """A small picture for each class, with what it may not be taken for."""

    def __init__(self, parent: QWidget, folder: Path, content: dict[str, Any]) -> None:
        super().__init__(parent, f"Mean heat map of each class, {content['split']}", width=640)
        self.setObjectName("heat_means")
        caveat = label(content["caveat"], "muted", wrap=True)
        self.content.addWidget(caveat)
        scale = Scale()
        scale.setMinimumWidth(scale.maximumWidth())
        self.content.addWidget(scale, 0, Qt.AlignmentFlag.AlignLeft)
        inside = QWidget()
        flow = FlowLayout(inside, across=16, down=16)
        for row in content["classes"]:
            flow.addWidget(_mean(row, folder, content["of"]))
        self.content.addWidget(scrolling(inside), 1)
        self.resize(760, 560)
        button = push("Open folder", lambda: _open(folder), tall=True)
        button.setAutoDefault(False)
        self.footer.addWidget(button)
        self.add_button("Close", self.accept, next=True)


def _mean(row: dict[str, Any], folder: Path, of: str) -> QWidget:
    one = QWidget()
    column = QVBoxLayout(one)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(_picture(row, folder))
    name = label(row["name"], "section")
    name.setMaximumWidth(_PICTURE)
    name.setToolTip(row["name"])
    column.addWidget(name)
    column.addWidget(label(f"{row['count']:,} found of {counted(row['looked'], of)}", "caption"))
    column.setAlignment(Qt.AlignmentFlag.AlignTop)
    return one


def _picture(row: dict[str, Any], folder: Path) -> QWidget:
    """The mean, or words in its place where the network finds nothing that it could be of."""
    if row["file"] is None:
        frame = QFrame()
        theme.mark(frame, card=True)
        frame.setFixedSize(_PICTURE, _PICTURE)
        inside = QVBoxLayout(frame)
        why = label("No heat map: the network finds none of them.", "muted", wrap=True)
        why.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(why)
        return frame
    picture = QLabel()
    picture.setFixedSize(_PICTURE, _PICTURE)
    picture.setPixmap(QPixmap(str(folder / row["file"])))
    picture.setScaledContents(True)
    picture.setAccessibleName(f"Mean heat map of {row['name']}")
    return picture


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
