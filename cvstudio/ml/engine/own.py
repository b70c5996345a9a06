"""The own training loop: classify and segment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from cvstudio.core.errors import ConfigError
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import Request
from cvstudio.core.recipe import Sees
from cvstudio.core.recipe_rules import check
from cvstudio.ml.checkpoint import Checkpoint
from cvstudio.ml.compiling import compile_in_place
from cvstudio.ml.devices import (
    device_of,
    empty_cache,
    half_precision,
    half_refused,
    random_state,
    seed_everything,
    set_random_state,
)
from cvstudio.ml.engine.feeding import Feed
from cvstudio.ml.engine.judging import Judgement, Judging
from cvstudio.ml.engine.losses import Losses, loss_for, sum_of
from cvstudio.ml.engine.optimising import (
    average_of,
    climbed,
    optimizer_for,
    parameter_groups,
    set_rates,
)
from cvstudio.ml.engine.rates import Rates
from cvstudio.ml.engine.session import Cancelled, Paused, Session
from cvstudio.ml.engine.start import begin_weights, normalisation
from cvstudio.ml.engine.thawing import Thawing, train_mode
from cvstudio.ml.failures import diverged, is_out_of_memory, out_of_memory
from cvstudio.ml.mixing import Mixer
from cvstudio.ml.networks.build import build, head
from cvstudio.ml.sizes import Sizes, resized, resized_labels

Answer = TypeVar("Answer")


def train(session: Session) -> Outcome:
    """Train a classify or segment network as the session's config says, or go on with it.

    Raises JobFailure when it cannot, and Cancelled.
    """
    return run(session, Feed, Training)


def run(session: Session, feeding: type[Any], loop: type[Training]) -> Outcome:
    """The same with a loop of another kind, and the batches that it learns from."""
    check(session.config)
    device = device_of(session.device_name)
    seed_everything(session.config.seed, deterministic=session.config.deterministic)
    checkpoint = session.resumable()
    at = _position(checkpoint.training if checkpoint else {}, session)
    session.started(device, first_epoch=at.epoch)
    feed = feeding(session, device)
    try:
        return loop(session, feed, device, checkpoint, at).run()
    finally:
        feed.close()


@contextmanager
def stepping(
    session: Session, feeding: type[Any] = Feed, loop: type[Training] | None = None
) -> Iterator[Callable[[float], float]]:
    """A new network of the session's config, and a step of it at a learning rate: its loss."""
    check(session.config)
    device = device_of(session.device_name)
    seed_everything(session.config.seed, deterministic=session.config.deterministic)
    feed = feeding(session, device)
    try:
        training = (loop or Training)(session, feed, device, None, _Position())
        training.thawing.begin(session.config.frozen_epochs + 1)
        train_mode(training.module)
        batches = feed.train.endless()

        def step(rate: float) -> float:
            batch = next(batches)
            images, targets, _ = training.mixer(batch, epoch=1) if training.mixer.works else batch
            set_rates(training.optimizer, rate, 1.0)
            return float(sum_of(training._step(images, targets)))

        yield step
    finally:
        feed.close()


@dataclass
class _Position:
    """Where a run stands: the epoch at work (from 1), and how many of its steps are over."""

    epoch: int = 1
    step: int = 0


