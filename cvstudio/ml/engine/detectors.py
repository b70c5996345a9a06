"""torchvision's detectors in the own loop: what they learn from, what errors cost, what judges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from cvstudio.core.annotation import Split, Task, box_of
from cvstudio.core.events import Outcome
from cvstudio.core.geometry import Polygon
from cvstudio.core.jobdir import Request
from cvstudio.core.masks import Mask, rasterise
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Start
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.ml.composing import Composer, Scene
from cvstudio.ml.decode import decode
from cvstudio.ml.engine import own
from cvstudio.ml.engine.feeding import LEARNED, augmenter_of, read_images
from cvstudio.ml.engine.judging import Judgement
from cvstudio.ml.engine.losses import Losses, class_weights
from cvstudio.ml.engine.objects import ObjectItems
from cvstudio.ml.engine.own import Training
from cvstudio.ml.engine.session import Cancelled, Session
from cvstudio.ml.handover import Stack
from cvstudio.ml.judge import judge
from cvstudio.ml.load import outputs_of
from cvstudio.ml.loading import Batches, Loader, readers
from cvstudio.ml.networks.torchvision_detection import Detector, Target
from cvstudio.ml.preprocess import placement_for
from cvstudio.ml.sampling import order_for

_CROWD = -1
"""The class number of a crowd: it teaches nothing, neither that there is something nor that not."""
_SMALLEST = 1.0
_MOST_CELLS = 32_000_000
"""Cells of all masks of one image together; beyond, masks are half as fine, and so on."""
_SHOWN = ("mAP50-95", "mAP50", "precision", "recall", "box mAP50-95", "box mAP50")
"""The figures of an epoch; the report of the best one has more."""


def train(session: Session) -> Outcome:
    """Train a detector of torchvision as the session's config says, or go on with it.

    Raises JobFailure when it cannot, and Cancelled.
    """
    return own.run(session, DetectorFeed, DetectorTraining)


def stepping(session: Session) -> AbstractContextManager[Callable[[float], float]]:
    """A new detector of the session's config, and a step of it at a learning rate: its loss."""
    return own.stepping(session, DetectorFeed, DetectorTraining)


class DetectorItems(ObjectItems):
    """A split's images as (pixels (s, s, 3) uint8, what is in them, their place in the split)."""

    def __init__(
        self, images: Any, annotations: Sequence[Sequence[SnapshotAnnotation]], **settings: Any
    ) -> None:
        together = [
            (*learned, *_crowds_of(image))
            for image, learned in zip(images.images, annotations, strict=True)
        ]
        super().__init__(images, together, **settings)
        for row, learned in zip(self.labels, annotations, strict=True):
            row["cls"][len(learned) :] = _CROWD

    def classes(self) -> list[frozenset[int]]:
        """The classes that occur in the image of each item."""
        return [found - {_CROWD} for found in super().classes()]

    def _as_item(self, scene: Scene, item: int) -> Any:
        size = scene.rgb.shape[0]
        kept = []
        for shape, number in scene.objects:
            box = box_of(shape).clipped(size, size)
            if box.w >= _SMALLEST and box.h >= _SMALLEST:
                kept.append((shape, number, (box.x, box.y, box.right, box.bottom)))
        learned = [one for one in kept if one[1] != _CROWD]
        target: Target = {
            "boxes": _corners([corners for _, _, corners in learned]),
            "labels": torch.tensor([number + 1 for _, number, _ in learned], dtype=torch.int64),
            "crowds": _corners([corners for _, number, corners in kept if number == _CROWD]),
        }
        if self.masks:
            target["masks"] = _masks_of([shape for shape, _, _ in learned], size)
        return torch.from_numpy(scene.rgb), target, self._items[item][0]


def _crowds_of(image: SnapshotImage) -> list[SnapshotAnnotation]:
    return [a for a in image.annotations if a.crowd and a.shape is not None and a.box.area > 0]


