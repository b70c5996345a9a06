"""Which answer of a network is meant: the object nearest to a box, the region of a class.

Numpy only: the same choice is made of what a checkpoint and what an exported file answers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box, iou_matrix
from cvstudio.ml.decode import suppress
from cvstudio.ml.preprocess import Placement

SAME_OBJECT = 0.5
"""Two boxes that overlap (IoU) by as much are of one object."""


def choose_object(
    raw: NDArray[np.float32],
    count: int,
    placement: Placement,
    index: int | None,
    box: Box | None,
) -> tuple[int, int]:
    """The anchor and the class (0 .. count - 1) of the answer that is meant.

    `raw` is (4 + count + any, anchors), as decode.suppress takes it. Without `box` the surest
    object, else the one that overlaps it most; where there is none, the answer that came closest.
    """
    corners, scores, classes, anchors = suppress(raw, count)
    wanted = np.ones(len(scores), bool) if index is None else classes == index
    if box is None:
        if wanted.any():
            first = int(np.flatnonzero(wanted)[0])  # the best comes first
            return int(anchors[first]), int(classes[first])
    elif wanted.any():
        overlaps = np.where(wanted, overlaps_of(corners, placement.box_to_input(box)), -1)
        best = int(np.argmax(overlaps))
        if overlaps[best] >= SAME_OBJECT:
            return int(anchors[best]), int(classes[best])
    # Nothing was found there: of all answers, the one that comes closest.
    likely = raw[4 : 4 + count] if index is None else raw[4 + index : 5 + index]
    closeness = likely.copy()
    if box is not None:
        closeness *= overlaps_of(corners_of(raw[:4]), placement.box_to_input(box))[None]
    place, anchor = np.unravel_index(int(np.argmax(closeness)), closeness.shape)
    return int(anchor), int(place) if index is None else index


def corners_of(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(4, n) centres and sizes as (n, 4) corners."""
    x, y, w, h = boxes
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def overlaps_of(corners: NDArray[np.float32], box: Box) -> NDArray[np.float64]:
    """The overlap (IoU) of corners (n, 4) with one box of the input."""
    boxes = corners.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    return iou_matrix(boxes, np.array([[box.x, box.y, box.w, box.h]]))[:, 0]


def choose_region(
    chances: NDArray[np.float32], placement: Placement, index: int | None, box: Box | None
) -> tuple[int, NDArray[np.bool_]]:
    """The output (1 is the first class) and the pixels (H, W) of the input whose class is meant.

    `chances` are (n + 1, H, W) probabilities, background first. The region is where the class is
    the best answer inside `box` (None: in the image, without padding); where it is nowhere, its
    likeliest hundredth stands in.
    """
    inside = _inside(chances.shape[1], chances.shape[2], placement, box)
    best = chances.argmax(0)
    chosen = _class_inside(chances, best, inside) if index is None else index + 1
    region = inside & (best == chosen)
    if not region.any():
        floor = np.quantile(chances[chosen][inside], 0.99)
        region = inside & (chances[chosen] >= floor)
    return chosen, region


def _inside(
    height: int, width: int, placement: Placement, box: Box | None
) -> NDArray[np.bool_]:  # fmt: skip
    """The part of the input that a box covers (None: the image, without the padding)."""
    whole = Box(0, 0, placement.width, placement.height)
    area = placement.box_to_input(box or whole).clipped(width, height)
    x0, y0 = int(area.x), int(area.y)
    x1, y1 = max(int(np.ceil(area.right)), x0 + 1), max(int(np.ceil(area.bottom)), y0 + 1)
    inside = np.zeros((height, width), bool)
    inside[y0:y1, x0:x1] = True
    return inside


def _class_inside(
    chances: NDArray[np.float32], best: NDArray[np.int64], inside: NDArray[np.bool_]
) -> int:
    """The most frequent answer other than background; else the likeliest one."""
    answers = np.bincount(best[inside], minlength=len(chances))[1:]
    if int(answers.max()) > 0:
        return int(answers.argmax()) + 1
    return int(chances[1:, inside].mean(1).argmax()) + 1
