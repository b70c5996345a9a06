"""Networks for objects: ultralytics' trainers, with CVStudio's data, events and checkpoints.

ultralytics brings the losses, the assignment, the optimiser's groups, the average of the weights
and the epoch's figures. Everything that it would read from or write to files is replaced: images
come from the snapshot through CVStudio's decoder and pipeline, checkpoints are plain tensors, and
nothing is downloaded, plotted or reported.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.annotation import Split
from cvstudio.core.events import Outcome
from cvstudio.core.forms import Answers
from cvstudio.core.jobdir import Request
from cvstudio.core.oks import sigmas_of
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.recipe_rules import check
from cvstudio.core.rotated_overlap import rotated_iou
from cvstudio.ml.checkpoint import Checkpoint
from cvstudio.ml.compiling import compile_in_place
from cvstudio.ml.devices import device_of, seed_everything
from cvstudio.ml.engine.feeding import read_images
from cvstudio.ml.engine.object_feed import object_loader, prepared, sample_predictions
from cvstudio.ml.engine.rates import Rates
from cvstudio.ml.engine.session import Cancelled, Paused, Session
from cvstudio.ml.engine.start import begin_weights, normalisation
from cvstudio.ml.engine.thawing import Thawing, train_mode
from cvstudio.ml.engine.yolo_words import by_class, figures, losses, settings, val_losses
from cvstudio.ml.environment import quiet_ultralytics, threads
from cvstudio.ml.failures import diverged, is_out_of_memory, out_of_memory
from cvstudio.ml.load import outputs_of
from cvstudio.ml.loading import Loader
from cvstudio.ml.networks.build import build, head
from cvstudio.ml.sizes import Sizes, resized

quiet_ultralytics()

from ultralytics.engine import trainer as _bare_trainer  # noqa: E402
from ultralytics.models.yolo.detect import DetectionTrainer  # noqa: E402
from ultralytics.models.yolo.obb import OBBTrainer  # noqa: E402
from ultralytics.models.yolo.pose import PoseTrainer  # noqa: E402
from ultralytics.models.yolo.segment import SegmentationTrainer  # noqa: E402
from ultralytics.utils.torch_utils import ModelEMA, unwrap_model  # noqa: E402

# It compares answers of a network that it looks for on the disk and then in the net.
_bare_trainer.check_amp = lambda model: True  # type: ignore[attr-defined]
# Its own wraps the network and tells a run's log alone where that cannot be done.
_bare_trainer.attempt_compile = lambda model, **_how: model  # type: ignore[attr-defined]
# Its own loads torch's compiler for a switch that has a quicker way.
_bare_trainer.init_seeds = seed_everything  # type: ignore[attr-defined, assignment]

_PIXELS_PER_THREAD = 150_000


def train(session: Session) -> Outcome:
    """Train a network for objects as the config says, or go on with it.

    Raises JobFailure when it cannot, and Cancelled.
    """
    config = session.config
    check(config)
    device = device_of(session.device_name)
    seed_everything(config.seed, deterministic=config.deterministic)
    checkpoint = session.resumable()
    first = checkpoint.epoch + 1 if checkpoint else 1
    session.started(device, first_epoch=first)
    if checkpoint is not None and checkpoint.epoch >= config.epochs:
        return Outcome.FINISHED
    with tempfile.TemporaryDirectory(prefix="cvstudio-") as scratch:
        trainer = _TRAINERS[session.info.answers](session, device, checkpoint, Path(scratch))
        try:
            trainer.train()
        except Paused:
            return Outcome.PAUSED
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise out_of_memory(
                    "training", trainer.batch_size, device_type=device.type
                ) from error
            raise
        finally:
            trainer.close()
        outcome: Outcome = trainer.outcome
        return outcome


@contextmanager
def stepping(session: Session) -> Iterator[Callable[[float], float]]:
    """A new network of the session's config, and a step of it at a learning rate: its loss."""
    config = session.config
    check(config)
    device = device_of(session.device_name)
    seed_everything(config.seed, deterministic=config.deterministic)
    with tempfile.TemporaryDirectory(prefix="cvstudio-") as scratch:
        trainer: Any = _TRAINERS[session.info.answers](session, device, None, Path(scratch))
        try:
            trainer._setup_train()
            trainer.epoch = 0
            trainer.thaw(config.frozen_epochs + 1)
            trainer._model_train()
            shares = [group["initial_lr"] / config.learning_rate
                      for group in trainer.optimizer.param_groups]  # fmt: skip
            batches = trainer.train_loader.endless()

            def step(rate: float) -> float:
                for group, share in zip(trainer.optimizer.param_groups, shares, strict=True):
                    group["lr"] = rate * share
                return float(trainer.step_on(next(batches)))

            yield step
        finally:
            trainer.close()


