"""Images of a snapshot on their way to a network: read, scaled, kept, augmented, composed.

What an image of one epoch looks like depends on the run's seed, the epoch and the image's id only:
not on the number of readers, their order or an interruption. Only training images are augmented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import psutil
from numpy.typing import NDArray
from torch.utils.data import Dataset

from cvstudio.augment.view import crop_corner, item_seed
from cvstudio.core.annotation import Task
from cvstudio.core.opencv import cv2
from cvstudio.core.pieces import Area, crops, in_windows, windows
from cvstudio.core.recipe import Fit, Sees
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.imaging.display import to_rgb8
from cvstudio.imaging.parts import Parts
from cvstudio.imaging.tiff_pieces import Cache
from cvstudio.ml.composing import Composer, Scene
from cvstudio.ml.labels import IGNORE, Present, target_map
from cvstudio.ml.preprocess import PADDING, Fill, Image, blank, filled_up, placement_for, resize
from cvstudio.ml.seeing import seen

if TYPE_CHECKING:
    from cvstudio.augment.build import Augmenter  # albumentations takes seconds to import

Key = tuple[int, int, int]
"""An epoch (from 1), the place of an item, and how often the epoch has shown it before."""
LabelMap = NDArray[np.uint8]
_AT_HAND = 256_000_000
"""Bytes of decoded images that each reader holds, where parts of them are shown again and again."""
CONSTANT = 1.0
"""The deviation by which a channel is divided that has no other value anywhere."""


class SplitImages:
    """The images of a split at the size at which they enter augmentation, kept in memory or not.

    PAD: the longer side is `size`; STRETCH: `size` x `size`; CROP: whole, at full scale. With
    `class_ids` each image comes with its label map. `sees` and `channels` as ml/seeing.py takes
    them; `fill` is what the network gets beside an image.
    """

    def __init__(
        self,
        images: Sequence[SnapshotImage],
        *,
        size: int,
        fit: Fit,
        class_ids: Sequence[int] | None = None,
        sees: Sees = Sees.DISPLAYED,
        channels: int = 3,
    ) -> None:
        self.images = tuple(images)
        self.size, self.fit = size, fit
        self.sees, self.channels = sees, channels
        self.fill: Fill = PADDING
        self._class_ids = class_ids
        self._kept: list[tuple[Image, LabelMap | None] | None] = [None] * len(self.images)
        self._parts, self._at_hand = Parts(), Cache(_AT_HAND)
        self._files: dict[int, Path] = {}
        """Where images lie ready at their inner size, instead of in their own files."""
        self.keeps = False

    def __len__(self) -> int:
        return len(self.images)

    def bytes_needed(self) -> int:
        """Memory that all images of the split take when they are kept."""
        layers = 3 if self.sees is Sees.DISPLAYED else 4 * self.channels
        layers += self._class_ids is not None
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

    def cut(self, index: int, at: Area) -> tuple[Image, LabelMap | None]:
        """A part of an image that is not scaled, and of its label map; of a file that allows it
        nothing else is decoded. Raises ImageError."""
        assert self.fit is Fit.CROP
        left, top, right, bottom = at
        kept = self._kept[index]
        if kept is not None:
            rgb, labels = (None if a is None else a[top:bottom, left:right] for a in kept)
            return np.ascontiguousarray(rgb), labels
        rgb = self._part(index, at)
        if rgb is None:
            rgb = self._whole(index)[top:bottom, left:right]
        labels = None
        if self._class_ids is not None:
            labels = target_map(self.images[index], self._class_ids, at)
        return np.ascontiguousarray(rgb), labels

    def crop(self, index: int, seed: int) -> Area:
        """The part of an image that a crop with a seed shows, at most `size` x `size`."""
        width, height = self.inner_size(index)
        left, top = crop_corner(width, height, size=self.size, seed=seed)
        return left, top, min(left + self.size, width), min(top + self.size, height)

    def _part(self, index: int, at: Area) -> Image | None:
        """A part that was read alone; None where the whole image has to be decoded for it."""
        image = self.images[index]
        if self.sees is Sees.ALL or index in self._files:
            return None
        # Without a window, what deep pixels look like hangs on the brightness of the whole image.
        part = self._parts.read(
            image.path, image.page, size=(image.width, image.height), at=at,
            deep=image.window is not None,
        )  # fmt: skip
        if part is None:
            return None
        return to_rgb8(part, None if part.dtype == np.uint8 else image.window)

    def _whole(self, index: int) -> Image:
        """An image whose parts will be wanted again; small enough ones stay at hand."""
        found = self._at_hand.get(index)
        if found is None:
            found = resize(self._pixels(index), *self.inner_size(index))
            if found.nbytes <= _AT_HAND // 2:
                self._at_hand.keep(index, found)
        return found

    def read_from(self, index: int, file: Path) -> None:
        """Read an image from a picture, or with all values an array, that has its inner size."""
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
        rgb = self._pixels(index)
        width, height = self.inner_size(index)
        labels = None
        if self._class_ids is not None:
            labels = resize(target_map(image, self._class_ids), width, height, nearest=True)
        return resize(rgb, width, height), labels

    def _pixels(self, index: int) -> Image:
        image, ready = self.images[index], self._files.get(index)
        if ready is not None and self.sees is Sees.ALL:
            # Mapped, so that a crop reads its own rows only.
            how: Literal["r"] | None = "r" if self.fit is Fit.CROP else None
            values: Image = np.load(ready, mmap_mode=how, allow_pickle=False)
            return values
        path, page = (image.path, image.page) if ready is None else (ready, 0)
        return seen(path, page, image.window, sees=self.sees, channels=self.channels)

    def __getstate__(self) -> dict[str, Any]:
        # Readers that are started afresh read for themselves: copying gigabytes takes longer.
        own = {"_kept": [None] * len(self.images), "_parts": None, "_at_hand": None}
        return {**self.__dict__, **own, "keeps": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._parts, self._at_hand = Parts(), Cache(_AT_HAND)

    def statistics(self, *, at_most: int = 500) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation per channel, values scaled to 0 .. 1, over up to `at_most` images."""
        chosen = range(0, len(self), max(len(self) // at_most, 1))
        return self._of_values(chosen) if self.sees is Sees.ALL else self._of_colours(chosen)

    def _of_values(self, chosen: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """One image in memory at a time, summed up around the first one's mean: values may lie far
        from 0 beside what they differ by."""
        around = np.zeros(self.channels)
        sums, squares, count = np.zeros(self.channels), np.zeros(self.channels), 0
        for place, index in enumerate(chosen):
            rows = self.read(index)[0].reshape(-1, self.channels).astype(np.float64)
            if place == 0:
                around = rows.mean(axis=0)
            rows -= around
            sums, squares, count = sums + rows.sum(0), squares + (rows**2).sum(0), count + len(rows)
        mean = sums / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        # A channel that is the same everywhere says nothing, and is left at 0.
        deviation[deviation < 1e-12] = CONSTANT
        return tuple((around + mean).tolist()), tuple(deviation.tolist())

    def _of_colours(self, chosen: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        counts = np.zeros((3, 256), np.int64)
        for index in chosen:
            rgb, _ = self.read(index)
            for channel in range(3):
                histogram = cv2.calcHist([rgb], [channel], None, [256], [0, 256])
                counts[channel] += histogram.ravel().astype(np.int64)
        values = np.arange(256) / 255
        total = counts.sum(axis=1)
        mean = counts @ values / total
        deviation = np.sqrt(np.maximum(counts @ values**2 / total - mean**2, 1e-6))
        return tuple(mean.tolist()), tuple(deviation.tolist())


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

    An item is (pixels (size, size, channels), target, place in the split); the target is a class
    number for classify, or which classes there are (k,) float32, and a (size, size) uint8 label map
    for segment. With CROP an image gives as many items as crops cover its area, at most 64; the
    first is the one that the preview shows.
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
        name = f"{self.split.images[index].id}" + (f"/{nth}" if nth else "")
        seed = item_seed(self.seed, epoch, f"{name}//{again}" if again else name)
        size = self.split.size
        if self.split.fit is Fit.CROP:
            rgb, labels = self.split.cut(index, self.split.crop(index, seed))
        else:
            rgb, labels = self.split.read(index)
        if self.classes is not None:
            if self.augmenter is not None:
                rgb = self.augmenter.apply(rgb, seed=seed).rgb
            return Scene(padded(rgb, size, self.split.fit, value=self.split.fill))
        assert labels is not None  # segment has them
        if self.augmenter is not None:
            rgb, labels = self.augmenter.apply_arrays(rgb, labels, seed=seed, outside=IGNORE)
        return Scene(
            padded(rgb, size, self.split.fit, value=self.split.fill),
            padded(labels, size, self.split.fit, value=IGNORE),
        )


def pieces(split: SplitImages, index: int) -> int:
    """How many crops of an image one epoch takes."""
    if split.fit is not Fit.CROP:
        return 1
    return crops(*split.inner_size(index), split.size)


class JudgedItems(Dataset[tuple[Image, Any, int]]):
    """Images that are judged and never augmented: placed as Preprocessing places them.

    Where crops are classified, each window of an image is an item of its own, of the sides and with
    the padding of the crops that were learned from.
    """

    def __init__(
        self, split: SplitImages, *, classes: Sequence[int] | Sequence[Present] | None
    ) -> None:
        self.split, self.classes = split, classes
        self._items: list[tuple[int, Area | None]] = []
        for index, image in enumerate(split.images):
            if classes is not None and in_windows(Task.CLASSIFY, split.fit):
                own = windows(image.width, image.height, split.size)
                self._items += [(index, area) for area in own]
            else:
                self._items.append((index, None))

    def __len__(self) -> int:
        return len(self._items)

    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of each item."""
        return [self._size(index, area) for index, area in self._items]

    def _size(self, index: int, area: Area | None) -> tuple[int, int]:
        size, image = self.split.size, self.split.images[index]
        if area is not None:
            return size, size
        at = placement_for(image.width, image.height, size=size, fit=self.split.fit)
        return at.input_width, at.input_height

    def __getitem__(self, key: Key) -> tuple[Image, Any, int]:
        _, item, _ = key
        index, area = self._items[item]
        if area is not None:
            assert self.classes is not None  # only classes are told from windows
            part, _ = self.split.cut(index, area)
            return filled_up(part, self.split.size, self.split.fill), self.classes[index], index
        rgb, labels = self.split.read(index)
        image = self.split.images[index]
        at = placement_for(image.width, image.height, size=self.split.size, fit=self.split.fit)
        where = (slice(at.top, at.top + rgb.shape[0]), slice(at.left, at.left + rgb.shape[1]))
        canvas = blank(rgb, at.input_width, at.input_height, self.split.fill)
        canvas[where] = rgb
        if self.classes is not None:
            return canvas, self.classes[index], index
        target = np.full((at.input_height, at.input_width), IGNORE, np.uint8)
        assert labels is not None
        target[where] = labels
        return canvas, target, index


def padded(array: NDArray[Any], size: int, fit: Fit, *, value: Fill = PADDING) -> NDArray[Any]:
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
    if fit is Fit.CROP:
        return filled_up(array, size, value)
    left, top = (size - width) // 2, (size - height) // 2
    canvas = blank(array, size, size, value)
    canvas[top : top + height, left : left + width] = array
    return canvas
