"""GrabCut: what stands out from its surroundings inside a drawn box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.masks import Patch
from cvstudio.core.opencv import cv2

MOST_PIXELS = 160_000
"""How large a view may be, so that a cut takes about a second."""

_ROUNDS = 4


def area_around(box: Box) -> Box:
    """The part of the image to look at for a box: enough surroundings to tell them from it."""
    dx, dy = max(8.0, 0.3 * box.w), max(8.0, 0.3 * box.h)
    return Box(box.x - dx, box.y - dy, box.w + 2 * dx, box.h + 2 * dy)


def cut(
    rgb: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    *,
    include: Patch | None = None,
    exclude: Patch | None = None,
) -> Patch:
    """The object inside a box of a view.

    `rgb` is (h, w, 3) uint8; `box` left, top, right and bottom in its pixels, the last two just
    outside. Pixels set in `include` belong to the object and those of `exclude` do not, both
    (h, w). Returns (h, w) of 0 and 1, empty when the box has no surroundings to tell it from.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = (
        max(box[0], 0),
        max(box[1], 0),
        min(box[2], width),
        min(box[3], height),
    )
    known = np.full((height, width), cv2.GC_BGD, np.uint8)
    known[top:bottom, left:right] = cv2.GC_PR_FGD
    if exclude is not None:
        known[exclude > 0] = cv2.GC_BGD
    if include is not None:
        known[include > 0] = cv2.GC_FGD
    inside = (known == cv2.GC_PR_FGD) | (known == cv2.GC_FGD)
    if inside.all() or not inside.any():
        return np.zeros((height, width), np.uint8)
    behind, before = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
    cv2.setRNGSeed(0)  # the same box gives the same cut
    cv2.grabCut(rgb, known, (0, 0, 0, 0), behind, before, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(known, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
