"""What can be measured of an image as such: how bright, contrasty, sharp and coloured it is.

Measured at a small size, so that a thousand images take seconds and noise does not pass for detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.opencv import cv2
from cvstudio.imaging.decode import read_rgb

SIDE = 256
"""Longest side at which images are measured, in px; smaller ones are measured as they are."""


@dataclass(frozen=True, slots=True)
class ImageMeasures:
    """Measures of one image as it is displayed.

    `brightness` and `contrast` are mean and deviation of its grey, 0 to 255. `sharpness` is the
    deviation of the Laplacian of its grey over its contrast: of two pictures of the same thing, the
    one out of focus has less. `colour` is its mean saturation, 0 to 1. `warmth` is how much more
    red than blue there is, -255 to 255. `pixels` is the longer side of the file's image.
    """

    brightness: float
    contrast: float
    sharpness: float
    colour: float
    warmth: float
    pixels: int


def measures_of(rgb: NDArray[np.uint8]) -> ImageMeasures:
    """The measures of an image (h, w, 3), RGB."""
    longest = max(rgb.shape[:2])
    small = rgb
    if longest > SIDE:
        scale = SIDE / longest
        size = (max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1))
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY)
    contrast = float(grey.std())
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    saturation = cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2HSV)[..., 1]
    return ImageMeasures(
        brightness=float(grey.mean()),
        contrast=contrast,
        sharpness=float(edges.std()) / max(contrast, 1.0),
        colour=float(saturation.mean()) / 255,
        warmth=float(small[..., 0].mean() - small[..., 2].mean()),
        pixels=longest,
    )


def read_measures(
    path: Path, page: int = 0, window: tuple[float, float] | None = None
) -> ImageMeasures:
    """The measures of an image file. Raises ImageError when it cannot be read."""
    return measures_of(read_rgb(path, page, window))
