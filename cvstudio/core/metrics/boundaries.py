"""Boundary F1 of segmentations: how much of the edges of a class lies where its edges are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.metrics.resampling import share
from cvstudio.core.opencv import cv2

TOLERANCE = 0.0075
"""How far two edges may be apart, in parts of the image's diagonal (Csurka 2013); at least 1 px."""
_CROSS = np.ones((3, 3), np.uint8)


def boundary_counts(
    labelled: NDArray[np.uint16], found: NDArray[np.uint16], *, classes: int, ignored: int
) -> NDArray[np.int64]:
    """(classes + 1, 4) pixels of edges, background first and left at 0: those found, those of them
    near a labelled one, those labelled, those of them near a found one.

    Both maps are (h, w) with 0 for background and i + 1 for class i; where the label is `ignored`,
    and at once beside it, edges are not judged.
    """
    counts = np.zeros((classes + 1, 4), np.int64)
    reach = max(1.0, TOLERANCE * math.hypot(*labelled.shape))
    judged = cv2.erode((labelled != ignored).astype(np.uint8), _CROSS) > 0
    present = np.union1d(np.unique(labelled[judged]), np.unique(found[judged]))
    for value in present[(present > 0) & (present <= classes)].tolist():
        truth, answer = _edge(labelled == value) & judged, _edge(found == value) & judged
        counts[value] = (
            answer.sum(), (answer & _near(truth, reach)).sum(),
            truth.sum(), (truth & _near(answer, reach)).sum(),
        )  # fmt: skip
    return counts


def boundary_f1(counts: NDArray[np.floating] | NDArray[np.int64]) -> NDArray[np.float64]:
    """2 P R / (P + R) of pooled counts (..., 4); not-a-number where there is no labelled edge."""
    found, found_right, labelled, labelled_right = np.moveaxis(
        np.asarray(counts, np.float64), -1, 0
    )
    precision = np.nan_to_num(share(found_right, found))
    recall = share(labelled_right, labelled)
    f1 = share(2 * precision * recall, precision + recall)
    result: NDArray[np.float64] = np.where(np.isnan(recall), np.nan, np.nan_to_num(f1))
    return result


def _edge(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels of a region; what touches the frame of the image is no edge there."""
    mask = region.astype(np.uint8)
    inside: NDArray[np.bool_] = region & (cv2.erode(mask, _CROSS) == 0)
    return inside


def _near(edge: NDArray[np.bool_], reach: float) -> NDArray[np.bool_]:
    if not edge.any():
        return np.zeros_like(edge)
    distance = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near: NDArray[np.bool_] = distance <= reach
    return near