class Training:
    """One run of the loop: everything that lives as long as it.

    Detectors learn in a loop of their own kind: what they do otherwise is `_losses` and `_judge`.
    """

    def __init__(
        self, session: Session, feed: Feed, device: torch.device, checkpoint: Checkpoint | None,
        at: _Position,
    ) -> None:  # fmt: skip
        self.session, self.config, self.group = session, session.config, session.group
        self.feed, self.device, self.at = feed, device, at
        self.module = build(
            session.info, classes=len(session.snapshot.classes), image_size=self.config.image_size,
            channels=session.channels,
        )  # fmt: skip
        state = checkpoint.training if checkpoint else {}
        if checkpoint is not None:
            self.module.load_state_dict(state.get("network", checkpoint.weights))
        else:
            begin_weights(session, self.module)
            session.preprocessing = normalisation(session, feed.train_images)
        for images in (feed.train_images, feed.val_images):
            images.fill = session.preprocessing.fill
        self.losses = Losses()
        self._before: dict[str, Any] = {}
        self._place()
        self._prepare_learning()
        if checkpoint is not None and state:
            self._restore(checkpoint)
        elif not self.group.chief:  # what is drawn at random, as by dropout, differs by process
            torch.manual_seed(self.config.seed + self.group.rank * 1_000_003)

    # -- setting up ----------------------------------------------------------------------------

    def _place(self) -> None:
        """Bring the network and the numbers of normalisation to the device."""
        self.module = self.module.to(self.device)
        self.channels_last = self.config.channels_last and self.device.type != "mps"
        if self.channels_last:
            self.module = self.module.to(memory_format=torch.channels_last)
        self.module = self.group.begin_alike(self.module)
        mean, std = (
            torch.tensor(values, device=self.device).view(1, -1, 1, 1)
            for values in (self.session.preprocessing.mean, self.session.preprocessing.std)
        )
        top = 1 if self.config.sees is Sees.ALL else 255
        self.scale, self.shift = 1 / (top * std), -mean / std

    def _prepare_learning(self) -> None:
        config, device = self.config, self.device
        heads = head(self.session.info, self.module)
        self.thawing = Thawing(self.module, head=heads, config=config)
        groups = parameter_groups(self.module, head=heads, config=config)
        self.optimizer = optimizer_for(groups, config, device)
        self.rates = Rates(config)
        self.average = average_of(self.module, config.average) if config.average else None
        self.half = half_precision(config, device)
        if refused := half_refused(config, self.half):
            self.session.note(refused)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half is torch.float16)
        self._prepare_judging()
        if self.config.compile:
            compile_in_place(self._compiled, device=device, tell=self._warn)
        self.pieces = config.accumulate
        self.mixer = Mixer(config, len(self.session.snapshot.classes))
        self.sizes = Sizes(config)
        self.side = config.image_size

    def _prepare_judging(self) -> None:
        """What an error costs, and what judges an epoch."""
        self.criterion = loss_for(self.config, self.feed.class_weights()).to(self.device)
        self.judging = Judging(
            self.session, self.feed.val_images, device=self.device, answers=self._answers,
            criterion=self.criterion,
        )  # fmt: skip

    @property
    def _compiled(self) -> nn.Module:
        """What of the network torch.compile is given, where the config wants that."""
        return self.module

    def _warn(self, text: str) -> None:
        self.session.note(text, warning=True)

    @property
    def kept(self) -> nn.Module:
        """The network that is judged and kept: the average of the weights where there is one."""
        return self.average.module if self.average is not None else self.module

    # -- running -------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Epoch after epoch until the end, an early one, or a request."""
        session = self.session
        session.phase("Training")
        try:
            while self.at.epoch <= self.config.epochs:
                finish = self._epoch()
                if finish:
                    return Outcome.FINISHED_EARLY
                if session.patience_is_over(self.at.epoch - 1):
                    session.note(
                        f"Stopped: no better {session.metric} in {self.config.patience} epochs."
                    )
                    return Outcome.FINISHED_EARLY
        except Paused:
            self._save(must=True)
            return Outcome.PAUSED
        return Outcome.FINISHED

    def _epoch(self) -> bool:
        """Train and judge one epoch; says whether the user wants no further one."""
        epoch, begun = self.at.epoch, time.monotonic()
        words = self.thawing.begin(epoch)
        if words:
            self.session.phase(words)
        losses, finish = self._train_epoch(epoch)
        self.kept.eval()
        self.group.share_buffers(self.kept)
        found = self.group.from_chief(self._judge())
        if not np.isfinite(found.losses["loss"]):
            raise diverged(self.at.epoch, self.at.step)
        rate = self.config.learning_rate * self.rates(float(epoch))
        self.session.epoch_ended(
            epoch=epoch, train=losses, val=found.losses, metrics=found.figures, rate=rate,
            seconds=time.monotonic() - begun, weights=self.kept.state_dict, classes=found.classes,
        )  # fmt: skip
        if self.rates.judged(found.figures.get(self.session.metric)):
            self.session.note("Val got no better: the learning rate falls.")
        self.session.samples(epoch, found.samples)
        self.at = _Position(epoch + 1, 0)
        over = finish or epoch >= self.config.epochs
        self._save(must=over or self.session.patience_is_over(epoch))
        return finish

    def _judge(self) -> Judgement:
        """What the network that is kept is worth on val."""
        return self.judging.judge(self.feed.val)

    def _train_epoch(self, epoch: int) -> tuple[dict[str, float], bool]:
        train_mode(self.module)
        batches = self.feed.train.sampler
        batches.epoch, batches.start = epoch, 0
        steps = len(batches)
        batches.start = step = self.at.step
        losses = self.losses = Losses()
        if self._before:  # of the steps before a pause
            losses.restore(self._before)
            self._before = {}
        seen = told = 0
        since = time.monotonic()
        for batch in self.feed.train:
            images, targets, _ = self.mixer(batch, epoch=epoch) if self.mixer.works else batch
            self.side = self.sizes.side(epoch, step + 1)
            share = self.rates(epoch - 1 + (step + 1) / steps)
            set_rates(self.optimizer, self.config.learning_rate, share)
            losses.add(self._step(images, targets), len(images))
            seen, step = seen + len(images), step + 1
            self.at.step = step
            if self.session.step_due(last=step == steps):
                now = time.monotonic()
                means = losses.means()
                if not np.isfinite(means["loss"]):
                    raise diverged(epoch, step)
                self.session.step(
                    epoch=epoch, step=step, steps=steps, losses=means,
                    rate=self.config.learning_rate * share,
                    speed=(seen - told) / max(now - since, 1e-6),
                    waiting=self.feed.train.pace.share(),
                )  # fmt: skip
                told, since = seen, now
            request = self.session.agree()
            if request is Request.CANCEL:
                raise Cancelled
            if request is Request.FINISH:
                return losses.means(), True
            if request is Request.PAUSE and step < steps:
                raise Paused
        if self.session.agree() is Request.PAUSE:
            # The epoch's training is over: judge it when the run goes on.
            raise Paused
        return losses.means(), False

    def _step(self, images: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        """One optimiser step; in more pieces when the device's memory does not hold them.

        The parts of its loss by name.
        """
        while True:
            try:
                loss = self._learn(images, targets)
                break
            except (RuntimeError, ValueError) as error:
                if "Expected more than 1 value per channel" in str(error):
                    raise ConfigError(
                        "This network needs at least two images per step: raise the batch to 2."
                    ) from error
                if not is_out_of_memory(error):
                    raise
            self._smaller_pieces(len(images))
        self.group.mean_gradients(self.module, len(images))
        self.scaler.unscale_(self.optimizer)
        if self.config.gradient_limit:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.config.gradient_limit)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.module)
        return loss

    def _smaller_pieces(self, count: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        empty_cache(self.device)
        size = -(-count // self.pieces)
        self.pieces *= 2
        if self.pieces > count or self.session.whole_batches:
            raise out_of_memory("training", self.config.batch, device_type=self.device.type)
        self.session.note(
            f"The memory did not hold a batch of {size}: it goes through the network in"
            f" {self.pieces // self.config.accumulate} pieces, and every step still learns from"
            " all of it.",
            warning=True,
        )

    def _learn(self, images: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        """Leave the gradients that a step follows; the loss at the weights as they are."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._gradients(images, targets)
        if self.config.sharpness:
            self.group.mean_gradients(self.module, len(images))
            with climbed(self.module, self.config.sharpness) as moved:
                if moved:
                    self._gradients(images, targets)
        return loss

    def _gradients(self, images: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        """Add up the gradients of a batch, piece by piece; the parts of its mean loss."""
        count = len(images)
        total: dict[str, torch.Tensor] = {}
        scarce = self.pieces > self.config.accumulate
        for piece in pieces_of(count, self.pieces, single=scarce):
            inputs = resized(self._inputs(images[piece]), self.side)
            parts = self._losses(inputs, targets[piece])
            share = len(inputs) / count
            self.scaler.scale(sum_of(parts) * share).backward()  # type: ignore[no-untyped-call]
            for name, value in parts.items():
                added = value.detach() * share
                total[name] = total[name] + added if name in total else added
        return total

    def _losses(self, inputs: torch.Tensor, targets: Any) -> dict[str, torch.Tensor]:
        """What answers for normalised (n, 3, h, w) cost, by name of the part."""
        wanted = targets.to(self.device, non_blocking=True)
        if wanted.ndim == 3:
            wanted = resized_labels(wanted, self.side)
        with self._autocast():
            logits = self.module(inputs)
        return self.criterion.parts(logits, wanted)

    def _inputs(self, images: torch.Tensor) -> torch.Tensor:
        """(n, h, w, c) as the normalised (n, c, h, w) float32 that Preprocessing gives."""
        moved = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        values = moved.float() if self.channels_last else moved.contiguous().float()
        # Of float images this may be the batch itself, which others look at again.
        return torch.mul(values, self.scale).add_(self.shift)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.half, enabled=self.half is not None)

    def _answers(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a val batch."""
        parts = self._in_parts(len(images), lambda part: self.kept(self._inputs(images[part])))
        return torch.cat(parts).float()

    def _in_parts(self, count: int, ask: Callable[[slice], Answer]) -> list[Answer]:
        """What is asked of a val batch of so many images; of smaller and smaller parts of it when
        memory runs out while judging."""
        size = count
        while True:
            try:
                with self._autocast():
                    return [ask(slice(at, at + size)) for at in range(0, count, size)]
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise out_of_memory(
                        "validation", count, device_type=self.device.type
                    ) from error
            empty_cache(self.device)
            size = max(size // 2, 1)

    # -- keeping -------------------------------------------------------------------------------

    def _save(self, *, must: bool) -> None:
        state: dict[str, Any] = {
            "position": {"epoch": self.at.epoch, "seen": self.at.step * _per_step(self.session)},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rates": self.rates.state(),
            "random": random_state(self.device),
            "pieces": self.pieces,
            "losses": self.losses.state() if self.at.step else {},
        }
        if self.average is not None:
            state["network"] = self.module.state_dict()
            state["averaged"] = int(self.average.n_averaged)
        self.session.save(
            epoch=self.at.epoch - 1, weights=self.kept.state_dict(), training=state, must=must
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.training
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if "rates" in state:  # runs of version 0.1 know no other schedule than the cosine
            self.rates.restore(state["rates"])
        if self.average is not None and "averaged" in state:
            self.average.module.load_state_dict(checkpoint.weights)
            self.average.n_averaged.fill_(state["averaged"])
        self.pieces = state["pieces"]
        self._before = state.get("losses", {})
        set_random_state(state["random"], self.device)


def pieces_of(count: int, pieces: int, *, single: bool) -> list[slice]:
    """A step's images in about so many pieces. Unless a `single` one may be left over, it goes with
    others: batch normalisation cannot learn from one image."""
    size = -(-count // pieces)
    starts = list(range(0, count, size))
    if not single and size > 1 and count % size == 1 and len(starts) > 1:
        starts[-1] -= 1
        if size == 2:
            del starts[-1]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], count], strict=True)]


def _per_step(session: Session) -> int:
    """How many images all processes together learn from in one step."""
    return session.config.batch * session.config.accumulate * session.group.size


def _position(state: dict[str, Any], session: Session) -> _Position:
    """Where a run goes on; the batch may have changed since it stopped."""
    if not state:
        return _Position()
    stored = state["position"]
    return _Position(stored["epoch"], stored["seen"] // _per_step(session))
