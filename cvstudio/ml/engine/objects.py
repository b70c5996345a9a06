"""Images with objects as ultralytics' losses and validators want them, without label files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from cvstudio.augment.view import item_seed, training_shapes
from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, rasterise
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.snapshot import SnapshotAnnotation
from cvstudio.ml.composing import Composer, Scene
from cvstudio.ml.data import Key, SplitImages, padded
from cvstudio.ml.preprocess import Image

if TYPE_CHECKING:
    from cvstudio.augment.build import Augmenter

_MASK_STEP = 4
"""Pixels of the input per cell of the masks that the loss compares."""
_SMALLEST = 1.0

Item = dict[str, Any]


class ObjectItems(Dataset[Item]):
    """A split's images with their objects; augmented and composed while training.

    `labels` holds the classes per image, which is what ultralytics reads of a data set itself.
    """

    def __init__(
        self,
        split: SplitImages,
        annotations: Sequence[Sequence[SnapshotAnnotation]],
        *,
        index: dict[int, int],
        masks: bool,
        augmenter: Augmenter | None = None,
        seed: int = 0,
        composer: Composer | None = None,
    ) -> None:
        self.split, self.masks = split, masks
        self.augmenter, self.composer, self.seed = augmenter, composer, seed
        self.labels: list[dict[str, NDArray[np.float32]]] = []
        self._shapes: list[list[Shape]] = []
        for image, own in zip(split.images, annotations, strict=True):
            _, shapes = training_shapes(
                (image.width, image.height), [a.shape for a in own],
                size=split.size, fit=split.fit, seed=0,
            )  # fmt: skip
            self._shapes.append(shapes)
            classes = np.array([index[a.class_id] for a in own], np.float32)
            self.labels.append({"cls": classes.reshape(-1, 1)})

    def __len__(self) -> int:
        return len(self.split)

    def classes(self) -> list[frozenset[int]]:
        """The classes that occur in each image."""
        return [frozenset(map(int, own["cls"][:, 0])) for own in self.labels]

    def __getitem__(self, key: Key) -> Item:
        epoch, index, again = key
        scene = self._scene(key)
        if self.composer is not None and self.composer.works_in(epoch):
            draw = np.random.default_rng(item_seed(self.seed, epoch, f"compose/{index}/{again}"))
            scene = self.composer.compose(scene, lambda: self._another(epoch, draw), draw)
        return self._item(scene.rgb, scene.objects, index)

    def _another(self, epoch: int, draw: np.random.Generator) -> Scene:
        return self._scene((epoch, int(draw.integers(len(self))), 0))

    def _scene(self, key: Key) -> Scene:
        """An image, augmented, with the network's sides, and its objects."""
        epoch, index, again = key
        rgb, _ = self.split.read(index)
        shapes: Sequence[Shape] = self._shapes[index]
        if self.augmenter is not None:
            name = f"{self.split.images[index].id}" + (f"//{again}" if again else "")
            variant = self.augmenter.apply(rgb, shapes, seed=item_seed(self.seed, epoch, name))
            rgb, shapes = variant.rgb, variant.shapes
        shapes = [_inside(shape, rgb.shape[1], rgb.shape[0]) for shape in shapes]
        size = self.split.size
        left, top = (size - rgb.shape[1]) // 2, (size - rgb.shape[0]) // 2
        classes = self.labels[index]["cls"][:, 0]
        objects = tuple(
            (moved(shape, left, top), int(c)) for shape, c in zip(shapes, classes, strict=True)
            if shape is not None
        )  # fmt: skip
        return Scene(padded(rgb, size, self.split.fit), None, objects)

    def _item(self, rgb: Image, objects: Sequence[tuple[Shape, int]], index: int) -> Item:
        size = self.split.size
        kept = []
        for shape, number in objects:
            box = box_of(shape).clipped(size, size)
            if box.w >= _SMALLEST and box.h >= _SMALLEST:
                kept.append((shape, number, box))
        if self.masks:  # large ones first, so that small ones lie on top where they overlap
            kept.sort(key=lambda item: -item[2].area)
        boxes = np.array(
            [((b.x + b.w / 2) / size, (b.y + b.h / 2) / size, b.w / size, b.h / size)
             for _, _, b in kept], np.float32,
        ).reshape(-1, 4)  # fmt: skip
        classes = np.array([number for _, number, _ in kept], np.float32)
        image = self.split.images[index]
        width, height = self.split.inner_size(index)
        item: Item = {
            "img": torch.from_numpy(rgb),
            "cls": torch.from_numpy(classes).view(-1, 1),
            "bboxes": torch.from_numpy(boxes),
            "batch_idx": torch.zeros(len(kept)),
            "im_file": str(image.path),
            "place": index,
            "ori_shape": (image.height, image.width),
            "resized_shape": (size, size),
            "ratio_pad": (
                (height / image.height, width / image.width),
                ((size - width) // 2, (size - height) // 2),
            ),
        }
        if self.masks:
            item |= _mask_maps([shape for shape, _, _ in kept], classes, size)
        return item


def _inside(shape: Shape, width: int, height: int) -> Shape:
    """A rotated box as the upright box around it: its corners may stand out of the image, and
    nothing is to be learned from padding."""
    if not isinstance(shape, RotatedBox):
        return shape
    inside = shape.box.clipped(width, height)
    return inside if inside.area > 0 else None


def moved(shape: Shape, left: int, top: int) -> Shape:
    """A shape that many pixels further right and down."""
    match shape:
        case Box() | RotatedBox() | Polygon() | Mask() | Keypoints():
            return shape.moved(left, top)
        case None:
            return None


def _mask_maps(shapes: Sequence[Shape], classes: NDArray[np.float32], size: int) -> Item:
    """One map of object numbers (1, h, w), 0 for none, and one of their classes (h, w)."""
    side = size // _MASK_STEP
    numbers = np.zeros((side, side), np.int32)
    for number, shape in enumerate(shapes, start=1):
        numbers[_cells(shape, size, side)] = number
    semantic = np.append(classes, 0).astype(np.float32)[numbers - 1]
    return {
        "masks": torch.from_numpy(numbers)[None],
        "sem_masks": torch.from_numpy(np.where(numbers > 0, semantic, 0).astype(np.float32)),
    }


def _cells(shape: Shape, size: int, side: int) -> NDArray[np.bool_]:
    """The cells of a (side, side) map that a shape covers to at least a half; never none."""
    if isinstance(shape, Mask):
        full = shape.full(size, size)
    elif isinstance(shape, Polygon):
        full = rasterise(shape, x=0, y=0, width=size, height=size)
    else:
        full = np.zeros((size, size), np.uint8)
    shares = cv2.resize(full.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    covered = shares >= 0.5
    return covered if covered.any() else shares >= max(float(shares.max()), 1e-6)


def collated(items: list[Item], *, channels_last: bool) -> Item:
    """A batch of items: images and maps stacked, objects in one list with their image's place.

    Images become (n, 3, h, w); with channels last in memory where that is faster.
    """
    batch: Item = {}
    for name in items[0]:
        values = [item[name] for item in items]
        if name == "img":
            images = torch.stack(values).permute(0, 3, 1, 2)
            batch[name] = images if channels_last else images.contiguous()
        elif name == "sem_masks":
            batch[name] = torch.stack(values)
        elif name in ("masks", "bboxes", "cls"):
            batch[name] = torch.cat(values)
        elif name == "batch_idx":
            batch[name] = torch.cat([value + place for place, value in enumerate(values)])
        else:
            batch[name] = values
    return batch
