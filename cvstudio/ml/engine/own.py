"""The own training loop: classify and segment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import Request
from cvstudio.core.recipe import Fit, TrainConfig
from cvstudio.core.recipe_rules import check
from cvstudio.ml.checkpoint import Checkpoint
from cvstudio.ml.composing import Composer
from cvstudio.ml.data import JudgedItems, SplitImages, TrainingItems, keep_in_memory
from cvstudio.ml.devices import (
    device_of,
    empty_cache,
    go_on_uncompiled,
    half_precision,
    random_state,
    seed_everything,
    set_random_state,
)
from cvstudio.ml.engine.judging import Judging
from cvstudio.ml.engine.losses import class_weights, loss_for
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
from cvstudio.ml.environment import threads
from cvstudio.ml.failures import diverged, is_out_of_memory, out_of_memory
from cvstudio.ml.labels import class_of
from cvstudio.ml.loading import Batches, Loader, readers, stacked
from cvstudio.ml.mixing import Mixer
from cvstudio.ml.networks.build import build, head
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.sampling import order_for
from cvstudio.ml.sizes import Sizes, resized, resized_labels


def train(session: Session) -> Outcome:
    """Train a classify or segment network as the session's config says, or go on with it.

    Raises JobFailure when it cannot, and Cancelled.
    """
    run = _Training(session)
    try:
        return run.run()
    finally:
        run.close()


@dataclass
class _Position:
    """Where a run stands: the epoch at work (from 1), and how many of its steps are over."""

    epoch: int = 1
    step: int = 0


class _Training:
    """One run of the loop: everything that lives as long as it."""

    def __init__(self, session: Session) -> None:
        self.session, self.config = session, session.config
        check(self.config)
        self.per_step = self.config.batch * self.config.accumulate
        self.device = device_of(self.config.device)
        seed_everything(self.config.seed, deterministic=self.config.deterministic)
        checkpoint = session.resumable()
        state = checkpoint.training if checkpoint else {}
        self.at = _position(state, self.config)
        session.started(self.device, first_epoch=self.at.epoch)
        self._read()
        self.module = build(
            session.info, classes=len(session.snapshot.classes), image_size=self.config.image_size
        )
        if checkpoint is not None:
            self.module.load_state_dict(state.get("network", checkpoint.weights))
        else:
            begin_weights(session, self.module)
            session.preprocessing = normalisation(session, self.train_images)
        self._place()
        self._prepare_learning()
        if checkpoint is not None and state:
            self._restore(checkpoint)

    # -- setting up ----------------------------------------------------------------------------

    def _read(self) -> None:
        """Decide what is trained on, and read it into memory when it fits."""
        session, config = self.session, self.config
        segment = config.task is Task.SEGMENT
        ids = [c.id for c in session.snapshot.classes]
        found = {split: session.usable(split) for split in (Split.TRAIN, Split.VAL)}
        splits = {
            split: SplitImages(
                data.images, size=config.image_size, fit=config.fit,
                class_ids=ids if segment else None,
            )
            for split, data in found.items()
        }  # fmt: skip
        self.train_images, self.val_images = splits[Split.TRAIN], splits[Split.VAL]
        count = len(self.train_images) + len(self.val_images)
        session.phase(f"Reading {count} images")
        kept = keep_in_memory(
            (self.train_images, self.val_images), wanted=config.cache_images,
            progress=lambda done: session.progress(done, count), threads=threads(),
        )  # fmt: skip
        if config.cache_images and not kept:
            session.note("The images do not fit into a quarter of the memory: read every epoch.")
        if not kept:
            session.unpack_frames((self.train_images, self.val_images))
        index = session.snapshot.class_index()
        self.classes = {
            split: None if segment else [class_of(a, index) for a in data.annotations]
            for split, data in found.items()
        }
        self.occurring = [
            frozenset(index[a.class_id] for a in own) for own in found[Split.TRAIN].annotations
        ]
        self._build_loaders(readers(config.workers, device=self.device, kept=kept))

    def _build_loaders(self, workers: int) -> None:
        config = self.config
        augmenter = None
        if config.augmentation:
            from cvstudio.augment.build import build as build_augmenter

            augmenter = build_augmenter(config.augmentation)
        train_items = TrainingItems(
            self.train_images, classes=self.classes[Split.TRAIN], augmenter=augmenter,
            seed=config.seed, composer=None if self.classes[Split.TRAIN] else Composer(config),
        )  # fmt: skip
        order = order_for(config, [self.occurring[place] for place in train_items.places()])
        val_items = JudgedItems(self.val_images, classes=self.classes[Split.VAL])
        square = (config.image_size, config.image_size)
        self.train_loader = Loader(
            train_items, Batches([square] * len(train_items), self.per_step, order=order),
            collate=stacked, workers=workers, device=self.device, batch_size=self.per_step,
        )  # fmt: skip
        self.val_loader = Loader(
            val_items,
            Batches(
                _input_sizes(self.val_images), config.batch, order=None,
                bounded=config.fit is Fit.CROP,
            ),
            collate=stacked, workers=min(workers, 2), device=self.device, batch_size=config.batch,
        )  # fmt: skip

    def _place(self) -> None:
        """Bring the network and the numbers of normalisation to the device."""
        self.module = self.module.to(self.device)
        self.channels_last = self.config.channels_last and self.device.type != "mps"
        if self.channels_last:
            self.module = self.module.to(memory_format=torch.channels_last)
        mean, std = (
            torch.tensor(values, device=self.device).view(1, 3, 1, 1)
            for values in (self.session.preprocessing.mean, self.session.preprocessing.std)
        )
        self.scale, self.shift = 1 / (255 * std), -mean / std

    def _prepare_learning(self) -> None:
        config, device = self.config, self.device
        heads = head(self.session.info, self.module)
        self.thawing = Thawing(self.module, head=heads, config=config)
        groups = parameter_groups(self.module, head=heads, config=config)
        self.optimizer = optimizer_for(groups, config, device)
        self.rates = Rates(config)
        self.average = average_of(self.module, config.average) if config.average else None
        self.half = half_precision(config, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half is torch.float16)
        self.criterion = loss_for(config, self._class_weights()).to(device)
        self.forward: Callable[[torch.Tensor], torch.Tensor] = self.module
        if config.compile:
            go_on_uncompiled()
            self.forward = torch.compile(self.module)
        self.judging = Judging(
            self.session, self.val_images, device=device, answers=self._answers,
            criterion=self.criterion,
        )  # fmt: skip
        self.pieces = config.accumulate
        self.mixer = Mixer(config, len(self.session.snapshot.classes))
        self.sizes = Sizes(config)
        self.side = config.image_size

    @property
    def kept(self) -> nn.Module:
        """The network that is judged and kept: the average of the weights where there is one."""
        return self.average.module if self.average is not None else self.module

    def _class_weights(self) -> torch.Tensor | None:
        if not self.config.class_weights:
            return None
        count = len(self.session.snapshot.classes)
        classes = self.classes[Split.TRAIN]
        if classes is not None:
            return class_weights(np.bincount(classes, minlength=count), power=1.0)
        # Pixels: rare classes are thousands of times rarer, so their weight grows with the root.
        pixels = np.zeros(256, np.int64)
        for index in range(len(self.train_images)):
            _, labels = self.train_images.read(index)
            pixels += np.bincount(np.asarray(labels).ravel(), minlength=256)
        return class_weights(pixels[: count + 1], power=0.5)

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
        val, metrics, samples = self.judging.judge(self.val_loader)
        if not np.isfinite(val["loss"]):
            raise diverged(self.at.epoch, self.at.step)
        rate = self.config.learning_rate * self.rates(float(epoch))
        self.session.epoch_ended(
            epoch=epoch, train=losses, val=val, metrics=metrics, rate=rate,
            seconds=time.monotonic() - begun, weights=self.kept.state_dict,
        )  # fmt: skip
        if self.rates.judged(metrics.get(self.session.metric)):
            self.session.note("Val got no better: the learning rate falls.")
        self.session.samples(epoch, samples)
        self.at = _Position(epoch + 1, 0)
        over = finish or epoch >= self.config.epochs
        self._save(must=over or self.session.patience_is_over(epoch))
        return finish

    def _train_epoch(self, epoch: int) -> tuple[dict[str, float], bool]:
        train_mode(self.module)
        batches = self.train_loader.sampler
        batches.epoch, batches.start = epoch, 0
        steps = len(batches)
        batches.start = step = self.at.step
        total = torch.zeros((), device=self.device)
        seen = told = 0
        since = time.monotonic()
        for batch in self.train_loader:
            images, targets, _ = self.mixer(batch, epoch=epoch) if self.mixer.works else batch
            self.side = self.sizes.side(epoch, step + 1)
            share = self.rates(epoch - 1 + (step + 1) / steps)
            set_rates(self.optimizer, self.config.learning_rate, share)
            total += self._step(images, targets) * len(images)
            seen, step = seen + len(images), step + 1
            self.at.step = step
            if self.session.step_due(last=step == steps):
                now = time.monotonic()
                loss = float(total) / seen
                if not np.isfinite(loss):
                    raise diverged(epoch, step)
                self.session.step(
                    epoch=epoch, step=step, steps=steps, losses={"loss": loss},
                    rate=self.config.learning_rate * share,
                    speed=(seen - told) / max(now - since, 1e-6),
                )  # fmt: skip
                told, since = seen, now
            request = self.session.requested()
            if request is Request.CANCEL:
                raise Cancelled
            if request is Request.FINISH:
                return {"loss": float(total) / seen}, True
            if request is Request.PAUSE and step < steps:
                raise Paused
        if self.session.requested() is Request.PAUSE:
            # The epoch's training is over: judge it when the run goes on.
            raise Paused
        return ({"loss": float(total) / seen} if seen else {}), False

    def _step(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """One optimiser step; in more pieces when the device's memory does not hold them."""
        while True:
            try:
                loss = self._learn(images, targets)
                break
            except RuntimeError as error:
                if "Expected more than 1 value per channel" in str(error):
                    raise ConfigError(
                        "This network needs at least two images per step: raise the batch to 2."
                    ) from error
                if not is_out_of_memory(error):
                    raise
            self._smaller_pieces(len(images))
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
        if self.pieces > count:
            raise out_of_memory("training", self.config.batch, device_type=self.device.type)
        self.session.note(
            f"The memory did not hold a batch of {size}: it goes through the network in"
            f" {self.pieces // self.config.accumulate} pieces, and every step still learns from"
            " all of it.",
            warning=True,
        )

    def _learn(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Leave the gradients that a step follows; the loss at the weights as they are."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._gradients(images, targets)
        if self.config.sharpness:
            with climbed(self.module, self.config.sharpness) as moved:
                if moved:
                    self._gradients(images, targets)
        return loss

    def _gradients(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Add up the gradients of a batch, piece by piece; its mean loss."""
        count = len(images)
        size = -(-count // self.pieces)
        total = torch.zeros((), device=self.device)
        for start in range(0, count, size):
            inputs = resized(self._inputs(images[start : start + size]), self.side)
            wanted = targets[start : start + size].to(self.device, non_blocking=True)
            if wanted.ndim == 3:
                wanted = resized_labels(wanted, self.side)
            with self._autocast():
                logits = self.forward(inputs)
            loss = self.criterion(logits, wanted) * (len(inputs) / count)
            self.scaler.scale(loss).backward()
            total += loss.detach()
        return total

    def _inputs(self, images: torch.Tensor) -> torch.Tensor:
        """(n, h, w, 3) uint8 as the normalised (n, 3, h, w) float32 that Preprocessing gives."""
        moved = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        values = moved.float() if self.channels_last else moved.contiguous().float()
        return values.mul_(self.scale).add_(self.shift)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.half, enabled=self.half is not None)

    def _answers(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a val batch; in smaller parts when memory runs out while judging."""
        size = len(images)
        while True:
            try:
                with self._autocast():
                    parts = [self.kept(self._inputs(part)) for part in torch.split(images, size)]
                return torch.cat(parts).float()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise out_of_memory(
                        "validation", len(images), device_type=self.device.type
                    ) from error
            empty_cache(self.device)
            size = max(size // 2, 1)

    # -- keeping -------------------------------------------------------------------------------

    def _save(self, *, must: bool) -> None:
        state: dict[str, Any] = {
            "position": {"epoch": self.at.epoch, "seen": self.at.step * self.per_step},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rates": self.rates.state(),
            "random": random_state(self.device),
            "pieces": self.pieces,
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
        set_random_state(state["random"], self.device)

    def close(self) -> None:
        """End the readers."""
        for name in ("train_loader", "val_loader"):
            loader = getattr(self, name, None)
            if loader is not None:
                loader.close()


def _position(state: dict[str, Any], config: TrainConfig) -> _Position:
    """Where a run goes on; the batch may have changed since it stopped."""
    if not state:
        return _Position()
    stored = state["position"]
    return _Position(stored["epoch"], stored["seen"] // (config.batch * config.accumulate))


def _input_sizes(images: SplitImages) -> Sequence[tuple[int, int]]:
    placements = (
        placement_for(image.width, image.height, size=images.size, fit=images.fit)
        for image in images.images
    )
    return [(p.input_width, p.input_height) for p in placements]
