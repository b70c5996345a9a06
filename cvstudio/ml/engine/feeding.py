"""What a run learns from and is judged on: the images of its snapshot, read and put in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cvstudio.augment.unable import runnable
from cvstudio.core.annotation import Split, Task
from cvstudio.core.recipe import Fit, Sees
from cvstudio.ml.composing import Composer
from cvstudio.ml.data import JudgedItems, SplitImages, TrainingItems, keep_in_memory
from cvstudio.ml.engine.losses import class_weights, presence_weights
from cvstudio.ml.engine.session import Session
from cvstudio.ml.environment import threads
from cvstudio.ml.labels import Usable, class_of, classes_of
from cvstudio.ml.loading import Batches, Loader, readers, stacked
from cvstudio.ml.sampling import order_for

if TYPE_CHECKING:
    from cvstudio.augment.build import Augmenter  # albumentations takes seconds to import

LEARNED = (Split.TRAIN, Split.VAL)


@dataclass(frozen=True)
class Read:
    """The images and annotations of train and val; `kept` says that they lie in memory."""

    found: dict[Split, Usable]
    images: dict[Split, SplitImages]
    kept: bool


def read_images(session: Session, *, class_ids: Sequence[int] | None = None) -> Read:
    """Decide what is trained on, and read it into memory when it fits.

    With `class_ids` every image comes with its label map.
    """
    config, group = session.config, session.group
    found = {split: session.usable(split) for split in LEARNED}
    images = {
        split: SplitImages(
            data.images, size=config.image_size, fit=config.fit, class_ids=class_ids,
            sees=config.sees, channels=session.channels,
        )
        for split, data in found.items()
    }  # fmt: skip
    splits = tuple(images.values())
    count = sum(len(split) for split in splits)
    session.phase(f"Reading {count} images")
    with group.chief_first():
        kept = keep_in_memory(
            splits, wanted=config.cache_images, copies=group.size,
            progress=lambda done: session.progress(done, count), threads=threads(),
        )  # fmt: skip
        if config.cache_images and not kept:
            session.note("The images do not fit into a quarter of the memory: read every epoch.")
        if not kept:
            session.unpack_frames(splits)
    return Read(found, images, kept)


def augmenter_of(session: Session) -> Augmenter | None:
    """The pipeline that training images go through; what it leaves out is noted. None for none."""
    config = session.config
    if not config.augmentation:
        return None
    from cvstudio.augment.build import build

    whole = config.sees is Sees.ALL
    kept, left_out = runnable(config.augmentation, channels=session.channels, eight_bit=not whole)
    for why in left_out:
        session.note(f"Left out of the augmentation: {why}", warning=True)
    return build(kept) if kept else None


class Feed:
    """The batches of the own loop. Close it when the run is over."""

    def __init__(self, session: Session, device: torch.device) -> None:
        self.session, self.config = session, session.config
        segment = self.config.task is Task.SEGMENT
        ids = [c.id for c in session.snapshot.classes]
        read = read_images(session, class_ids=ids if segment else None)
        self.train_images, self.val_images = (read.images[split] for split in LEARNED)
        index = session.snapshot.class_index()
        target_of: Any = classes_of if self.config.several_classes else class_of
        self.classes = {
            split: None if segment else [target_of(a, index) for a in data.annotations]
            for split, data in read.found.items()
        }
        occurring = [
            frozenset(index[a.class_id] for a in own) for own in read.found[Split.TRAIN].annotations
        ]
        workers = readers(self.config.workers, device=device, kept=read.kept)
        self.train = self._training(occurring, workers, device)
        self.val = self._judged(min(workers, 2), device)

    def _training(
        self, occurring: list[frozenset[int]], workers: int, device: torch.device
    ) -> Loader:
        config, classes = self.config, self.classes[Split.TRAIN]
        items = TrainingItems(
            self.train_images, classes=classes, augmenter=augmenter_of(self.session),
            seed=config.seed,
            composer=Composer(config) if classes is None else None,
        )  # fmt: skip
        batch = config.batch * config.accumulate
        batches = Batches(
            [(config.image_size, config.image_size)] * len(items), batch,
            order=order_for(config, [occurring[place] for place in items.places()]),
            part=self.session.group.part,
        )  # fmt: skip
        return Loader(
            items, batches, collate=stacked, workers=workers, device=device, batch_size=batch
        )

    def _judged(self, workers: int, device: torch.device) -> Loader:
        config = self.config
        items = JudgedItems(self.val_images, classes=self.classes[Split.VAL])
        bounded = config.fit is Fit.CROP
        batches = Batches(items.sizes(), config.batch, order=None, bounded=bounded)
        return Loader(
            items, batches,
            collate=stacked, workers=workers, device=device, batch_size=config.batch,
        )  # fmt: skip

    def class_weights(self) -> torch.Tensor | None:
        """What an error costs per class, as the config says; None where all cost the same."""
        if not self.config.class_weights:
            return None
        count = len(self.session.snapshot.classes)
        classes = self.classes[Split.TRAIN]
        if self.config.several_classes:
            return presence_weights(np.stack(classes or []))
        if classes is not None:
            return class_weights(np.bincount(classes, minlength=count), power=1.0)
        # Pixels: rare classes are thousands of times rarer, so their weight grows with the root.
        pixels = np.zeros(256, np.int64)
        for index in range(len(self.train_images)):
            _, labels = self.train_images.read(index)
            pixels += np.bincount(np.asarray(labels).ravel(), minlength=256)
        return class_weights(pixels[: count + 1], power=0.5)

    def close(self) -> None:
        """End the readers."""
        self.train.close()
        self.val.close()
