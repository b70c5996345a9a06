"""The report of the run that is shown: a file is asked for, written, and offered to be opened."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from cvstudio.core.jobdir import replace_file
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.paper.pdf import to_pdf
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.report import compose, to_html
from cvstudio.project.report.blocks import Report

_KINDS = "HTML, for any browser (*.html);;PDF, to print (*.pdf)"


class Reporting(QObject):
    """Writes one report at a time."""

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._work: ThreadWork | None = None

    def ask(self, run: RunRecord) -> None:
        """Ask where the report of a run shall go, and write it there."""
        project = self._studio.project
        if project is None or self._work is not None:
            return
        proposed = project.exports_directory / f"run{run.id}-report.html"
        name, kind = QFileDialog.getSaveFileName(
            self._studio.window, "Save report", str(proposed), _KINDS
        )
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() not in (".html", ".htm", ".pdf"):
            path = path.with_name(path.name + (".pdf" if "*.pdf" in kind else ".html"))
        self._work = self._studio.tasks.run(
            partial(_compose, project, run, path), title=f"Report of run {run.id}",
            done=partial(self._done, path), failed=self._failed, owner=self,
        )  # fmt: skip

    def stop(self) -> None:
        """Stop writing; the page goes away."""
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _done(self, path: Path, report: Report) -> None:
        self._work = None
        if _is_paper(path):  # Qt lays out text only where the window's timers are
            try:
                replace_file(path, to_pdf(report))
            except OSError as error:
                self._failed(error)
                return
        show = partial(QDesktopServices.openUrl, QUrl.fromLocalFile(str(path)))
        self._studio.toast(f"{path.name} is saved.", level="success", link="Open", do=show)

    def _failed(self, error: BaseException) -> None:
        self._work = None
        self._studio.fail(error, doing="Report")


def _compose(project: Project, run: RunRecord, path: Path, control: Control) -> Report:
    """The report of a run, written already where it is a page of HTML."""
    report = compose(project, run, check=control.check)
    if not _is_paper(path):
        replace_file(path, to_html(report).encode())
    return report


def _is_paper(path: Path) -> bool:
    return path.suffix.lower() == ".pdf"
