"""Superpixels: a view divided into cells of like colour that follow its edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.masks import Patch
from cvstudio.core.opencv import cv2

MOST_PIXELS = 500_000
"""How large a view may be, so that dividing it takes about a second."""

Cells = NDArray[np.int32]
"""(h, w): the number of the cell that a pixel belongs to, from 0."""


def divide(rgb: NDArray[np.uint8], *, side: float, evenness: float = 12.0) -> Cells:
    """Divide (h, w, 3) uint8 into cells of about `side` by `side` pixels.

    Cells are connected; a higher `evenness` makes them rounder and lets them follow edges less.
    """
    from skimage.segmentation import slic  # slow to import: only where the tool is used

    height, width = rgb.shape[:2]
    wanted = max(1, round(height * width / max(side, 2.0) ** 2))
    found = slic(
        rgb, n_segments=wanted, compactness=evenness, max_num_iter=5, sigma=0.5,
        enforce_connectivity=True, start_label=0, channel_axis=-1,
    )  # fmt: skip
    return np.asarray(found, np.int32)


def borders(cells: Cells) -> Patch:
    """(h, w) of 0 and 1: the pixels at the right and lower border of their cell."""
    edge = np.zeros(cells.shape, np.uint8)
    edge[:, :-1] |= cells[:, :-1] != cells[:, 1:]
    edge[:-1] |= cells[:-1] != cells[1:]
    return edge


def along(cells: Cells, start: tuple[int, int], end: tuple[int, int]) -> set[int]:
    """The cells under a straight way between two pixels (column, row), so that a fast drag leaves
    none out."""
    way = np.zeros(cells.shape, np.uint8)
    cv2.line(way, start, end, 1)
    return {int(v) for v in np.unique(cells[way > 0])}
