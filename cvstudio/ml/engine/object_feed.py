"""What ultralytics' trainers learn from and are judged on: loaders of items, answers on samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.core.annotation import Split, Task
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Fit, Sees
from cvstudio.ml.answer import by_tiles
from cvstudio.ml.composing import Composer
from cvstudio.ml.decode import decode
from cvstudio.ml.engine.feeding import Read, augmenter_of
from cvstudio.ml.engine.objects import Item, ObjectItems, collated
from cvstudio.ml.engine.session import Session
from cvstudio.ml.load import outputs_of
from cvstudio.ml.loading import Batches, Loader, readers
from cvstudio.ml.preprocess import Preprocessing, placement_for
from cvstudio.ml.sampling import order_for


def object_loader(
    session: Session, read: Read, split: Split, *, batch: int, device: torch.device
) -> Loader:
    """The batches of a split: of train augmented, composed and in order; of val as they are."""
    config, training = session.config, split is Split.TRAIN
    items = ObjectItems(
        read.images[split], read.found[split].annotations,
        index=session.snapshot.class_index(), masks=config.task is Task.INSTANCE, form=session.form,
        augmenter=augmenter_of(session) if training else None, seed=config.seed, training=training,
        composer=Composer(config) if training else None,
    )  # fmt: skip
    batches = Batches(
        items.input_sizes(), batch,
        order=order_for(config, items.classes()) if training else None,
        bounded=config.fit is Fit.CROP,
        part=session.group.part if training else (0, 1),
    )  # fmt: skip
    workers = readers(config.workers, device=device, kept=read.kept)
    channels_last = config.channels_last and device.type != "mps"
    return Loader(
        items, batches, collate=partial(collated, channels_last=channels_last),
        batch_size=batch, device=device, workers=workers if training else min(workers, 2),
    )  # fmt: skip


def prepared(batch: Item, how: Preprocessing, prepare: Callable[[Item], Item]) -> Item:
    """A batch as ultralytics' `prepare` brings it to the device, which divides images by 255. Those
    of all values (n, channels, h, w) are scaled by mean and deviation instead, before anything is
    rounded to half precision."""
    if how.sees is Sees.DISPLAYED:
        return prepare(batch)
    values = batch["img"]
    found = prepare(batch)
    like = found["img"]
    mean, std = (
        torch.tensor(row, device=like.device).view(1, -1, 1, 1) for row in (how.mean, how.std)
    )
    return {**found, "img": ((values.to(like.device) - mean) / std).to(like.dtype)}


def sample_predictions(
    session: Session,
    read: Read,
    answers: Mapping[int, Sequence[NDArray[np.float32]]],
    module: nn.Module,
    device: torch.device,
) -> list[Prediction]:
    """The predictions on the fixed val images.

    `answers` holds the raw outputs of those that the validator has seen whole, by their place; a
    large one is asked for in tiles.
    """
    config, split = session.config, read.images[Split.VAL]
    class_ids = [c.id for c in session.snapshot.classes]

    @torch.no_grad()
    def compute(batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        outputs = outputs_of(config.task, module(torch.from_numpy(batch).to(device)))
        return [output.float().cpu().numpy() for output in outputs]

    predictions = []
    for place in session.sample_places(split.images):
        image = split.images[place]
        if place in answers:
            placement = placement_for(
                image.width, image.height, size=config.image_size, fit=config.fit
            )
            predictions.append(
                decode(config.task, answers[place], placement, class_ids=class_ids,
                       image_id=image.id, form=session.form)
            )  # fmt: skip
        else:
            rgb, _ = split.read(place)
            predictions.append(
                by_tiles(compute, rgb, image.id, task=config.task, class_ids=class_ids,
                         preprocessor=session.preprocessing, form=session.form)
            )  # fmt: skip
    return predictions
