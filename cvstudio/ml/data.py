"""Images of a snapshot on their way to a network: read, scaled, kept, augmented, put in batches.

What an image of one epoch looks like depends on the run's seed, the epoch and the image's id only:
not on the number of readers, their order or an interruption. Only training images are augmented.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from cvstudio.augment.view import item_seed, training_view
from cvstudio.core.networks import Triple
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.labels import IGNORE, target_map
from cvstudio.ml.preprocess import PADDING, Image, placement_for, resize
from cvstudio.ml.tiles import most_at_once

if TYPE_CHECKING:
    from cvstudio.augment.build import Augmenter  # albumentations takes seconds to import

Key = tuple[int, int]
"""An epoch (from 1) and the place of an image in its split."""
LabelMap = NDArray[np.uint8]
_MOST_PIECES = 64


class SplitImages:
    """The images of a split at the size at which they enter augmentation, kept in memory or not.

    PAD: the longer side is `size`; STRETCH: `size` x `size`; CROP: whole, at full scale. With
    `class_ids` each image comes with its label map.
    """

    def __init__(
        self,
        images: Sequence[SnapshotImage],
        *,
        size: int,
        fit: Fit,
        class_ids: Sequence[int] | None = None,
    ) -> None:
        self.images = tuple(images)
        self.size, self.fit = size, fit
        self._class_ids = class_ids
        self._kept: list[tuple[Image, LabelMap | None] | None] = [None] * len(self.images)
        self._files: dict[int, Path] = {}
        """Where images lie ready at their inner size, instead of in their own files."""
        self.keeps = False

    def __len__(self) -> int:
        return len(self.images)

    def bytes_needed(self) -> int:
        """Memory that all images of the split take when they are kept."""
        layers = 3 if self._class_ids is None else 4
        return sum(w * h * layers for w, h in map(self.inner_size, range(len(self))))

    def inner_size(self, index: int) -> tuple[int, int]:
        """Width and height of an image as read() gives it."""
        image = self.images[index]
        if self.fit is Fit.CROP:
            return image.width, image.height
        return placement_for(image.width, image.height, size=self.size, fit=self.fit).inner

    def read(self, index: int) -> tuple[Image, LabelMap | None]:
        """An image, and its label map where the split has any. Raises ImageError."""
        kept = self._kept[index]
        return kept if kept is not None else self._load(index)

    def read_from(self, index: int, file: Path) -> None:
        """Read an image from a picture that has its inner size already."""
        self._files[index] = file

    def preload(self, *, progress: Callable[[int], None], threads: int) -> None:
        """Read every image once and keep it; a broken one is met here and not in epoch ten."""
        with ThreadPoolExecutor(threads) as pool:
            for index, item in enumerate(pool.map(self._load, range(len(self)))):
                self._kept[index] = item
                progress(index + 1)
        self.keeps = True

    def _load(self, index: int) -> tuple[Image, LabelMap | None]:
        image = self.images[index]
        ready = self._files.get(index)
        rgb = read_rgb(image.path, image.page, image.window) if ready is None else read_rgb(ready)
        width, height = self.inner_size(index)
        labels = None
        if self._class_ids is not None:
            labels = resize(target_map(image, self._class_ids), width, height, nearest=True)
        return resize(rgb, width, height), labels

    def __getstate__(self) -> dict[str, Any]:
        # Readers that are started afresh read for themselves: copying gigabytes takes longer.
        return {**self.__dict__, "_kept": [None] * len(self.images), "keeps": False}

    def statistics(self, *, at_most: int = 500) -> tuple[Triple, Triple]:
        """Mean and deviation per channel, values scaled to 0 .. 1, over up to `at_most` images."""
        counts = np.zeros((3, 256), np.int64)
        step = max(len(self) // at_most, 1)
        for index in range(0, len(self), step):
            rgb, _ = self.read(index)
            for channel in range(3):
                histogram = cv2.calcHist([rgb], [channel], None, [256], [0, 256])
                counts[channel] += histogram.ravel().astype(np.int64)
        values = np.arange(256) / 255
        total = counts.sum(axis=1)
        mean = counts @ values / total
        deviation = np.sqrt(np.maximum(counts @ values**2 / total - mean**2, 1e-6))
        (m0, m1, m2), (d0, d1, d2) = mean.tolist(), deviation.tolist()
        return (m0, m1, m2), (d0, d1, d2)


def keep_in_memory(
    splits: Sequence[SplitImages], *, wanted: bool, progress: Callable[[int], None], threads: int
) -> bool:
    """Read all splits into memory when they fit into a quarter of what is free."""
    needed = sum(split.bytes_needed() for split in splits)
    if not wanted or needed > psutil.virtual_memory().available // 4:
        return False
    before = 0
    for split in splits:
        split.preload(progress=partial(_further, progress, before), threads=threads)
        before += len(split)
    return True


def _further(progress: Callable[[int], None], before: int, done: int) -> None:
    progress(before + done)


class TrainingItems(Dataset[tuple[Image, Any, int]]):
    """Training images, augmented by the pipeline that the preview shows.

    An item is (rgb (size, size, 3) uint8, target, place in the split); the target is a class number
    for classify and a (size, size) uint8 label map for segment. With CROP an image gives as many
    items as crops cover its area, at most 64; the first is the one that the preview shows.
    """

    def __init__(
        self,
        split: SplitImages,
        *,
        classes: Sequence[int] | None,
        augmenter: Augmenter | None,
        seed: int,
    ) -> None:
        self.split, self.classes = split, classes
        self.augmenter, self.seed = augmenter, seed
        self._items = [
            (index, nth) for index in range(len(split)) for nth in range(_pieces(split, index))
        ]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, key: Key) -> tuple[Image, Any, int]:
        epoch, item = key
        index, nth = self._items[item]
        rgb, labels = self.split.read(index)
        image_id = self.split.images[index].id
        seed = item_seed(self.seed, epoch, f"{image_id}/{nth}" if nth else image_id)
        size = self.split.size
        if self.split.fit is Fit.CROP:
            rgb, _ = training_view(rgb, (), size=size, fit=Fit.CROP, seed=seed)
            if labels is not None:
                labels, _ = training_view(labels, (), size=size, fit=Fit.CROP, seed=seed)
        if self.classes is not None:
            if self.augmenter is not None:
                rgb = self.augmenter.apply(rgb, seed=seed).rgb
            return padded(rgb, size, self.split.fit), self.classes[index], index
        assert labels is not None  # segment has them
        if self.augmenter is not None:
            rgb, labels = self.augmenter.apply_arrays(rgb, labels, seed=seed, outside=IGNORE)
        return (
            padded(rgb, size, self.split.fit),
            padded(labels, size, self.split.fit, value=IGNORE),
            index,
        )


def _pieces(split: SplitImages, index: int) -> int:
    """How many crops of an image one epoch takes."""
    if split.fit is not Fit.CROP:
        return 1
    width, height = split.inner_size(index)
    return min(max(round(width * height / split.size**2), 1), _MOST_PIECES)


class JudgedItems(Dataset[tuple[Image, Any, int]]):
    """Images that are judged and never augmented: placed as Preprocessing places them."""

    def __init__(self, split: SplitImages, *, classes: Sequence[int] | None) -> None:
        self.split, self.classes = split, classes

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: Key) -> tuple[Image, Any, int]:
        _, index = key
        rgb, labels = self.split.read(index)
        image = self.split.images[index]
        at = placement_for(image.width, image.height, size=self.split.size, fit=self.split.fit)
        where = (slice(at.top, at.top + rgb.shape[0]), slice(at.left, at.left + rgb.shape[1]))
        canvas = np.full((at.input_height, at.input_width, 3), PADDING, np.uint8)
        canvas[where] = rgb
        if self.classes is not None:
            return canvas, self.classes[index], index
        target = np.full((at.input_height, at.input_width), IGNORE, np.uint8)
        assert labels is not None
        target[where] = labels
        return canvas, target, index


def padded(array: NDArray[Any], size: int, fit: Fit, *, value: int = PADDING) -> NDArray[Any]:
    """An image or label map filled up to `size` x `size`; centred, for CROP at the left top.

    A pipeline may have swapped the sides or changed them; what is larger than `size` is scaled.
    """
    height, width = array.shape[:2]
    if (height, width) == (size, size):
        return np.ascontiguousarray(array)
    if max(height, width) > size:
        ratio = size / max(height, width)
        width, height = max(round(width * ratio), 1), max(round(height * ratio), 1)
        array = resize(array, width, height, nearest=array.ndim == 2)
    left, top = (0, 0) if fit is Fit.CROP else ((size - width) // 2, (size - height) // 2)
    canvas = np.full((size, size, *array.shape[2:]), value, array.dtype)
    canvas[top : top + height, left : left + width] = array
    return canvas


class Batches(Sampler[list[Key]]):
    """The batches of an epoch, shuffled by seed and epoch; others set `epoch` and `start`.

    Without a seed, images of one size follow each other in order; `bounded` keeps a batch of whole
    images below tiles.WHOLE pixels. `start` leaves out the batches that an interrupted epoch has
    already seen. A last batch of one image is dropped while training: batch normalisation cannot
    learn from it.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        batch: int,
        *,
        seed: int | None,
        bounded: bool = False,
    ) -> None:
        self._sizes, self._batch, self._seed, self._bounded = sizes, batch, seed, bounded
        self.epoch, self.start = 1, 0

    def __len__(self) -> int:
        return len(self._plan()) - self.start

    def __iter__(self) -> Iterator[list[Key]]:
        epoch = self.epoch
        for members in self._plan()[self.start :]:
            yield [(epoch, index) for index in members]

    def _plan(self) -> list[list[int]]:
        count, batch = len(self._sizes), self._batch
        if self._seed is None:
            return _same_size_runs(self._sizes, batch, bounded=self._bounded)
        generator = torch.Generator().manual_seed(self._seed * 100_003 + self.epoch)
        order = torch.randperm(count, generator=generator).tolist()
        plan = [order[at : at + batch] for at in range(0, count, batch)]
        if len(plan) > 1 and len(plan[-1]) == 1:
            plan.pop()
        return plan


