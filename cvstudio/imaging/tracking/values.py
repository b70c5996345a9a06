"""What followers of objects are given and what they answer, whatever they look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Shape
from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2

Rgb = NDArray[np.uint8]
Grey = NDArray[np.uint8]

LOST = 0.25
"""An object of which less is certain is lost."""

LONGEST = 32_766
"""The longest side in pixels of what OpenCV turns and bends."""

_SPARSE = 4  # the mean colour is that of every fourth pixel of every fourth row


class Method(StrEnum):
    """By what an object is known again: the points on it that move together (optical flow), or
    its looks as a whole (OpenCV's MIL)."""

    MOVEMENT = "movement"
    APPEARANCE = "appearance"


class Gone(StrEnum):
    """Why an object is not on a picture."""

    LOST = "lost on {}"
    EDGE = "lost at the edge of the picture on {}"
    LEFT = "left the picture on {}"
    OTHER_SIZE = "not followed on to {}, which has another size"

    def on(self, title: str) -> str:
        """The end of a sentence about the object, with the picture's name."""
        return self.value.format(title)


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the object is on one picture; `score` says how certain that is, 0 to 1."""

    shape: Shape
    score: float


class Picture:
    """One picture, (h, w, 3) RGB, that many followers look at: what each needs is made once."""

    def __init__(self, rgb: Rgb) -> None:
        self.rgb = rgb

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @cached_property
    def grey(self) -> Grey:
        """(h, w)."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY), np.uint8)

    @cached_property
    def mean(self) -> NDArray[np.float32]:
        """The mean colour, (3,), RGB."""
        sparse = self.rgb[::_SPARSE, ::_SPARSE].reshape(-1, 3)
        return np.asarray(sparse.mean(axis=0, dtype=np.float64), np.float32)


class Follower(Protocol):
    """Follows one object; after Gone it is not asked again."""

    def step(self, picture: Picture) -> Followed | Gone:
        """Where the object is on the next picture."""


def refuse_size(box: Box) -> None:
    """Raise ImageError for an object that is too large for OpenCV to be turned and bent."""
    if max(box.w, box.h) > LONGEST:
        raise ImageError(
            f"An object of {box.w:,.0f} × {box.h:,.0f} px cannot be followed: its sides may have"
            f" {LONGEST:,} px at most. It can be interpolated between two key shapes."
        )


def missing(before: Box, size: tuple[int, int]) -> Gone:
    """Why an object that was there a moment ago cannot be found on a picture of (height, width)
    pixels: what reached the edge has most likely gone out there."""
    height, width = size
    aside, above = 0.05 * before.w, 0.05 * before.h
    across = before.x < aside or before.right > width - aside
    return Gone.EDGE if across or before.y < above or before.bottom > height - above else Gone.LOST
