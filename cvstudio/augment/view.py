"""An image and its shapes at the size at which a network trains, before any augmentation."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment.outlines import clip_shape, scale_shape
from cvstudio.core.annotation import Shape
from cvstudio.core.opencv import cv2, resized
from cvstudio.core.recipe import Fit

Image = NDArray[Any]
"""Shape (h, w, 3) uint8 RGB; of networks that see all values (h, w, channels) float32."""


def item_seed(seed: int, epoch: int, image_id: int | str) -> int:
    """The seed of one image in one epoch (from 1) of a run.

    Variant n of the preview with seed s is what the network sees in epoch n of a run with seed s.
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{image_id}".encode(), digest_size=6)
    return int.from_bytes(digest.digest(), "little")


def scaled(rgb: Image, *, width: int, height: int) -> Image:
    """The image at another size: averaged on the way down, interpolated on the way up."""
    if rgb.shape[:2] == (height, width):
        return rgb
    smaller = width * height < rgb.shape[0] * rgb.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return resized(rgb, width, height, how)


def padded_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height at which the longer side is `size`; the proportions are kept."""
    ratio = size / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def training_view(
    rgb: Image,
    shapes: Sequence[Shape],
    *,
    size: int,
    fit: Fit,
    seed: int,
    labels: bool = False,
) -> tuple[Image, list[Shape]]:
    """The image and its shapes as they enter augmentation.

    PAD: the longer side is `size` (the network's square is filled up after augmentation).
    STRETCH: `size` x `size`. CROP: a window of at most `size` x `size` at full scale, its place
    drawn from `seed`. A shape that lies outside the window becomes None. `labels` says that `rgb`
    is a label map (h, w), whose numbers must not be mixed.
    """
    height, width = rgb.shape[:2]
    to, kept = training_shapes((width, height), shapes, size=size, fit=fit, seed=seed)
    if fit is Fit.CROP:
        x, y = crop_corner(width, height, size=size, seed=seed)
        return np.ascontiguousarray(rgb[y : y + size, x : x + size]), kept
    if labels and to != (width, height):
        return resized(rgb, *to, cv2.INTER_NEAREST_EXACT), kept
    return scaled(rgb, width=to[0], height=to[1]), kept


def training_shapes(
    image: tuple[int, int], shapes: Sequence[Shape], *, size: int, fit: Fit, seed: int
) -> tuple[tuple[int, int], list[Shape]]:
    """As training_view, without pixels: the view's (width, height), and the shapes in it."""
    width, height = image
    if fit is Fit.CROP:
        x, y = crop_corner(width, height, size=size, seed=seed)
        inside = (min(width, size), min(height, size))
        return inside, [clip_shape(shape, x=x, y=y, size=inside) for shape in shapes]
    to = (size, size) if fit is Fit.STRETCH else padded_size(width, height, size)
    return to, [scale_shape(shape, to[0] / width, to[1] / height) for shape in shapes]


def crop_corner(width: int, height: int, *, size: int, seed: int) -> tuple[int, int]:
    """Left and top of the window of an image that CROP takes with a seed."""
    rng = random.Random(f"window/{seed}")
    return rng.randint(0, max(width - size, 0)), rng.randint(0, max(height - size, 0))
