"""The Train page: the next run on the left, one run in the middle, all runs on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QStackedWidget

from cvstudio.core.annotation import LabelClass, Split
from cvstudio.core.errors import CVStudioError
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.train import comparing, words
from cvstudio.gui.train.checks_list import ChecksList
from cvstudio.gui.train.compare_chart import Comparison
from cvstudio.gui.train.experiments import Experiments
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.preparing import Preparing
from cvstudio.gui.train.queue_control import QueueControl
from cvstudio.gui.train.queue_list import QueueList
from cvstudio.gui.train.run_book import RunBook
from cvstudio.gui.train.run_control import RunControl
from cvstudio.gui.train.run_list import RunTable
from cvstudio.gui.train.run_view import RunView
from cvstudio.gui.train.saw import Saw
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.section import NextStep, line, push
from cvstudio.gui.workspace import Workspace
from cvstudio.project import device, judged, preflight, queries, runs, training_facts
from cvstudio.project.changes import ChangeSet
from cvstudio.project.cluster.reach import look_at
from cvstudio.project.pipeline import pipeline
from cvstudio.project.preflight import Action
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

SHOW_MS = 120
"""How often a running run is drawn again at most; the first news after a rest at once."""

TICK_MS = 1000


class TrainPage(Workspace):
    """Choose how long a run may take, start it, watch it, compare it."""

    name, title, icon = "train", "Train", "chart-line"
    centre_needs = 740

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.jobs = studio.jobs
        self._comparing_saw = LatestWins(studio.tasks, owner=self)
        self.book = RunBook(studio, self.project, self)
        self._run_id = self._experiment_id = 0
        self._opened: Path | None = None
        self._changed: list[int] = []
        self._changed_asked = False
        self._compared_epochs = -1
        self._more_came = False
        self._explained = ""
        self._build()
        self._connect()
        self.preparing.begin()
        self.studio.settings.listen(self._on_setting)
        self.refresh_runs()
        self.preparing.gather()

    # Making

    def _build(self) -> None:
        left = self.panel("left", 336)
        left.make_scrollable()
        self.new_run = NewRun(self.project.task, left)
        left.add(self.new_run)
        left.add(line())
        self.checks = ChecksList()
        left.add(self.checks)
        left.body.addStretch(1)
        self.next_step = NextStep(self.studio.actions["train.start"], text="Start run 1")
        several = push("Several runs", self.studio.actions["train.several"].trigger, small=True)
        several.setToolTip(self.studio.actions["train.several"].toolTip())
        self.next_step.add_beside(several)
        left.set_footer(self.next_step)
        right = self.panel("right", 320)
        right.make_scrollable()
        self.table = RunTable(self.studio.actions["train.delete"])
        right.add(self.table)
        self.queue = QueueList()
        right.add(self.queue)
        right.add(line())
        self.comparison = Comparison(judged.main_figure(self.project))
        right.add(self.comparison)
        self.saw = Saw(self._show_changed)
        right.add(line())
        right.add(self.saw)
        right.body.addStretch(1)
        self.centre = QStackedWidget(self.splitter)
        self.view = RunView(self.studio, self.centre)
        self.empty = EmptyState(
            "chart-line", "Choose how long it may take, then start.", next_=False
        )
        self.centre.addWidget(self.empty)
        self.centre.addWidget(self.view)
        self.assemble(left=left, centre=self.centre, right=right)
        self.preparing = Preparing(
            self.studio, self.book, form=self.new_run, checks=self.checks, parent=self
        )
        self.control = RunControl(
            self.studio, self.book, form=self.new_run, shown=self._shown_run, parent=self
        )
        self.queue_control = QueueControl(
            self.studio, self.project, self.queue, shown=self._shown_run, parent=self
        )
        self.experiments = Experiments(
            self.studio, self.book, form=self.new_run, preparing=self.preparing, parent=self
        )
        self.centre.addWidget(self.experiments.view)

    def _connect(self) -> None:
        actions = self.studio.actions
        actions.connect("train.start", self.start, self)
        actions.connect("train.find_rate", self.find_rate, self)
        actions.connect("train.try_batch", self.preparing.try_batch, self)
        self.new_run.rate_wanted.connect(self.find_rate)
        self.new_run.form.explained.connect(self._explain)
        actions.connect("train.pause", lambda: self.control.ask("pause"), self)
        actions.connect("train.finish", lambda: self.control.ask("finish"), self)
        actions.connect("train.cancel", lambda: self.control.ask("cancel"), self)
        actions.connect("train.resume", lambda: self.control.ask("resume"), self)
        actions.connect("train.suggest", lambda: self.control.ask("suggest"), self)
        actions.connect("train.delete", self._delete, self)
        actions.connect("train.several", self.experiments.begin, self)
        self.experiments.made.connect(self.show_experiment)
        self.experiments.changed.connect(self.jobs.runs_changed)
        self.experiments.view.opened.connect(self.show_run)
        self.table.experiment_chosen.connect(self.show_experiment)
        self.preparing.gathered.connect(self._show_empty)
        self.book.loaded.connect(self._loaded)
        self.control.decided.connect(self._draw)
        self.control.removed.connect(self._forget)
        self.control.wanted.connect(self._start)
        self.view.asked.connect(self.control.ask)
        self.view.chosen.connect(self.control.take_way)
        self.table.chosen.connect(self.show_run)
        self.table.menu_asked.connect(self._open_menu)
        self.table.selection_changed.connect(self._compare)
        self.queue.chosen.connect(self.show_run)
        self.queue.menu_asked.connect(self._open_menu)
        self.queue_control.made.connect(self.show_run)
        self.comparison.opened.connect(self._open_comparison)
        self.studio.project_changed.connect(self._project_changed)
        self.jobs.runs_changed.connect(self.refresh_runs)
        self.jobs.run_started.connect(self._moved)
        self.jobs.run_moved.connect(self._moved)
        self._draw_soon = QTimer(self, interval=SHOW_MS, singleShot=True)
        self._draw_soon.timeout.connect(self._draw_late)
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._draw)
        self._tick.timeout.connect(self.queue_control.show)

    # Hooks of the window

    def arrive(self, **what: Any) -> None:
        """`run_id` shows a run; the new run gets the settings of the run `like`, or `changes`."""
        if what.get("run_id"):
            self.show_run(int(what["run_id"]))
        if what.get("like"):
            self.new_run.take(runs.config_of(runs.get(self.project, int(what["like"]))))
        if what.get("changes"):
            self.new_run.apply(what["changes"])

    def shown(self) -> None:
        self.preparing.show_pipelines()
        self.refresh_runs()
        self.preparing.gather()
        self._tick.start()

    def hidden(self) -> None:
        self._tick.stop()

    def _on_setting(self, key: str, value: object) -> None:
        if key == "train.device":
            self.preparing.set_device(value)

    def release(self) -> None:
        self.studio.settings.unlisten(self._on_setting)
        self._tick.stop()
        self._draw_soon.stop()
        self.preparing.release()
        self.experiments.release()
        self.control.release()
        self._comparing_saw.drop()
        self.studio.project_changed.disconnect(self._project_changed)
        self.jobs.runs_changed.disconnect(self.refresh_runs)
        self.jobs.run_started.disconnect(self._moved)
        self.jobs.run_moved.disconnect(self._moved)

    # What the next run would be

    def _project_changed(self, changes: ChangeSet) -> None:
        if changes.touches("image", "annotation", "label_class"):
            self._changed_asked = False  # told when the run is looked at again
            self.preparing.gather()
        if changes.touches("project"):
            self.preparing.show_pipelines()

    # Starting

    def start(self) -> None:
        """Start or queue the run that the left panel describes."""
        steps = pipeline(self.project).steps
        self._start(self.new_run.config.model_copy(update={"augmentation": steps}))

    def find_rate(self) -> None:
        """Let learning rates be tried with the settings on the left, and take one over."""
        from cvstudio.gui.train.rate_dialog import RateDialog

        steps = pipeline(self.project).steps
        config = self.new_run.config.model_copy(update={"augmentation": steps})
        dialog = RateDialog(self, self.studio, config)
        if dialog.exec() and dialog.rate is not None:
            self.new_run.apply({"learning_rate": dialog.rate})

    def _start(self, config: TrainConfig, *, parent_id: int | None = None) -> None:
        project, cluster = self.project, self.new_run.cluster
        found = None if cluster is not None else self.jobs.device or device.processor()
        self.preparing.set_starting(True)

        def make(_control: Any) -> RunRecord:
            if cluster is not None:
                look_at(cluster.address)
            # Labels may have changed since the checks were shown.
            with project.read() as session:
                facts = training_facts.gather(session, project)
            facts = self.preparing.compared(facts)
            lines = preflight.require(facts, config, found)
            return runs.create_run(
                project, config, parent_id=parent_id, cluster=cluster, checks=lines
            )

        def made(run: RunRecord) -> None:
            self.preparing.set_starting(False)
            try:
                self.jobs.begin(run.id)
            except CVStudioError as error:
                self.studio.fail(error)
            self.show_run(run.id)
            self.preparing.show()

        def not_made(error: BaseException) -> None:
            self.preparing.set_starting(False)
            self.preparing.gather()
            self.studio.fail(error, doing="The run could not be prepared")

        self.studio.tasks.run(make, title="Prepare the run", done=made, failed=not_made, owner=self)

    # Runs

    def refresh_runs(self) -> None:
        """Read the list of runs and show it."""
        self.book.read()
        self._offer_runs()
        if not self._run_id and self.book.runs:
            first = self.jobs.current or self.book.held or self.book.runs[-1]
            self._run_id = first.id
        self._show_rows()
        if self._experiment_id and self.book.experiment(self._experiment_id) is not None:
            self.table.choose_experiment(self._experiment_id)
        else:
            self._experiment_id = 0
            self.table.choose(self._run_id)
        self._show_next()
        self._draw()
        self._compare()

    def _offer_runs(self) -> None:
        """Let the next run start from the network of an earlier one."""
        best = [(run, runs.job_of(run).best) for run in reversed(self.book.runs)]
        self.new_run.set_runs(
            [(words.run_line(run), path, run.network) for run, path in best if path.exists()]
        )

    def show_run(self, run_id: int) -> None:
        """Show a run in the middle."""
        self._run_id, self._experiment_id = run_id, 0
        if run_id not in {run.id for run in self.book.runs}:
            self.refresh_runs()
        if self.table.current != run_id:
            self.table.choose(run_id)
        self._draw()
        self._compare()

    def show_experiment(self, experiment_id: int) -> None:
        """Show an experiment in the middle."""
        self._experiment_id = experiment_id
        if self.book.experiment(experiment_id) is None:
            self.refresh_runs()
        if self.table.current_experiment != experiment_id:
            self.table.choose_experiment(experiment_id)
        self._draw()

    def _delete(self) -> None:
        (self.experiments if self._experiment_id else self.control).ask("delete")

    def _show_rows(self) -> None:
        held, rows = self.book.held, self.book.rows()
        self.table.set_rows(rows, judged.main_figure(self.project), self.book.headings())
        waiting = [row.run.id for row in rows if row.status is RunStatus.QUEUED]
        text = ""
        if held is not None and waiting:
            text = f"Run {min(waiting)} waits until you decide about run {held.id}."
        elif self.book.lost:
            run = self.book.lost[-1]
            text = f"Run {run.id} is left out: {run.directory} is missing or damaged."
        self.table.set_words(text)
        self.queue_control.show()

    def _show_next(self) -> None:
        number = self.book.next_number
        self.new_run.header.figure.setText(f"run {number}")
        verb = "Start" if self.jobs.has_room(self.new_run.config) else "Queue"
        self.next_step.button.set_text(f"{verb} run {number}")
        self._say_status()

    def _forget(self, run_id: int) -> None:
        """A run is gone: show another one, and let every page read the list again."""
        if self._run_id == run_id:
            self._run_id, self._opened = 0, None
        self.jobs.runs_changed.emit()
        self.preparing.show()

    def _open_menu(self, place: QPoint) -> None:
        menu = self.control.menu(self)
        menu.exec(place)
        menu.deleteLater()

    def _shown_run(self) -> RunRecord | None:
        return self.book.get(self._run_id)

    def _loaded(self) -> None:
        self._show_rows()
        self._draw()
        self._compare()
        self.preparing.show()

    def _moved(self, run_id: int, *_about: Any) -> None:
        self.book.moved(run_id)
        if self._draw_soon.isActive():
            self._more_came = True
        else:
            self._draw()
            self._draw_soon.start()

    def _draw_late(self) -> None:
        """What came while the last picture was new."""
        if self._more_came:
            self._more_came = False
            self._draw()
            self._draw_soon.start()

    def _draw(self) -> None:
        """Show the chosen run or experiment as it is now."""
        run = self.book.get(self._run_id)
        if self._experiment_id:
            self._draw_experiment()
            return
        self.control.allow(run)
        self.queue_control.allow()
        self.centre.setCurrentWidget(self.view if run is not None else self.empty)
        self.saw.setVisible(run is not None)
        if run is None:
            self.comparison.hide()
            self._show_empty()
            return
        status, state = self.book.status(run), self.book.state(run)
        config = runs.config_of(run)
        if self._opened != run.directory:
            self._opened = run.directory
            self.view.open(runs.job_of(run), self._classes())
            self.saw.show_run(run, config)
            self._changed_asked = False
        if not self._changed_asked and self.isVisible():
            self._ask_changed(run)
        self.view.show_run(run, status, config, state)
        if status is RunStatus.QUEUED:
            self.view.card.show_waiting(self.jobs.why_waits(run))
        epochs = sum(len(self.jobs.state_of(live.id).epochs) for live in self.jobs.live)
        if self.jobs.live and epochs != self._compared_epochs:
            self._compared_epochs = epochs
            self._show_rows()
            self._compare()
        self._share_accent(run, status)

    def _classes(self) -> list[LabelClass]:
        with self.project.read() as session:
            return queries.classes(session)

    def _draw_experiment(self) -> None:
        self.control.allow(None)
        self.studio.actions.allow("train.delete", True)
        self.centre.setCurrentWidget(self.experiments.view)
        for part in (self.comparison, self.saw):
            part.hide()
        theme.mark(self.next_step.button, next=True)
        self.experiments.show(self._experiment_id)

    def _share_accent(self, run: RunRecord, status: RunStatus) -> None:
        """One accent button: the way out of an undecided failure, else the next run."""
        held = self.book.held if status is RunStatus.FAILED else None
        open_ = held is not None and held.id == run.id and bool(self.view.failure.ways)
        self.view.failure.mark_next(open_)
        theme.mark(self.next_step.button, next=not open_)
        self.view.failure.leave.setVisible(open_)

    def _show_empty(self) -> None:
        """What the middle says while there is no run."""
        facts = self.preparing.facts
        if self.book.runs or facts is None:
            return
        ready = sum(facts.images.get(split, 0) for split in (Split.TRAIN, Split.VAL))
        undivided, unlabelled = len(facts.without_split), len(facts.unlabelled)
        missing = preflight.FIRST_RUN - ready - undivided
        if missing > 0:
            text = (
                f"{ready + undivided} of the {preflight.FIRST_RUN} images that a first run needs"
                " are labelled."
            )
            some = min(missing, unlabelled)
            button, place = (f"Label {some} more", "label") if some else ("Bring in images", "data")
            self.empty.set(text, button=button, do=lambda: self.studio.go_to(place))
        elif ready < preflight.FIRST_RUN:
            many = counted(undivided, "labelled image is", "labelled images are")
            self.empty.set(
                f"{many} in no split yet: a run learns from train and is judged on val.",
                button="Divide the images",
                do=lambda: self.preparing.act(Action("Divide", "split")),
            )
        else:
            self.empty.set("Choose how long it may take, then start.", button="")
        blocked = not self.studio.actions["train.start"].isEnabled()
        theme.mark(self.empty.button, next=blocked)

    def _say_status(self) -> None:
        live = self.jobs.live
        queued = sum(run.status == RunStatus.QUEUED for run in self.book.runs)
        texts = []
        if len(live) == 1:
            texts.append(f"Run {live[0].id} runs on its own: close the window and it goes on")
        elif live:
            numbers = " and ".join(str(run.id) for run in live)
            texts.append(f"Runs {numbers} run on their own: close the window and they go on")
        if queued:
            texts.append(f"{counted(queued, 'run')} queued")
        self.set_status(*([self._explained] if self._explained else texts))

    def _explain(self, words: str) -> None:
        """Say what the setting means that the person is at."""
        self._explained = words
        self._say_status()

    # Comparing

    def _compare(self) -> None:
        if self.book.runs:
            self.comparison.show_runs(self._compared())

    def _compared(self) -> dict[int, RunState]:
        return comparing.compared(self.book, self.table.selected, self._run_id)

    def _open_comparison(self) -> None:
        comparing.open_comparison(
            self.studio, self.book, self._compared(), metric=judged.main_figure(self.project)
        )

    def _ask_changed(self, run: RunRecord) -> None:
        project = self.project
        self._changed_asked, self._changed = True, []

        def compared(found: list[int]) -> None:
            self._changed = found
            self.saw.show_changed(len(found))

        self._comparing_saw.request(lambda _control: runs.changed_since(project, run), compared)

    def _show_changed(self) -> None:
        words = f"changed since run {self._run_id}"
        self.studio.go_to("data", ids=self._changed, words=words)
