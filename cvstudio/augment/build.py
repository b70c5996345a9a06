"""From a pipeline to variants: the one code that the preview shows and that every engine trains.

albumentations moves and colours the pixels. The coordinates of shapes are carried along here,
from the parameters that each transform drew, so that holes and parts survive, boxes stay as tight
as their corners allow, and what has left the image once does not come back.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.catalogue import transform, validate, values
from cvstudio.augment.fields import Points as How
from cvstudio.augment.fields import Transform, Values
from cvstudio.augment.moves import mover, size_after
from cvstudio.augment.outlines import clipped, corners, densified, hull, moved_all
from cvstudio.augment.view import Image
from cvstudio.core.annotation import Shape
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.pipeline import Step
from cvstudio.core.rotated import RotatedBox

# albumentations asks PyPI for a newer version when it is imported, unless told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations

LabelMap = NDArray[Any]
"""Shape (h, w), whole numbers."""

_SMALLEST = 1.0
"""A box with a side under that many pixels is degenerate."""


class Outcome(StrEnum):
    """What became of an object."""

    WHOLE = "whole"
    CUT = "cut"
    LOST = "lost"
    DEGENERATE = "degenerate"


@dataclass(frozen=True)
class Variant:
    """One augmented image, with `shapes` in the order given.

    A shape is None where the object was lost (or had none). `shares` holds the visible part of
    each object, 0 to 1. `caption` says what was drawn: "rotate −21°, darker 17 %".
    """

    rgb: Image
    shapes: tuple[Shape, ...]
    shares: tuple[float, ...]
    outcomes: tuple[Outcome, ...]
    caption: str


@dataclass
class _Object:
    """A shape on its way through the pipeline; `ring` is None once it is lost."""

    shape: Shape
    ring: Polygon | None
    share: float = 1.0
    hidden: float = 0.0
    layer: int = -1
    points: Points | None = None
    """Where keypoints that have a place are by now."""


class Augmenter:
    """A pipeline ready to run. Keeps no state between calls; may be sent to other processes."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self._parts = _parts(self.steps)

    def __reduce__(self) -> tuple[Any, ...]:
        return build, (self.steps,)

    def apply(self, rgb: Image, shapes: Sequence[Shape] = (), *, seed: int) -> Variant:
        """One variant of an image (h, w, 3) uint8 RGB and its shapes.

        The result has the same size, or height and width swapped after a quarter turn. The same
        seed gives the same variant; the draws of one step do not depend on the other steps.
        """
        height, width = rgb.shape[:2]
        objects = [_object(shape) for shape in shapes]
        layers = _paint(objects, height, width)
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
        objects = [_object(shape) for shape in shapes]
        shift = 1 if outside else 0
        layer = label_map.astype(np.uint16) + shift
        rgb, layers, captions = self._run(rgb, [layer], objects, seed)
        result = layers[0]
        if outside:
            result = np.where(result == 0, outside, result - 1)
        variant = Variant(
            rgb=rgb,
            shapes=(None,) * len(objects),
            shares=tuple(item.share for item in objects),
            outcomes=tuple(_outcome(item, item.ring is not None) for item in objects),
            caption=_joined(captions),
        )
        return variant, result.astype(label_map.dtype)

    def trial(self, size: tuple[int, int], shapes: Sequence[Shape], *, seed: int) -> list[Outcome]:
        """What would become of each shape on an image of (width, height), without any pixels."""
        width, height = size
        objects = [_object(shape) for shape in shapes]
        blank = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
        for part in self._parts:
            if not (part.record.geometric or part.record.hides):
                continue
            if not part.starts(seed):
                continue
            drawn = part.draw(blank)
            _carry(part, drawn, objects, blank.shape)
            height, width = size_after(part.record.points, drawn)
            blank = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
        return [_outcome(item, item.ring is not None or item.shape is None) for item in objects]

    def _run(
        self, rgb: Image, layers: list[LabelMap], objects: list[_Object], seed: int
    ) -> tuple[Image, list[LabelMap], list[str]]:
        rgb = np.ascontiguousarray(rgb)
        fill: tuple[int, ...] | None = None
        captions = []
        for part in self._parts:
            if not part.starts(seed):
                continue
            if part.record.filled and part.values["border"] == "background":
                fill = fill or background(rgb)
                part.fill(rgb.shape, fill)
            drawn = part.draw(rgb)
            before = rgb.shape
            rgb = part.image(rgb, drawn)
            if part.record.geometric:
                layers = [part.layer(layer, drawn) for layer in layers]
            _carry(part, drawn, objects, before)
            if part.record.caption:
                captions.append(part.record.caption(part.values, drawn))
        return np.ascontiguousarray(rgb), layers, captions


