"""The window through which images of more than 8 bits are shown to the network.

It is a fact of each image, but images that are compared need one and the same: an import gives its
images a common one, and the Label page can set it for all images of the same depth.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.imaging.display import Window
from cvstudio.project import rows
from cvstudio.project.tables import ImageRow


def deep_images(s: Session, *, bit_depth: int | None = None) -> list[int]:
    """The images of more than 8 bits; with `bit_depth`, those of that depth."""
    depth = ImageRow.bit_depth > 8 if bit_depth is None else ImageRow.bit_depth == bit_depth
    return list(s.scalars(select(ImageRow.id).where(depth, ImageRow.bit_depth > 8)))


def set_window(s: Session, *, image_ids: Iterable[int], window: Window | None) -> None:
    """Give images the window that training, evaluation and the screen see them through."""
    low, high = window or (None, None)
    rows.change(s, "image", image_ids, window_low=low, window_high=high)


def common_windows(s: Session) -> dict[int, Window]:
    """By bit depth, the window that most of the project's images of that depth have."""
    low, high = ImageRow.window_low, ImageRow.window_high
    counts = (
        select(ImageRow.bit_depth, low, high)
        .where(ImageRow.bit_depth > 8, low.is_not(None), high.is_not(None))
        .group_by(ImageRow.bit_depth, low, high)
        .order_by(func.count().desc(), func.min(ImageRow.id))
    )
    found: dict[int, Window] = {}
    for depth, lowest, highest in s.execute(counts):
        if lowest is not None and highest is not None:
            found.setdefault(depth, (lowest, highest))
    return found
