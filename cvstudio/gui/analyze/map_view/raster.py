"""Points as a picture: 100,000 discs drawn by numpy in the time of a frame.

A scene of drawn items has an object and a path for each point; here a point is a place in an array.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint32]
Places = NDArray[np.float32]
Colours = NDArray[np.uint32]


_FAR = 1e6
"""Pixels beyond which a place is that far away: so far in, numbers would overflow."""


def stencil(diameter: int) -> NDArray[np.int64]:
    """The pixels (k, 2), x and y from the middle, of a disc of `diameter` pixels."""
    span = np.arange(diameter) - (diameter - 1) / 2
    x, y = np.meshgrid(span, span)
    inside = x**2 + y**2 <= (diameter / 2) ** 2 + 0.1
    first = np.stack([x[inside], y[inside]], axis=1) - span[0] - diameter // 2
    return np.asarray(np.round(first), np.int64)


def draw(
    picture: Pixels, places: Places, colours: Colours, *, diameter: int, rim: int | None = None
) -> None:
    """Draw discs into a picture (h, w) of 0xAARRGGBB, the first ones undermost.

    `places` (n, 2) are x and y in its pixels, `colours` (n,); `rim` is the colour of a line around
    each disc. What is outside is left out.
    """
    height, width = picture.shape
    margin = diameter // 2 + 1 + (rim is not None)
    near = np.rint(np.clip(places, -_FAR, _FAR)).astype(np.int64)
    x, y = near[:, 0], near[:, 1]
    whole = (x >= margin) & (x < width - margin) & (y >= margin) & (y < height - margin)
    flat = picture.reshape(-1)
    at, inside = y * width + x, colours
    if not whole.all():
        at, inside = at[whole], colours[whole]
    if rim is not None:
        for dx, dy in stencil(diameter + 2):
            flat[at + (dy * width + dx)] = rim
    for dx, dy in stencil(diameter):
        flat[at + (dy * width + dx)] = inside
    if len(inside) == len(colours):
        return
    _draw_cut(picture, x[~whole], y[~whole], colours[~whole], diameter, margin)


def _draw_cut(
    picture: Pixels, x: NDArray[np.int64], y: NDArray[np.int64], colours: Colours, diameter: int,
    margin: int,
) -> None:  # fmt: skip
    """The discs that the picture's edge cuts."""
    height, width = picture.shape
    near = (x >= -margin) & (x < width + margin) & (y >= -margin) & (y < height + margin)
    x, y, colours = x[near], y[near], colours[near]
    for dx, dy in stencil(diameter):
        column, row = x + dx, y + dy
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        picture[row[inside], column[inside]] = colours[inside]


def inside(polygon: NDArray[np.float64], places: Places) -> NDArray[np.bool_]:
    """Which places (n, 2) lie in a polygon (k, 2), by the number of its sides to their right."""
    x, y = places[:, 0], places[:, 1]
    found = np.zeros(len(places), np.bool_)
    box = (x >= polygon[:, 0].min()) & (x <= polygon[:, 0].max())
    box &= (y >= polygon[:, 1].min()) & (y <= polygon[:, 1].max())
    some = np.flatnonzero(box)
    x, y = x[some], y[some]
    odd = np.zeros(len(some), np.bool_)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    found[some] = odd
    return found
