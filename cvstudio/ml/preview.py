"""What Augment shows: variants of one image, and what a pipeline does to many. No network here.

Images take the way that training images take: read, scaled to the network's size, augmented with
item_seed(seed, epoch, image). Variant n is what the network sees in epoch n of a run with the seed.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.build import Augmenter, LabelMap, Outcome, Variant, build
from cvstudio.augment.outlines import scale_shape
from cvstudio.augment.presets import load_steps
from cvstudio.augment.view import Image, item_seed, scaled, training_shapes, training_view
from cvstudio.core.annotation import (
    BOXES,
    Review,
    Shape,
    Split,
    Task,
    box_of,
    kind_of,
    trains,
)
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import (
    SnapshotAnnotation,
    SnapshotImage,
    shape_from_json,
    shape_to_json,
)
from cvstudio.core.wire import Message
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.labels import IGNORE, target_map

_KEPT = 6
"""Decoded images kept: the one at hand and its neighbours."""


@dataclass(frozen=True)
class PreviewImage:
    """An image of a request: where it is, and the annotations that train."""

    id: int
    path: Path
    page: int
    window: tuple[float, float] | None
    annotations: tuple[SnapshotAnnotation, ...]

    @property
    def shapes(self) -> list[Shape]:
        """What is carried along and counted; crowds only blot out the label map."""
        return [annotation.shape for annotation in self.annotations if not annotation.crowd]


def image_from_json(data: Mapping[str, Any], task: Task) -> PreviewImage:
    """An image of a request, with those of its annotations from which the task learns."""
    annotations = []
    for number, item in enumerate(data["annotations"]):
        shape = shape_from_json(item)
        annotation = SnapshotAnnotation(
            id=number, class_id=item["class"], shape=shape, box=box_of(shape),
            crowd=bool(item.get("crowd", False)) or _blots(shape, task),
        )  # fmt: skip
        if shape is not None and (annotation.crowd or trains(annotation, task)):
            annotations.append(annotation)
    window = data.get("window")
    return PreviewImage(
        id=int(data["id"]),
        path=Path(data["path"]),
        page=int(data.get("page", 0)),
        window=(float(window[0]), float(window[1])) if window else None,
        annotations=tuple(annotations),
    )


def _blots(shape: Shape, task: Task) -> bool:
    """Whether a shape only says where nothing is taught: a box among outlines."""
    return task is Task.SEGMENT and kind_of(shape) in BOXES


class Previews:
    """Answers "augment" and "trial" messages; keeps the last images and the last pipeline."""

    def __init__(self) -> None:
        self._images: OrderedDict[tuple[Any, ...], Image] = OrderedDict()
        self._pipeline: tuple[Any, Augmenter] | None = None

    def augment(self, header: Mapping[str, Any]) -> Message:
        """Variants of one image.

        header: task, fit, size (px), steps, seed, epochs (list of int), thumbnail (px, 0 keeps the
        training size), image (see image_from_json). Answers arrays "original" and "variant N",
        for segment "labels N" too (0 background, then classes in the order of header["classes"],
        255 ignored); and "variants": size, caption, shapes and outcomes of each.
        """
        task, fit = Task(header["task"]), Fit(header["fit"])
        image = image_from_json(header["image"], task)
        augmenter = self._augmenter(header["steps"])
        rgb = self._read(image)
        limit = int(header["thumbnail"])
        arrays: dict[str, NDArray[Any]] = {}
        told = []
        first: Variant | None = None
        for number, epoch in enumerate(header["epochs"]):
            seed = item_seed(header["seed"], epoch, image.id)
            variant, labels = one_variant(
                augmenter, rgb, image, task=task, fit=fit, size=header["size"], seed=seed,
                classes=header["classes"],
            )  # fmt: skip
            first = first or variant
            arrays[f"variant {number}"] = _small(variant.rgb, limit)
            if labels is not None:
                arrays[f"labels {number}"] = _small_labels(labels, limit)
            told.append(_told(variant, _factor(variant.rgb, limit)))
        arrays["original"] = _small(rgb, limit)
        factor = _factor(rgb, limit)
        original = [shape_to_json(scale_shape(s, factor, factor)) for s in image.shapes]
        return Message(
            {"variants": told, "original": original, "counted": len(image.shapes)}, arrays
        )

    def trial(self, header: Mapping[str, Any]) -> Message:
        """What a pipeline does to the annotations of `count` trial images, without any pixels.

        header: task, fit, size, steps, seed, count, images (as in augment, with width and height).
        Answers "outcomes": how many annotations ended whole, cut, lost, degenerate.
        """
        task, fit = Task(header["task"]), Fit(header["fit"])
        augmenter = self._augmenter(header["steps"])
        counts: Counter[str] = Counter()
        images = header["images"]
        for number in range(int(header["count"]) if images else 0):
            data = images[number % len(images)]
            image = image_from_json(data, task)
            seed = item_seed(header["seed"], 1 + number // len(images), image.id)
            inside, shapes = training_shapes(
                (data["width"], data["height"]), image.shapes,
                size=header["size"], fit=fit, seed=seed,
            )  # fmt: skip
            kept = [shape for shape in shapes if shape is not None]
            counts.update(str(found) for found in augmenter.trial(inside, kept, seed=seed))
        return Message({"outcomes": {outcome.value: counts[outcome.value] for outcome in Outcome}})

    def _augmenter(self, steps: list[dict[str, Any]]) -> Augmenter:
        if self._pipeline is None or self._pipeline[0] != steps:
            self._pipeline = (steps, build(load_steps(steps)))
        return self._pipeline[1]

    def _read(self, image: PreviewImage) -> Image:
        stamp = image.path.stat().st_mtime_ns if image.path.exists() else 0
        key = (image.path, image.page, image.window, stamp)
        if key not in self._images:
            self._images[key] = read_rgb(image.path, image.page, image.window)
            while len(self._images) > _KEPT:
                self._images.popitem(last=False)
        self._images.move_to_end(key)
        return self._images[key]


def one_variant(
    augmenter: Augmenter,
    rgb: Image,
    image: PreviewImage,
    *,
    task: Task,
    fit: Fit,
    size: int,
    seed: int,
    classes: Sequence[int],
) -> tuple[Variant, LabelMap | None]:
    """One variant of an image at the network's size, and its label map for segment."""
    view, shapes = training_view(rgb, image.shapes, size=size, fit=fit, seed=seed)
    if task is not Task.SEGMENT:
        return augmenter.apply(view, shapes, seed=seed), None
    labels = target_map(_snapshot_image(image, rgb), classes)
    labels, _ = training_view(labels, (), size=size, fit=fit, seed=seed, labels=True)
    return augmenter.apply_labels(view, labels, shapes, seed=seed, outside=IGNORE)