class _Part:
    """One enabled step: its record, its values, and the albumentations object that runs it."""

    def __init__(self, step: Step, nth: int) -> None:
        self.record: Transform = transform(step.transform)
        self.values: Values = values(step)
        self.chance = step.chance
        self.key = f"{step.transform}/{nth}"
        self._made: dict[tuple[int, int] | None, Any] = {}
        self._seed = 0

    def starts(self, seed: int) -> bool:
        """Draw whether the step acts, and prepare its own random numbers."""
        rng = random.Random(f"{seed}/{self.key}")
        acts = rng.random() < self.chance
        self._seed = rng.getrandbits(32)
        return acts

    def draw(self, rgb: Image) -> dict[str, Any]:
        """The parameters of this variant, from the step's seed and the image."""
        tool = self._tool(rgb.shape)
        tool.set_random_seed(self._seed)
        drawn = tool.update_transform_params(params=tool.get_params(), data={"image": rgb})
        drawn.update(tool.get_params_dependent_on_data(params=drawn, data={"image": rgb}))
        return dict(drawn)

    def image(self, rgb: Image, drawn: Mapping[str, Any]) -> Image:
        """The image after the step."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "the image is already gray" and the like
            result = self._tool(rgb.shape).apply_with_params(drawn, image=rgb)["image"]
        return np.asarray(result, np.uint8)

    def layer(self, layer: LabelMap, drawn: Mapping[str, Any]) -> LabelMap:
        """A label map after the step; labels are not mixed, and 0 comes in from outside."""
        tool = self._tool(layer.shape)
        return np.asarray(tool.apply_with_params(drawn, mask=layer)["mask"])

    def fill(self, shape: tuple[int, ...], colour: tuple[int, ...]) -> None:
        """Set the colour of pixels from outside the image."""
        self._tool(shape).fill = colour

    def _tool(self, shape: tuple[int, ...]) -> Any:
        size = (int(shape[0]), int(shape[1])) if self.record.sized else None
        if size not in self._made:
            arguments = self.record.arguments(self.values)
            if size is not None:
                arguments = {**arguments, **_sized(arguments, size)}
            maker = getattr(albumentations, self.record.target)
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # an argument that the library ignores is a fault
                self._made[size] = maker(**arguments, p=1.0)
        return self._made[size]


def _sized(arguments: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    height, width = size
    low, high = arguments["ratio"]
    return {"size": size, "ratio": (low * width / height, high * width / height)}


def build(steps: Sequence[Step]) -> Augmenter:
    """A pipeline ready to run, in the order of its steps. Raises ConfigError with what is wrong."""
    validate(steps)
    return Augmenter(steps)


def _parts(steps: Sequence[Step]) -> list[_Part]:
    parts: list[_Part] = []
    counts: dict[str, int] = {}
    for step in steps:
        nth = counts[step.transform] = counts.get(step.transform, 0) + 1
        if step.enabled and step.chance > 0:
            parts.append(_Part(step, nth))
    return parts


def background(rgb: Image) -> tuple[int, ...]:
    """The colour of an image's background: the median of its outermost pixels."""
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return tuple(int(value) for value in np.median(edge, axis=0))


def _object(shape: Shape) -> _Object:
    points = shape.placed() if isinstance(shape, Keypoints) else None
    return _Object(shape, _ring(shape), points=points)


def _ring(shape: Shape) -> Polygon | None:
    match shape:
        case Box():
            return corners(shape) if shape.area > 0 else None
        case Polygon():
            return shape if shape.parts and shape.area > 0 else None
        case RotatedBox():
            return shape.polygon() if shape.area > 0 else None
        case Keypoints():
            return _ring_of_keypoints(shape)
        case Mask():
            return hull(shape)
        case None:
            return None


def _ring_of_keypoints(shape: Keypoints) -> Polygon | None:
    """What stands for their area: a pixel more where they lie on one point or line."""
    box = shape.box
    if box.area > 0:
        return corners(box)
    if not len(shape.placed()):
        return None
    return corners(Box(box.x - 0.5, box.y - 0.5, box.w + 1, box.h + 1))


def _paint(objects: Sequence[_Object], height: int, width: int) -> list[LabelMap]:
    """Masks as label maps of object numbers; masks that overlap go to different maps."""
    layers: list[LabelMap] = []
    for index, item in enumerate(objects):
        if not isinstance(item.shape, Mask):
            continue
        full = item.shape.full(height, width)
        inside = full > 0
        free = (n for n, layer in enumerate(layers) if not np.any(layer[inside]))
        item.layer = next(free, len(layers))
        if item.layer == len(layers):
            layers.append(np.zeros((height, width), np.uint16))
        layers[item.layer][inside] = index + 1
    return layers


