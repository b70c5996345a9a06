"""Masks as COCO run-length codes over their own bounding box, so memory follows the object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cvstudio.core.geometry import Box, Part, Polygon
from cvstudio.core.opencv import cv2

Patch = NDArray[np.uint8]
"""Shape (h, w), 1 inside the object and 0 outside."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask: a rectangle in whole pixels of the image, and compressed COCO counts inside it."""

    x: int
    y: int
    w: int
    h: int
    counts: bytes

    @classmethod
    def from_patch(cls, patch: Patch, x: int = 0, y: int = 0) -> Mask | None:
        """The mask of a patch at an offset, cropped to its object; None when nothing is set."""
        left, top, width, height = cv2.boundingRect(patch)
        if width == 0 or height == 0:
            return None
        inside = patch[top : top + height, left : left + width]
        return cls(x + left, y + top, width, height, encode(inside))

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.w, self.h)

    @property
    def area(self) -> float:
        """The number of pixels that are set."""
        return float(coco_mask.area({"size": [self.h, self.w], "counts": self.counts}))

    def patch(self) -> Patch:
        """The pixels of the mask's own rectangle, (h, w) of 0 and 1."""
        return decode(self.counts, height=self.h, width=self.w)

    def full(self, height: int, width: int) -> Patch:
        """The mask on an image of that size, (height, width) of 0 and 1; the rest is cut."""
        canvas = np.zeros((height, width), np.uint8)
        self.paint(canvas, 1)
        return canvas

    def paint(self, canvas: NDArray[Any], value: int) -> None:
        """Set the mask's pixels of a (height, width) array to a value, in place."""
        height, width = canvas.shape
        x0, y0 = max(self.x, 0), max(self.y, 0)
        x1, y1 = min(self.x + self.w, width), min(self.y + self.h, height)
        if x0 >= x1 or y0 >= y1:
            return
        inside = self.patch()[y0 - self.y : y1 - self.y, x0 - self.x : x1 - self.x]
        canvas[y0:y1, x0:x1][inside > 0] = value

    def contains(self, x: float, y: float) -> bool:
        column, row = int(x) - self.x, int(y) - self.y
        if not (0 <= column < self.w and 0 <= row < self.h):
            return False
        return bool(self.patch()[row, column])

    def moved(self, dx: int, dy: int) -> Mask:
        return Mask(self.x + dx, self.y + dy, self.w, self.h, self.counts)


def together(pieces: Sequence[tuple[Patch, int, int]]) -> tuple[Patch, int, int]:
    """One patch of what several cover, each (patch, x, y) with its corner at x, y: of that form
    too, in the smallest rectangle around them. At least one piece."""
    left, top = min(x for _, x, _ in pieces), min(y for _, _, y in pieces)
    right = max(x + patch.shape[1] for patch, x, _ in pieces)
    bottom = max(y + patch.shape[0] for patch, _, y in pieces)
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    for patch, x, y in pieces:
        height, width = patch.shape
        inside = canvas[y - top : y - top + height, x - left : x - left + width]
        np.maximum(inside, patch, out=inside)
    return canvas, left, top


def encode(patch: Patch) -> bytes:
    """Compressed COCO counts of a (h, w) patch.

    COCO runs down the columns. cv2.transpose makes that order about thirty times faster than
    numpy.asfortranarray does.
    """
    columns = cv2.transpose(np.ascontiguousarray(patch, np.uint8)).T
    counts: bytes = coco_mask.encode(columns)["counts"]
    return counts


def decode(counts: bytes, *, height: int, width: int) -> Patch:
    """The (height, width) patch of 0 and 1 behind compressed COCO counts."""
    columns = coco_mask.decode({"size": [height, width], "counts": counts})
    return np.asarray(cv2.transpose(columns.T), np.uint8)


def from_coco(counts: bytes | str | list[int], *, height: int, width: int) -> Mask | None:
    """A mask from a COCO segmentation of a whole image, compressed or as a list of runs.

    Raises ValueError when the runs do not add up to the image's size.
    """
    if isinstance(counts, list):
        if sum(counts) != height * width:
            raise ValueError(f"runs add up to {sum(counts)} pixels, not {height * width}")
        rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    else:
        raw = counts.encode("ascii") if isinstance(counts, str) else counts
        rle = {"size": [height, width], "counts": raw}
    x, y, w, h = (int(v) for v in coco_mask.toBbox(rle))
    if w == 0 or h == 0:
        return None
    inside = decode(rle["counts"], height=height, width=width)[y : y + h, x : x + w]
    return Mask(x, y, w, h, encode(inside))


def to_coco(mask: Mask, *, height: int, width: int) -> dict[str, Any]:
    """The COCO segmentation {"size": [h, w], "counts": str} of a mask on a whole image."""
    return {
        "size": [height, width],
        "counts": encode(mask.full(height, width)).decode("ascii"),
    }


def rasterise(polygon: Polygon, *, x: int, y: int, width: int, height: int) -> Patch:
    """The pixels of a polygon inside the rectangle at x, y: (height, width) of 0 and 1.

    Follows COCO's own rule (pycocotools.frPyObjects), in which a polygon through the corners of
    pixels covers exactly those pixels.
    """
    patch = np.zeros((height, width), np.uint8)
    for part in polygon.parts:
        rings = [np.ascontiguousarray(ring - (x, y)).ravel().tolist() for ring in part.rings()]
        codes = coco_mask.frPyObjects(rings, height, width)
        piece = decode(codes[0]["counts"], height=height, width=width)
        for hole in codes[1:]:
            piece[decode(hole["counts"], height=height, width=width) > 0] = 0
        np.maximum(patch, piece, out=patch)
    return patch


def mask_of(polygon: Polygon) -> Mask | None:
    """The mask of a polygon, or None when it covers no pixel."""
    box = polygon.box
    x, y = int(np.floor(box.x)), int(np.floor(box.y))
    width, height = int(np.ceil(box.right)) - x + 1, int(np.ceil(box.bottom)) - y + 1
    return Mask.from_patch(rasterise(polygon, x=x, y=y, width=width, height=height), x, y)


def pixels_of(shape: object) -> Mask | None:
    """The pixels that a shape gives to its class: those of a polygon or mask. None for a box and
    what else trains no pixel, and when it covers none."""
    if isinstance(shape, Polygon):
        return mask_of(shape)
    return shape if isinstance(shape, Mask) else None


def outline_of(mask: Mask) -> Polygon:
    """The outline of a mask with its holes, in pixel corners."""
    padded = np.pad(mask.patch(), 1)
    doubled = cv2.resize(padded, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    rings, tree = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not rings:
        return Polygon(())
    offset = np.array([mask.x - 1, mask.y - 1], np.float64)

    def corners(ring: NDArray[Any]) -> NDArray[np.float64]:
        # On the doubled grid, pixel centres at odd or even steps round to the corner they touch.
        points = np.round((ring.reshape(-1, 2) + 0.5) / 2) + offset
        keep = np.any(points != np.roll(points, 1, axis=0), axis=1)
        return np.asarray(_without_straight_points(points[keep]), np.float64)

    parts = []
    for index, ring in enumerate(rings):
        if tree[0][index][3] != -1:
            continue
        holes, child = [], tree[0][index][2]
        while child != -1:
            holes.append(corners(rings[child]))
            child = tree[0][child][0]
        parts.append(Part(corners(ring), tuple(hole for hole in holes if len(hole) > 2)))
    return Polygon(tuple(part for part in parts if len(part.outer) > 2))


def _without_straight_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    kept: NDArray[np.float64] = points[turns != 0]
    return kept
