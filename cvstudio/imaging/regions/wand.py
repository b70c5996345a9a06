"""Magic wand: the pixels around a seed whose colour is near to the seed's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.masks import Patch
from cvstudio.core.opencv import cv2

MOST_PIXELS = 4_000_000
"""How large a view may be, so that a drag is followed at screen rate."""

_SPECK = 24  # pixels up to which a hole is noise


def flood(
    rgb: NDArray[np.uint8], seed: tuple[int, int], tolerance: int, *, smooth: bool = False
) -> Patch:
    """The connected pixels that differ from the seed's by at most `tolerance` in each channel.

    `rgb` is (h, w, 3) uint8, `seed` the pixel (column, row). `smooth` looks past the noise of
    single pixels and fills the specks that it leaves. Returns (h, w) of 0 and 1; raises
    ValueError for a seed outside.
    """
    height, width = rgb.shape[:2]
    if not (0 <= seed[0] < width and 0 <= seed[1] < height):
        raise ValueError(f"seed {seed} lies outside of {width} x {height} pixels")
    looked = cv2.medianBlur(rgb, 3) if smooth else np.ascontiguousarray(rgb)
    mask = np.zeros((height + 2, width + 2), np.uint8)
    span = (tolerance,) * 3
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    cv2.floodFill(looked, mask, seed, 0, span, span, flags)
    patch = np.ascontiguousarray(mask[1:-1, 1:-1])
    return without_specks(patch) if smooth else patch


def without_specks(patch: Patch, *, largest: int = _SPECK) -> Patch:
    """The patch with its holes of up to `largest` pixels filled; those at the edge are no holes."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - patch, connectivity=8)
    height, width = patch.shape
    x, y = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = x + stats[:, cv2.CC_STAT_WIDTH], y + stats[:, cv2.CC_STAT_HEIGHT]
    inside = (x > 0) & (y > 0) & (right < width) & (bottom < height)
    speck = (stats[:, cv2.CC_STAT_AREA] <= largest) & inside
    speck[0] = False
    if not speck.any():
        return patch
    filled = patch.copy()
    filled[speck.astype(np.uint8)[labels] > 0] = 1
    return filled