def _same_size_runs(
    sizes: Sequence[tuple[int, int]], batch: int, *, bounded: bool
) -> list[list[int]]:
    plan: list[list[int]] = []
    for index, size in enumerate(sizes):
        most = min(batch, most_at_once(*size)) if bounded else batch
        if plan and len(plan[-1]) < most and sizes[plan[-1][0]] == size:
            plan[-1].append(index)
        else:
            plan.append([index])
    return plan


Collate = Callable[[list[Any]], Any]


class Loader:
    """Batches of a dataset from reader processes, or read one ahead in a thread.

    Close it when the run is over: readers must not outlive their job.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batches: Batches,
        *,
        collate: Collate,
        workers: int,
        device: torch.device,
        batch_size: int,
    ) -> None:
        self.dataset, self.sampler, self.batch_size = dataset, batches, batch_size
        self.drop_last, self.num_workers = False, workers
        if workers:
            # Before they are forked: OpenCV's threads do not come along, and a reader that asks for
            # fewer would wait for them, or die.
            cv2.setNumThreads(1)
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._ahead = device.type != "cpu" and workers == 0
        self._loader: DataLoader[Any] = DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=device.type == "cuda",
            persistent_workers=workers > 0,
            multiprocessing_context=context if workers else None,
            worker_init_fn=_one_thread if workers else None,
            prefetch_factor=4 if workers else None,
            # Else each epoch draws from the generator that dropout uses, also an interrupted one.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Any]:
        return read_ahead(iter(self._loader)) if self._ahead else iter(self._loader)

    def reset(self) -> None:
        """Nothing is held between epochs that would have to be forgotten."""

    def close(self) -> None:
        """End the reader processes and wait for them."""
        iterator = getattr(self._loader, "_iterator", None)
        if iterator is not None and hasattr(iterator, "_shutdown_workers"):
            iterator._shutdown_workers()
        self._loader._iterator = None


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
    if cv2.getNumThreads() != 1:  # started afresh: a forked one has it from its parent
        cv2.setNumThreads(1)


def read_ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The same items, the next one made in a thread while the present one is used."""
    end = object()
    with ThreadPoolExecutor(1, "read ahead") as pool:
        waiting = pool.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, items, end)
            yield item


def stacked(items: list[tuple[Image, Any, int]]) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """A batch: images (n, h, w, 3) uint8, targets (n,) or (n, h, w), places in the split."""
    images = torch.from_numpy(np.stack([item[0] for item in items]))
    targets = torch.from_numpy(np.asarray([item[1] for item in items]))
    return images, targets, [item[2] for item in items]


def readers(wanted: int, *, device: torch.device, kept: bool) -> int:
    """How many reader processes serve a run best.

    On the processor they would take cores from the network unless there are many. Where processes
    cannot inherit memory, images that are already kept are served faster by a thread.
    """
    cores = psutil.cpu_count() or 1
    if device.type != "cuda" and cores < 8:
        return 0
    if kept and sys.platform != "linux":
        return 0
    return min(wanted, max(cores - 1, 0))
