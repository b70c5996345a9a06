"""The part of a picture that a tool looks at, as the screen shows it, and regions found in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.masks import Patch, together
from cvstudio.core.opencv import cv2
from cvstudio.imaging.display import Display, apply
from cvstudio.imaging.tiles import Pyramid

_STRIP = 4_000_000  # pixels that are scaled up at once


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of a pyramid's level. `x`, `y` in pixels of the image, multiples of `step`;
    `width` and `height` in pixels of the level, each of which is `step` pixels of the image."""

    x: int
    y: int
    width: int
    height: int
    step: int

    @property
    def box(self) -> Box:
        """The rectangle in pixels of the image; it may reach over the image by less than a step."""
        return Box(self.x, self.y, self.width * self.step, self.height * self.step)

    def to_view(self, x: float, y: float) -> tuple[int, int]:
        """The pixel (column, row) of the rectangle nearest to a point of the image."""
        column = int(np.floor((x - self.x) / self.step))
        row = int(np.floor((y - self.y) / self.step))
        return min(max(column, 0), self.width - 1), min(max(row, 0), self.height - 1)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the image lies in it."""
        box = self.box
        return box.x <= x < box.right and box.y <= y < box.bottom


@dataclass(frozen=True, slots=True)
class View:
    """Pixels as they are displayed, (height, width, 3) uint8 RGB, and where they lie."""

    rgb: NDArray[np.uint8]
    place: Place


@dataclass(frozen=True, slots=True)
class Sight:
    """An image and how it is displayed: views of any part of it are taken here, in any thread.

    `version` of the pyramid: once a large file is seen more exactly, it is another sight.
    """

    pyramid: Pyramid
    display: Display
    version: int = 0

    def place(self, area: Box, *, scale: float, most: int) -> Place | None:
        """The rectangle to look at for an area of the image; None when it lies outside.

        `scale` is in screen pixels per image pixel: no more detail is taken than the screen shows,
        and never more than `most` pixels.
        """
        width, height = self.pyramid.width, self.pyramid.height
        left, top = max(area.x, 0.0), max(area.y, 0.0)
        right, bottom = min(area.right, float(width)), min(area.bottom, float(height))
        if right <= left or bottom <= top:
            return None
        for level in range(self.pyramid.level_for(scale), self.pyramid.levels):
            step = 1 << level
            x0, y0 = int(left // step), int(top // step)
            x1, y1 = -int(-right // step), -int(-bottom // step)
            if (x1 - x0) * (y1 - y0) <= most or level == self.pyramid.levels - 1:
                break
        return Place(x0 * step, y0 * step, x1 - x0, y1 - y0, step)

    def take(self, place: Place) -> View:
        """The displayed pixels of a rectangle."""
        level = place.step.bit_length() - 1
        x, y = place.x // place.step, place.y // place.step
        display = self.display
        pyramid = self.pyramid.looked_at(display.channel)
        part = pyramid.part(level, x, y, x + place.width, y + place.height)
        if display.window is None:
            display = replace(display, window=self.pyramid.window)
        return View(np.ascontiguousarray(apply(part, display)), place)


@dataclass(frozen=True, slots=True)
class Region:
    """Pixels of a level that a tool found: `patch` is (h, w) of 0 and 1 with its corner at x, y of
    the image, both multiples of `step`."""

    patch: Patch
    x: int
    y: int
    step: int

    @classmethod
    def of(cls, patch: Patch, place: Place) -> Region | None:
        """The region of a view's patch, cut to what is set; None when nothing is."""
        return cls(patch, place.x, place.y, place.step).cropped()

    def cropped(self) -> Region | None:
        """The same region in the smallest rectangle; None when nothing is set."""
        left, top, width, height = cv2.boundingRect(self.patch)
        if not width or not height:
            return None
        inside = np.ascontiguousarray(self.patch[top : top + height, left : left + width])
        return Region(inside, self.x + left * self.step, self.y + top * self.step, self.step)

    @property
    def box(self) -> Box:
        height, width = self.patch.shape
        return Box(self.x, self.y, width * self.step, height * self.step)

    def joined(self, other: Region) -> Region:
        """What either covers, in the finer one's pixels."""
        step = min(self.step, other.step)
        pieces = [(r._refined(step), r.x // step, r.y // step) for r in (self, other)]
        patch, x, y = together(pieces)
        return Region(patch, x * step, y * step, step)

    def without(self, other: Region) -> Region | None:
        """What is left when the other is taken away; None when nothing is."""
        step = min(self.step, other.step)
        patch, taken = self._refined(step).copy(), other._refined(step)
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.box.right, other.box.right)
        bottom = min(self.box.bottom, other.box.bottom)
        if left < right and top < bottom:
            width, height = int(right - left) // step, int(bottom - top) // step
            x, y = (left - self.x) // step, (top - self.y) // step
            u, v = (left - other.x) // step, (top - other.y) // step
            patch[y : y + height, x : x + width][taken[v : v + height, u : u + width] > 0] = 0
        return Region(patch, self.x, self.y, step).cropped()

    def full(self, width: int, height: int) -> tuple[Patch, int, int]:
        """The region in pixels of an image of that size: (patch, x, y) with its corner at x, y.

        Edges of a coarse level become smooth: they run between its pixels, not around them. It
        takes a byte for each pixel of the region's rectangle: ask for `box` before.
        """
        wide = min(self.patch.shape[1] * self.step, width - self.x)
        high = min(self.patch.shape[0] * self.step, height - self.y)
        if self.step == 1:
            return np.ascontiguousarray(self.patch[:high, :wide]), self.x, self.y
        patch = np.empty((high, wide), np.uint8)
        padded = np.pad(self.patch, 1) * 255
        strip = max(_STRIP // (padded.shape[1] * self.step**2), 1)
        for row in range(0, self.patch.shape[0], strip):
            part = padded[row : row + strip + 2]  # with the row above and the one below
            large = cv2.resize(
                part, None, fx=self.step, fy=self.step, interpolation=cv2.INTER_LINEAR
            )
            inner = large[self.step : -self.step, self.step : self.step + wide]
            inside = patch[row * self.step : (row + strip) * self.step]
            np.greater(inner[: len(inside)], 127, out=inside.view(np.bool_))
        return patch, self.x, self.y

    def _refined(self, step: int) -> Patch:
        times = self.step // step
        if times == 1:
            return self.patch
        return np.asarray(np.repeat(np.repeat(self.patch, times, axis=0), times, axis=1), np.uint8)


def objects(region: Region, *, smallest: int = 1) -> list[Region]:
    """The connected parts of a region as regions of their own, the largest first; parts of fewer
    than `smallest` pixels of its level are left out."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.patch, connectivity=4)
    found = []
    for index in sorted(range(1, count), key=lambda i: -int(stats[i, cv2.CC_STAT_AREA])):
        x, y, width, height, area = (int(v) for v in stats[index])
        if area < smallest:
            break
        part = (labels[y : y + height, x : x + width] == index).astype(np.uint8)
        left, top = region.x + x * region.step, region.y + y * region.step
        found.append(Region(part, left, top, region.step))
    return found


def without_small(region: Region, *, smallest: int) -> Region | None:
    """The region without its connected parts of fewer than `smallest` pixels of its level."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.patch, connectivity=4)
    large = (stats[:, cv2.CC_STAT_AREA] >= smallest).astype(np.uint8)
    large[0] = 0
    return Region(large[labels], region.x, region.y, region.step).cropped()
