"""Intelligent scissors: the path of least resistance along edges from one point to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.imaging.regions.view import View

MOST_PIXELS = 300_000
"""How large a view may be, so that its map is there while the pointer is still on its way."""

Path = NDArray[np.float64]
"""Points (n, 2) in pixels of the image, from the start to the end."""


class LiveWire:
    """All the best paths from one point to the others of a view."""

    def __init__(self, view: View, start: tuple[float, float]) -> None:
        """Map the view from `start`, a point of the image inside it. Takes a tenth of a second."""
        self.place, self.start = view.place, start
        self._tool = cv2.segmentation.IntelligentScissorsMB()
        self._tool.setEdgeFeatureCannyParameters(32, 100)
        self._tool.setGradientMagnitudeMaxLimit(200)
        self._tool.applyImage(view.rgb)
        self._tool.buildMap(view.place.to_view(*start))

    def path(self, end: tuple[float, float]) -> Path:
        """The path to a point of the image, which must lie in the view; start and end are kept as
        they are given."""
        if not self.place.holds(*end):
            raise ValueError(f"{end} lies outside of the view")
        found = self._tool.getContour(self.place.to_view(*end)).reshape(-1, 2)
        corner = (self.place.x, self.place.y)
        points = (found.astype(np.float64) + 0.5) * self.place.step + corner
        return np.vstack([[self.start], points[1:-1], [end]])


def area_for(start: tuple[float, float], end: tuple[float, float], *, scale: float) -> Box:
    """The part of the image to map for a path: both ends with room to go around.

    `scale` is in screen pixels per pixel of the image.
    """
    room = max(96 / scale, 0.6 * max(abs(end[0] - start[0]), abs(end[1] - start[1])))
    return Box.from_corners(
        min(start[0], end[0]) - room, min(start[1], end[1]) - room,
        max(start[0], end[0]) + room, max(start[1], end[1]) + room,
    )  # fmt: skip


def simplified(path: Path, *, off: float) -> Path:
    """Fewer points, none of which leaves the path by more than `off` pixels of the image."""
    if len(path) < 3:
        return path
    points = path.astype(np.float32).reshape(-1, 1, 2)
    kept = cv2.approxPolyDP(points, off, closed=False).reshape(-1, 2).astype(np.float64)
    kept[0], kept[-1] = path[0], path[-1]
    return kept
