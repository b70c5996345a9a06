"""Images in, predictions out, whatever computes in between: the checkpoint or the ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.recipe import Fit
from cvstudio.ml.decode import best_of, decode, label_map, regions_of
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
) -> list[Prediction]:
    """Predictions for RGB images of any sizes, in image coordinates and in their order; `several`
    as decode.decode() takes it.

    Images that come to one input size go through the network together. Networks that take images
    at their own scale see large ones in tiles, and of others only as many as fit into the bound of
    tiles.WHOLE, so that memory stays bounded.
    """
    answers: dict[int, Prediction] = {}
    groups: dict[tuple[int, int], list[int]] = {}
    for index, rgb in enumerate(rgbs):
        height, width = rgb.shape[:2]
        if goes_in_tiles(task, preprocessor.fit, width, height):
            answers[index] = by_tiles(
                compute, rgb, image_ids[index], task=task, preprocessor=preprocessor,
                class_ids=class_ids,
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
                )  # fmt: skip
    return [answers[index] for index in range(len(rgbs))]


def goes_in_tiles(task: Task, fit: Fit, width: int, height: int) -> bool:
    """Whether an image of that size is shown to a network in tiles."""
    return task is not Task.CLASSIFY and fit is Fit.CROP and is_large(width, height)


def by_tiles(
    compute: Compute, rgb: Image, image_id: int, *, task: Task, preprocessor: Preprocessing,
    class_ids: Sequence[int],
) -> Prediction:  # fmt: skip
    """The answer for one large image (h, w, 3), tile by tile."""
    if task is Task.SEGMENT:
        labels = label_map_by_tiles(compute, rgb, preprocessor)
        return Prediction(image_id, regions=regions_of(labels, class_ids))
    height, width = rgb.shape[:2]
    found: list[Found] = []
    for tile in tiles_of(width, height, margin=OBJECT_MARGIN):
        array, placement = preprocessor.prepare(np.ascontiguousarray(rgb[tile.seen.slices]))
        outputs = [output[0] for output in compute(array)]
        answer_here = decode(task, outputs, placement, class_ids=class_ids, image_id=image_id)
        for one in answer_here.objects:
            box = one.box.moved(tile.seen.left, tile.seen.top)
            if tile.kept.contains(box.x + box.w / 2, box.y + box.h / 2):
                mask = one.mask
                if mask is not None:
                    mask = mask.moved(tile.seen.left, tile.seen.top)
                found.append(replace(one, box=box, mask=mask))
    return Prediction(image_id, objects=best_of(found))


def label_map_by_tiles(
    compute: Compute, rgb: Image, preprocessor: Preprocessing
) -> NDArray[np.uint8]:
    """The most likely output per pixel of a large image, (h, w): 0 is background."""
    height, width = rgb.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    for tile in tiles_of(width, height):
        array, placement = preprocessor.prepare(np.ascontiguousarray(rgb[tile.seen.slices]))
        found = label_map(compute(array)[0][0], placement)
        labels[tile.kept.slices] = found[tile.kept.within(tile.seen).slices]
    return labels