class _Supervised:
    """What CVStudio puts in place of ultralytics' files: mixed into its trainers."""

    def __init__(
        self, session: Session, device: torch.device, checkpoint: Checkpoint | None, scratch: Path
    ) -> None:
        self.session, self.checkpoint = session, checkpoint
        self.outcome = Outcome.FINISHED
        self.loaders: list[Loader] = []
        self.epoch_begun = 0.0
        self.steps_done = 0
        self.told: tuple[int, float] = (0, 0.0)
        self.answers: dict[int, list[NDArray[np.float32]]] = {}
        self.head: frozenset[str] = frozenset()
        self.thawing: Thawing | None = None
        self.sizes = Sizes(session.config)
        # ultralytics warms up by itself.
        self.rates = Rates(session.config.model_copy(update={"warmup_epochs": 0.0}))
        self.read = read_images(session)
        if checkpoint is None:
            session.preprocessing = normalisation(session, self.read.images[Split.TRAIN])
        for images in self.read.images.values():
            images.fill = session.preprocessing.fill
        session.phase("Training")
        super().__init__(overrides=settings(session.config, session, device, scratch))  # type: ignore[call-arg]
        # ultralytics has just taken one core less than there are.
        torch.set_num_threads(_threads_for(session.config))
        for event, callback in (
            ("on_train_epoch_start", _epoch_started),
            ("on_train_batch_end", _step_ended),
            ("on_fit_epoch_end", _epoch_judged),
        ):
            self.add_callback(event, callback)  # type: ignore[attr-defined]

    # -- data ----------------------------------------------------------------------------------

    def get_dataset(self) -> dict[str, Any]:
        names = {place: c.name for place, c in enumerate(self.session.snapshot.classes)}
        found: dict[str, Any] = {
            "train": "train", "val": "val", "nc": len(names), "names": names,
            "channels": self.session.channels,
        }  # fmt: skip
        if self.session.form.skeleton is not None:
            # Every epoch is judged by the same tolerances as the report.
            found["kpt_shape"] = [self.session.form.points, 3]
            found["kpt_oks_sigmas"] = sigmas_of(self.session.form.skeleton).tolist()
        return found

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> Loader:
        device: torch.device = self.device  # type: ignore[attr-defined]
        loader = object_loader(
            self.session, self.read, Split(dataset_path), batch=batch_size, device=device
        )
        self.loaders.append(loader)
        return loader

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch on the device, in the size of this step."""
        bring = super().preprocess_batch  # type: ignore[misc]
        found = prepared(batch, self.session.preprocessing, bring)
        side = self.sizes.side(self._trainer().epoch + 1, self.steps_done + 1)
        found["img"] = resized(found["img"], side)
        return found

    def close(self) -> None:
        """End the readers."""
        for loader in self.loaders:
            loader.close()

    # -- the network ---------------------------------------------------------------------------

    def setup_model(self) -> Checkpoint | None:
        session = self.session
        module = build(
            session.info, classes=len(session.snapshot.classes),
            image_size=session.config.image_size, points=session.form.points,
            channels=session.channels,
        )  # fmt: skip
        if self.checkpoint is not None:
            module.load_state_dict(self.checkpoint.training["network"])
        else:
            begin_weights(session, module)
        self.head = head(session.info, module)
        self.thawing = Thawing(module, head=self.head, config=session.config)
        if session.config.channels_last and self._trainer().device.type != "mps":
            # A third faster on processors.
            module = module.to(memory_format=torch.channels_last)
        module = session.group.begin_alike(module)
        if self._trainer().args.compile:
            compile_in_place(
                module, device=self._trainer().device, tell=partial(session.note, warning=True)
            )
        self._trainer().model = module
        return self.checkpoint

    def build_optimizer(self, model: Any, *arguments: Any, **options: Any) -> torch.optim.Optimizer:
        """ultralytics' optimiser; a pretrained backbone learns at its share of the rate."""
        optimizer: torch.optim.Optimizer = super().build_optimizer(  # type: ignore[misc]
            model, *arguments, **options
        )
        share = self.session.config.backbone_rate
        if self.session.config.start is not Start.SCRATCH and share != 1:
            heads = {id(v) for name, v in unwrap_model(model).named_parameters()
                     if name in self.head}  # fmt: skip
            slow_down(optimizer, heads=heads, share=share)
        return optimizer

    def _setup_scheduler(self) -> None:
        trainer = self._trainer()
        trainer.lf = self.rates
        trainer.scheduler = torch.optim.lr_scheduler.LambdaLR(trainer.optimizer, self.rates)

    def optimizer_step(self) -> None:
        """One step along the gradients, shortened as the config says."""
        trainer, limit = self._trainer(), self.session.config.gradient_limit
        self.session.group.sum_gradients(trainer.model)
        trainer.scaler.unscale_(trainer.optimizer)
        if limit:
            torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), limit)
        trainer.scaler.step(trainer.optimizer)
        trainer.scaler.update()
        trainer.optimizer.zero_grad()
        trainer.ema.update(trainer.model)

    def step_on(self, batch: dict[str, Any]) -> float:
        """One step on a batch, outside of epochs; its loss per image."""
        trainer = self._trainer()
        half = torch.bfloat16 if trainer.args.amp == "bf16" else None
        with torch.autocast(trainer.device.type, half, enabled=bool(trainer.amp)):
            prepared = trainer.preprocess_batch(batch)
            if trainer.args.compile:  # the loss is no part of what is compiled
                answer = trainer.model(prepared["img"])
                network: Any = unwrap_model(trainer.model)
                loss, _ = network.loss(prepared, answer)
            else:
                loss, _ = trainer.model(prepared)
        total = loss.sum()
        trainer.scaler.scale(total).backward()
        trainer.optimizer_step()
        return float(total.detach()) / len(prepared["img"])

    def thaw(self, epoch: int) -> None:
        """Let the layers of an epoch learn."""
        words = self.thawing.begin(epoch) if self.thawing is not None else ""
        if words:
            self.session.phase(words)

    def _model_train(self) -> None:
        super()._model_train()  # type: ignore[misc]
        if self.thawing is not None and self.thawing.partial:
            train_mode(self.thawing.module)

    def resume_training(self, ckpt: Checkpoint | None) -> None:
        """Put optimiser, average and schedule where the checkpoint left them."""
        if ckpt is None:
            return
        state, trainer = ckpt.training, self._trainer()
        groups = zip(
            state["optimizer"]["param_groups"], trainer.optimizer.param_groups, strict=True
        )
        for saved, group in groups:
            saved["fused"] = group.get("fused")  # the device decides, not the checkpoint
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.scaler.load_state_dict(state["scaler"])
        if "rates" in state:  # runs of version 0.1 know no other schedule than the cosine
            self.rates.restore(state["rates"])
        trainer.ema = ModelEMA(trainer.model)  # type: ignore[no-untyped-call]
        trainer.ema.ema.load_state_dict(ckpt.weights)
        trainer.ema.updates = state["updates"]
        module: Any = unwrap_model(trainer.model)
        if ckpt.epoch and getattr(module.model[-1], "one2one_cv2", None) is not None:
            # Networks with two heads shift the weight between their losses from epoch to epoch.
            module.criterion = module.init_criterion()
            module.criterion.updates = ckpt.epoch - 1
            module.criterion.update()
        trainer.start_epoch = ckpt.epoch

    def _trainer(self) -> Any:
        """This object as ultralytics' trainer, whose attributes carry no types."""
        return self

    # -- epochs --------------------------------------------------------------------------------

    def get_validator(self) -> Any:
        """ultralytics' validator, which leaves its answers for the sample images behind."""
        validator = super().get_validator()  # type: ignore[misc]
        wanted = frozenset(self.session.sample_places(self.read.images[Split.VAL].images))
        prepare, suppress = validator.preprocess, validator.postprocess
        places: list[int] = []

        def preprocess(batch: dict[str, Any]) -> dict[str, Any]:
            places[:] = batch["place"]
            return prepared(batch, self.session.preprocessing, prepare)

        def postprocess(answer: Any) -> Any:
            outputs = outputs_of(self.session.config.task, answer)
            for row, place in enumerate(places):
                if place in wanted:
                    self.answers[place] = [o[row].float().cpu().numpy() for o in outputs]
            return suppress(answer)

        validator.preprocess, validator.postprocess = preprocess, postprocess
        return validator

    def validate(self) -> tuple[dict[str, float], float]:
        """Judge the averaged weights on val; with smaller batches when memory runs out."""
        trainer = self._trainer()
        while True:
            try:
                result: tuple[dict[str, float], float] = super().validate()  # type: ignore[misc]
                return result
            except RuntimeError as error:
                size = trainer.test_loader.batch_size
                if not is_out_of_memory(error):
                    raise
                if size <= 1:
                    raise out_of_memory(
                        "validation", size, device_type=trainer.device.type
                    ) from error
            trainer._clear_memory()
            trainer.test_loader = self.get_dataloader("val", batch_size=size // 2, mode="val")
            trainer.validator.dataloader = trainer.test_loader
            self.session.note(
                f"The memory did not hold {size} images while judging: now {size // 2}.",
                warning=True,
            )

    def save_model(self) -> bool:
        """The end of an epoch: tell it, keep the best, save, show samples."""
        trainer, session = self._trainer(), self.session
        epoch = trainer.epoch + 1
        found = figures(trainer.metrics, session.info.answers)
        session.epoch_ended(
            epoch=epoch, train=losses(trainer.tloss), val=val_losses(trainer.metrics),
            metrics=found,
            rate=max(float(group["lr"]) for group in trainer.optimizer.param_groups),
            seconds=time.monotonic() - self.epoch_begun,
            weights=trainer.ema.ema.state_dict,
            classes=by_class(trainer.validator.metrics, session.snapshot.classes),
        )  # fmt: skip
        if self.rates.judged(found.get(session.metric)):
            session.note("Val got no better: the learning rate falls.")
        self._show_samples(epoch)
        if session.patience_is_over(epoch) and not trainer.stop:
            session.note(
                f"Stopped: no better {session.metric} in {session.config.patience} epochs."
            )
            trainer.stop, self.outcome = True, Outcome.FINISHED_EARLY
        self.keep(epoch, must=bool(trainer.stop))
        return True

    def keep(self, epochs: int, *, must: bool) -> None:
        """Write checkpoints after that many epochs."""
        trainer = self._trainer()
        self.session.save(
            epoch=epochs,
            weights=trainer.ema.ema.state_dict(),
            training={
                "network": unwrap_model(trainer.model).state_dict(),
                "updates": trainer.ema.updates,
                "optimizer": trainer.optimizer.state_dict(),
                "scaler": trainer.scaler.state_dict(),
                "rates": self.rates.state(),
            },
            must=must,
        )

    def _show_samples(self, epoch: int) -> None:
        trainer = self._trainer()
        module = trainer.ema.ema.eval()
        self.session.samples(
            epoch,
            sample_predictions(self.session, self.read, self.answers, module, trainer.device),
        )

    def final_eval(self) -> None:
        """Nothing: CVStudio judges the best checkpoint itself, from the file."""

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """Nothing: the events hold the figures."""

    def _handle_nan_recovery(self, epoch: int) -> bool:
        loss = self._trainer().loss
        if loss is not None and not bool(torch.isfinite(loss)):
            raise diverged(epoch + 1, self.steps_done)
        return False


class _DetectTrainer(_Supervised, DetectionTrainer):
    """Boxes."""


class _InstanceTrainer(_Supervised, SegmentationTrainer):
    """Boxes and masks."""


class _RotatedTrainer(_Supervised, OBBTrainer):
    """Rotated boxes."""

    def get_validator(self) -> Any:
        """The validator, which measures overlaps exactly, as the report does."""
        validator = super().get_validator()
        validator._process_batch = partial(_matched, validator)
        return validator


class _KeypointsTrainer(_Supervised, PoseTrainer):
    """Boxes and keypoints."""

    def set_model_attributes(self) -> None:
        """What the network knows of its data; the loss takes ultralytics' tolerances, which are
        wide enough to learn from few images."""
        super().set_model_attributes()  # type: ignore[no-untyped-call]
        self._trainer().model.kpt_oks_sigmas = None


_TRAINERS: dict[Answers, Callable[..., Any]] = {
    Answers.BOXES: _DetectTrainer,
    Answers.OUTLINES: _InstanceTrainer,
    Answers.ROTATED: _RotatedTrainer,
    Answers.KEYPOINTS: _KeypointsTrainer,
}


def _matched(validator: Any, found: Any, labelled: Any) -> dict[str, NDArray[np.bool_]]:
    """Which found rotated boxes are right at each of ultralytics' ten overlaps: {"tp": (n, 10)}."""
    if not len(labelled["cls"]) or not len(found["cls"]):
        return {"tp": np.zeros((len(found["cls"]), validator.niou), bool)}
    truth, boxes = (rows["bboxes"].double().cpu().numpy() for rows in (labelled, found))
    iou = torch.from_numpy(rotated_iou(truth, boxes)).to(found["cls"].device)
    right = validator.match_predictions(found["cls"], labelled["cls"], iou)
    return {"tp": right.cpu().numpy()}


def _threads_for(config: TrainConfig) -> int:
    """How many threads a step of a run is worth.

    YOLO networks are many small layers: on eight images of 160 px one thread is a quarter faster
    than two, which wait for each other a hundred times a step; on eight of 640 px two are twice
    as fast.
    """
    return max(1, min(threads(), config.batch * config.image_size**2 // _PIXELS_PER_THREAD))


def slow_down(optimizer: torch.optim.Optimizer, *, heads: set[int], share: float) -> None:
    """Part each group into the head's parameters (by their id) and the rest, at a share of the
    rate."""
    for group in list(optimizer.param_groups):
        rest = [value for value in group["params"] if id(value) not in heads]
        if not rest:
            continue
        group["params"] = [value for value in group["params"] if id(value) in heads]
        slow = {**group, "params": rest, "lr": group["lr"] * share}
        if slow.get("param_group") == "bias":
            # ultralytics starts biases at a high rate of their own; a trained backbone must not.
            slow["param_group"] = "backbone bias"
        optimizer.add_param_group(slow)
    optimizer.param_groups[:] = [g for g in optimizer.param_groups if g["params"]]


def _epoch_started(trainer: Any) -> None:
    trainer.train_loader.sampler.epoch = trainer.epoch + 1
    trainer.epoch_begun, trainer.steps_done = time.monotonic(), 0
    trainer.told = (0, trainer.epoch_begun)
    trainer.thaw(trainer.epoch + 1)
    wanted = trainer.session.config.batch
    if trainer.batch_size < wanted and trainer._oom_retries:
        trainer.session.note(
            f"The memory did not hold a batch of {wanted}: it goes through the network"
            f" {trainer.batch_size} images at a time, and every step still learns from all of it.",
            warning=True,
        )


def _step_ended(trainer: Any) -> None:
    session: Session = trainer.session
    trainer.steps_done += 1
    step, steps = trainer.steps_done, len(trainer.train_loader)
    if session.step_due(last=step == steps):
        running = losses(trainer.tloss)
        if not np.isfinite(running["loss"]):
            raise diverged(trainer.epoch + 1, step)
        now, (before, since) = time.monotonic(), trainer.told
        session.step(
            epoch=trainer.epoch + 1, step=step, steps=steps, losses=running,
            rate=max(float(group["lr"]) for group in trainer.optimizer.param_groups),
            speed=(step - before) * trainer.batch_size / max(now - since, 1e-6),
            waiting=trainer.train_loader.pace.share(),
        )  # fmt: skip
        trainer.told = (step, now)
    match session.agree():
        case Request.CANCEL:
            raise Cancelled
        case Request.PAUSE if step < steps:  # after the last one the epoch is judged, then kept
            # The epoch at work is begun again, with the weights as they are now.
            trainer.keep(trainer.epoch, must=True)
            session.note(
                f"Paused at step {step} of {steps} in epoch {trainer.epoch + 1}: the run goes on"
                " with what it has learned and begins that epoch again, so the images of these"
                " steps are seen once more than others."
            )
            raise Paused
        case Request.FINISH:
            trainer.stop, trainer.outcome = True, Outcome.FINISHED_EARLY


def _epoch_judged(trainer: Any) -> None:
    session: Session = trainer.session
    match session.agree():
        case Request.CANCEL:
            raise Cancelled
        case Request.PAUSE if not trainer.stop:
            trainer.keep(trainer.epoch + 1, must=True)
            raise Paused
        case Request.FINISH if not trainer.stop:
            trainer.keep(trainer.epoch + 1, must=True)
            trainer.stop, trainer.outcome = True, Outcome.FINISHED_EARLY
