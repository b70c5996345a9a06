"""What runs a pipeline: steps with their albumentations objects, and groups that choose.

This is the only module that imports albumentations (docs/adr/0010): another library, or a fork,
takes its place by making the objects in Part._tool and by naming its classes in the catalogue.
"""

from __future__ import annotations

import inspect
import os
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.automatic import as_group
from cvstudio.augment.carried import LabelMap
from cvstudio.augment.catalogue import transform, values
from cvstudio.augment.fields import Transform, Values
from cvstudio.augment.moves import size_after
from cvstudio.augment.view import Image
from cvstudio.core.errors import ConfigError
from cvstudio.core.opencv import cv2, resized
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step

# albumentations asks PyPI for a newer version when it is imported, unless told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations
from albumentations.core.bbox_utils import BboxParams, BboxProcessor

Boxes = NDArray[np.float32]
"""Shape (n, 4): x0, y0, x1, y1 as shares of the image's width and height."""

_OBJECT = 1.0
"""The label of every object that a transform is told of; see hide_parts in the catalogue."""


class Part:
    """One enabled step: its record, its values, and the albumentations object that runs it."""

    def __init__(self, step: Step, key: str, place: tuple[int, ...]) -> None:
        self.record: Transform = transform(step.transform)
        self.values: Values = values(step)
        self.chance = step.chance
        self.place = place
        """Where the step stands in the pipeline; what stands in automatic changes is at theirs."""
        self._key = key
        self._made: dict[tuple[int, int, bool], Any] = {}
        self._fill: tuple[float, ...] | None = None
        self._seed = 0

    def acting(self, seed: int) -> Iterator[Part]:
        """The step itself, when it acts on the variant of that seed."""
        if self.starts(seed):
            yield self

    def starts(self, seed: int) -> bool:
        """Draw whether the step acts, and prepare its own random numbers."""
        rng = random.Random(f"{seed}/{self._key}")
        acts = rng.random() < self.chance
        self._seed = rng.getrandbits(32)
        return acts

    def draw(self, rgb: Image, boxes: Boxes | None = None) -> dict[str, Any]:
        """The parameters of this variant, from the step's seed, the image and its objects."""
        deep = rgb.dtype != np.uint8
        if not self.record.deep and (deep or rgb.shape[2] != 3):
            raise ConfigError(
                f"{self.record.title} works on 8-bit colour only.",
                hint="Take this step out of the pipeline.",
            )
        tool = self._tool(rgb.shape, deep=deep)
        tool.set_random_seed(self._seed)
        data: dict[str, Any] = {"image": _three(rgb)}
        if self.record.sees:
            found = np.zeros((0, 4), np.float32) if boxes is None else boxes
            data["bboxes"] = np.column_stack([found, np.full(len(found), _OBJECT)])
        drawn = tool.update_transform_params(params=tool.get_params(), data=data)
        drawn.update(tool.get_params_dependent_on_data(params=drawn, data=data))
        if self.record.hides:
            drawn.setdefault("seed", 0)  # Erasing leaves it out where nothing fits
        return dict(drawn)

    def image(self, rgb: Image, drawn: Mapping[str, Any]) -> Image:
        """The image after the step; it keeps its type and its channels.

        Of float images most colours are changed between 0 and 1, and what lies beyond stays as far
        beyond.
        """
        if rgb.shape[2] != 3 and self.record.geometric:
            return self._in_threes(rgb, drawn)
        deep = rgb.dtype != np.uint8
        tool = self._tool(rgb.shape, deep=deep)
        record = self.record
        colours = deep and not (record.geometric or record.hides or record.unbounded)
        inside = np.clip(rgb, 0, 1) if colours else rgb
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "the image is already gray" and the like
            result = tool.apply_with_params(drawn, image=_three(inside))["image"]
        if self.record.restored:
            result = resized(result, rgb.shape[1], rgb.shape[0], cv2.INTER_LINEAR)
        result = np.asarray(result, rgb.dtype)[:, :, : rgb.shape[2]]
        return result + (rgb - inside) if colours else result

    def _in_threes(self, image: Image, drawn: Mapping[str, Any]) -> Image:
        """An image of any number of channels moved three at a time, as OpenCV's fills ask for."""
        channels = image.shape[2]
        fill = self._fill
        moved = []
        for start in range(0, channels, 3):
            chosen = [min(start + step, channels - 1) for step in range(3)]
            if fill is not None:
                self.fill(image, tuple(fill[channel] for channel in chosen))
            moved.append(self.image(np.ascontiguousarray(image[..., chosen]), drawn))
        self._fill = fill
        return np.ascontiguousarray(np.concatenate(moved, axis=2)[..., :channels])

    def layer(self, layer: LabelMap, drawn: Mapping[str, Any]) -> LabelMap:
        """A label map after the step; labels are not mixed, and 0 comes in from outside."""
        result = self._tool(layer.shape).apply_with_params(drawn, mask=layer)["mask"]
        if self.record.restored:
            result = resized(result, layer.shape[1], layer.shape[0], cv2.INTER_NEAREST_EXACT)
        return np.asarray(result)

    def size_after(self, drawn: Mapping[str, Any]) -> tuple[int, int]:
        """Height and width of the image after the step."""
        return size_after(self.record.points, drawn)

    def fill(self, rgb: Image, colour: tuple[float, ...]) -> None:
        """Set the colour of pixels from outside the image, one value a channel."""
        self._fill = colour
        self._tool(rgb.shape, deep=rgb.dtype != np.uint8).fill = colour

    def _tool(self, shape: tuple[int, ...], *, deep: bool = False) -> Any:
        height, width = int(shape[0]), int(shape[1])
        size = (height, width, deep) if self.record.sized else (0, 0, deep)
        if size not in self._made:
            arguments = self.record.arguments(self.values)
            if self.record.sized:
                arguments = {**arguments, **self.record.sized(self.values, height, width)}
            maker = getattr(albumentations, self.record.target)
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # an argument that the library ignores is a fault
                tool = maker(**arguments, p=1.0)
            if self.record.sees:
                tool.set_processors({"bboxes": BboxProcessor(BboxParams("albumentations"))})
            if deep and self.record.hides and isinstance(tool.fill, int | float):
                tool.fill = tool.fill / 255
            self._made[size] = tool
        return self._made[size]


