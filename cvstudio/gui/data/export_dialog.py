"""Export labels: the format, what goes along, and where to; says what the format cannot hold."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted
from cvstudio.formats.table import all_formats
from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.section import label, push
from cvstudio.project import exporting
from cvstudio.project.exporting import ExportReport

_MOST_TOLD = 200
"""Losses are few; images whose file is missing can be thousands."""


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
        self.form = QWidget()
        form = QVBoxLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(12)
        self.content.addWidget(self.form)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.formats = QComboBox()
        self._offer_formats()
        grid.addWidget(label("Format"), 0, 0)
        grid.addWidget(self.formats, 0, 1)
        self.path = QLineEdit(str(self._free_folder()))
        self.path.setAccessibleName("Folder")
        self.path.textChanged.connect(lambda _text: self._check())
        row = QHBoxLayout()
        row.setSpacing(8)
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
        form.addLayout(grid)
        self.copy = QCheckBox("Copy the image files too")
        self.copy.setChecked(True)
        self.unlabelled = QCheckBox("Take unlabelled images along (as images without objects)")
        form.addWidget(self.copy)
        form.addWidget(self.unlabelled)
        self.trouble = Message("danger", "")
        self.trouble.hide()
        self.content.addWidget(self.trouble)
        self.content.addStretch(1)
        self.cancel = self.add_button("Cancel", self.reject)
        self.go = self.add_button("Export", self.export, next=True)
        self._check()

    def _offer_formats(self) -> None:
        """All formats: first those made for the task, at last, greyed, those that can hold nothing
        of it; each but the first with what it cannot hold."""
        held = [(found, *found.holds(self._project.task)) for found in all_formats()]
        held.sort(key=lambda each: (not each[1], bool(each[2])))
        for found, possible, words in held:
            text = f"{found.title}  ({words})" if words else found.title
            self.formats.addItem(text, found.name)
            if not possible:
                row = self.formats.count() - 1
                self.formats.setItemData(row, 0, Qt.ItemDataRole.UserRole - 1)  # Qt: no flags
        self.formats.setMaxVisibleItems(self.formats.count())
        self.formats.setMinimumContentsLength(24)
        self.formats.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )

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
        assert self.report is not None
        if self.report.shortcomings():
            self._tell(self.report)
            return
        self.accept()
        self._studio.toast(self.report.summary, level="success")

    def _tell(self, report: ExportReport) -> None:
        """Stay, and say all that the export does not hold: it is too much for a passing notice."""
        for each in (self.form, self.trouble, self.cancel, self.go):
            each.hide()
        self.note("")
        self.told = [Message("success", report.summary)]
        self.told += [Message("warning", text) for text in report.shortcomings()[:_MOST_TOLD]]
        more = len(report.shortcomings()) - _MOST_TOLD
        if more > 0:
            self.told.append(Message("warning", f"And {counted(more, 'thing')} more."))
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for message in self.told:
            column.addWidget(message)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inner)
        width = self.width() - 2 * theme.size("dialog_padding")
        area.setMinimumHeight(min(inner.heightForWidth(width) + 4, 420))
        self.content.insertWidget(0, area, 1)
        close = self.add_button("Close", self.accept, next=True)
        for each in (area, close):
            each.show()  # a layout has no room for what is not shown yet
        close.setFocus()
        self.content.activate()
        self.footer.activate()
        self.outer.activate()
        self.setMinimumHeight(self.outer.totalMinimumSize().height())
