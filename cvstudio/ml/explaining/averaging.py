"""The mean heat map of a class: where in images, or on its objects, its evidence usually lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.ml.explaining.heat import Heat

SIDE = 160
"""Of the square on which images or objects are laid over each other, in pixels."""
_ROOM = 0.25
"""What is kept around an object on each side, as a share of its box."""
CAVEAT_IMAGES = (
    "Images are laid over each other as if everything stood in the same place: it tells where in"
    " the picture evidence usually lies. Hot edges or corners hint at a background that gives the"
    " class away."
)
CAVEAT_OBJECTS = (
    "Objects are laid over each other as if they were all of one size and turned alike: it tells"
    " which part of an object usually decides. Heat near the edge hints at what stands around it."
)


@dataclass(eq=False, slots=True)
class Mean:
    """The running mean of heat maps and pictures of one class, on a square of SIDE."""

    class_id: int
    count: int = 0
    _heat: NDArray[np.float64] = field(default_factory=lambda: np.zeros((SIDE, SIDE)))
    _covered: NDArray[np.float64] = field(default_factory=lambda: np.zeros((SIDE, SIDE)))
    _rgb: NDArray[np.float64] = field(default_factory=lambda: np.zeros((SIDE, SIDE, 3)))

    def add(self, rgb: NDArray[np.uint8], heat: Heat, box: Box | None = None) -> None:
        """Lay one more image (h, w, 3) with its heat (h, w) over the others; of an object, its box
        with some room around, which may reach over the image's edge."""
        height, width = heat.shape
        part = box or Box(0, 0, width, height)
        if box is not None:
            part = Box(
                box.x - _ROOM * box.w, box.y - _ROOM * box.h,
                box.w * (1 + 2 * _ROOM), box.h * (1 + 2 * _ROOM),
            )  # fmt: skip
        across, down = part.w / SIDE, part.h / SIDE
        matrix = np.array(
            [
                [across, 0, part.x + 0.5 * across - 0.5],
                [0, down, part.y + 0.5 * down - 0.5],
            ]
        )
        covered = _cut(np.ones(heat.shape, np.float32), matrix)
        self._heat += _cut(heat, matrix)
        self._covered += covered
        self._rgb += _cut(rgb, matrix) * (covered > 0)[..., None]
        self.count += 1

    def result(self) -> tuple[NDArray[np.uint8], Heat]:
        """The mean picture (SIDE, SIDE, 3) and the mean heat (SIDE, SIDE), 1 where it is hottest.

        Places that lie outside of an image do not count for it.
        """
        times = np.maximum(self._covered, 1e-6)
        heat = np.where(self._covered > 0, self._heat / times, 0).astype(np.float32)
        rgb = np.clip(self._rgb / times[..., None], 0, 255).astype(np.uint8)
        peak = float(heat.max(initial=0))
        return rgb, heat / peak if peak > 0 else heat


def _cut(array: NDArray[Any], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A part of an image on the square; 0 outside of the image."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(
        array, matrix, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(found, np.float64)
