"""Several training images in one: mosaic (Bochkovskiy and others, 2020) and copy-paste (Ghiasi and
others, 2021), for label maps and for objects alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.outlines import clip_shape, scale_shape
from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.masks import Mask, pixels_of
from cvstudio.core.opencv import cv2, resized
from cvstudio.core.recipe import TrainConfig

LabelMap = NDArray[np.uint8]
Pixels = TypeVar("Pixels", bound=NDArray[Any])
_FEWEST = 0.15
"""Share of an object that must be seen for it to stay one."""
_PASTED = 0.5
"""Chance of each object, or class of a label map, to be taken over."""


@dataclass(frozen=True)
class Scene:
    """A training image (s, s, channels) with its label map (s, s), or its objects and their class
    numbers."""

    rgb: NDArray[Any]
    labels: LabelMap | None = None
    objects: tuple[tuple[Shape, int], ...] = ()


class Composer:
    """Composes scenes as a config says; `last` is the last epoch that does."""

    def __init__(self, config: TrainConfig) -> None:
        self.mosaic, self.paste = config.mosaic, config.copy_paste
        self.last = max(config.epochs - config.plain_epochs, 0)

    def works_in(self, epoch: int) -> bool:
        """Whether an epoch (from 1) shows composed images at all."""
        return epoch <= self.last and (self.mosaic > 0 or self.paste > 0)

    def compose(
        self, scene: Scene, other: Callable[[], Scene], random: np.random.Generator
    ) -> Scene:
        """A scene, perhaps with objects of another pasted in, perhaps a quarter of a mosaic."""
        if random.random() < self.paste:
            scene = pasted(scene, other(), random)
        if random.random() < self.mosaic:
            scene = mosaic([scene, other(), other(), other()], random)
        return scene


def mosaic(scenes: list[Scene], random: np.random.Generator) -> Scene:
    """Four scenes of one size side by side, and a window of it as large as one to all four."""
    size = scenes[0].rgb.shape[0]
    side = round(size / random.uniform(0.5, 1.0))
    left, top = (int(random.integers(2 * size - side + 1)) for _ in range(2))
    window, scale = (slice(top, top + side), slice(left, left + side)), size / side

    def laid(parts: list[Pixels]) -> Pixels:
        whole = np.concatenate(
            [np.concatenate(parts[:2], axis=1), np.concatenate(parts[2:], axis=1)]
        )[window]
        way = cv2.INTER_AREA if whole.ndim == 3 else cv2.INTER_NEAREST_EXACT
        return np.ascontiguousarray(resized(whole, size, size, way))  # type: ignore[return-value]

    objects: list[tuple[Shape, int]] = []
    for place, scene in enumerate(scenes):
        right, down = (place % 2) * size, (place // 2) * size
        for shape, number in scene.objects:
            seen = clip_shape(shape, x=left - right, y=top - down, size=(side, side))
            if seen is not None and box_of(seen).area >= _FEWEST * box_of(shape).area:
                objects.append((scale_shape(seen, scale, scale), number))
    labels = [scene.labels for scene in scenes if scene.labels is not None]
    return Scene(
        laid([scene.rgb for scene in scenes]),
        laid(labels) if labels else None,
        tuple(objects),
    )


def pasted(scene: Scene, other: Scene, random: np.random.Generator) -> Scene:
    """A scene with some of the objects (of a label map: classes) of another laid over it."""
    if scene.labels is not None and other.labels is not None:
        present = [int(c) for c in np.unique(other.labels) if 0 < c < 255]
        taken = [c for c in present if random.random() < _PASTED]
        over = np.isin(other.labels, taken)
        return replace(
            scene,
            rgb=np.where(over[..., None], other.rgb, scene.rgb),
            labels=np.where(over, other.labels, scene.labels),
        )
    size = scene.rgb.shape[0]
    painted = np.zeros((size, size), np.uint8)
    new = []
    for shape, number in other.objects:
        mask = pixels_of(shape)
        if mask is not None and random.random() < _PASTED:
            mask.paint(painted, 1)
            new.append((shape, number))
    if not new:
        return scene
    under = [(_uncovered(shape, painted), number) for shape, number in scene.objects]
    kept = [(shape, number) for shape, number in under if shape is not None]
    return Scene(np.where(painted[..., None] > 0, other.rgb, scene.rgb), None, (*kept, *new))


def _uncovered(shape: Shape, over: NDArray[np.uint8]) -> Shape:
    """What is left of an outline or mask under what was pasted; None when that is too little."""
    mask = pixels_of(shape)
    if mask is None:
        return shape
    whole = mask.full(*over.shape)
    left = np.where(over > 0, 0, whole).astype(np.uint8)
    seen = int(left.sum())
    if seen == int(whole.sum()):
        return shape
    return Mask.from_patch(left) if seen >= _FEWEST * whole.sum() else None
