"""Images in, predictions out, whatever computes in between: the checkpoint or the ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.predictions import Prediction
from cvstudio.ml.decode import decode
from cvstudio.ml.preprocess import Image, Preprocessing

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
) -> list[Prediction]:
    """Predictions for RGB images of any sizes, in image coordinates and in their order.

    Images that come to one input size go through the network together.
    """
    prepared = [preprocessor.prepare(rgb) for rgb in rgbs]
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, (array, _) in enumerate(prepared):
        groups.setdefault(array.shape, []).append(index)
    answers: dict[int, Prediction] = {}
    for members in groups.values():
        outputs = compute(np.concatenate([prepared[index][0] for index in members]))
        for row, index in enumerate(members):
            answers[index] = decode(
                task, [array[row] for array in outputs], prepared[index][1],
                class_ids=class_ids, image_id=image_ids[index],
            )  # fmt: skip
    return [answers[index] for index in range(len(prepared))]
