"""The window through which a deep image is seen: its range on the slider, and giving it to the
network."""

from __future__ import annotations

import numpy as np

from cvstudio.core.words import counted
from cvstudio.imaging.display import Window
from cvstudio.imaging.tiles import Pyramid
from cvstudio.imaging.windows import words_of
from cvstudio.project import windows
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord


def value_range(pyramid: Pyramid, window: Window) -> Window:
    """The values that occur in an image, and never less than its window; 0 to 255 for 8 bits."""
    if pyramid.level(pyramid.levels - 1).dtype == np.uint8:
        return (0.0, 255.0)
    low, high = window
    for part in (pyramid, *pyramid.beside):
        small = part.level(part.levels - 1)
        finite = small[np.isfinite(small)] if small.dtype.kind == "f" else small
        if finite.size:
            low, high = min(float(finite.min()), low), max(float(finite.max()), high)
    return low, high


def use_for_training(project: Project, image: ImageRecord, window: Window) -> str:
    """Let the network see all images of this one's depth through a window, as one undo step; says
    what was done."""
    with project.transaction("Use window for training") as session:
        ids = windows.deep_images(session, bit_depth=image.bit_depth)
        windows.set_window(session, image_ids=ids, window=window)
    many = counted(len(ids), "image")
    return f"The network sees {many} of {image.bit_depth} bits from {words_of(window)}"
