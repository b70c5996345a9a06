"""Evaluating a run again: the evaluate job of the page, with its progress in words."""

from __future__ import annotations

from cvstudio.core.annotation import Split
from cvstudio.core.config import EvaluateConfig, Views
from cvstudio.core.jobdir import JobDir
from cvstudio.gui.analyze import again_dialog
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.tasks import Control
from cvstudio.project import runs, snapshots
from cvstudio.project.at_work import jobs_at_work
from cvstudio.project.records import RunRecord


class Evaluation(OneJob):
    """At most one evaluation at a time; the old figures stay until the new ones are whole."""

    def ask(self, run: RunRecord, split: Split, views: Views) -> None:
        """Ask from how many sides the network is to look, `views` being proposed; then start."""
        if self.running:
            return
        chosen = again_dialog.ask(self.studio.window, run, split, views)
        if chosen is not None:
            self.judge(run, split, chosen)

    def find(self) -> None:
        """Go on with an evaluation that began before the project was opened, or elsewhere."""
        project = self.studio.project
        if project is None or self.running:
            return
        for run in runs.all_runs(project):
            self.go_on(f"Evaluating run {run.id}", jobs_at_work(project, "evaluate", run))

    def judge(self, run: RunRecord, split: Split, views: Views = Views.ONE) -> None:
        """Judge a run on a split with the labels of now."""
        project, command = self.studio.project, self.studio.jobs.command
        if project is None:
            return

        def begin(control: Control) -> JobDir:
            # Reading and packing every label of a large project takes seconds.
            with project.read() as session:
                snapshot = snapshots.build(session, project)
            control.check()
            config = EvaluateConfig(
                run_directory=runs.job_of(run).path, split=split.value, views=views
            )
            return runs.start_job(project, run.id, config, snapshot=snapshot, command=command)

        self.start(
            " ".join(filter(None, (f"Evaluating run {run.id} on {split}", views.words))), begin
        )
