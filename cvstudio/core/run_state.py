"""The state of a job as its events tell it: one reducer for live, old and re-attached jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.events import Event
from cvstudio.core.thinning import MOST_STEPS, thinned

BEST_METRIC: dict[Task, str] = {
    Task.CLASSIFY: "balanced accuracy",
    Task.DETECT: "mAP50-95",
    Task.INSTANCE: "mAP50-95",
    Task.SEGMENT: "mIoU",
}
"""The figure by which the best epoch of a run is chosen."""

SEVERAL_METRIC = "mAP"
"""The same where images have several classes. It hangs on no score from which a class counts: that
is chosen only when training is over, and F1 at any other one would favour epochs by accident."""


def best_metric(task: Task, *, several: bool = False) -> str:
    """The figure by which the best epoch is chosen; `several`: images have several classes."""
    return SEVERAL_METRIC if several and task is Task.CLASSIFY else BEST_METRIC[task]


RECENT_STEPS, ENOUGH_STEPS = 40, 8
"""Over how many events about steps waiting is averaged, and how few say nothing."""


@dataclass
class RunState:
    """Everything that charts and progress bars show; grows by `apply` only."""

    job: str = ""
    pid: int | None = None
    process_created: float | None = None
    device: str = ""
    phase: str = ""
    done: int = 0
    total: int = 0
    started_at: float | None = None
    last_event_at: float | None = None
    total_epochs: int = 0
    epoch: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float = 0.0
    memory: int = 0
    memory_total: int = 0
    utilisation: float | None = None
    train_images: int = 0
    judged_images: int = 0
    batch: int = 0
    """Images of a step, also where the config leaves it to the run; 0 while unknown."""
    epochs: list[events.EpochEnded] = field(default_factory=list)
    step_history: list[events.StepEnded] = field(default_factory=list)
    """The steps so far; of a long run the older ones are thinned, their peaks stay."""
    rates: list[events.RateTried] = field(default_factory=list)
    samples: list[events.Samples] = field(default_factory=list)
    notes: list[events.Note] = field(default_factory=list)
    best_epoch: int | None = None
    ended: events.Ended | None = None
    failed: events.Failed | None = None
    _worked: float = 0.0
    _resumed_at: float | None = None

    def apply(self, event: Event) -> None:
        """Take in one event, in the order in which they were written."""
        self.last_event_at = event.at
        match event:
            case events.Started():
                self.job, self.device, self.pid = event.job, event.device, event.pid
                self.process_created = event.process_created
                self.total_epochs = event.total_epochs
                self.train_images, self.judged_images = event.train_images, event.judged_images
                self.batch = event.batch
                self.started_at = event.at if self.started_at is None else self.started_at
                self.ended = self.failed = None
                self._resumed_at = event.at
                # A resumed run repeats the epochs after its last checkpoint.
                self.epochs = [e for e in self.epochs if e.epoch < event.first_epoch]
                self.step_history = [s for s in self.step_history if s.epoch < event.first_epoch]
                self.samples = [s for s in self.samples if s.epoch < event.first_epoch]
                self.epoch = event.first_epoch - 1
            case events.Phase():
                self.phase, self.done, self.total = event.text, 0, 0
            case events.Progress():
                self.done, self.total = event.done, event.total
            case events.StepEnded():
                self.epoch, self.step, self.steps = event.epoch, event.step, event.steps
                self.images_per_second = event.images_per_second
                self.memory, self.memory_total = event.memory, event.memory_total
                self.utilisation = event.utilisation
                self.step_history.append(event)
                if len(self.step_history) > MOST_STEPS:
                    self.step_history = thinned(self.step_history)
            case events.RateTried():
                self.rates.append(event)
            case events.EpochEnded():
                self.epochs.append(event)
                self.epoch, self.step = event.epoch, self.steps
                if event.best:
                    self.best_epoch = event.epoch
            case events.Samples():
                self.samples.append(event)
            case events.Note():
                self.notes.append(event)
            case events.Ended():
                self.ended = event
                self._stop_clock(event.at)
            case events.Failed():
                self.failed = event
                self._stop_clock(event.at)

    def _stop_clock(self, at: float) -> None:
        if self._resumed_at is not None:
            self._worked += at - self._resumed_at
            self._resumed_at = None

    @property
    def running(self) -> bool:
        """Whether the events speak of a job that is still at work (its process may yet be gone)."""
        return self.started_at is not None and self.ended is None and self.failed is None

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1."""
        if self.total_epochs:
            whole = len(self.epochs) if self.step >= self.steps else self.epoch - 1
            part = self.step / self.steps if self.steps and self.step < self.steps else 0.0
            return min((whole + part) / self.total_epochs, 1.0)
        return self.done / self.total if self.total else 0.0

    def seconds_worked(self, now: float) -> float:
        """Time at work up to `now`, pauses left out."""
        running = now - self._resumed_at if self._resumed_at is not None else 0.0
        return self._worked + running

    def seconds_left(self) -> float | None:
        """The time that the epochs still to come will take; None while unknown.

        From the last epochs; in the first one from its steps, the very first left out.
        """
        if not self.total_epochs:
            return None
        recent = [e.seconds for e in self.epochs[-5:]] or self._epoch_from_steps()
        left = self.total_epochs * (1 - self.share)
        return left * sum(recent) / len(recent) if recent else None

    def _epoch_from_steps(self) -> list[float]:
        """The seconds of an epoch as its first steps foretell them; judging an image takes a third
        of learning from it."""
        steps = [s for s in self.step_history if s.epoch == self.epoch]
        if len(steps) < 2 or steps[-1].step == steps[0].step:
            return []
        each = (steps[-1].at - steps[0].at) / (steps[-1].step - steps[0].step)
        judging = self.judged_images / 3 / max(self.train_images, 1)
        return [each * self.steps * (1 + judging)]

    @property
    def speed(self) -> float:
        """Images a second while training, as most of the recent steps had it; 0 while unknown."""
        recent = [s.images_per_second for s in self.step_history[-RECENT_STEPS:]]
        return median(recent) if recent else self.images_per_second

    @property
    def waiting(self) -> float | None:
        """The share of the last steps' time in which the network waited for images; None while too
        little is known."""
        known = [s.waiting for s in self.step_history[-RECENT_STEPS:] if s.waiting is not None]
        return sum(known) / len(known) if len(known) >= ENOUGH_STEPS else None

    def series(self, name: str, *, of: str = "metrics") -> tuple[list[int], list[float]]:
        """Epochs and figures of one name among an epoch's "metrics", "train" or "val"."""
        pairs = [(e.epoch, getattr(e, of)[name]) for e in self.epochs if name in getattr(e, of)]
        return [p[0] for p in pairs], [p[1] for p in pairs]