def _corners(rows: Sequence[tuple[float, ...]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def _masks_of(shapes: Sequence[Any], size: int) -> torch.Tensor:
    """One map (k, s, s) uint8 per object, whole also where another lies over it."""
    step = 1
    while len(shapes) * (size // step) ** 2 > _MOST_CELLS and step < 8:
        step *= 2
    maps = np.zeros((len(shapes), size // step, size // step), np.uint8)
    for place, shape in enumerate(shapes):
        if isinstance(shape, Mask):
            whole = shape.full(size, size)
        elif isinstance(shape, Polygon):
            whole = rasterise(shape, x=0, y=0, width=size, height=size)
        else:
            continue
        maps[place] = whole[step // 2 :: step, step // 2 :: step]
    return torch.from_numpy(maps)


def _collated(items: list[Any], stack: Stack) -> tuple[torch.Tensor, list[Target], list[int]]:
    images, targets, places = zip(*items, strict=True)
    return stack(images), list(targets), list(places)


class DetectorFeed:
    """The batches of a detector's run. Close it when the run is over."""

    def __init__(self, session: Session, device: torch.device) -> None:
        self.session, self.config = session, session.config
        self.read = read_images(session)
        self.train_images, self.val_images = (self.read.images[split] for split in LEARNED)
        workers = readers(self.config.workers, device=device, kept=self.read.kept)
        self.train = self._loader(Split.TRAIN, workers, device)
        self.val = self._loader(Split.VAL, min(workers, 2), device)

    def _loader(self, split: Split, workers: int, device: torch.device) -> Loader:
        config, training = self.config, split is Split.TRAIN
        items = DetectorItems(
            self.read.images[split], self.read.found[split].annotations,
            index=self.session.snapshot.class_index(), masks=config.task is Task.INSTANCE,
            augmenter=augmenter_of(self.session) if training else None, seed=config.seed,
            composer=Composer(config) if training else None,
            training=training,
        )  # fmt: skip
        size = config.batch * (config.accumulate if training else 1)
        batches = Batches(
            [(config.image_size, config.image_size)] * len(items), size,
            order=order_for(config, items.classes()) if training else None,
            part=self.session.group.part if training else (0, 1),
        )  # fmt: skip
        return Loader(
            items, batches, collate=_collated, workers=workers, device=device, batch_size=size
        )

    def class_weights(self) -> torch.Tensor | None:
        """What a wrong class costs per class, as the config says; None where all cost the same."""
        if not self.config.class_weights:
            return None
        index = self.session.snapshot.class_index()
        found = [index[a.class_id] for own in self.read.found[Split.TRAIN].annotations for a in own]
        return class_weights(np.bincount(found, minlength=len(index)), power=0.5)

    def close(self) -> None:
        """End the readers."""
        self.train.close()
        self.val.close()


class DetectorTraining(Training):
    """One run of the own loop with a detector."""

    def _prepare_learning(self) -> None:
        if self.config.start is not Start.SCRATCH:
            # Means over the few images of a batch would spoil what the norms have learned.
            for part in self.module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.requires_grad_(False)
        super()._prepare_learning()

    def _prepare_judging(self) -> None:
        weights = self.feed.class_weights()
        self.weights = None if weights is None else weights.to(self.device)

    @property
    def _compiled(self) -> nn.Module:
        # What follows depends on how much it finds.
        backbone: nn.Module = self._detector().backbone
        return backbone

    def _detector(self, module: nn.Module | None = None) -> Detector:
        found = module or self.module
        assert isinstance(found, Detector)
        return found

    def _losses(self, inputs: torch.Tensor, targets: Any) -> dict[str, torch.Tensor]:
        with self._autocast():
            return self._detector().losses(
                inputs, self._placed(targets, int(inputs.shape[3])), self.weights
            )

    def _placed(self, targets: Sequence[Target], side: int) -> list[Target]:
        """Targets on the device, for images of another side than they were made for."""
        share = side / self.config.image_size
        return [
            {
                name: value.to(self.device, non_blocking=True)
                * (share if name in ("boxes", "crowds") else 1)
                for name, value in target.items()
            }
            for target in targets
        ]

    # -- judging -------------------------------------------------------------------------------

    @torch.no_grad()
    def _judge(self) -> Judgement:
        """Losses and COCO's figures on val, by the same lines as the report of the best epoch."""
        images = self.feed.val_images.images
        wanted = {images[place].id for place in self.session.sample_places(images)}
        predictions: list[Prediction] = []
        losses = Losses()
        for pixels, targets, places in self.feed.val:
            answers = self._in_parts(len(pixels), partial(self._answer, pixels, targets))
            for parts, outputs in answers:
                losses.add(parts, len(outputs[0]))
            whole = [
                torch.cat(o).float().cpu().numpy()
                for o in zip(*[own for _, own in answers], strict=True)
            ]
            for row, place in enumerate(places):
                predictions.append(self._prediction([o[row] for o in whole], images[place]))
            if self.session.requested() is Request.CANCEL:
                raise Cancelled
        report = judge(
            self.config.task, self.session.snapshot.classes, images, predictions, in_full=False
        )
        figures = report["metrics"]
        return Judgement(
            losses.means(),
            {name: figures[name] for name in _SHOWN if figures.get(name) is not None},
            {row["class"]: row["AP50-95"] for row in report["per_class"]
             if row["labelled"] and row["AP50-95"] is not None},
            [p for p in predictions if p.image_id in wanted],
        )  # fmt: skip

    def _answer(
        self, pixels: torch.Tensor, targets: list[Target], part: slice
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, ...]]:
        """What a part of a val batch costs, and what the network answers to it."""
        inputs = self._inputs(pixels[part])
        kept = self._detector(self.kept)
        parts = kept.losses(inputs, self._placed(targets[part], int(inputs.shape[3])), self.weights)
        return parts, outputs_of(self.config.task, kept(inputs))

    def _prediction(self, outputs: list[Any], image: SnapshotImage) -> Prediction:
        placement = placement_for(
            image.width, image.height, size=self.config.image_size, fit=self.config.fit
        )
        return decode(
            self.config.task, outputs, placement,
            class_ids=[c.id for c in self.session.snapshot.classes], image_id=image.id,
        )  # fmt: skip
