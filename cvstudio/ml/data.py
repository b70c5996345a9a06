"""Images of a snapshot on their way to a network: read, scaled, kept, augmented, composed.

What an image of one epoch looks like depends on the run's seed, the epoch and the image's id only:
not on the number of readers, their order or an interruption. Only training images are augmented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray
from torch.utils.data import Dataset

from cvstudio.augment.view import item_seed, training_view
from cvstudio.core.networks import Triple
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.composing import Composer, Scene
from cvstudio.ml.labels import IGNORE, Present, target_map
from cvstudio.ml.preprocess import PADDING, Image, placement_for, resize

if TYPE_CHECKING:
    from cvstudio.augment.build import Augmenter  # albumentations takes seconds to import

Key = tuple[int, int, int]
"""An epoch (from 1), the place of an item, and how often the epoch has shown it before."""
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
    splits: Sequence[SplitImages], *, wanted: bool, progress: Callable[[int], None], threads: int,
    copies: int = 1,
) -> bool:  # fmt: skip
    """Read all splits into memory when so many copies fit into a quarter of what is free."""
    needed = copies * sum(split.bytes_needed() for split in splits)
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
    """Training images, augmented by the pipeline that the preview shows, and composed.

    An item is (rgb (size, size, 3) uint8, target, place in the split); the target is a class number
    for classify, or which classes there are (k,) float32, and a (size, size) uint8 label map for
    segment. With CROP an image gives as many items as crops cover its area, at most 64; the first
    is the one that the preview shows.
    """

    def __init__(
        self,
        split: SplitImages,
        *,
        classes: Sequence[int] | Sequence[Present] | None,
        augmenter: Augmenter | None,
        seed: int,
        composer: Composer | None = None,
    ) -> None:
        self.split, self.classes = split, classes
        self.augmenter, self.composer, self.seed = augmenter, composer, seed
        self._items = [
            (index, nth) for index in range(len(split)) for nth in range(pieces(split, index))
        ]

    def __len__(self) -> int:
        return len(self._items)

    def places(self) -> list[int]:
        """The place in the split of each item's image."""
        return [index for index, _ in self._items]

    def __getitem__(self, key: Key) -> tuple[Image, Any, int]:
        epoch, item, again = key
        index, _ = self._items[item]
        scene = self._scene(key)
        if self.composer is not None and self.composer.works_in(epoch):
            draw = np.random.default_rng(item_seed(self.seed, epoch, f"compose/{item}/{again}"))
            scene = self.composer.compose(scene, lambda: self._another(epoch, draw), draw)
        target = scene.labels if self.classes is None else self.classes[index]
        return scene.rgb, target, index

    def _another(self, epoch: int, draw: np.random.Generator) -> Scene:
        return self._scene((epoch, int(draw.integers(len(self))), 0))

    def _scene(self, key: Key) -> Scene:
        """The image of an item, augmented, with the network's sides."""
        epoch, item, again = key
        index, nth = self._items[item]
        rgb, labels = self.split.read(index)
        name = f"{self.split.images[index].id}" + (f"/{nth}" if nth else "")
        seed = item_seed(self.seed, epoch, f"{name}//{again}" if again else name)
        size = self.split.size
        if self.split.fit is Fit.CROP:
            rgb, _ = training_view(rgb, (), size=size, fit=Fit.CROP, seed=seed)
            if labels is not None:
                labels, _ = training_view(labels, (), size=size, fit=Fit.CROP, seed=seed)
        if self.classes is not None:
            if self.augmenter is not None:
                rgb = self.augmenter.apply(rgb, seed=seed).rgb
            return Scene(padded(rgb, size, self.split.fit))
        assert labels is not None  # segment has them
        if self.augmenter is not None:
            rgb, labels = self.augmenter.apply_arrays(rgb, labels, seed=seed, outside=IGNORE)
        return Scene(
            padded(rgb, size, self.split.fit), padded(labels, size, self.split.fit, value=IGNORE)
        )


def pieces(split: SplitImages, index: int) -> int:
    """How many crops of an image one epoch takes."""
    if split.fit is not Fit.CROP:
        return 1
    width, height = split.inner_size(index)
    return min(max(round(width * height / split.size**2), 1), _MOST_PIECES)


class JudgedItems(Dataset[tuple[Image, Any, int]]):
    """Images that are judged and never augmented: placed as Preprocessing places them."""

    def __init__(
        self, split: SplitImages, *, classes: Sequence[int] | Sequence[Present] | None
    ) -> None:
        self.split, self.classes = split, classes

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: Key) -> tuple[Image, Any, int]:
        _, index, _ = key
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
