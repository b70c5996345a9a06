"""Occlusion sensitivity (Zeiler 2014): grey patches in the place of parts of the image, one after
the other, and how much less sure the network is then.

Needs nothing but answers: it works on a checkpoint and on an exported file alike, without torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Box
from cvstudio.core.pieces import in_windows, windows
from cvstudio.ml.decode import probabilities
from cvstudio.ml.explaining.choosing import (
    choose_object,
    choose_region,
    corners_of,
    overlaps_of,
)
from cvstudio.ml.explaining.heat import Explanation, of_input
from cvstudio.ml.predict import ExportedNetwork, OnnxNetwork
from cvstudio.ml.preprocess import Image, Placement, Preprocessing, blank
from cvstudio.ml.views import mean_of

PATCH = 0.16
"""Side of a patch, as a share of the longer side of what is seen; the next lies half of it away."""
_SMALLEST_PATCH = 4
_BATCH = 8

Tell = Callable[[int, int], None]
"""Called with how many patches were looked at, and of how many; may raise to stop."""
Score = Callable[[list[NDArray[Any]]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False, slots=True)
class Answering:
    """A network that answers: `compute` takes (N, C, H, W) float32 and gives outputs as
    decode.decode() reads them, for at most `most` images at once."""

    task: Task
    class_ids: tuple[int, ...]
    preprocessor: Preprocessing
    compute: Callable[[NDArray[np.float32]], list[NDArray[Any]]]
    several: bool = False
    most: int = _BATCH


def asked_file(network: ExportedNetwork) -> Answering:
    """An exported file to be asked; of an ONNX file made elsewhere no more images at once than the
    size of a batch that is fixed in it."""
    first = None
    if isinstance(network, OnnxNetwork):
        first = network.session.get_inputs()[0].shape[0]
    return Answering(
        network.task, network.class_ids, network.preprocessor, network.raw, network.several,
        most=min(first, _BATCH) if isinstance(first, int) else _BATCH,
    )  # fmt: skip


def occlude(
    asked: Answering,
    rgb: Image,
    *,
    class_id: int | None = None,
    box: Box | None = None,
    patch: float = PATCH,
    tell: Tell | None = None,
) -> Explanation:
    """How much surer the network is of an answer with each part of the image than without it.

    What is meant by `class_id` and `box` is as in explain.explain; how sure: the probability of
    the class, its mean over the region (segment), or the best score of the class times how much
    its box overlaps the object's (detect, instance). `patch` is a share of the longer side. Places
    without which the network would be surer count as 0. Raises ConfigError for an unknown class.
    """
    if class_id is not None and class_id not in asked.class_ids:
        raise ConfigError("The network was not trained on this class.")
    index = None if class_id is None else asked.class_ids.index(class_id)
    array, placement = asked.preprocessor.prepare(rgb)
    if in_windows(asked.task, asked.preprocessor.fit):
        array, placement, asked = _through_windows(asked, rgb)
    found = _meant(asked, asked.compute(array), placement, index, box)
    grey = asked.preprocessor.normalise(blank(rgb, 1, 1, asked.preprocessor.fill))
    places = _patches(placement, patch)
    drop = np.zeros(array.shape[2:], np.float64)
    looks = np.zeros(array.shape[2:], np.float64)
    for start in range(0, len(places), asked.most):
        some = places[start : start + asked.most]
        batch = np.repeat(array, len(some), axis=0)
        for row, (rows, columns) in enumerate(some):
            batch[row][:, rows, columns] = grey
        scores = found.score_of(_computed(asked, batch))
        for (rows, columns), score in zip(some, scores, strict=True):
            drop[rows, columns] += found.score - score
            looks[rows, columns] += 1
        if tell is not None:
            tell(min(start + asked.most, len(places)), len(places))
    mean = np.where(looks > 0, drop / np.maximum(looks, 1), 0).clip(min=0).astype(np.float32)
    return Explanation(
        of_input(mean, placement), asked.class_ids[found.index], found.score, found.box
    )


def _through_windows(
    asked: Answering, rgb: Image
) -> tuple[NDArray[np.float32], Placement, Answering]:
    """The same image at its own scale, and a network that looks at the windows by which an image of
    its size is classified: logits of the mean of their probabilities."""
    how, (height, width) = asked.preprocessor, rgb.shape[:2]
    across, down = max(width, how.size), max(height, how.size)
    canvas = blank(rgb, across, down, how.fill)
    canvas[:height, :width] = rgb
    places = [
        np.s_[:, :, top : top + how.size, left : left + how.size]
        for left, top, _, _ in windows(width, height, how.size)
    ]

    def compute(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        seen = [asked.compute(np.ascontiguousarray(batch[place]))[0] for place in places]
        return [mean_of(seen, several=asked.several)]

    placement = Placement(1.0, 1.0, 0, 0, width, height, across, down)
    return how.normalise(canvas)[None], placement, replace(asked, compute=compute)


def _computed(asked: Answering, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
    """Outputs for a batch, one image after the other where a file takes no more at once."""
    return [np.asarray(output) for output in asked.compute(np.ascontiguousarray(batch))]


@dataclass(frozen=True, eq=False, slots=True)
class _Meant:
    """The answer that is explained: its class, how sure the network is, and how to ask it of other
    outputs (N scores of a batch's outputs)."""

    index: int
    score: float
    box: Box | None
    score_of: Score


def _meant(
    asked: Answering, outputs: list[NDArray[Any]], placement: Placement, index: int | None,
    box: Box | None,
) -> _Meant:  # fmt: skip
    raw = np.asarray(outputs[0][0], np.float32)
    match asked.task:
        case Task.CLASSIFY:
            chosen = int(raw.argmax()) if index is None else index

            def of_class(found: list[NDArray[Any]]) -> NDArray[np.float64]:
                return probabilities(found[0], several=asked.several, axis=1)[:, chosen]

            return _Meant(chosen, float(of_class(outputs)[0]), None, of_class)
        case Task.SEGMENT:
            chances = probabilities(raw, several=False).astype(np.float32)
            output, region = choose_region(chances, placement, index, box)

            def of_region(found: list[NDArray[Any]]) -> NDArray[np.float64]:
                inside = found[0][:, :, region]
                values = probabilities(inside, several=False, axis=1)[:, output]
                return np.asarray(values.mean(axis=1), np.float64)

            return _Meant(output - 1, float(of_region(outputs)[0]), box, of_region)
        case Task.DETECT | Task.INSTANCE:
            count = len(asked.class_ids)
            anchor, chosen = choose_object(raw, count, placement, index, box)
            corners = corners_of(raw[:4, anchor : anchor + 1])[0]
            object_ = Box.from_corners(*(float(v) for v in corners))

            def of_object(found: list[NDArray[Any]]) -> NDArray[np.float64]:
                return np.array([_still(one, 4 + chosen, object_) for one in found[0]])

            return _Meant(
                chosen, float(raw[4 + chosen, anchor]),
                placement.box_to_image(*(float(v) for v in corners)), of_object,
            )  # fmt: skip


def _still(raw: NDArray[np.float32], row: int, box: Box) -> float:
    """How surely an object is still found: the best score of its class times the overlap."""
    return float((raw[row] * overlaps_of(corners_of(raw[:4]), box)).max(initial=0))


def _patches(placement: Placement, share: float) -> list[tuple[slice, slice]]:
    """Rows and columns of patches over the image's part of the input, each half over the next; at
    the edges they are cut, so that all places are covered equally often."""
    width, height = placement.inner
    side = max(round(share * max(width, height)), _SMALLEST_PATCH)
    step = max(side // 2, 1)
    rows = _cuts(placement.top, placement.top + height, side, step)
    columns = _cuts(placement.left, placement.left + width, side, step)
    return [(row, column) for row in rows for column in columns]


def _cuts(low: int, high: int, side: int, step: int) -> list[slice]:
    starts = range(low - side + step, high, step)
    return [slice(max(s, low), min(s + side, high)) for s in starts]