def _snapshot_image(image: PreviewImage, rgb: Image) -> SnapshotImage:
    return SnapshotImage(
        id=image.id, path=image.path, page=image.page, width=rgb.shape[1], height=rgb.shape[0],
        split=Split.TRAIN, review=Review.LABELLED, sha256="", annotations=image.annotations,
    )  # fmt: skip


def _told(variant: Variant, factor: float) -> dict[str, Any]:
    return {
        "caption": variant.caption,
        "size": [variant.rgb.shape[1], variant.rgb.shape[0]],
        "shapes": [shape_to_json(scale_shape(s, factor, factor)) for s in variant.shapes],
        "outcomes": [outcome.value for outcome in variant.outcomes],
    }


def _factor(rgb: NDArray[Any], limit: int) -> float:
    longest = max(rgb.shape[:2])
    return min(limit / longest, 1.0) if limit else 1.0


def _small(rgb: Image, limit: int) -> Image:
    factor = _factor(rgb, limit)
    width, height = round(rgb.shape[1] * factor), round(rgb.shape[0] * factor)
    return scaled(rgb, width=max(width, 1), height=max(height, 1))


def _small_labels(labels: LabelMap, limit: int) -> LabelMap:
    factor = _factor(labels, limit)
    if factor == 1:
        return labels
    rows = (np.arange(max(round(labels.shape[0] * factor), 1)) / factor).astype(int)
    columns = (np.arange(max(round(labels.shape[1] * factor), 1)) / factor).astype(int)
    rows, columns = rows.clip(0, labels.shape[0] - 1), columns.clip(0, labels.shape[1] - 1)
    return np.ascontiguousarray(labels[rows[:, None], columns])
