"""The Train page: the next run on the left, one run in the middle, all runs on the right."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedWidget

from cvstudio.augment import presets
from cvstudio.augment.presets import Pipeline
from cvstudio.core import pretrained
from cvstudio.core.annotation import Split
from cvstudio.core.config import Preset, TrainConfig
from cvstudio.core.errors import ConfigError, CVStudioError
from cvstudio.core.networks import network
from cvstudio.core.run_state import BEST_METRIC, RunState
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, LatestWins
from cvstudio.gui.train import words
from cvstudio.gui.train.checks_list import ChecksList
from cvstudio.gui.train.new_run import NewRun
from cvstudio.gui.train.run_list import Comparison, Row, RunTable, Saw, draw_runs
from cvstudio.gui.train.run_view import RunView
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.section import NextStep, label, line
from cvstudio.gui.workspace import Workspace
from cvstudio.project import device, estimate, preflight, runs
from cvstudio.project import weights as weight_files
from cvstudio.project.changes import ChangeSet
from cvstudio.project.estimate import Measured
from cvstudio.project.pipeline import pipeline, set_pipeline
from cvstudio.project.preflight import Action, Facts
from cvstudio.project.records import RunRecord
from cvstudio.project.remedies import Remedy
from cvstudio.project.run_status import RunStatus, resumable

log = logging.getLogger(__name__)

SHOW_MS = 200
"""How often a running run is drawn again at most."""

TICK_MS = 1000
_CHOICES, _REMEMBERED = "train.choices", 12
"""Where the form is remembered by project, and of how many projects."""

_HISTORY = 5
"""Finished runs whose speeds the guess for the next one rests on."""


class TrainPage(Workspace):
    """Choose how long a run may take, start it, watch it, compare it."""

    name, title, icon = "train", "Train", "chart-line"
    centre_needs = 740

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.jobs = studio.jobs
        self._facts: Facts | None = None
        self._gathering = LatestWins(studio.tasks, owner=self)
        self._comparing_saw = LatestWins(studio.tasks, owner=self)
        self._runs: list[RunRecord] = []
        self._lost: list[RunRecord] = []
        self._states: dict[int, tuple[tuple[str, float | None], RunState]] = {}
        self._run_id = 0
        self._opened: Path | None = None
        self._starting = False
        self._compared_epochs = -1
        self._pipelines: list[Pipeline] = []
        self._build()
        self._connect()
        self._recall_choices()
        wanted = self.studio.settings.get("train.device")
        if wanted != "auto":
            self.new_run.apply({"device": wanted})
        self.studio.settings.listen(self._on_setting)
        self._show_pipelines()
        self.refresh_runs()
        self._gather()

    # Making

    def _build(self) -> None:
        left = self.panel("left", 336)
        self.new_run = NewRun(self.project.task)
        left.add(self.new_run)
        left.add(line())
        self.checks = ChecksList()
        left.add(self.checks)
        left.body.addStretch(1)
        left.make_scrollable()
        self.next_step = NextStep(self.studio.actions["train.start"], text="Start run 1")
        left.set_footer(self.next_step)
        right = self.panel("right", 312)
        self.table = RunTable()
        right.add(self.table)
        right.add(line())
        self.comparison = Comparison(BEST_METRIC[self.project.task])
        right.add(self.comparison)
        self.saw = Saw(self._show_changed)
        right.add(line())
        right.add(self.saw)
        right.body.addStretch(1)
        right.make_scrollable()
        self.centre = QStackedWidget()
        self.view = RunView(self.studio)
        self.empty = EmptyState(
            "chart-line", "Choose how long it may take, then start.", next_=False
        )
        self.centre.addWidget(self.empty)
        self.centre.addWidget(self.view)
        self.assemble(left=left, centre=self.centre, right=right)

    def _connect(self) -> None:
        actions = self.studio.actions
        actions.connect("train.start", self.start, self)
        actions.connect("train.pause", lambda: self._ask_run("pause"), self)
        actions.connect("train.finish", lambda: self._ask_run("finish"), self)
        actions.connect("train.cancel", lambda: self._ask_run("cancel"), self)
        actions.connect("train.resume", lambda: self._ask_run("resume"), self)
        self.new_run.changed.connect(self._config_changed)
        self.new_run.augment_chosen.connect(self._choose_pipeline)
        self.checks.acted.connect(self._act)
        self.view.asked.connect(self._ask_run)
        self.view.chosen.connect(self._take_way)
        self.table.chosen.connect(self.show_run)
        self.table.selection_changed.connect(self._compare)
        self.comparison.opened.connect(self._open_comparison)
        self.studio.project_changed.connect(self._project_changed)
        self.jobs.runs_changed.connect(self.refresh_runs)
        self.jobs.run_started.connect(self._moved)
        self.jobs.run_moved.connect(self._moved)
        self.jobs.device_changed.connect(self._device_changed)
        self._draw_soon = QTimer(self, interval=SHOW_MS, singleShot=True)
        self._draw_soon.timeout.connect(self._draw)
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._draw)

    # Hooks of the window

    def arrive(self, **what: Any) -> None:
        """`run_id` shows a run; `changes` puts settings into the new run."""
        if what.get("run_id"):
            self.show_run(int(what["run_id"]))
        if what.get("changes"):
            self.new_run.apply(what["changes"])

    def shown(self) -> None:
        self._show_pipelines()
        self.refresh_runs()
        self._gather()
        self._tick.start()

    def hidden(self) -> None:
        self._tick.stop()

    def _on_setting(self, key: str, value: object) -> None:
        if key == "train.device":
            self.new_run.apply({"device": value})
            self._gather()

    def release(self) -> None:
        self.studio.settings.unlisten(self._on_setting)
        self._tick.stop()
        self._draw_soon.stop()
        self._gathering.drop()
        self._comparing_saw.drop()
        self.studio.project_changed.disconnect(self._project_changed)
        self.jobs.runs_changed.disconnect(self.refresh_runs)
        self.jobs.run_started.disconnect(self._moved)
        self.jobs.run_moved.disconnect(self._moved)
        self.jobs.device_changed.disconnect(self._device_changed)

    # What the next run would be

    def _project_changed(self, changes: ChangeSet) -> None:
        if changes.touches("image", "annotation", "label_class"):
            self._gather()
        if changes.touches("project"):
            self._show_pipelines()

    def _gather(self) -> None:
        """Ask the database for the facts that the checks need, in a thread."""
        project = self.project

        def ask(_control: Any) -> Facts:
            with project.read() as session:
                return preflight.gather(session, project)

        self._gathering.request(ask, self._gathered)

    def _gathered(self, facts: Facts) -> None:
        self._facts = facts
        self.new_run.set_image_count(facts.images.get(Split.TRAIN, 0))
        self._config_changed()
        self._show_empty()

    def _device_changed(self, found: device.Device) -> None:
        self.new_run.form.set_devices(device.choices(found))
        if self.isVisible():
            self._config_changed()

    def _config_changed(self) -> None:
        """Show again what follows from the settings: checks, times, whether the batch fits."""
        if self._facts is None:
            return
        found = self.jobs.device or device.processor()
        config = self.new_run.config
        lines = preflight.checks(self._facts, config, found)
        self.checks.show_checks(lines)
        stopping = preflight.blocking(lines)
        self._allow_start(stopping[0].text if stopping else "")
        train, val = (self._facts.images.get(s, 0) for s in (Split.TRAIN, Split.VAL))
        history = self._history()
        times = {}
        for preset in Preset:
            chosen = preset.value == self.new_run.presets.key
            guess = estimate.seconds(
                config if chosen else self.new_run.preset_config(preset),
                train=train, val=val, device=found, history=list(history.values()),
            )  # fmt: skip
            times[preset] = estimate.roughly(guess) if train else ""
        self.new_run.set_times(times, words.times_from(list(history)))
        self._remember_choices()
        self._note_batch(config, found)

    def _allow_start(self, why_not: str) -> None:
        if self._starting:
            why_not = "The run is being prepared"
        self.studio.actions.allow("train.start", not why_not, why=why_not)

    def _allow_asking(self, run: RunRecord | None) -> None:
        """Enable what can be asked of the shown run; the others say why not."""
        if run is None:
            reasons = dict.fromkeys(words.ASKED, "No run yet")
        else:
            job, status = runs.job_of(run), self._status(run)
            reasons = words.why_not(
                run.id, status, begun=self._state(run).running, saved=resumable(job, status)
            )
        for what, why in reasons.items():
            self.studio.actions.allow(f"train.{what}", not why, why=why)

    def _note_batch(self, config: TrainConfig, found: device.Device) -> None:
        on_gpu = found.kind == "cuda" and config.device != "cpu"
        room = found.memory if on_gpu else found.memory - found.used
        fits = estimate.memory(config) < room * 0.95
        place = "fits the GPU" if on_gpu else "fits in memory"
        self.new_run.set_batch_note(place if fits else "too large", "muted" if fits else "warning")

    def _remember_choices(self) -> None:
        """Keep the form for the next time this project is open."""
        kept = dict(self.studio.memory.get(_CHOICES, {}))
        kept.pop(str(self.project.path), None)
        newest = {str(self.project.path): self.new_run.choices, **kept}
        self.studio.memory.set(_CHOICES, dict(list(newest.items())[:_REMEMBERED]))

    def _recall_choices(self) -> None:
        choices = self.studio.memory.get(_CHOICES, {}).get(str(self.project.path))
        if choices is None:
            return
        try:
            self.new_run.restore(choices)
        except ConfigError as error:
            log.info("the choices of last time fit no more: %s", error.message)

    def _history(self) -> dict[int, Measured]:
        """The speeds that finished runs of this project had on this computer, by run."""
        found = {}
        for run in reversed(self._runs):
            state = self._states.get(run.id, (None, None))[1]
            if RunStatus(run.status).has_network and state is not None and state.images_per_second:
                config = runs.config_of(run)
                speed = state.images_per_second
                found[run.id] = Measured(config, not words.on_gpu(state), speed)
                if len(found) == _HISTORY:
                    break
        return found

    def _show_pipelines(self) -> None:
        try:
            current = pipeline(self.project)
        except ConfigError as error:
            self.studio.fail(error)
            return
        offered = [*presets.presets_for(self.project.task), *presets.saved()]
        known = [(p.name, p.steps) for p in offered]
        if (current.name, current.steps) not in known:
            offered.insert(0, current)
            known.insert(0, (current.name, current.steps))
        self._pipelines = offered
        place = known.index((current.name, current.steps))
        self.new_run.set_pipelines([p.name for p in offered], place)

    def _choose_pipeline(self, place: int) -> None:
        chosen = self._pipelines[place]
        set_pipeline(self.project, name=chosen.name, steps=chosen.steps)

    def _act(self, action: Action) -> None:
        """Do what a check offers."""
        match action.kind:
            case "set":
                self.new_run.apply(action.changes)
            case "images":
                text = next((c.text for c in self.checks.shown if action in c.actions), "")
                self.studio.go_to("data", ids=list(action.image_ids), words=text)
            case "split":
                self.studio.go_to("data")
                self.studio.actions.trigger("data.split")
            case "weights":
                self._get_weights()

    def _get_weights(self) -> None:
        info = network(self.new_run.config.network)
        if not self.studio.settings.get("train.downloads"):
            error = pretrained.missing(info)
            hint = "Downloads are switched off in the settings."
            self.studio.fail(CVStudioError(error.message, hint=hint))
            return

        def get(control: Control) -> Path:
            return weight_files.download(
                info,
                progress=lambda done, total: control.progress(done, total, _megabytes(done, total)),
                cancelled=control.cancelled,
            )

        title = f"Getting the weights of {info.title}"
        outcome = run_with_progress(self.studio.window, self.studio.tasks, title, get)
        if outcome.error is not None:
            self.studio.fail(outcome.error, doing=title)
        elif not outcome.cancelled:
            self.studio.toast(f"{outcome.result.name} is on this computer now.", level="success")
        self._config_changed()

    # Starting

    def start(self) -> None:
        """Start or queue the run that the left panel describes."""
        steps = pipeline(self.project).steps
        self._start(self.new_run.config.model_copy(update={"augmentation": steps}))

    def _start(self, config: TrainConfig, *, parent_id: int | None = None) -> None:
        project = self.project
        self._starting = True
        self._allow_start("")

        def made(run: RunRecord) -> None:
            self._starting = False
            try:
                self.jobs.begin(run.id)
            except CVStudioError as error:
                self.studio.fail(error)
            self.show_run(run.id)
            self._config_changed()

        def not_made(error: BaseException) -> None:
            self._starting = False
            self._config_changed()
            self.studio.fail(error, doing="The run could not be prepared")

        self.studio.tasks.run(
            lambda _control: runs.create_run(project, config, parent_id=parent_id),
            title="Prepare the run", done=made, failed=not_made, owner=self,
        )  # fmt: skip

    # Runs

    def refresh_runs(self) -> None:
        """Read the list of runs and show it."""
        found = runs.all_runs(self.project)
        self._runs = [run for run in found if runs.whole(run)]
        self._lost = [run for run in found if run not in self._runs]
        self._offer_runs()
        self._load_states()
        if not self._run_id and self._runs:
            first = self.jobs.current or runs.held_by(self.project) or self._runs[-1]
            self._run_id = first.id
        self._show_rows()
        self.table.choose(self._run_id)
        self._show_next()
        self._draw()
        self._compare()

    def _offer_runs(self) -> None:
        """Let the next run start from the network of an earlier one."""
        best = [(run, runs.job_of(run).best) for run in reversed(self._runs)]
        self.new_run.set_runs(
            [(words.run_line(run), path, run.network) for run, path in best if path.exists()]
        )

    def show_run(self, run_id: int) -> None:
        """Show a run in the middle."""
        self._run_id = run_id
        if run_id not in {run.id for run in self._runs}:
            self.refresh_runs()
        if self.table.current != run_id:
            self.table.choose(run_id)
        self._draw()
        self._compare()

    def _run(self, run_id: int) -> RunRecord | None:
        return next((run for run in self._runs if run.id == run_id), None)

    def _status(self, run: RunRecord) -> RunStatus:
        live = self.jobs.current
        if live is not None and live.id == run.id:
            return RunStatus.RUNNING
        return RunStatus(run.status)

    def _state(self, run: RunRecord) -> RunState:
        live = self.jobs.current
        if live is not None and live.id == run.id:
            return self.jobs.state
        return self._states.get(run.id, ((), RunState()))[1]

    def _load_states(self) -> None:
        """Read the events of runs that are not known yet, in a thread."""
        wanted = [
            run
            for run in self._runs
            if run.status != RunStatus.RUNNING
            and self._states.get(run.id, (None,))[0] != (run.status, run.ended)
        ]
        if not wanted:
            return

        def read(_control: Any) -> list[tuple[RunRecord, RunState]]:
            return [(run, runs.job_of(run).state()) for run in wanted]

        def loaded(found: list[tuple[RunRecord, RunState]]) -> None:
            for run, state in found:
                self._states[run.id] = ((run.status, run.ended), state)
            self._show_rows()
            self._draw()
            self._compare()
            self._config_changed()

        self.studio.tasks.run(read, title="Read the runs", done=loaded, owner=self)

    def _show_rows(self) -> None:
        held = runs.held_by(self.project)
        rows = []
        for run in reversed(self._runs):
            status, state = self._status(run), self._state(run)
            best = run.best
            if status is RunStatus.RUNNING and state.best_epoch is not None:
                best = next(
                    (
                        e.metrics.get(run.metric)
                        for e in state.epochs
                        if e.epoch == state.best_epoch
                    ),
                    None,
                )
            text = words.state_words(status, state.failed, waits=held is not None)
            rows.append(Row(run, status, text, best))
        self.table.set_rows(rows, BEST_METRIC[self.project.task])
        waiting = [row.run.id for row in rows if row.status is RunStatus.QUEUED]
        text = ""
        if held is not None and waiting:
            text = f"Run {min(waiting)} waits until you decide about run {held.id}."
        elif self._lost:
            run = self._lost[-1]
            text = f"Run {run.id} is left out: {run.directory} is missing or damaged."
        self.table.set_words(text)

    def _show_next(self) -> None:
        number = max((run.id for run in (*self._runs, *self._lost)), default=0) + 1
        self.new_run.header.figure.setText(f"run {number}")
        verb = "Queue" if self.jobs.current is not None else "Start"
        self.next_step.button.set_text(f"{verb} run {number}")
        self._say_status()

    def _moved(self, run_id: int, *_about: Any) -> None:
        # Kept for the moment after the run's end, before its events are read again.
        self._states[run_id] = (("", None), self.jobs.state)
        if not self._draw_soon.isActive():
            self._draw_soon.start()

    def _draw(self) -> None:
        """Show the chosen run as it is now."""
        run = self._run(self._run_id)
        self._allow_asking(run)
        self.centre.setCurrentWidget(self.view if run is not None else self.empty)
        for part in (self.comparison, self.saw):
            part.setVisible(run is not None)
        if run is None:
            self._show_empty()
            return
        status, state = self._status(run), self._state(run)
        config = runs.config_of(run)
        if self._opened != run.directory:
            self._opened = run.directory
            self.view.open(runs.job_of(run))
            self.saw.show_run(run, config)
            self._ask_changed(run)
        self.view.show_run(run, status, config, state)
        if status is RunStatus.QUEUED:
            self.view.card.show_waiting(self._why_waiting())
        live = self.jobs.state if self.jobs.current is not None else None
        if live is not None and len(live.epochs) != self._compared_epochs:
            self._compared_epochs = len(live.epochs)
            self._show_rows()
            self._compare()
        self._share_accent(run, status)

    def _why_waiting(self) -> str:
        live, held = self.jobs.current, runs.held_by(self.project)
        if live is not None:
            return f"It starts when run {live.id} is over."
        return f"It waits until you decide about run {held.id}." if held is not None else ""

    def _share_accent(self, run: RunRecord, status: RunStatus) -> None:
        """One accent button: the way out of an undecided failure, else the next run."""
        held = runs.held_by(self.project) if status is RunStatus.FAILED else None
        open_ = held is not None and held.id == run.id and bool(self.view.failure.ways)
        theme.mark(self.view.failure.go, next=open_)
        theme.mark(self.next_step.button, next=not open_)
        self.view.failure.leave.setVisible(open_)

    def _show_empty(self) -> None:
        """What the middle says while there is no run."""
        if self._runs or self._facts is None:
            return
        ready = sum(self._facts.images.get(split, 0) for split in (Split.TRAIN, Split.VAL))
        undivided, unlabelled = len(self._facts.without_split), len(self._facts.unlabelled)
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
                button="Divide the images", do=lambda: self._act(Action("Divide", "split")),
            )  # fmt: skip
        else:
            self.empty.set("Choose how long it may take, then start.", button="")
        blocked = not self.studio.actions["train.start"].isEnabled()
        theme.mark(self.empty.button, next=blocked)

    def _say_status(self) -> None:
        live = self.jobs.current
        queued = sum(run.status == RunStatus.QUEUED for run in self._runs)
        texts = []
        if live is not None:
            texts.append(f"Run {live.id} runs on its own: close the window and it goes on")
        if queued:
            texts.append(f"{counted(queued, 'run')} queued")
        self.set_status(*texts)

    # What the person asks of a run

    def _ask_run(self, what: str) -> None:
        run = self._run(self._run_id)
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
                    self._draw()
                case "again":
                    self.new_run.take(runs.config_of(run))
                case "analyze":
                    self.studio.go_to("analyze", run_id=run.id)
        except CVStudioError as error:
            self.studio.fail(error)

    def _cancel(self, run: RunRecord) -> None:
        done = len(self._state(run).epochs)
        text = "It has learned nothing yet."
        if done:
            lost = counted(done, "epoch is", "epochs are")
            text = f"Its {lost} lost. Finish now would keep the best."
        if self.studio.ask(f"Cancel run {run.id}?", text, yes=f"Cancel run {run.id}", danger=True):
            self.jobs.cancel(run.id)

    def _take_way(self, way: Remedy) -> None:
        """Go the way forward that was chosen on the failure card."""
        run = self._run(self._run_id)
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
        self._start(config)

    # Comparing

    def _compared(self) -> dict[int, RunState]:
        """The runs in the small chart: the selected ones, or this one and the last two finished."""
        chosen = self.table.selected
        if len(chosen) < 2:
            finished = [r.id for r in reversed(self._runs) if RunStatus(r.status).has_network]
            chosen = [self._run_id, *[i for i in finished if i != self._run_id][:2]]
        found = {i: self._state(run) for i in chosen[:4] if (run := self._run(i)) is not None}
        return {i: state for i, state in found.items() if state.epochs}

    def _compare(self) -> None:
        if self._runs:
            self.comparison.show_runs(self._compared())

    def _open_comparison(self) -> None:
        metric = BEST_METRIC[self.project.task]
        states = self._compared()
        title = self.comparison.header.title.text()
        dialog = StudioDialog(self.studio.window, title, width=880, height=600)
        chart = Chart(f"{metric} on val", x="epoch", y=metric)
        draw_runs(chart, states, metric)
        dialog.content.addWidget(chart, 1)
        dialog.content.addWidget(label(self._differences(list(states)), "muted", wrap=True))
        dialog.add_button("Close", dialog.accept)
        dialog.exec()

    def _differences(self, ids: list[int]) -> str:
        """The settings in which runs differ, a line each."""
        configs = {i: runs.config_of(run) for i in ids if (run := self._run(i)) is not None}
        lines = []
        for name, field in TrainConfig.model_fields.items():
            values = {i: getattr(config, name) for i, config in configs.items()}
            if name != "augmentation" and len({str(value) for value in values.values()}) > 1:
                shown = ", ".join(f"run {i}: {value}" for i, value in values.items())
                lines.append(f"{field.title or name.capitalize()}: {shown}")
        return "\n".join(lines) or "These runs have the same settings."

    def _ask_changed(self, run: RunRecord) -> None:
        project = self.project
        self._changed: list[int] = []

        def compared(found: list[int]) -> None:
            self._changed = found
            self.saw.show_changed(len(found))

        self._comparing_saw.request(lambda _control: runs.changed_since(project, run), compared)

    def _show_changed(self) -> None:
        words = f"changed since run {self._run_id}"
        self.studio.go_to("data", ids=self._changed, words=words)


def _megabytes(done: int, total: int) -> str:
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
