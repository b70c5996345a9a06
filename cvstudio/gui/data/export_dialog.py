"""Export labels: the format, what goes along, and where to; says what the format cannot hold."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.errors import CVStudioError
from cvstudio.formats.table import all_formats
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.section import label, push
from cvstudio.project import exporting
from cvstudio.project.exporting import ExportReport


class ExportDialog(StudioDialog):
    """Writes labels, with or without the images, into a new folder."""

    def __init__(self, parent: QWidget, studio: Studio) -> None:
        super().__init__(parent, "Export labels", width=560)
        self.setObjectName("export_labels")
        self._studio = studio
        assert studio.project is not None
        self._project = studio.project
        self.report: ExportReport | None = None
        self._build()

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.formats = QComboBox()
        for found in all_formats():
            if self._project.task in found.tasks:
                self.formats.addItem(found.title, found.name)
        grid.addWidget(label("Format"), 0, 0)
        grid.addWidget(self.formats, 0, 1)
        self.path = QLineEdit(str(self._free_folder()))
        self.path.setAccessibleName("Folder")
        self.path.textChanged.connect(lambda _text: self._check())
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(push("Choose", self._choose, small=True))
        grid.addWidget(label("Into a new folder"), 1, 0)
        grid.addLayout(row, 1, 1)
        self.which = QComboBox()
        self.which.addItem("All labelled images", "all")
        if self._studio.selection:
            self.which.addItem(f"The {len(self._studio.selection):,} selected images", "selected")
        for split in Split:
            self.which.addItem(f"Images of {split}", split.value)
        grid.addWidget(label("Images"), 2, 0)
        grid.addWidget(self.which, 2, 1)
        self.content.addLayout(grid)
        self.copy = QCheckBox("Copy the image files too")
        self.copy.setChecked(True)
        self.unlabelled = QCheckBox("Take unlabelled images along (as images without objects)")
        self.content.addWidget(self.copy)
        self.content.addWidget(self.unlabelled)
        self.trouble = Message("danger", "")
        self.trouble.hide()
        self.content.addWidget(self.trouble)
        self.content.addStretch(1)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Export", self.export, next=True)
        self._check()

    def _free_folder(self) -> Path:
        base = self._project.exports_directory / "labels"
        number, found = 1, base
        while found.exists():
            number += 1
            found = base.with_name(f"labels {number}")
        return found

    def _choose(self) -> None:
        start = str(Path(self.path.text()).parent)
        found = QFileDialog.getExistingDirectory(self, "Choose where the new folder goes", start)
        if found:
            self.path.setText(str(Path(found) / f"{self._project.name} labels"))

    def _check(self) -> None:
        text = self.path.text().strip()
        path = Path(text)
        taken = bool(text) and path.exists() and (not path.is_dir() or any(path.iterdir()))
        self.note("This folder is not empty; nothing is ever overwritten." if taken else "")
        self.go.setEnabled(bool(text) and not taken)

    def export(self) -> None:
        """Write, with progress; the dialog stays when it does not succeed."""
        project, dest = self._project, Path(self.path.text().strip()).expanduser()
        format_, which = str(self.formats.currentData()), self.which.currentData()
        copy, unlabelled = self.copy.isChecked(), self.unlabelled.isChecked()
        splits = [Split(which)] if which in {split.value for split in Split} else None
        ids = self._studio.selection if which == "selected" else None

        def write(control: Control) -> ExportReport:
            return exporting.export(
                project, dest, format=format_, splits=splits, image_ids=ids,
                unlabelled=unlabelled, copy_images=copy,
                progress=lambda text, done, total: control.progress(done, total, text),
                cancelled=control.cancelled,
            )  # fmt: skip

        outcome = run_with_progress(self, self._studio.tasks, "Export labels", write)
        if outcome.cancelled:
            return
        if outcome.error is not None:
            if not isinstance(outcome.error, CVStudioError):
                self._studio.fail(outcome.error, doing="The export stopped")
                return
            error = outcome.error
            self.trouble.set("danger", f"{error.message} {error.hint}".strip())
            self.trouble.show()
            return
        self.report = outcome.result
        self.accept()
        assert self.report is not None
        level = "warning" if self.report.losses or self.report.problems else "success"
        self._studio.toast(" ".join(self.report.sentences()[:3]), level=level)
