"""The window's side of jobs: a thread per watched job, the queue of runs, and the device.

Jobs are processes that the window only watches: closing the window stops the watching, not the job.
Everything here lives on the window's thread except the bodies of the threads' run().
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal

from cvstudio.core import events
from cvstudio.core.errors import CVStudioError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.gui.experiment_watch import ExperimentWatch
from cvstudio.gui.job_watch import Ending, TrainingWorker
from cvstudio.gui.quiet_watch import QuietWatch
from cvstudio.gui.small_job import SmallJob
from cvstudio.project import device, launch, queueing, runs
from cvstudio.project.device import Device
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

log = logging.getLogger(__name__)

SYNC_MS = 2000
"""How often the project is asked for runs that others started or that are queued."""

DEVICE_SECONDS = 3.0


class DeviceWatcher(QThread):
    """Asks what the computer's device is doing, again and again."""

    seen = Signal(object)
    """A Device."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = threading.Event()

    def run(self) -> None:
        while True:
            self.seen.emit(device.detect())
            if self._stop.wait(DEVICE_SECONDS):
                return

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self.wait()


@dataclass
class _Live:
    """A run at work: its record, what its events add up to so far, and the thread that watches."""

    run: RunRecord
    worker: TrainingWorker
    state: RunState = field(default_factory=RunState)


class Jobs(QObject):
    """The jobs of the open project: the runs at work with their live states, the queue, the device.

    Several runs are at work where there are several devices; `current` is the one that began
    first, and `state` its state.
    """

    runs_changed = Signal()
    """A run was added, or its row says something else now."""
    run_moved = Signal(int, object)
    """Events of a run at work arrived: its id and a list of events; `state_of` has them already."""
    run_started = Signal(int)
    """A run began or was found running; `state_of` is its state so far."""
    run_ended = Signal(int, str)
    """A run that was at work is over: its id and its status."""
    job_started = Signal(int, object)
    """A page watches a smaller job about a run: the run's id and the SmallJob."""
    device_changed = Signal(object)
    """A Device, every few seconds."""
    trouble = Signal(str)
    """Something that the person should read."""

    def __init__(
        self, parent: QObject | None = None, *, command: runs.Command = launch.worker_command
    ) -> None:
        super().__init__(parent)
        self.project: Project | None = None
        self.quiet = QuietWatch(self)
        """Whether somebody works here, for runs that wait until nobody does."""
        self.device: Device | None = None
        self.command = command
        """What makes a job's command line from its directory; jobs started from now on use it."""
        self._live: dict[int, _Live] = {}
        self._endings: list[Ending] = []
        self._small: list[SmallJob] = []
        self._device_watcher: DeviceWatcher | None = None
        self._changed: list[RunRecord] = []
        self._ended_unseen: tuple[RunRecord, ...] = ()
        self._told_trouble = ""
        self.experiments = ExperimentWatch(self)
        self.experiments.moved.connect(self._experiment_moved)
        self.experiments.trouble.connect(self.trouble)
        self._timer = QTimer(self, interval=SYNC_MS)
        self._timer.timeout.connect(self.look)

    @property
    def live(self) -> list[RunRecord]:
        """The runs at work, in the order in which they were found so."""
        return [each.run for each in self._live.values()]

    @property
    def current(self) -> RunRecord | None:
        """The run that is at work longest, None when none is."""
        return next(iter(self.live), None)

    @property
    def state(self) -> RunState:
        """The state of `current`."""
        current = self.current
        return self.state_of(current.id) if current is not None else RunState()

    def state_of(self, run_id: int) -> RunState:
        """What the events of a run at work add up to; empty for others."""
        found = self._live.get(run_id)
        return found.state if found is not None else RunState()

    # The project and the window

    def watch_device(self) -> None:
        """Begin to ask for the device; the window calls this when it is up."""
        if self._device_watcher is None:
            self._device_watcher = DeviceWatcher(self)
            self._device_watcher.seen.connect(self._device_seen)
            self._device_watcher.start()

    def open(self, project: Project) -> None:
        """Watch the runs of a project: take in what ended, attach to what runs, go on with the
        queue."""
        self.leave()
        self.project = project
        self.look()
        self._ended_unseen = tuple(run for run in self._changed if RunStatus(run.status).over)
        self._timer.start()

    def take_unseen(self) -> tuple[RunRecord, ...]:
        """Runs that ended while no window looked, told once after the project was opened."""
        found, self._ended_unseen = self._ended_unseen, ()
        return found

    def leave(self) -> None:
        """Stop watching the project; its jobs go on."""
        self._timer.stop()
        self.experiments.leave()
        self._detach()
        for job in self._small:
            job.stop()
        for ending in self._endings:
            ending.wait()
        self._small, self._endings = [], []
        self.project = None

    def close(self) -> None:
        """Stop everything that watches. Jobs go on without the window."""
        self.leave()
        if self._device_watcher is not None:
            self._device_watcher.stop()
            self._device_watcher = None

    # Runs

    def start(self, config: TrainConfig, *, parent_id: int | None = None) -> RunRecord:
        """Make a run and start it, or queue it while another one runs. Raises CVStudioError."""
        run = runs.create_run(self._project(), config, parent_id=parent_id)
        return self.begin(run.id)

    def begin(self, run_id: int) -> RunRecord:
        """Start a run that was made, or queue it while its device is taken.

        Raises CVStudioError."""
        project = self._project()
        # The queue may have been faster than whoever made the run.
        if runs.status(runs.get(project, run_id)) is not RunStatus.RUNNING:
            runs.start(project, run_id, self.device, command=self.command)
        self.look()
        self.runs_changed.emit()
        return runs.get(project, run_id)

    def resume(self, run_id: int, changes: Mapping[str, Any] | None = None) -> None:
        """Continue a paused or failed run, with changed settings if need be.

        Raises CVStudioError.
        """
        runs.resume(self._project(), run_id, changes=changes, command=self.command)
        self.look()
        self.runs_changed.emit()

    def pause(self, run_id: int) -> None:
        """Ask the running run to stop where it can be resumed."""
        runs.pause(self._project(), run_id)

    def finish(self, run_id: int) -> None:
        """Ask the running run to end with what it has learned."""
        runs.finish(self._project(), run_id)

    def cancel(self, run_id: int) -> None:
        """End a run; the tree of a running one is taken down in the background."""
        project = self._project()
        run = runs.get(project, run_id)
        if runs.status(run) is RunStatus.RUNNING:
            self._end(runs.job_of(run))
        else:
            runs.cancel(project, run_id)
            self.look()
            self.runs_changed.emit()

    def decide(self, run_id: int) -> None:
        """Let the queue go on past a failed run."""
        runs.decide(self._project(), run_id)
        self.look()
        self.runs_changed.emit()

    def watch(self, job_dir: JobDir, *, run_id: int | None = None) -> SmallJob:
        """Watch a smaller job that a thread has started, or that was found at work; `run_id`: the
        run that it is about, for whoever tells of such jobs."""
        job = SmallJob(job_dir, self)
        job.stuck.connect(self.trouble)
        self._small.append(job)
        if run_id is not None:
            self.job_started.emit(run_id, job)
        return job

    def move_in_queue(self, run_id: int, *, to: int) -> None:
        """Put a queued run at a place of the queue, 0 for the next one. Raises CVStudioError."""
        project = self._project()
        queueing.move(project, runs.all_runs(project), run_id, to=to)
        self.runs_changed.emit()

    def wait_for_idle(self, run_id: int, minutes: int | None) -> None:
        """Let a queued run start when nobody has worked here for so many minutes; None: as soon as
        it can. Raises CVStudioError."""
        queueing.wait_for_idle(self._project(), run_id, minutes)
        self.look()
        self.runs_changed.emit()

    def has_room(self, config: TrainConfig) -> bool:
        """Whether a run with these settings would start at once."""
        here = JobDir(self._project().path)
        taken = runs.taken(self._project(), self.device) if self._live else frozenset()
        return queueing.place_for(here, config, self.device, taken) is not None

    def why_waits(self, run: RunRecord) -> str:
        """What a queued run waits for, as a sentence; "" when it starts at once."""
        project = self._project()
        minutes = queueing.idle_minutes(project).get(run.id)
        if minutes is not None and (words := self.quiet.idleness.waits_for(minutes)):
            return words
        return runs.why_waits(project, run, self.device)

    # Watching

    def look(self) -> None:
        """Take in what happened, go on with the queue, and attach to runs at work."""
        project = self.project
        if project is None:
            return
        try:
            self._changed = runs.sync(project) if project.writable else []
            changed = bool(self._changed)
            if project.writable:
                self.quiet.follow(self.device, wanted=bool(queueing.idle_minutes(project)))
                idle = self.quiet.idleness
                # Every run at work is asked again before one starts: only where one waits for it.
                while runs.waiting(project) and runs.advance(
                    project, self.device, idle, command=self.command
                ):
                    changed = True
        except CVStudioError as error:
            self._tell_trouble(error)
            return
        self._told_trouble = ""
        self.experiments.look(project)
        self._attach(project)
        if changed:
            self.runs_changed.emit()

    def _tell_trouble(self, error: CVStudioError) -> None:
        """Say once what keeps the queue from going on; the next look may find it gone."""
        if error.message != self._told_trouble:
            log.warning("the queue could not go on", exc_info=error)
            self.trouble.emit(error.message)
        self._told_trouble = error.message

    def _experiment_moved(self) -> None:
        self.runs_changed.emit()
        self.look()

    def _attach(self, project: Project) -> None:
        for run in runs.running(project):
            if run.id in self._live:
                continue
            worker = TrainingWorker(runs.job_of(run), self)
            worker.caught_up.connect(self._caught_up)
            worker.events.connect(self._take)
            worker.ended.connect(self._ended)
            self._live[run.id] = _Live(run, worker)
            worker.start()

    def _detach(self) -> None:
        # The thread object stays a child of this one: it may be in the midst of telling its end.
        # Whatever it has still queued is dropped by the slots, which look at their sender.
        watched, self._live = list(self._live.values()), {}
        for each in watched:
            each.worker.stop()
        self.quiet.stop()

    def _told_by(self) -> _Live | None:
        """The run whose watcher speaks now; None for one that was let go."""
        sender = self.sender()
        return next((each for each in self._live.values() if each.worker is sender), None)

    def _caught_up(self, state: RunState) -> None:
        live = self._told_by()
        if live is not None:
            live.state = state
            self.run_started.emit(live.run.id)

    def _take(self, batch: list[events.Event]) -> None:
        live = self._told_by()
        if live is None:
            return
        for event in batch:
            live.state.apply(event)
        self.run_moved.emit(live.run.id, batch)

    def _ended(self, status: str) -> None:
        live = self._told_by()
        if live is None:
            return
        del self._live[live.run.id]
        live.worker.stop()
        try:
            if self.project is not None and self.project.writable:
                runs.sync(self.project)
        except CVStudioError as error:  # a full disk ends a run and then refuses its row
            self._tell_trouble(error)
        self.run_ended.emit(live.run.id, status)
        self.runs_changed.emit()
        self.look()

    def _end(self, job: JobDir) -> None:
        ending = Ending(job, self)
        ending.failed.connect(self.trouble)
        ending.finished.connect(self.look, Qt.ConnectionType.QueuedConnection)
        self._endings.append(ending)
        ending.start()

    def _device_seen(self, found: Device) -> None:
        self.device = found
        self.device_changed.emit(found)

    def _project(self) -> Project:
        if self.project is None:
            raise RunError("No project is open.")
        return self.project
