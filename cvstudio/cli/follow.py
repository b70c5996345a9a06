"""Following a job in the terminal: a progress bar, or plain lines when nobody looks."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.prompt import Prompt

from cvstudio.cli.output import note
from cvstudio.core import events
from cvstudio.core.jobdir import EventTail, JobDir
from cvstudio.core.run_state import RunState
from cvstudio.project.estimate import in_words
from cvstudio.project.run_status import RunStatus, observe

LOOK_SECONDS = 0.2


@dataclass
class Follower:
    """Reads a job's events and shows them until its process is gone."""

    job: JobDir
    title: str
    state: RunState = field(default_factory=RunState)

    def __post_init__(self) -> None:
        self._tail = EventTail(self.job.events)
        self._console = Console(stderr=True, highlight=False)
        self._live = self._console.is_terminal

    def follow(self) -> RunStatus:
        """Show the job until it ends and return what it became."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[words]}", markup=False),
        )
        with Progress(
            *columns, console=self._console, disable=not self._live, transient=True
        ) as bar:
            task = bar.add_task(self.title, total=1.0, words="starting")
            while True:
                status = observe(self.job, stored=RunStatus.RUNNING)
                self._take(bar, task)
                if status is not RunStatus.RUNNING:
                    return status
                time.sleep(LOOK_SECONDS)

    def _take(self, bar: Progress, task: TaskID) -> None:
        for event in self._tail.new():
            self.state.apply(event)
            match event:
                case events.EpochEnded() if not self._live:
                    note(_epoch_line(event, self.state.total_epochs))
                case events.Phase() if not self._live:
                    note(event.text)
                case events.Note():
                    self._console.print(
                        f"{event.level}: {event.text}", markup=False, soft_wrap=True
                    )
        bar.update(task, completed=self.state.share, words=words_of(self.state))


def _epoch_line(event: events.EpochEnded, total: int) -> str:
    losses = event.train if "loss" in event.train else {"loss": sum(event.train.values())}
    figures = {**losses, **event.metrics}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    return f"epoch {event.epoch} of {total}: {shown}"


def words_of(state: RunState) -> str:
    """Where a job is: "epoch 34 of 100, mAP50-95 0.611, 24 min left"."""
    if not state.running:
        return "starting" if state.started_at is None else "ending"
    parts = []
    if state.total_epochs and state.epoch:
        parts.append(f"epoch {state.epoch} of {state.total_epochs}")
    elif state.phase:
        done = f" {state.done:,} of {state.total:,}" if state.total else ""
        parts.append(state.phase + done)
    if state.epochs and state.epochs[-1].metrics:
        name, value = next(iter(state.epochs[-1].metrics.items()))
        parts.append(f"{name} {value:.3f}")
    left = state.seconds_left()
    if left:
        parts.append(f"{in_words(left)} left")
    return ", ".join(parts) or "starting"


def ask_what_now(run_id: int) -> str:
    """After Ctrl+C: leave the run going, finish it early, or cancel it. Without a terminal it is
    left going."""
    if not sys.stdin.isatty():
        return "leave"
    note("")
    return Prompt.ask(
        f"Run {run_id} goes on by itself. Leave it, finish it early, or cancel it?",
        choices=["leave", "finish", "cancel"],
        default="leave",
        console=Console(stderr=True),
    )
