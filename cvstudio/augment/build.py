"""From a pipeline to variants: the one code that the preview shows and that every engine trains.

albumentations moves and colours the pixels (parts.py). The coordinates of shapes are carried along
here (carried.py), from the parameters that each transform drew, so that holes and parts survive,
boxes stay as tight as their corners allow, and what has left the image once does not come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cvstudio.augment.carried import (
    Carried,
    LabelMap,
    Outcome,
    carried,
    carry,
    outcome_of,
    painted,
    shape_of,
)
from cvstudio.augment.catalogue import validate
from cvstudio.augment.parts import Boxes, Part, parts_of
from cvstudio.augment.view import Image
from cvstudio.core.annotation import Shape
from cvstudio.core.opencv import cv2
from cvstudio.core.pipeline import Item

__all__ = ["Augmenter", "LabelMap", "Outcome", "Variant", "background", "build"]


@dataclass(frozen=True)
class Variant:
    """One augmented image, with `shapes` in the order given.

    A shape is None where the object was lost (or had none). `shares` holds the visible part of
    each object, 0 to 1. `caption` says what was drawn: "rotate −21°, darker 17 %". `mirrored` says
    of which keypoints the left ones are the right ones now; they are as they were labelled.
    """

    rgb: Image
    shapes: tuple[Shape, ...]
    shares: tuple[float, ...]
    outcomes: tuple[Outcome, ...]
    caption: str
    mirrored: tuple[bool, ...] = ()


class Augmenter:
    """A pipeline ready to run. Keeps no state between calls; may be sent to other processes.

    One thread at a time may use it.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = tuple(items)
        self._parts = parts_of(self.items)

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.items,)

    def apply(self, rgb: Image, shapes: Sequence[Shape] = (), *, seed: int) -> Variant:
        """One variant of an image (h, w, 3) uint8 RGB and its shapes.

        An image may also be (h, w, c) float32 from 0 to 1, with any number of channels; steps that
        cannot run on it raise ConfigError (see unable.cannot_run).

        The result has the same size, or height and width swapped after a quarter turn. The same
        seed gives the same variant; the draws of one step do not depend on the other steps.
        """
        height, width = rgb.shape[:2]
        objects = [carried(shape) for shape in shapes]
        layers = painted(objects, height, width)
        rgb, layers, captions = self._run(rgb, layers, objects, seed)
        return _variant(rgb, objects, layers, captions)

    def apply_arrays(
        self, rgb: Image, label_map: LabelMap, *, seed: int, outside: int = 0
    ) -> tuple[Image, LabelMap]:
        """The same variant of an image, and of a label map (h, w) uint8 or uint16.

        Labels are moved without mixing. Pixels from outside the image become `outside`.
        """
        variant, labels = self.apply_labels(rgb, label_map, seed=seed, outside=outside)
        return variant.rgb, labels

    def apply_labels(
        self,
        rgb: Image,
        label_map: LabelMap,
        shapes: Sequence[Shape] = (),
        *,
        seed: int,
        outside: int = 0,
    ) -> tuple[Variant, LabelMap]:
        """As apply_arrays, and what becomes of the shapes that were painted into the label map.

        The variant's `shapes` are None throughout: the label map has their pixels.
        """
        objects = [carried(shape) for shape in shapes]
        shift = 1 if outside else 0
        layer = label_map.astype(np.uint16) + shift
        unlabelled = {shift, outside + shift}
        rgb, layers, captions = self._run(rgb, [layer], objects, seed, unlabelled=unlabelled)
        result = layers[0]
        if outside:
            result = np.where(result == 0, outside, result - 1)
        variant = Variant(
            rgb=rgb,
            shapes=(None,) * len(objects),
            shares=tuple(item.share for item in objects),
            outcomes=tuple(outcome_of(item, item.ring is not None) for item in objects),
            caption=_joined(captions),
        )
        return variant, result.astype(label_map.dtype)

    def trial(self, size: tuple[int, int], shapes: Sequence[Shape], *, seed: int) -> list[Outcome]:
        """What would become of each shape on an image of (width, height), without any pixels."""
        objects = [carried(shape) for shape in shapes]
        for _ in self.trial_steps(size, objects, seed=seed):
            pass
        return [outcome_of(item, item.ring is not None or item.shape is None) for item in objects]

    def losses(
        self, size: tuple[int, int], shapes: Sequence[Shape], *, seed: int
    ) -> dict[tuple[int, ...], int]:
        """How many shapes each step loses in the same trial, by the step's place."""
        objects = [carried(shape) for shape in shapes]
        there = sum(item.ring is not None for item in objects)
        found: dict[tuple[int, ...], int] = {}
        for part in self.trial_steps(size, objects, seed=seed):
            left = sum(item.ring is not None for item in objects)
            found[part.place] = found.get(part.place, 0) + there - left
            there = left
        return {place: count for place, count in found.items() if count}

    def trial_steps(
        self, size: tuple[int, int], objects: Sequence[Carried], *, seed: int
    ) -> Iterator[Part]:
        """Carry objects through the steps that move or hide, and tell each step that did."""
        width, height = size
        blank = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
        for part in self._acting(seed):
            if not (part.record.geometric or part.record.hides):
                continue
            boxes = _boxes_of(objects, blank.shape) if part.record.sees else None
            drawn = part.draw(blank, boxes)
            carry(part.record, part.values, drawn, objects, (blank.shape[0], blank.shape[1]))
            height, width = part.size_after(drawn)
            blank = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
            yield part

    def _acting(self, seed: int) -> Iterator[Part]:
        for part in self._parts:
            yield from part.acting(seed)

    def _run(
        self,
        rgb: Image,
        layers: list[LabelMap],
        objects: list[Carried],
        seed: int,
        *,
        unlabelled: set[int] | None = None,
    ) -> tuple[Image, list[LabelMap], list[str]]:
        """`unlabelled`: the layer is a label map in which these numbers are no object."""
        rgb = np.ascontiguousarray(rgb)
        fill: tuple[float, ...] | None = None
        captions = []
        for part in self._acting(seed):
            if part.record.filled and part.values["border"] == "background":
                fill = fill or background(rgb)
                part.fill(rgb, fill)
            boxes = None
            if part.record.sees:
                boxes = (
                    _boxes_of(objects, rgb.shape)
                    if unlabelled is None
                    else _boxes_in(layers[0], unlabelled)
                )
            drawn = part.draw(rgb, boxes)
            before = rgb.shape
            rgb = part.image(rgb, drawn)
            if part.record.geometric:
                layers = [part.layer(layer, drawn) for layer in layers]
            carry(part.record, part.values, drawn, objects, (before[0], before[1]))
            if part.record.caption:
                captions.append(part.record.caption(part.values, drawn))
        return np.ascontiguousarray(rgb), layers, captions


