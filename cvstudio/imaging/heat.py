"""A heat map as a picture: inferno over the grey image, the same for window, files and docs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2

COLD, HOT = 0.30, 0.75
"""Opacity of the colours where the heat is 0 and where it is 1."""


def overlay(
    rgb: NDArray[np.uint8], heat: NDArray[np.float32], strength: float = HOT
) -> NDArray[np.uint8]:
    """Colours over a grey copy of an RGB image (h, w, 3); heat is (h, w) from 0 to 1, `strength`
    the opacity where it is hottest."""
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    share = opacity(heat, strength)[..., None]
    mixed = colours(heat) * share + grey[..., None] * (1 - share)
    picture: NDArray[np.uint8] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return picture


def colours(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The colour of each heat, (h, w, 3) RGB: dark is little, light is much."""
    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    bgr = cv2.applyColorMap(np.ascontiguousarray(levels), cv2.COLORMAP_INFERNO)
    return bgr[..., ::-1].astype(np.uint8)


def opacity(heat: NDArray[np.float32], strength: float = HOT) -> NDArray[np.float32]:
    """How much of the colours lies over the image, (h, w): cold places let it shine through, and
    the hottest have `strength`."""
    cold = strength * COLD / HOT
    return (cold + (strength - cold) * np.clip(heat, 0, 1)).astype(np.float32)
