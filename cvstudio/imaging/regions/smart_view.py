"""Which pixels the smart tool's network is shown: the same in the window and the live process."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.imaging.regions.view import Place, Sight

MOST_PIXELS = 2_100_000
"""Of a view; the network sees 1024 pixels of its longer side."""

_COARSEST = 4  # pixels of the image that a pixel of the view may stand for


def fits(width: int, height: int) -> bool:
    """Whether an image of that size is looked at whole; too little would be seen of larger ones."""
    return width * height <= MOST_PIXELS * _COARSEST**2


def whole(sight: Sight) -> Place | None:
    """The rectangle of a whole image; None for one that does not fit."""
    pyramid = sight.pyramid
    if not fits(pyramid.width, pyramid.height):
        return None
    place = sight.place(Box(0, 0, pyramid.width, pyramid.height), scale=1.0, most=MOST_PIXELS)
    return place if place is not None and place.step <= _COARSEST else None


def part(sight: Sight, seen: Box, *, scale: float) -> Place | None:
    """The rectangle of what is on the screen, at `scale` screen pixels per pixel of the image; None
    when that lies outside."""
    return sight.place(seen, scale=scale, most=MOST_PIXELS)


def serves(place: Place, seen: Box) -> bool:
    """Whether a part that was looked at before is good enough for what is on the screen now.

    It is while nothing new of the image has come into sight, nor more than twice the detail.
    """
    box = place.box
    covers = (
        box.x <= seen.x
        and box.y <= seen.y
        and box.right >= seen.right
        and box.bottom >= seen.bottom
    )
    return covers and max(box.w, box.h) <= 2 * max(seen.w, seen.h)


def key_of(rgb: NDArray[np.uint8]) -> str:
    """What pixels are known by: the sha256 of their size and their values."""
    digest = hashlib.sha256(repr(rgb.shape).encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()