def build(items: Sequence[Item]) -> Augmenter:
    """A pipeline ready to run, in the order of its steps. Raises ConfigError with what is wrong."""
    validate(items)
    return Augmenter(items)


def _boxes_of(objects: Sequence[Carried], shape: tuple[int, ...]) -> Boxes:
    """Where the objects lie that are still there."""
    height, width = shape[:2]
    boxes = [item.ring.box.clipped(width, height) for item in objects if item.ring is not None]
    found = [(b.x, b.y, b.right, b.bottom) for b in boxes if b.area > 0]
    corners = np.asarray(found, np.float32).reshape(-1, 4)
    return np.asarray(corners / (width, height, width, height), np.float32)


def _boxes_in(layer: LabelMap, unlabelled: set[int]) -> Boxes:
    """Where objects lie in a label map: pixels of any class that hang together are one.

    Training has no shapes for segment, only the label map; so the preview looks at it too.
    """
    height, width = layer.shape
    inside = np.isin(layer, [0, *unlabelled], invert=True).astype(np.uint8)
    _count, _labels, stats, _centres = cv2.connectedComponentsWithStats(inside)
    x, y, w, h = (stats[1:, column].astype(np.float32) for column in range(4))
    corners = np.stack([x, y, x + w, y + h], axis=1)
    return np.asarray(corners / (width, height, width, height), np.float32)


def background(rgb: Image) -> tuple[float, ...]:
    """The colour of an image's background: the median of its outermost pixels."""
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    median = np.median(edge, axis=0)
    return tuple(int(v) for v in median) if rgb.dtype == np.uint8 else tuple(map(float, median))


def _variant(
    rgb: Image, objects: Sequence[Carried], layers: Sequence[LabelMap], captions: Sequence[str]
) -> Variant:
    shapes: list[Shape] = []
    outcomes = []
    for index, item in enumerate(objects):
        shape = shape_of(item, index, layers, (rgb.shape[1], rgb.shape[0]))
        outcome = outcome_of(item, shape is not None or item.shape is None)
        lost = outcome in (Outcome.LOST, Outcome.DEGENERATE)
        shapes.append(None if lost else shape)
        outcomes.append(outcome)
    return Variant(
        rgb=rgb,
        shapes=tuple(shapes),
        shares=tuple(item.share for item in objects),
        outcomes=tuple(outcomes),
        caption=_joined(captions),
        mirrored=tuple(item.mirrored for item in objects),
    )


def _joined(captions: Sequence[str]) -> str:
    words = [caption for caption in captions if caption]
    if "flipped" in words and "upside down" in words:
        first = min(words.index("flipped"), words.index("upside down"))
        words[first] = "both flips"
        words = [word for word in words if word not in ("flipped", "upside down")]
    return ", ".join(words) or "unchanged"