class Choosing:
    """An enabled group: which of its steps act on a variant."""

    def __init__(self, group: Group, parts: Sequence[Part], key: str) -> None:
        self._group, self._parts, self._key = group, tuple(parts), key

    def acting(self, seed: int) -> Iterator[Part]:
        """The steps that act on the variant of that seed, in their order."""
        rng = random.Random(f"{seed}/{self._key}")
        if not self._parts or rng.random() >= self._group.chance:
            return
        if self._group.group is GroupKind.ONE_OF:
            (chosen,) = rng.choices(self._parts, [part.chance for part in self._parts])
            chosen.starts(seed)  # draws its numbers; that it acts is already decided
            yield chosen
            return
        count = min(self._group.count, len(self._parts))
        for place in sorted(rng.sample(range(len(self._parts)), count)):
            yield from self._parts[place].acting(seed)


Acting = Part | Choosing


def parts_of(items: Sequence[Item]) -> list[Acting]:
    """What can act of a pipeline. The draws of a step depend on how often its transform came."""
    counts: dict[str, int] = {}

    def part(step: Step, place: tuple[int, ...], before: str = "") -> Part | None:
        counts[step.transform] = counts.get(step.transform, 0) + 1
        key = f"{before}{step.transform}/{counts[step.transform]}"
        return Part(step, key, place) if step.enabled and step.chance > 0 else None

    found: list[Acting] = []
    for index, item in enumerate(items):
        if isinstance(item, Step):
            single = part(item, (index,))
            if single is not None:
                found.append(single)
            continue
        fixed = isinstance(item, Automatic)
        group = as_group(item) if isinstance(item, Automatic) else item
        kind = "automatic" if fixed else group.group.value
        counts[kind] = counts.get(kind, 0) + 1
        key = f"{kind}/{counts[kind]}"
        parts = [
            part(step, (index,) if fixed else (index, inner), f"{key}/")
            for inner, step in enumerate(group.steps)
        ]
        if group.enabled and group.chance > 0:
            found.append(Choosing(group, [p for p in parts if p is not None], key))
    return found


def _three(image: Image) -> Image:
    """A single channel three times: not all that works on two or five works on one."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def described(target: str, arguments: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """A transform of the library with these arguments, as the library itself writes it out.

    Every argument is there, in its full form. `target` must be a class that the catalogue, or
    left_out.INSTEAD, names. Raises ValueError or TypeError, and if `strict` a Warning, where the
    library does not take the arguments.
    """
    maker = getattr(albumentations, target)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if strict else "ignore")
        told: dict[str, Any] = maker(**arguments).to_dict_private()
    # The library writes out what a base class knows too, and would not read that again.
    known = {"__class_fullname__", *accepted(target)}
    return {name: value for name, value in told.items() if name in known}


def accepted(target: str) -> frozenset[str]:
    """The names of the arguments that a transform of the library takes."""
    maker = getattr(albumentations, target)
    return frozenset(inspect.signature(maker).parameters)


def inherited(target: str) -> frozenset[str]:
    """The names of arguments that the classes take from which a transform is derived."""
    maker = getattr(albumentations, target)
    return frozenset(
        name for base in maker.__mro__[1:-1] for name in inspect.signature(base).parameters
    )


def library_version() -> str:
    """The version of the library that runs the pipeline."""
    return str(albumentations.__version__)
