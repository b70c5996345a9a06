"""What the Train page does with experiments: asking for one, showing it, stopping, deleting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog

from cvstudio.core.annotation import LabelClass
from cvstudio.core.errors import CVStudioError
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.words import counted
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.experiment_view import ExperimentView
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.preparing import Preparing
from cvstudio.gui.train.run_book import RunBook
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.project import device, judged, queries, run_removal, runs
from cvstudio.project.cluster.reach import look_at
from cvstudio.project.estimate import in_words
from cvstudio.project.experiments import book as experiment_book
from cvstudio.project.experiments import folds, trials
from cvstudio.project.experiments.folds import Summary
from cvstudio.project.experiments.plans import FoldsPlan, Plan, plan_of
from cvstudio.project.experiments.trials import Trial
from cvstudio.project.pipeline import pipeline
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.tables import ExperimentKind


class Experiments(QObject):
    """Keeps the view of one experiment true. `made(id)`: the person asked for a new one;
    `changed()`: the list of runs says something else now."""

    made = Signal(int)
    changed = Signal()

    def __init__(
        self, studio: Studio, book: RunBook, *, form: NewRun, preparing: Preparing, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._studio, self._book, self._form = studio, book, form
        self._preparing = preparing
        task = book.project.task
        self._metric = judged.main_figure(book.project)
        self.view = ExperimentView(task, self._metric)
        self.view.asked.connect(self.ask)
        self._current = 0
        self._told: tuple[Any, ...] = ()
        self._sums = LatestWins(studio.tasks, owner=self)

    @property
    def project(self) -> Project:
        """Whose experiments these are."""
        return self._book.project

    def release(self) -> None:
        """The project closes."""
        self._sums.drop()

    # Asking for one

    def begin(self) -> None:
        """Ask what several runs are to find out, and begin with them."""
        from cvstudio.gui.train.several_dialog import SeveralDialog

        facts = self._preparing.facts
        if facts is None:
            return
        steps = pipeline(self.project).steps
        config = self._form.config.model_copy(update={"augmentation": steps})
        dialog = SeveralDialog(
            self._studio.window, config, facts,
            device=self._studio.jobs.device or device.processor(),
            history=list(self._book.history().values()), cluster=self._form.cluster is not None,
        )  # fmt: skip
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        plan = dialog.plan
        dialog.deleteLater()
        if accepted and plan is not None:
            self.start(plan)

    def start(self, plan: Plan) -> None:
        """Begin an experiment."""
        project, cluster = self.project, self._form.cluster

        def work(_control: Any) -> ExperimentRecord:
            if cluster is not None:
                look_at(cluster.address)
            if isinstance(plan, FoldsPlan):
                return folds.create(project, plan, cluster=cluster)
            return experiment_book.create(project, plan, cluster=cluster)

        def made(experiment: ExperimentRecord) -> None:
            self.made.emit(experiment.id)
            self._studio.jobs.look()

        self._studio.tasks.run(
            work, title="Prepare the runs", done=made, owner=self,
            failed=lambda error: self._studio.fail(error, doing="The runs could not be prepared"),
        )  # fmt: skip

    # Showing one

    def show(self, experiment_id: int) -> None:
        """Show an experiment as it is now."""
        experiment = self._book.experiment(experiment_id)
        if experiment is None:
            return
        if experiment_id != self._current:
            self._current, self._told = experiment_id, ()
            self.view.plot.brushes = {}
            self.view.show_importances({})
        found = self._book.runs_of(experiment_id)
        plan = plan_of(experiment)
        states = {run.id: self._book.status(run) for run in found}
        done = sum(status in experiment_book.SETTLED for status in states.values())
        running = RunStatus.RUNNING in states.values()
        self.view.show_head(
            experiment, plan, done=done, running=running,
            facts=self._facts(experiment, plan, found, done),
        )  # fmt: skip
        if experiment.kind is not ExperimentKind.FOLDS:
            self.view.show_trials(trials.of_runs(found))
        told = (experiment_id, experiment.ended, *((run.id, run.status, run.best) for run in found))
        if told != self._told:
            self._told = told
            self._sum_up(experiment, found)

    def _sum_up(self, experiment: ExperimentRecord, found: list[RunRecord]) -> None:
        """Read reports, or ask what was important: in a thread."""
        project = self.project
        if experiment.kind is ExperimentKind.FOLDS:

            def read(_control: Any) -> tuple[Summary, list[LabelClass], Path | None]:
                with project.read() as session:
                    classes = queries.classes(session)
                file = folds.predictions_file(experiment)
                answers = file if file.exists() and experiment.ended is not None else None
                return folds.summary(project, experiment), classes, answers

            self._sums.request(read, lambda told: self.view.show_folds(*told))
            return
        self.view.wait_for_importances()
        self._sums.request(
            lambda _control: trials.importances(trials.of_runs(found)), self.view.show_importances
        )

    def _facts(
        self, experiment: ExperimentRecord, plan: Plan, found: list[RunRecord], done: int
    ) -> str:  # fmt: skip
        parts = []
        if experiment.kind is not ExperimentKind.FOLDS:
            rows = trials.of_runs(found)
            best = trials.best_of(rows)
            if best is not None and best.value is not None:
                parts.append(f"Best {self._metric} {best.value:.3f}, trial {best.number}.")
            early = sum(trial.pruned for trial in rows)
            if early:
                parts.append(f"{counted(early, 'trial')} stopped early (pruned).")
        worked = [self._seconds(run) for run in found if run.status in experiment_book.SETTLED]
        waits = experiment_book.why_waits(self.project, experiment)
        if waits:
            parts.append(waits)
        elif experiment.ended is None and worked:
            left = (plan.count - done) * sum(worked) / len(worked)
            parts.append(f"About {in_words(left)} left." if left >= 60 else "Nearly done.")
        elif experiment.ended is None:
            parts.append("Close the window and the run at work goes on; the next ones wait.")
        return " ".join(parts)

    def _seconds(self, run: RunRecord) -> float:
        state = self._book.state(run)
        return state.seconds_worked(state.last_event_at or 0.0)

    # What can be asked of it

    def ask(self, what: str) -> None:
        """Do something with the experiment that is shown: "stop", "more", "take" or "delete"."""
        experiment = self._book.experiment(self._current)
        if experiment is None:
            return
        try:
            match what:
                case "take":
                    self._take(experiment)
                case "stop":
                    self._stop(experiment)
                case "more":
                    experiment_book.extend(self.project, experiment.id, trials=10)
                    self._studio.jobs.look()
                case "delete":
                    self._delete(experiment)
        except CVStudioError as error:
            self._studio.fail(error)
        self.changed.emit()

    def _take(self, experiment: ExperimentRecord) -> None:
        taken: Trial | None = self.view.taken
        if taken is None:
            return
        config: TrainConfig = runs.config_of(taken.run)
        self._form.take(config)
        self._studio.toast(f"The settings of trial {taken.number} are in the new run.")

    def _stop(self, experiment: ExperimentRecord) -> None:
        text = "The run at work goes on to its end; those that wait are cancelled."
        if self._studio.ask(f"Stop {experiment.name}?", text, yes="Stop"):
            experiment_book.stop(self.project, experiment.id)

    def _delete(self, experiment: ExperimentRecord) -> None:
        found = self._book.runs_of(experiment.id)
        answer = _ask_delete(self._studio, experiment, found)
        if answer is None:
            return
        self._studio.jobs.experiments.leave()  # Optuna's file must not be held open
        experiment_book.delete(self.project, experiment.id, with_runs=answer)
        self._current = 0
        project = self.project
        self._studio.tasks.run(
            lambda _control: run_removal.sweep(project),
            title=f"Files of {experiment.name} are left on the disk", owner=self,
            done=lambda _nothing: self._studio.toast(f"{experiment.name} deleted."),
        )  # fmt: skip


def _ask_delete(
    studio: Studio, experiment: ExperimentRecord, found: list[RunRecord]
) -> bool | None:
    """Whether the runs go too; None when nothing is to be deleted."""
    dialog = StudioDialog(studio.window, f"Delete {experiment.name}?", width=440)
    dialog.setObjectName("delete_experiment")
    text = (
        "Its summary goes, and its study where it has one. Labels, images and exported files stay."
        " This cannot be undone."
    )
    dialog.content.addWidget(label(f"Delete {experiment.name}?", "title", wrap=True))
    dialog.content.addWidget(label(text, "muted", wrap=True))
    leave = dialog.add_button("Cancel", dialog.reject)
    leave.setDefault(True)
    leave.setFocus()
    if found:
        dialog.add_button("Keep its runs", lambda: dialog.done(2))
    many = f"Delete it and {counted(len(found), 'run')}" if found else "Delete it"
    dialog.add_button(many, lambda: dialog.done(3), danger=True)
    answer = {2: False, 3: True}.get(dialog.exec())
    dialog.deleteLater()
    return answer
