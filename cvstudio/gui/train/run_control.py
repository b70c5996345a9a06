"""What the person asks of a run: pause, finish, cancel, resume, a way out of a failure."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import words
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.run_book import RunBook
from cvstudio.project import runs
from cvstudio.project.records import RunRecord
from cvstudio.project.remedies import Remedy
from cvstudio.project.run_status import resumable


class RunControl(QObject):
    """Asks things of the run that is shown. `decided()`: the queue goes on past a failed run;
    `wanted(TrainConfig)`: a run with changed settings is to be started."""

    decided = Signal()
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

    def allow(self, run: RunRecord | None) -> None:
        """Enable what can be asked of the shown run; the others say why not."""
        if run is None:
            reasons = dict.fromkeys(words.ASKED, "No run yet")
        else:
            job, status = runs.job_of(run), self._book.status(run)
            reasons = words.why_not(
                run.id, status, begun=self._book.state(run).running, saved=resumable(job, status)
            )
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
                case "again":
                    self._form.take(runs.config_of(run))
                case "analyze":
                    self.studio.go_to("analyze", run_id=run.id)
        except CVStudioError as error:
            self.studio.fail(error)

    def _cancel(self, run: RunRecord) -> None:
        done = len(self._book.state(run).epochs)
        text = "It has learned nothing yet."
        if done:
            lost = counted(done, "epoch is", "epochs are")
            text = f"Its {lost} lost. Finish now would keep the best."
        if self.studio.ask(f"Cancel run {run.id}?", text, yes=f"Cancel run {run.id}", danger=True):
            self.jobs.cancel(run.id)

    def take_way(self, way: Remedy) -> None:
        """Go the way forward that was chosen on the failure card."""
        run = self._shown()
        if run is None:
            return
        try:
            if way.resume:
                self.jobs.resume(run.id, way.changes)
                return
            config = runs.changed_config(runs.config_of(run), way.changes)
            self.jobs.decide(run.id)
        except CVStudioError as error:
            self.studio.fail(error)
            return
        self.wanted.emit(config)
