"""Images with objects as ultralytics' losses and validators want them, without label files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from cvstudio.augment.outlines import clip_shape
from cvstudio.augment.view import item_seed, training_shapes
from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.forms import BOXES, Answers, Form
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, rasterise
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Fit
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.rotated_overlap import rows_of
from cvstudio.core.skeleton import mirrored_places, rearranged
from cvstudio.core.snapshot import SnapshotAnnotation
from cvstudio.ml.composing import Composer, Scene
from cvstudio.ml.data import Key, SplitImages, padded, pieces
from cvstudio.ml.handover import Stack, stack
from cvstudio.ml.preprocess import Image, blank, placement_for
from cvstudio.ml.tiles import OBJECT_MARGIN, Tile, is_large, tiles_of

if TYPE_CHECKING:
    from cvstudio.augment.build import Augmenter

_MASK_STEP = 4
"""Pixels of the input per cell of the masks that the loss compares."""
_SMALLEST = 1.0
_ENOUGH = 0.3
"""Share of an object's box that must lie in a crop for it to be learned there."""

Item = dict[str, Any]


class ObjectItems(Dataset[Item]):
    """A split's images with their objects; with `training` augmented, composed and cut in crops.

    With CROP an image gives as many items to training as crops cover its area; judged it is one
    item, whole, or one for each tile where it is large. `labels` holds the classes per image, which
    is what ultralytics reads of a data set itself. `form` is what the network answers with:
    annotations have shapes of that kind (forms.learned).
    """

    def __init__(
        self,
        split: SplitImages,
        annotations: Sequence[Sequence[SnapshotAnnotation]],
        *,
        index: dict[int, int],
        masks: bool = False,
        form: Form = BOXES,
        augmenter: Augmenter | None = None,
        seed: int = 0,
        composer: Composer | None = None,
        training: bool = False,
    ) -> None:
        self.split, self.masks, self.training = split, masks, training
        self.form = form
        self._mirrored = mirrored_places(form.skeleton) if form.skeleton is not None else ()
        self.augmenter, self.composer, self.seed = augmenter, composer, seed
        self.labels: list[dict[str, NDArray[np.float32]]] = []
        self._shapes: list[list[Shape]] = []
        for image, own in zip(split.images, annotations, strict=True):
            shapes = [a.shape for a in own]
            if split.fit is not Fit.CROP:
                _, shapes = training_shapes(
                    (image.width, image.height), shapes, size=split.size, fit=split.fit, seed=0
                )
            self._shapes.append(shapes)
            classes = np.array([index[a.class_id] for a in own], np.float32)
            self.labels.append({"cls": classes.reshape(-1, 1)})
        self._items: list[tuple[int, int | Tile]] = []
        for place in range(len(split)):
            self._items += [(place, piece) for piece in self._pieces(place)]

    def _pieces(self, index: int) -> Sequence[int | Tile]:
        if self.training:
            return range(pieces(self.split, index))
        width, height = self.split.inner_size(index)
        if self.split.fit is Fit.CROP and is_large(width, height):
            return list(tiles_of(width, height, margin=OBJECT_MARGIN))
        return [0]

    def __len__(self) -> int:
        return len(self._items)

    def classes(self) -> list[frozenset[int]]:
        """The classes that occur in the image of each item."""
        return [frozenset(map(int, self.labels[index]["cls"][:, 0])) for index, _ in self._items]

    def input_sizes(self) -> list[tuple[int, int]]:
        """Width and height of each item as the network sees it."""
        return [self._canvas(item) for item in range(len(self))]

    def _canvas(self, item: int) -> tuple[int, int]:
        index, piece = self._items[item]
        size = self.split.size
        if self.training or self.split.fit is not Fit.CROP:
            return size, size
        width, height = self.split.inner_size(index)
        if isinstance(piece, Tile):
            width = piece.seen.right - piece.seen.left
            height = piece.seen.bottom - piece.seen.top
        at = placement_for(width, height, size=size, fit=Fit.CROP)
        return at.input_width, at.input_height

    def __getitem__(self, key: Key) -> Item:
        epoch, item, again = key
        scene = self._scene(key)
        if self.composer is not None and self.composer.works_in(epoch):
            draw = np.random.default_rng(item_seed(self.seed, epoch, f"compose/{item}/{again}"))
            scene = self.composer.compose(scene, lambda: self._another(epoch, draw), draw)
        return self._as_item(scene, item)

    def _another(self, epoch: int, draw: np.random.Generator) -> Scene:
        return self._scene((epoch, int(draw.integers(len(self))), 0))

    def _scene(self, key: Key) -> Scene:
        """What the network sees of an image, augmented while training, and the objects there."""
        epoch, item, again = key
        index, piece = self._items[item]
        name = str(self.split.images[index].id)
        if isinstance(piece, int) and piece:
            name += f"/{piece}"
        seed = item_seed(self.seed, epoch, f"{name}//{again}" if again else name)
        rgb, shapes = self._view(index, piece, seed)
        if self.augmenter is not None:
            variant = self.augmenter.apply(rgb, shapes, seed=seed)
            rgb = variant.rgb
            shapes = [
                self._changed_sides(shape) if mirrored else shape
                for shape, mirrored in zip(variant.shapes, variant.mirrored, strict=True)
            ]
        turned = self.form.answers is Answers.ROTATED
        shapes = [_inside(s, rgb.shape[1], rgb.shape[0], turned=turned) for s in shapes]
        width, height = self._canvas(item)
        if self.training or self.split.fit is not Fit.CROP:
            left, top = (0, 0)
            if self.split.fit is not Fit.CROP:
                left, top = (width - rgb.shape[1]) // 2, (height - rgb.shape[0]) // 2
            canvas = padded(rgb, self.split.size, self.split.fit, value=self.split.fill)
        else:
            left = top = 0
            canvas = blank(rgb, width, height, self.split.fill)
            canvas[: rgb.shape[0], : rgb.shape[1]] = rgb
        classes = self.labels[index]["cls"][:, 0]
        objects = tuple(
            (moved(shape, left, top), int(c)) for shape, c in zip(shapes, classes, strict=True)
            if shape is not None
        )  # fmt: skip
        return Scene(canvas, None, objects)

    def _changed_sides(self, shape: Shape) -> Shape:
        """Keypoints seen in a mirror, in which the left hand has become a right one."""
        if not isinstance(shape, Keypoints) or len(shape.points) != len(self._mirrored):
            return shape
        return rearranged(shape, self._mirrored)

    def _view(self, index: int, piece: int | Tile, seed: int) -> tuple[Image, Sequence[Shape]]:
        """The part of an image that an item shows, and the objects of which enough lies in it."""
        shapes: Sequence[Shape] = self._shapes[index]
        if isinstance(piece, Tile):
            seen = piece.seen
            size = (seen.right - seen.left, seen.bottom - seen.top)
            cut = [clip_shape(shape, x=seen.left, y=seen.top, size=size) for shape in shapes]
            part, _ = self.split.cut(index, (seen.left, seen.top, seen.right, seen.bottom))
            return part, _enough(cut, shapes)
        if not self.training or self.split.fit is not Fit.CROP:
            return self.split.read(index)[0], shapes
        part, _ = self.split.cut(index, self.split.crop(index, seed))
        _, cut = training_shapes(
            self.split.inner_size(index), shapes, size=self.split.size, fit=Fit.CROP, seed=seed
        )
        return part, _enough(cut, shapes)

    def _as_item(self, scene: Scene, item: int) -> Item:
        height, width = scene.rgb.shape[:2]
        kept = []
        for shape, number in scene.objects:
            box = box_of(shape).clipped(width, height)
            if box.w >= _SMALLEST and box.h >= _SMALLEST:
                kept.append((shape, number, box))
        if self.masks:  # large ones first, so that small ones lie on top where they overlap
            kept.sort(key=lambda one: -one[2].area)
        if self.form.answers is Answers.ROTATED:
            boxes = _rotated_rows([shape for shape, _, _ in kept], width, height)
        else:
            boxes = np.array(
                [((b.x + b.w / 2) / width, (b.y + b.h / 2) / height, b.w / width, b.h / height)
                 for _, _, b in kept], np.float32,
            ).reshape(-1, 4)  # fmt: skip
        classes = np.array([number for _, number, _ in kept], np.float32)
        found: Item = {
            "img": torch.from_numpy(scene.rgb),
            "cls": torch.from_numpy(classes).view(-1, 1),
            "bboxes": torch.from_numpy(boxes),
            "batch_idx": torch.zeros(len(kept)),
            **self._names(item, width, height),
        }
        if self.masks:
            found |= _mask_maps([shape for shape, _, _ in kept], classes, width, height)
        if self.form.answers is Answers.KEYPOINTS:
            shares = (width, height, 1.0)
            points = [shape.points / shares for shape, _, _ in kept if isinstance(shape, Keypoints)]
            array = np.array(points, np.float32).reshape(-1, self.form.points, 3)
            found["keypoints"] = torch.from_numpy(array * (array[..., 2:] > 0))
        return found

    def _names(self, item: int, width: int, height: int) -> Item:
        """Where an item comes from and how it was scaled, as ultralytics' validator asks for it.

        `place` is that of the image in its split; -1 for a part of one.
        """
        index, piece = self._items[item]
        image = self.split.images[index]
        names: Item = {
            "im_file": str(image.path),
            "place": -1 if isinstance(piece, Tile) else index,
            "resized_shape": (height, width),
        }
        if self.split.fit is Fit.CROP:
            return names | {"ori_shape": (height, width), "ratio_pad": ((1.0, 1.0), (0, 0))}
        inner_width, inner_height = self.split.inner_size(index)
        return names | {
            "ori_shape": (image.height, image.width),
            "ratio_pad": (
                (inner_height / image.height, inner_width / image.width),
                ((width - inner_width) // 2, (height - inner_height) // 2),
            ),
        }


def _enough(cut: Sequence[Shape], whole: Sequence[Shape]) -> list[Shape]:
    """Parts of objects; None for those of which too little is there to be called one."""
    return [
        part if part is not None and box_of(part).area >= _ENOUGH * box_of(full).area else None
        for part, full in zip(cut, whole, strict=True)
    ]


def _rotated_rows(shapes: Sequence[Shape], width: int, height: int) -> NDArray[np.float32]:
    """Rotated boxes (n, 5) as shares of the input, with the angle in radians from 0 to a quarter
    turn: the same rectangle can be told in four ways, and ultralytics' networks know that one."""
    boxes = [shape.told_near(45.0) for shape in shapes if isinstance(shape, RotatedBox)]
    found = rows_of(boxes)
    found[:, :4] /= (width, height, width, height)
    return found.astype(np.float32)


def _inside(shape: Shape, width: int, height: int, *, turned: bool) -> Shape:
    """A rotated box, or the upright box around it where the network answers with such, as far as
    it lies in the image: nothing is to be learned from padding."""
    if not isinstance(shape, RotatedBox):
        return shape
    if turned:
        return shape.clipped(width, height)
    inside = shape.box.clipped(width, height)
    return inside if inside.area > 0 else None


def moved(shape: Shape, left: int, top: int) -> Shape:
    """A shape that many pixels further right and down."""
    match shape:
        case Box() | RotatedBox() | Polygon() | Mask() | Keypoints():
            return shape.moved(left, top)
        case None:
            return None


def _mask_maps(
    shapes: Sequence[Shape], classes: NDArray[np.float32], width: int, height: int
) -> Item:
    """One map of object numbers (1, h, w), 0 for none, and one of their classes (h, w)."""
    numbers = np.zeros((height // _MASK_STEP, width // _MASK_STEP), np.int32)
    for number, shape in enumerate(shapes, start=1):
        numbers[_cells(shape, width, height)] = number
    semantic = np.append(classes, 0).astype(np.float32)[numbers - 1]
    return {
        "masks": torch.from_numpy(numbers)[None],
        "sem_masks": torch.from_numpy(np.where(numbers > 0, semantic, 0).astype(np.float32)),
    }


def _cells(shape: Shape, width: int, height: int) -> NDArray[np.bool_]:
    """The cells of a map a quarter as large that a shape covers to at least a half; never none."""
    if isinstance(shape, Mask):
        full = shape.full(height, width)
    elif isinstance(shape, Polygon):
        full = rasterise(shape, x=0, y=0, width=width, height=height)
    else:
        full = np.zeros((height, width), np.uint8)
    cells = (width // _MASK_STEP, height // _MASK_STEP)
    shares = cv2.resize(full.astype(np.float32), cells, interpolation=cv2.INTER_AREA)
    covered = shares >= 0.5
    return covered if covered.any() else shares >= max(float(shares.max()), 1e-6)


def collated(items: list[Item], stack: Stack = stack, *, channels_last: bool) -> Item:
    """A batch of items: images and maps stacked, objects in one list with their image's place.

    Images become (n, channels, h, w); with channels last in memory where that is faster.
    """
    batch: Item = {}
    for name in items[0]:
        values = [item[name] for item in items]
        if name == "img":
            images = stack(values).permute(0, 3, 1, 2)
            batch[name] = images if channels_last else images.contiguous()
        elif name == "sem_masks":
            batch[name] = stack(values)
        elif name == "masks":
            batch[name] = stack([value[0] for value in values])
        elif name in ("bboxes", "cls", "keypoints"):
            batch[name] = torch.cat(values)
        elif name == "batch_idx":
            batch[name] = torch.cat([value + place for place, value in enumerate(values)])
        else:
            batch[name] = values
    return batch
