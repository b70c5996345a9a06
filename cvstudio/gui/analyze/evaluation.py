"""Judging a run again: the evaluate job of the page, with its progress in words."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from cvstudio.core.annotation import Split
from cvstudio.core.config import EvaluateConfig
from cvstudio.core.errors import CVStudioError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.run_state import RunState
from cvstudio.gui.jobs import SmallJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, ThreadWork
from cvstudio.project import launch, runs, snapshots
from cvstudio.project.records import RunRecord


class Evaluation(QObject):
    """At most one evaluation at a time; `moved` tells in words how far it is, "" when over."""

    moved = Signal(str)
    done = Signal()

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._starting: ThreadWork | None = None
        self._job: SmallJob | None = None
        self._title = ""

    @property
    def running(self) -> bool:
        return self._job is not None or self._starting is not None

    def start(self, run: RunRecord, split: Split) -> None:
        """Judge a run on a split with the labels of now."""
        project = self._studio.project
        if self.running or project is None:
            return
        self._title = f"Judging run {run.id} on {split}"
        command = self._studio.jobs.command

        def work(control: Control) -> JobDir:
            # Reading and packing every label of a large project takes seconds.
            with project.read() as session:
                snapshot = snapshots.build(session, project)
            control.check()
            config = EvaluateConfig(run_directory=runs.job_of(run).path, split=split.value)
            job = runs.start_job(project, run.id, config, snapshot=snapshot, command=command)
            if control.cancelled():
                launch.end(job)
            return job

        self._starting = self._studio.tasks.run(
            work, title=self._title, done=self._started, failed=self._not_started, owner=self
        )
        self.moved.emit(f"{self._title}: starting")

    def _started(self, job: JobDir) -> None:
        self._starting = None
        self._job = self._studio.jobs.watch(job)
        self._job.progress.connect(self._progress)
        self._job.done.connect(self._done)
        self._job.failed.connect(self._failed)

    def _not_started(self, error: BaseException) -> None:
        self._over()
        self._studio.fail(error, doing=self._title)

    def cancel(self) -> None:
        """End the evaluation; the old figures stay."""
        if self._starting is not None:
            self._starting.cancel()
        if self._job is not None:
            self._job.cancel()
        if self.running:
            self._over()

    def stop(self) -> None:
        """Stop watching; the page goes away."""
        if self._starting is not None:
            self._starting.cancel()
        self._job = self._starting = None

    def _progress(self, state: RunState) -> None:
        share = f", {state.done:,} of {state.total:,}" if state.total else ""
        self.moved.emit(f"{self._title}: {state.phase.lower() or 'working'}{share}")

    def _done(self, _job: object) -> None:
        self._over()
        self.done.emit()

    def _failed(self, text: str) -> None:
        self._over()
        self._studio.fail(CVStudioError(text), doing=self._title)

    def _over(self) -> None:
        self._job = self._starting = None
        self.moved.emit("")
