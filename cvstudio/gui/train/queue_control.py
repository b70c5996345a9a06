"""What a person does with the queue: another order, a quiet moment, a run trained again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.core.networks import title_of
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.train.idle_dialog import IdleDialog
from cvstudio.gui.train.queue_list import QueueList, Waiting
from cvstudio.project import queueing, reproducing, runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

ASKED = ("earlier", "later", "when_idle", "repeat")
"""What can be asked here of the shown run, as the actions are called."""


class QueueControl(QObject):
    """Serves the list of the queue and the actions train.earlier, later, when_idle and repeat.

    `made(run_id)`: a repetition was made and started.
    """

    made = Signal(int)

    def __init__(
        self, studio: Studio, project: Project, view: QueueList, *,
        shown: Callable[[], RunRecord | None], parent: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._studio, self._project, self._view, self._shown = studio, project, view, shown
        view.moved.connect(self._move)
        studio.actions.connect("train.earlier", lambda: self._step(-1), parent)
        studio.actions.connect("train.later", lambda: self._step(1), parent)
        studio.actions.connect("train.when_idle", self.choose_moment, parent)
        studio.actions.connect("train.repeat", self.repeat, parent)

    def show(self) -> None:
        """Show the queue as it is now, and allow what can be asked of the shown run."""
        queue, minutes = runs.waiting(self._project), queueing.idle_minutes(self._project)
        rows = []
        for run in filter(runs.whole, queue):
            device = runs.config_of(run).device
            parts = [f"Run {run.id}"]
            parts += [f"when idle {minutes[run.id]} min"] if run.id in minutes else []
            parts += [device] if device != "auto" else []
            text = " · ".join([*parts, title_of(run.network)])
            rows.append(Waiting(run.id, text, self._studio.jobs.why_waits(run)))
        self._view.show_queue(rows)
        self.allow()

    def choose_moment(self) -> None:
        """Ask when the shown run starts."""
        run = self._shown()
        if run is None:
            return
        now = queueing.idle_minutes(self._project).get(run.id)
        dialog = IdleDialog(self._studio.window, run.id, now)
        if dialog.exec():
            self._do(lambda: self._studio.jobs.wait_for_idle(run.id, dialog.minutes))

    def repeat(self) -> None:
        """Train the shown run again as it was; its files are looked at first, in a thread."""
        run = self._shown()
        if run is None:
            return
        project = self._project

        def work(control: Control) -> RunRecord:
            return reproducing.repeat(project, run.id)

        def made(again: RunRecord) -> None:
            self._do(lambda: self._studio.jobs.begin(again.id))
            self.made.emit(again.id)

        def failed(error: BaseException) -> None:
            self._studio.fail(error, doing=f"Run {run.id} cannot be trained again")

        self._studio.tasks.run(
            work, title=f"Prepare run {run.id} once more", done=made, failed=failed, owner=self
        )

    def allow(self) -> None:
        """Enable what can be asked of the shown run; the others say why not."""
        run, queue = self._shown(), self._view.ids
        if run is not None:
            self._view.mark(run.id)
        reasons = dict.fromkeys(ASKED, "No run yet")
        if run is not None:
            queued = run.id in queue
            not_queued = "" if queued else f"Run {run.id} is not in the queue"
            first = f"Run {run.id} is the next one" if queued and queue[0] == run.id else not_queued
            last = f"Run {run.id} is the last one" if queued and queue[-1] == run.id else not_queued
            over = RunStatus(run.status).has_network
            again = "" if over else f"Run {run.id} has no network to compare with"
            reasons = dict(zip(ASKED, (first, last, not_queued, again), strict=True))
        for what, why in reasons.items():
            self._studio.actions.allow(f"train.{what}", not why, why=why)

    def _step(self, step: int) -> None:
        run = self._shown()
        ids = [each.id for each in runs.waiting(self._project)]
        if run is not None and run.id in ids:
            self._move(run.id, ids.index(run.id) + step)

    def _move(self, run_id: int, place: int) -> None:
        self._do(lambda: self._studio.jobs.move_in_queue(run_id, to=place))

    def _do(self, what: Callable[[], object]) -> None:
        try:
            what()
        except CVStudioError as error:
            self._studio.fail(error)
