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
from cvstudio.core.forms import Answers, Form, plain_form
from cvstudio.core.skeleton import mirrored_places
from cvstudio.ml.decode import probabilities

Outputs = Sequence[NDArray[Any]]
Compute = Callable[[NDArray[np.float32]], Outputs]

_SIDES: dict[Views, tuple[tuple[int, ...], ...]] = {
    Views.ONE: ((),),
    Views.MIRRORED: ((), (3,)),
    Views.ALL: ((), (3,), (2,), (2, 3)),
}
"""The axes of (N, C, H, W) along which each view is turned round."""


def seen_from(
    compute: Compute, task: Task, views: Views, *, several: bool = False, form: Form | None = None
) -> Compute:
    """The same computation, on all the views of a batch; outputs as decode.decode() reads them.

    `several`: an image may have several classes; `form` is what is answered of objects. Classes and
    pixels get the mean of their probabilities; the objects of all views stand side by side, and
    decode keeps the best of those that overlap.
    """
    sides = _SIDES[views]
    form = form or plain_form(task)
    if len(sides) == 1:
        return compute

    def compute_all(batch: NDArray[np.float32]) -> Outputs:
        answers = [
            _turned_back(compute(_turned(batch, axes)), form, task, axes, batch.shape)
            for axes in sides
        ]
        match task:
            case Task.CLASSIFY | Task.SEGMENT:
                return [mean_of([outputs[0] for outputs in answers], several=several)]
            case Task.DETECT:
                return [np.concatenate([outputs[0] for outputs in answers], axis=2)]
            case Task.INSTANCE:
                return _side_by_side(answers)

    return compute_all


def _turned(batch: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.flip(batch, axes)) if axes else batch


def _turned_back(
    outputs: Outputs, form: Form, task: Task, axes: tuple[int, ...], shape: tuple[int, ...]
) -> list[NDArray[Any]]:
    if not axes or task is Task.CLASSIFY:
        return list(outputs)
    if task is Task.SEGMENT:
        return [np.flip(outputs[0], axes)]
    objects = np.array(outputs[0])
    for axis in axes:  # rows 0 and 1 are the x and y of centres
        row = 0 if axis == 3 else 1
        objects[:, row] = shape[axis] - objects[:, row]
        if form.answers is Answers.ROTATED:
            objects[:, -1] = -objects[:, -1]
        elif form.skeleton is not None:
            rows = len(objects[0]) - 3 * form.points
            objects[:, rows + row :: 3] = shape[axis] - objects[:, rows + row :: 3]
            order = np.ravel([range(3 * p, 3 * p + 3) for p in mirrored_places(form.skeleton)])
            objects[:, rows:] = objects[:, rows:][:, order]
    return [objects, *(np.flip(maps, axes) for maps in outputs[1:])]


def mean_of(logits: Sequence[NDArray[Any]], *, several: bool) -> NDArray[np.float32]:
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