def _carry(
    part: _Part, drawn: Mapping[str, Any], objects: Sequence[_Object], shape: tuple[int, ...]
) -> None:
    """Move every object's ring with the pixels, cut it at the border, drop what is too small."""
    if part.record.hides:
        _hide(part, drawn, objects, shape)
    if part.record.points is None or not objects:
        return
    move = mover(part.record.points, drawn)
    bends = part.record.points is How.MAP
    height, width = size_after(part.record.points, drawn)
    keep = part.values.get("keep", 0) / 100
    for item in objects:
        if item.points is not None and len(item.points):
            item.points = move(item.points)
    there = [(item, item.ring) for item in objects if item.ring is not None]
    rings = [densified(ring, at_most=8) if bends else ring for _, ring in there]
    for (item, _), ring in zip(there, moved_all(rings, move), strict=True):
        item.ring = clipped(ring, width, height)
        if item.ring is ring:
            continue  # nothing was cut
        before, after = ring.area, item.ring.area if item.ring else 0.0
        item.share *= min(after / before, 1.0) if before > 0 else 0.0
        if item.share <= 0 or item.share < keep:
            item.ring = None


def _hide(
    part: _Part, drawn: Mapping[str, Any], objects: Sequence[_Object], shape: tuple[int, ...]
) -> None:
    covered = np.zeros((shape[0] + 1, shape[1] + 1), np.int64)
    for x0, y0, x1, y1 in np.asarray(drawn["holes"], int):
        covered[y0 + 1 : y1 + 1, x0 + 1 : x1 + 1] = 1
    total = covered.cumsum(axis=0).cumsum(axis=1)
    keep = part.values["keep"] / 100
    for item in objects:
        if item.ring is None:
            continue
        box = item.ring.box.clipped(shape[1], shape[0])
        x0, y0 = int(box.x), int(box.y)
        x1, y1 = max(round(box.right), x0 + 1), max(round(box.bottom), y0 + 1)
        hidden = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
        item.hidden = max(item.hidden, hidden / ((x1 - x0) * (y1 - y0)))
        if 1 - item.hidden < keep:
            item.ring, item.share = None, 0.0


def _variant(
    rgb: Image, objects: Sequence[_Object], layers: Sequence[LabelMap], captions: Sequence[str]
) -> Variant:
    shapes: list[Shape] = []
    outcomes = []
    for index, item in enumerate(objects):
        shape = _shape_of(item, index, layers, (rgb.shape[1], rgb.shape[0]))
        outcome = _outcome(item, shape is not None or item.shape is None)
        lost = outcome in (Outcome.LOST, Outcome.DEGENERATE)
        shapes.append(None if lost else shape)
        outcomes.append(outcome)
    return Variant(
        rgb=rgb,
        shapes=tuple(shapes),
        shares=tuple(item.share for item in objects),
        outcomes=tuple(outcomes),
        caption=_joined(captions),
    )


def _shape_of(
    item: _Object, index: int, layers: Sequence[LabelMap], size: tuple[int, int]
) -> Shape:
    if item.ring is None:
        return None
    match item.shape:
        case Box():
            return item.ring.box
        case Polygon():
            return item.ring
        case RotatedBox():
            ring = item.ring.parts[0].outer
            whole = len(ring) == 4
            return RotatedBox.from_corners(ring) if whole else RotatedBox.around(ring)
        case Keypoints():
            return _keypoints(item, item.shape, item.ring.box, size)
        case Mask():
            layer = layers[item.layer]
            x0, y0, x1, y1 = _window(item.ring.box, layer)
            patch = np.ascontiguousarray(layer[y0:y1, x0:x1] == index + 1).astype(np.uint8)
            return Mask.from_patch(patch, x0, y0)
        case None:
            return None


def _keypoints(item: _Object, shape: Keypoints, box: Box, size: tuple[int, int]) -> Shape:
    """Keypoints where the pixels went; those that went out of the image are absent."""
    if item.points is None:
        return None
    width, height = size
    found = shape.changed(item.points, box if shape.frame is not None else None)
    return found.clipped(width, height)


def _window(box: Box, layer: LabelMap) -> tuple[int, int, int, int]:
    """A box in whole pixels with two to spare, inside the image."""
    height, width = layer.shape
    return (
        max(int(box.x) - 2, 0),
        max(int(box.y) - 2, 0),
        min(int(np.ceil(box.right)) + 2, width),
        min(int(np.ceil(box.bottom)) + 2, height),
    )


def _outcome(item: _Object, there: bool) -> Outcome:
    if item.shape is None:
        return Outcome.WHOLE
    if isinstance(item.shape, Box) and item.shape.area <= 0:
        return Outcome.DEGENERATE
    if item.ring is None or not there:
        return Outcome.LOST
    box = item.ring.box
    if box.w < _SMALLEST or box.h < _SMALLEST:
        return Outcome.DEGENERATE
    return Outcome.WHOLE if item.share > 0.999 else Outcome.CUT


def _joined(captions: Sequence[str]) -> str:
    words = [caption for caption in captions if caption]
    if "flipped" in words and "upside down" in words:
        first = min(words.index("flipped"), words.index("upside down"))
        words[first] = "both flips"
        words = [word for word in words if word not in ("flipped", "upside down")]
    return ", ".join(words) or "unchanged"
