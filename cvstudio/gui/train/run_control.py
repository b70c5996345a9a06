"""What the person asks of a run: pause, finish, cancel, resume, delete, a way out of a failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core import nvidia
from cvstudio.core.errors import CVStudioError
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.words import counted, size_words
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import queue_control, words
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.run_book import RunBook
from cvstudio.project import run_removal, runs
from cvstudio.project.records import RunRecord
from cvstudio.project.remedies import Remedy
from cvstudio.project.run_status import RunStatus, resumable


class RunControl(QObject):
    """Asks things of the run that is shown. `decided()`: the queue goes on past a failed run;
    `wanted(TrainConfig)`: a run with changed settings is to be started."""

    decided = Signal()
    removed = Signal(int)
    """A run is gone: its id."""
    wanted = Signal(object)

    def __init__(
        self,
        studio: Studio,
        book: RunBook,
        *,
        form: NewRun,
        shown: Callable[[], RunRecord | None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.studio, self.jobs = studio, studio.jobs
        self._book, self._form, self._shown = book, form, shown
        self._changing: tuple[int, Mapping[str, Any]] | None = None
        """The run that is paused for other settings, and those."""
        self.jobs.run_ended.connect(self._paused)

    def allow(self, run: RunRecord | None) -> None:
        """Enable what can be asked of the shown run; the others say why not."""
        if run is None:
            reasons = dict.fromkeys(words.ASKED, "No run yet")
        else:
            job, status = runs.job_of(run), self._book.status(run)
            reasons = words.why_not(
                run.id, status, begun=self._book.state(run).running, saved=resumable(job, status)
            )
        running = run is not None and self._book.status(run) is RunStatus.RUNNING
        first = f"Run {run.id} is running: cancel it first" if run is not None and running else ""
        reasons["delete"] = first if run is not None else "No run yet"
        for what, why in reasons.items():
            self.studio.actions.allow(f"train.{what}", not why, why=why)

    def ask(self, what: str) -> None:
        """Ask something of the shown run, by the names of RunCard and the actions."""
        run = self._shown()
        if run is None:
            return
        try:
            match what:
                case "pause":
                    self.jobs.pause(run.id)
                case "finish":
                    self.jobs.finish(run.id)
                case "cancel":
                    self._cancel(run)
                case "resume":
                    self.jobs.resume(run.id)
                case "decide":
                    self.jobs.decide(run.id)
                    self.decided.emit()
                case "delete":
                    self._delete(run)
                case "again":
                    self._form.take(runs.config_of(run))
                case "suggest":
                    self.studio.go_to("suggest", run_id=run.id)
                case "analyze":
                    self.studio.go_to("analyze", run_id=run.id)
        except CVStudioError as error:
            self.studio.fail(error)

    def _cancel(self, run: RunRecord) -> None:
        """Ask before what a run has learned is thrown away, and offer to keep it."""
        state, running = self._book.state(run), self._book.status(run) is RunStatus.RUNNING
        done = len(state.epochs)
        text, go = "It has learned nothing yet.", ""
        if done:
            text = f"What it has learned in {counted(done, 'epoch')} would be lost."
            if running:
                if state.epoch > done:
                    text = f"It is in epoch {state.epoch}. {text}"
                text += " Finished early, it keeps its best network and is judged."
                go = "Finish early, keep the best"
        destroy = f"Cancel run {run.id}"
        stay = "Go on training" if running else "Leave it as it is"
        answer = self.studio.choose(f"{destroy}?", text, stay=stay, go=go, destroy=destroy)
        if answer == destroy:
            self.jobs.cancel(run.id)
        elif answer == go:
            self.jobs.finish(run.id)

    def _delete(self, run: RunRecord) -> None:
        """Delete a run after a question that says what goes."""
        project = self._book.project
        why = run_removal.why_not(project, run)
        if why:
            self.studio.toast(f"{why}.", level="warning")
            return
        there = run_removal.contents(run)
        text = (
            f"{removal_words(run, there)} Labels, images and exported files stay."
            " This cannot be undone."
        )
        question = f"Delete run {run.id}?"
        if not self.studio.ask(question, text, yes=f"Delete run {run.id}", danger=True):
            return

        try:
            run_removal.remove(project, run.id)
        except OSError as error:  # out of the list, and a file of it is held by another program
            self.studio.fail(error, doing=f"The files of run {run.id} are left on the disk")
        self.removed.emit(run.id)
        freed = f"Run {run.id} deleted, {size_words(there.bytes)} freed."
        self.studio.tasks.run(
            lambda _control: run_removal.sweep(project),
            title=f"The files of run {run.id} are left on the disk",
            done=lambda _nothing: self.studio.toast(freed),
            owner=self,
        )

    def menu(self, parent: QWidget) -> QMenu:
        """What can be asked of the shown run."""
        menu = QMenu(parent)
        for what in words.ASKED:
            menu.addAction(self.studio.actions[f"train.{what}"])
        menu.addSeparator()
        for what in queue_control.ASKED:
            menu.addAction(self.studio.actions[f"train.{what}"])
        menu.addSeparator()
        menu.addAction(self.studio.actions["train.delete"])
        return menu

    def take_way(self, way: Remedy) -> None:
        """Go a way forward that was chosen: on the failure card, or for a run that is at work."""
        run = self._shown()
        if run is None:
            return
        try:
            if way.place:
                self._go(way, run)
                return
            if self._book.status(run) is RunStatus.RUNNING:
                self._changing = (run.id, way.changes)
                self.jobs.pause(run.id)
                return
            if way.resume:
                self.jobs.resume(run.id, way.changes)
                return
            config = runs.changed_config(runs.config_of(run), way.changes)
            self.jobs.decide(run.id)
        except CVStudioError as error:
            self.studio.fail(error)
            return
        self.wanted.emit(config)

    def _paused(self, run_id: int, status: str) -> None:
        """Let a run that was paused for other settings go on with them."""
        waiting, self._changing = self._changing, None
        if waiting is None or waiting[0] != run_id or status != RunStatus.PAUSED.value:
            return
        try:
            self.jobs.resume(run_id, waiting[1])
        except CVStudioError as error:
            self.studio.fail(error)

    def _go(self, way: Remedy, run: RunRecord) -> None:
        match way.place:
            case "divide":
                self.studio.go_to("data", divide="train")
            case "label":
                self.studio.go_to("label")
            case "images":
                ids = _named_images(run, self._book.state(run))
                about = {"ids": ids, "words": f"stopped run {run.id}"} if ids else {}
                self.studio.go_to("data", **about)
            case "settings":
                self._form.take(runs.config_of(run))
            case "folder":
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.directory)))
            case "command":
                QGuiApplication.clipboard().setText(nvidia.COMMAND)
                self.studio.toast("The command is copied: paste it into a terminal.")

    def release(self) -> None:
        """The project closes."""
        self.jobs.run_ended.disconnect(self._paused)


def _named_images(run: RunRecord, state: RunState) -> list[int]:
    """The images of a run whose file the words of its failure name."""
    said = state.failed.text if state.failed is not None else ""
    images = read_snapshot(runs.job_of(run).snapshot).images
    return [image.id for image in images if Path(image.path).name in said]


def removal_words(run: RunRecord, there: run_removal.Contents) -> str:
    """What goes with a run: "Its network, figures, log go: 14 files, 45.3 MB."."""
    if not there.files:
        return "It has no files on the disk."
    what = "network, figures and log" if runs.job_of(run).best.exists() else "settings and log"
    return f"Its {what} go: {counted(there.files, 'file')}, {size_words(there.bytes)}."
