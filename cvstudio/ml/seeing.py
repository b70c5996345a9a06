"""How an image file becomes the pixels that a network is shown, before they are placed or scaled.

What is displayed, as 8-bit RGB; or all that was measured, every bit and channel of it. Numpy only:
training, judging, heat maps, suggestions and the exported file all read images here.
"""

from __future__ import annotations

from pathlib import Path

from cvstudio.core.errors import ImageError
from cvstudio.core.recipe import Sees
from cvstudio.core.words import counted
from cvstudio.imaging.decode import read_rgb, read_values
from cvstudio.imaging.display import Window
from cvstudio.ml.preprocess import Image, Preprocessing


def see(path: Path, page: int, window: Window | None, how: Preprocessing) -> Image:
    """An image as a network with that preprocessing is shown it. Raises ImageError."""
    return seen(path, page, window, sees=how.sees, channels=how.channels)


def seen(path: Path, page: int, window: Window | None, *, sees: Sees, channels: int) -> Image:
    """(h, w, 3) uint8 RGB as displayed, or (h, w, channels) float32 with all values, 0 and 1 at the
    ends of `window`. Raises ImageError, also for another number of channels."""
    if sees is Sees.DISPLAYED:
        return read_rgb(path, page, window)
    values = read_values(path, page, window)
    if values.shape[2] != channels:
        raise ImageError(
            f"{path.name} has {counted(values.shape[2], 'channel')}, and the network takes"
            f" {channels}."
        )
    return values
