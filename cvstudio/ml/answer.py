"""Images in, predictions out, whatever computes in between: the checkpoint or the ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.forms import Form
from cvstudio.core.pieces import in_windows, windows
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.recipe import Fit
from cvstudio.core.sureness import Correction
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.decode import Sampling, best_of, decode, label_map, probabilities, regions_of
from cvstudio.ml.preprocess import Image, Preprocessing, placement_for
from cvstudio.ml.tiles import OBJECT_MARGIN, is_large, most_at_once, tiles_of

Compute = Callable[[NDArray[np.float32]], Sequence[NDArray[Any]]]
"""From a batch (N, 3, H, W) to the raw outputs that decode.decode() reads, each with N in front."""


def answer(
    compute: Compute,
    rgbs: Sequence[Image],
    image_ids: Sequence[int],
    *,
    task: Task,
    preprocessor: Preprocessing,
    class_ids: Sequence[int],
    several: bool = False,
    form: Form | None = None,
    correction: Correction | None = None,
) -> list[Prediction]:
    """Predictions for RGB images of any sizes, in image coordinates and in their order; `several`
    and `form` as decode.decode() takes them. They are as sure as `correction` has it.

    Images that come to one input size go through the network together. Networks that take images
    at their own scale see large ones in tiles, and of others only as many as fit into the bound of
    tiles.WHOLE, so that memory stays bounded; where they tell classes, they see windows of all.
    """
    if correction is not None and correction.temperature is not None:
        compute = _tempered(compute, correction.temperature)
    if in_windows(task, preprocessor.fit):
        return by_windows(
            compute, rgbs, image_ids, preprocessor=preprocessor, class_ids=class_ids,
            several=several,
        )  # fmt: skip
    answers: dict[int, Prediction] = {}
    groups: dict[tuple[int, int], list[int]] = {}
    for index, rgb in enumerate(rgbs):
        height, width = rgb.shape[:2]
        if goes_in_tiles(task, preprocessor.fit, width, height):
            answers[index] = by_tiles(
                compute, rgb, image_ids[index], task=task, preprocessor=preprocessor,
                class_ids=class_ids, form=form,
            )  # fmt: skip
            continue
        at = placement_for(width, height, size=preprocessor.size, fit=preprocessor.fit)
        groups.setdefault((at.input_width, at.input_height), []).append(index)
    for size, members in groups.items():
        step = most_at_once(*size) if preprocessor.fit is Fit.CROP else len(members)
        for start in range(0, len(members), step):
            some = members[start : start + step]
            prepared = [preprocessor.prepare(rgbs[index]) for index in some]
            outputs = compute(np.concatenate([array for array, _ in prepared]))
            for row, index in enumerate(some):
                answers[index] = decode(
                    task, [array[row] for array in outputs], prepared[row][1],
                    class_ids=class_ids, image_id=image_ids[index], several=several,
                    form=form,
                )  # fmt: skip
    counts = Thresholds(platt=correction.platt if correction is not None else None)
    return [counts.corrected(answers[index]) for index in range(len(rgbs))]


def _tempered(compute: Compute, temperature: float) -> Compute:
    """The same logits, less sure, where that was found to be truer."""
    return lambda batch: [output / temperature for output in compute(batch)]


def by_windows(
    compute: Compute, rgbs: Sequence[Image], image_ids: Sequence[int], *,
    preprocessor: Preprocessing, class_ids: Sequence[int], several: bool,
) -> list[Prediction]:  # fmt: skip
    """The classes of images, by the mean of the probabilities of their windows."""
    size = preprocessor.size
    parts = [
        (index, area)
        for index, rgb in enumerate(rgbs)
        for area in windows(rgb.shape[1], rgb.shape[0], size)
    ]
    sums, step = np.zeros((len(rgbs), len(class_ids))), most_at_once(size, size)
    for start in range(0, len(parts), step):
        some = parts[start : start + step]
        cut = [rgbs[i][top:bottom, left:right] for i, (left, top, right, bottom) in some]
        (logits,) = compute(preprocessor.prepare_windows(cut))
        found = probabilities(logits, several=several, axis=1)
        np.add.at(sums, [index for index, _ in some], found)
    counts = np.bincount([index for index, _ in parts], minlength=len(rgbs))
    means = sums / counts[:, None]
    return [
        Prediction(image_id, scores=dict(zip(class_ids, map(float, row), strict=True)))
        for image_id, row in zip(image_ids, means, strict=True)
    ]


def goes_in_tiles(task: Task, fit: Fit, width: int, height: int) -> bool:
    """Whether an image of that size is shown to a network in tiles."""
    return task is not Task.CLASSIFY and fit is Fit.CROP and is_large(width, height)


def seen_at_once(rgb: Image, *, task: Task, fit: Fit, size: int) -> Image:
    """What of an image goes through a network in one pass: the whole, of one that goes in tiles the
    first, of windows the one in the middle."""
    height, width = rgb.shape[:2]
    if in_windows(task, fit):
        places = windows(width, height, size)
        left, top, right, bottom = places[len(places) // 2]
        return np.ascontiguousarray(rgb[top:bottom, left:right])
    if goes_in_tiles(task, fit, width, height):
        return np.ascontiguousarray(rgb[next(tiles_of(width, height)).seen.slices])
    return rgb


def by_tiles(
    compute: Compute, rgb: Image, image_id: int, *, task: Task, preprocessor: Preprocessing,
    class_ids: Sequence[int], form: Form | None = None,
) -> Prediction:  # fmt: skip
    """The answer for one large image (h, w, 3), tile by tile."""
    if task is Task.SEGMENT:
        kept = Sampling(rgb.shape[1], rgb.shape[0], len(class_ids) + 1)
        labels = label_map_by_tiles(compute, rgb, preprocessor, kept)
        return Prediction(image_id, regions=regions_of(labels, class_ids), pixels=kept.sample)
    height, width = rgb.shape[:2]
    found: list[Found] = []
    for tile in tiles_of(width, height, margin=OBJECT_MARGIN):
        array, placement = preprocessor.prepare(np.ascontiguousarray(rgb[tile.seen.slices]))
        outputs = [output[0] for output in compute(array)]
        answer_here = decode(
            task, outputs, placement, class_ids=class_ids, image_id=image_id, form=form
        )
        for one in answer_here.objects:
            box = one.box.moved(tile.seen.left, tile.seen.top)
            if tile.kept.contains(box.x + box.w / 2, box.y + box.h / 2):
                found.append(moved(one, tile.seen.left, tile.seen.top))
    return Prediction(image_id, objects=best_of(found))


def moved(found: Found, x: int, y: int) -> Found:
    """A find of a tile where it lies on the image."""
    return replace(
        found,
        box=found.box.moved(x, y),
        mask=found.mask.moved(x, y) if found.mask is not None else None,
        rotated=found.rotated.moved(x, y) if found.rotated is not None else None,
        points=found.points.moved(x, y) if found.points is not None else None,
    )


def label_map_by_tiles(
    compute: Compute, rgb: Image, preprocessor: Preprocessing, kept: Sampling | None = None
) -> NDArray[np.uint8]:
    """The most likely output per pixel of a large image, (h, w): 0 is background. `kept` gets the
    logits of some pixels."""
    height, width = rgb.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    for tile in tiles_of(width, height):
        array, placement = preprocessor.prepare(np.ascontiguousarray(rgb[tile.seen.slices]))
        take = None if kept is None else kept.of_part(tile.seen, tile.kept)
        found = label_map(compute(array)[0][0], placement, take)
        labels[tile.kept.slices] = found[tile.kept.within(tile.seen).slices]
    return labels
