"""What both engines share with their watchers: events, requests, the best epoch, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psutil
import torch

from cvstudio.core.annotation import Split, Task
from cvstudio.core.events import (
    EpochEnded,
    Note,
    Phase,
    Progress,
    Samples,
    Saved,
    Started,
    StepEnded,
)
from cvstudio.core.held import form_for
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.networks import NetworkInfo, network
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.recipe import Sees, TrainConfig
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import Snapshot, SnapshotImage
from cvstudio.core.video_names import is_video_name
from cvstudio.core.words import quoted
from cvstudio.ml.checkpoint import Checkpoint, Weights, read_checkpoint, write_checkpoint
from cvstudio.ml.data import SplitImages
from cvstudio.ml.devices import Load, load_of, name_of, unused_card
from cvstudio.ml.engine.together import ALONE, Group, device_for
from cvstudio.ml.frames import remove_frames, unpack_frames
from cvstudio.ml.labels import Usable, usable
from cvstudio.ml.preprocess import Preprocessing

_STEP_SECONDS = 0.2
_LOOK_SECONDS = 0.1
_LOAD_SECONDS = 1.0
_SAVING_SHARE = 0.025
"""Share of the time that may go into saving; a crash costs the time since the last save."""
_SAMPLES = 4


class Paused(Exception):
    """The user asked for a pause; carries nothing, the engine knows where it stands."""


class Cancelled(Exception):
    """The user asked for the end of it all."""


class Session:
    """One run as its engine sees it: engines train; this tells, listens and keeps the results."""

    def __init__(
        self, job: JobDir, config: TrainConfig, snapshot: Snapshot, group: Group = ALONE
    ) -> None:
        self.job, self.config, self.snapshot, self.group = job, config, snapshot, group
        self.info: NetworkInfo = network(config.network)
        self.form = form_for(snapshot, self.info.answers)
        self.channels = snapshot.channels if config.sees is Sees.ALL else 3
        """How many channels the network gets of each image."""
        self.whole_batches = False
        """Whether memory that does not hold a batch ends it, instead of dividing it."""
        self.metric = best_metric(config.task, several=config.several_classes)
        self.best: float | None = None
        self.best_epoch: int | None = None
        self._best_order: tuple[float, float] | None = None
        self.device = torch.device("cpu")
        self.preprocessing = Preprocessing(
            config.image_size, config.fit, self.info.mean, self.info.std
        )
        self._best_weights: tuple[int, Weights] | None = None
        self._last_step = self._last_look = self._saved_at = self._load_at = 0.0
        self._saving_takes = 0.0
        self._load = Load(0, 0, None)
        self._request: Request | None = None
        self._seen: Request | None = None

    @property
    def device_name(self) -> str:
        """The device of this process, as the config or its group gives it."""
        return device_for(self.config.device, self.group)

    # -- what the watchers are told -----------------------------------------------------------

    def started(self, device: torch.device, *, first_epoch: int) -> None:
        """Say that the job works, where, and from which epoch on."""
        self.device = device
        me = psutil.Process()
        self.job.emit(
            Started(
                job="train", pid=me.pid, process_created=me.create_time(), device=name_of(device),
                total_epochs=self.config.epochs, first_epoch=first_epoch,
                train_images=len(self.snapshot.of(Split.TRAIN)),
                judged_images=len(self.snapshot.of(Split.VAL)), batch=self.config.batch,
            )
        )  # fmt: skip
        words = unused_card(device, self.config.device)
        if words:
            self.job.emit(Note(level="warning", text=words, about="driver"))
        self._note_unjudged()

    def _note_unjudged(self) -> None:
        """Say which classes no epoch can be judged by."""
        learned, judged = (
            {a.class_id for image in self.snapshot.of(split) for a in image.annotations}
            for split in (Split.TRAIN, Split.VAL)
        )
        names = [quoted(c.name) for c in self.snapshot.classes if c.id in learned - judged]
        if names and judged:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
            text = f"No val image has {shown}: no figure says how well that is found."
            self.job.emit(Note(level="warning", text=text, about="not in val"))

    def unpack_frames(self, splits: Sequence[SplitImages]) -> None:
        """Lay images ready scaled that are not kept in memory: the frames of videos, and all of
        them where the config says so."""
        everything = self.config.cache_on_disk
        videos = any(is_video_name(image.path) for split in splits for image in split.images)
        if not (everything or videos):
            return
        self.phase("Scaling the images" if everything else "Unpacking the frames of videos")
        if self.group.chief:  # what an interrupted run has left may be of another size
            remove_frames(self.job)
        try:
            unpack_frames(splits, self.job.frames, progress=self.progress, all_images=everything)
        except OSError as error:
            reason = error.strerror or str(error)
            self.note(f"{'Images' if everything else 'Frames'} are read from their own files,"
                      f" slowly: {reason}.", warning=True)  # fmt: skip

    def phase(self, text: str) -> None:
        self.job.emit(Phase(text=text))

    def progress(self, done: int, total: int) -> None:
        """Tell how far a phase is, a few times a second; stops for a cancellation."""
        now = time.monotonic()
        if done == total or now - self._last_step >= _STEP_SECONDS:
            self._last_step = now
            self.job.emit(Progress(done=done, total=total))
        if self.requested() is Request.CANCEL:
            raise Cancelled

    def note(self, text: str, *, warning: bool = False) -> None:
        self.job.emit(Note(level="warning" if warning else "info", text=text))

    def step_due(self, *, last: bool) -> bool:
        """Whether it is time to tell about steps; asking a GPU for its loss more often costs."""
        return last or time.monotonic() - self._last_step >= _STEP_SECONDS

    def step(
        self,
        *,
        epoch: int,
        step: int,
        steps: int,
        losses: Mapping[str, float],
        rate: float,
        speed: float,
        waiting: float | None = None,
    ) -> None:
        """Tell about the steps since the last time; `waiting` is the share of it without images."""
        now = self._last_step = time.monotonic()
        if now - self._load_at >= _LOAD_SECONDS:
            self._load, self._load_at = load_of(self.device), now
        self.job.emit(
            StepEnded(
                epoch=epoch, step=step, steps=steps, losses=dict(losses), learning_rate=rate,
                images_per_second=speed, memory=self._load.memory,
                memory_total=self._load.memory_total, utilisation=self._load.utilisation,
                waiting=waiting,
            )
        )  # fmt: skip

    # -- what the watchers ask ----------------------------------------------------------------

    def requested(self) -> Request | None:
        """What the user asks of the run; looks at most ten times a second.

        In a group it is what all agreed on last, so that no process stops without the others.
        """
        return self._request if self.group.size > 1 else self._look()

    def agree(self) -> Request | None:
        """What the user asks of the run, the same in every process; all must come by."""
        self._request = self.group.from_chief(self._look() if self.group.chief else None)
        return self._request

    def _look(self) -> Request | None:
        now = time.monotonic()
        if now - self._last_look >= _LOOK_SECONDS:
            self._last_look = now
            self._seen = self.job.asked()
        return self._seen

    # -- what is kept -------------------------------------------------------------------------

    def usable(self, split: Split) -> Usable:
        """A split's images and annotations; what was left out is noted."""
        found = usable(self.snapshot, split, several=self.config.several_classes, form=self.form)
        for text in found.notes:
            self.note(text)
        return found

    def epoch_ended(
        self,
        *,
        epoch: int,
        train: Mapping[str, float],
        val: Mapping[str, float],
        metrics: Mapping[str, float],
        rate: float,
        seconds: float,
        weights: Callable[[], Weights],
        classes: Mapping[int, float] | None = None,
    ) -> bool:
        """Tell about an epoch and keep its weights if it is the best so far; says whether it is.

        A figure that is not a number is left out.
        """
        known = {name: value for name, value in metrics.items() if value == value}
        value, loss = known.get(self.metric), val.get("loss", 0.0)
        # Where the figure cannot tell two epochs apart, as in the first ones, the loss does.
        order = (-1.0 if value is None else value, -loss)
        best = self._best_order is None or order > self._best_order
        if best:
            self.best, self.best_epoch, self._best_order = value, epoch, order
            self._best_weights = (epoch, _copied(weights()))
        self.job.emit(
            EpochEnded(
                epoch=epoch, train=dict(train), val=dict(val), metrics=known, learning_rate=rate,
                seconds=seconds, best=best, classes=dict(classes or {}),
            )
        )  # fmt: skip
        return best

    def patience_is_over(self, epoch: int) -> bool:
        """Whether too many epochs have passed without a better one."""
        patience = self.config.patience
        return patience > 0 and epoch - (self.best_epoch or 0) >= patience

    def save(
        self, *, epoch: int, weights: Weights, training: dict[str, Any], must: bool = False
    ) -> None:
        """Write last.pt, and best.pt if it is new, when enough time has passed or it must be.

        `epoch` is the number of epochs that are over. best.pt goes first: last.pt never speaks of
        a best epoch that is not on the disk.
        """
        if not self.group.chief:
            return
        now = time.monotonic()
        soon = now - self._saved_at < self._saving_takes / _SAVING_SHARE
        if self._saved_at and soon and not must:
            return
        best = self._best_weights
        if best is not None:
            write_checkpoint(self.job.best, self._checkpoint(best[0], best[1], {}))
            self._best_weights = None
        state = {
            **training,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_order": self._best_order,
        }
        write_checkpoint(self.job.last, self._checkpoint(epoch, weights, state))
        if epoch:
            self.job.emit(Saved(epoch=epoch, best=best is not None))
        self._saved_at = time.monotonic()
        self._saving_takes = self._saved_at - now

    def _checkpoint(self, epoch: int, weights: Weights, training: dict[str, Any]) -> Checkpoint:
        return Checkpoint(
            config=self.config, classes=self.snapshot.classes, preprocessing=self.preprocessing,
            weights=weights, epoch=epoch, metric=self.metric, best=self.best,
            snapshot=self.snapshot.hash, training=training,
            form=self.form if self.config.task in (Task.DETECT, Task.INSTANCE) else None,
        )  # fmt: skip

    def resumable(self) -> Checkpoint | None:
        """The checkpoint to go on from, or None for a new run. Takes over its best epoch."""
        if not self.job.last.is_file():
            return None
        checkpoint = read_checkpoint(self.job.last)
        self.best = checkpoint.training.get("best")
        self.best_epoch = checkpoint.training.get("best_epoch")
        self._best_order = checkpoint.training.get("best_order")
        self.preprocessing = replace(
            checkpoint.preprocessing, size=self.config.image_size, fit=self.config.fit
        )
        return checkpoint

    # -- the fixed val images ------------------------------------------------------------------

    def sample_places(self, images: tuple[SnapshotImage, ...]) -> list[int]:
        """The places of up to four val images, the same in every epoch: labelled ones first."""
        labelled = [place for place, image in enumerate(images) if image.annotations]
        chosen = labelled or list(range(len(images)))
        step = max(len(chosen) / _SAMPLES, 1)
        return [chosen[int(nth * step)] for nth in range(min(_SAMPLES, len(chosen)))]

    def samples(self, epoch: int, predictions: list[Prediction]) -> None:
        """Keep the predictions on the fixed val images of an epoch."""
        if not self.group.chief:
            return
        path = self.job.predictions(f"epoch-{epoch:04d}")
        write_predictions(path, predictions)
        self.job.emit(Samples(epoch=epoch, file=path.relative_to(self.job.path).as_posix()))


def _copied(weights: Weights) -> Weights:
    return {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
