"""An image seen from several sides, and the answers made one: test-time augmentation.

Numpy only: it works on what a checkpoint and what an exported file answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.config import Views
from cvstudio.ml.decode import probabilities

Outputs = Sequence[NDArray[Any]]
Compute = Callable[[NDArray[np.float32]], Outputs]

_SIDES: dict[Views, tuple[tuple[int, ...], ...]] = {
    Views.ONE: ((),),
    Views.MIRRORED: ((), (3,)),
    Views.ALL: ((), (3,), (2,), (2, 3)),
}
"""The axes of (N, C, H, W) along which each view is turned round."""


def seen_from(compute: Compute, task: Task, views: Views, *, several: bool = False) -> Compute:
    """The same computation, on all the views of a batch; outputs as decode.decode() reads them.

    `several`: an image may have several classes. Classes and pixels get the mean of their
    probabilities; the objects of all views stand side by side, and decode keeps the best of those
    that overlap.
    """
    sides = _SIDES[views]
    if len(sides) == 1:
        return compute

    def compute_all(batch: NDArray[np.float32]) -> Outputs:
        answers = [
            _turned_back(compute(_turned(batch, axes)), task, axes, batch.shape) for axes in sides
        ]
        match task:
            case Task.CLASSIFY | Task.SEGMENT:
                return [_mean([outputs[0] for outputs in answers], several=several)]
            case Task.DETECT:
                return [np.concatenate([outputs[0] for outputs in answers], axis=2)]
            case Task.INSTANCE:
                return _side_by_side(answers)

    return compute_all


def _turned(batch: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.flip(batch, axes)) if axes else batch


def _turned_back(
    outputs: Outputs, task: Task, axes: tuple[int, ...], shape: tuple[int, ...]
) -> list[NDArray[Any]]:
    if not axes or task is Task.CLASSIFY:
        return list(outputs)
    if task is Task.SEGMENT:
        return [np.flip(outputs[0], axes)]
    objects = np.array(outputs[0])
    for axis in axes:  # rows 0 and 1 are the x and y of centres
        row = 0 if axis == 3 else 1
        objects[:, row] = shape[axis] - objects[:, row]
    return [objects, *(np.flip(maps, axes) for maps in outputs[1:])]


def _mean(logits: Sequence[NDArray[Any]], *, several: bool) -> NDArray[np.float32]:
    """Logits of the mean of the probabilities, over classes on axis 1."""
    if several:
        mean = np.mean([probabilities(values, several=True) for values in logits], axis=0)
        mean = np.clip(mean, 1e-12, 1 - 1e-12)
        logits_of_mean: NDArray[np.float32] = np.log(mean / (1 - mean)).astype(np.float32)
        return logits_of_mean
    total = np.zeros(logits[0].shape, np.float64)
    for values in logits:
        shifted = np.exp(values.astype(np.float64) - values.max(axis=1, keepdims=True))
        total += shifted / shifted.sum(axis=1, keepdims=True)
    return np.log(total / len(logits) + 1e-12).astype(np.float32)


def _side_by_side(answers: Sequence[Outputs]) -> Outputs:
    """The objects of all views, each with coefficients for the maps of its own view alone."""
    count = answers[0][1].shape[1]
    views = len(answers)
    objects = []
    for view, (found, _) in enumerate(answers):
        rest = found.shape[1] - count
        padded = np.zeros((found.shape[0], rest + count * views, found.shape[2]), found.dtype)
        padded[:, :rest] = found[:, :rest]
        padded[:, rest + count * view : rest + count * (view + 1)] = found[:, rest:]
        objects.append(padded)
    maps = np.concatenate([maps for _, maps in answers], axis=1)
    return [np.concatenate(objects, axis=2), maps]
