"""Packing an exported file for somebody without CVStudio, and the way to more images."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from cvstudio.core.config import BundleConfig, read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.possible import allow, follow
from cvstudio.gui.widgets.section import link, push
from cvstudio.project import runs
from cvstudio.project.at_work import jobs_at_work

_TITLE = "Packing"
_BUSY = "A file is being packed"
_NOT_READY = "Export a network first, as an ONNX file that passes its proof"
_MORE = "Many images, videos and a camera: the Predict page"


class Packing(QWidget):
    """Two ways on from a file that is proven: pack it, or let it look at many images."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._file: Path | None = None
        self._run_id = 0
        self._output = Path()
        self.job = OneJob(studio, self)
        self.job.moved.connect(lambda _text: self._show())
        self.job.done.connect(self._done)
        self.pack_button = push("Pack for others…", self.pack, icon_name="zip-box-outline",
                                small=True)  # fmt: skip
        self.more = link("More images", self._go_on)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 12)
        row.setSpacing(8)
        row.addWidget(self.pack_button)
        row.addStretch(1)
        row.addWidget(self.more)
        self._show()

    def use(self, file: Path | None, run_id: int) -> None:
        """This file, exported from that run, is the one at hand."""
        self._file, self._run_id = file, run_id
        self._find_packing()
        self._show()

    def _find_packing(self) -> None:
        """Go on with a packing that began before the project was opened, or elsewhere."""
        project = self._studio.project
        if project is None or self.job.running:
            return
        for run in (each for each in runs.all_runs(project) if each.id == self._run_id):
            found = jobs_at_work(project, "bundle", run)
            config = read_config(found[0].config) if found else None
            if isinstance(config, BundleConfig):
                self._output = config.output
                self.job.go_on(_TITLE, found)

    def pack(self) -> None:
        """Ask where to, and write the zip in a job."""
        if self._file is None or self.job.running:
            return
        usual = str(self._file.with_suffix(".zip"))
        name, _ = QFileDialog.getSaveFileName(self, "Pack for others", usual, "Zip (*.zip)")
        if not name:
            return
        project, command = self._studio.project, self._studio.jobs.command
        if project is None:
            return
        if not os.access(Path(name).parent, os.W_OK):  # told at once, not after all is packed
            self._studio.fail(PermissionError(errno.EACCES, os.strerror(errno.EACCES), name))
            return
        file, output, run_id = self._file, Path(name), self._run_id
        self._output = output

        def begin(_control: Control) -> JobDir:
            run = runs.job_of(runs.get(project, run_id)).path
            config = BundleConfig(file=file, output=output, run_directory=run)
            return runs.start_job(project, run_id, config, command=command)

        self.job.start(_TITLE, begin)

    def release(self) -> None:
        """The page goes away; a job that packs goes on."""
        self.job.stop()

    def _done(self) -> None:
        self._studio.toast(
            f"Packed {self._output.name}: the file, a script that uses it, a model card, and"
            " samples for its self-test.",
            level="success",
        )

    def _go_on(self) -> None:
        if self._file is not None:
            self._studio.go_to("predict", network=str(self._file))

    def _show(self) -> None:
        ready = self._file is not None and self._file.suffix == ".onnx"
        busy = self.job.running
        self.pack_button.setText("Packing …" if busy else "Pack for others…")
        self._studio.actions.allow(
            "export.bundle", ready and not busy, why=_BUSY if busy else _NOT_READY
        )
        follow(self.pack_button, self._studio.actions["export.bundle"])
        allow(self.more, "" if ready else _NOT_READY, does=_MORE)
