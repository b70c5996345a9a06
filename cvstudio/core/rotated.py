"""Rotated boxes in float pixels of the image as displayed: centre, sides and an angle.

The angle counts in degrees, clockwise on the screen (y points down), as CVAT, Label Studio and
YOLO-OBB count it: at 0 the width runs to the right, at 90 down. It is kept within -180 (included)
to 180 (left out), so that the side a person drew first stays the first one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cvstudio.core.geometry import FEW, Box, Points, Polygon, ring_area
from cvstudio.core.opencv import cv2

SQUARE = 0.02
"""How far four corners may be from a rectangle, as a share of their size, to be taken as one."""

_SIGNS = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])


def turned(angle: float) -> float:
    """An angle in degrees within -180 to 180, the latter left out."""
    if -180.0 <= angle < 180.0:
        return angle
    found = (angle + 180.0) % 360.0 - 180.0
    return -180.0 if found >= 180.0 else found  # rounding at the seam


@dataclass(frozen=True, slots=True)
class RotatedBox:
    """A box turned around its centre: centre, width and height in pixels, clockwise degrees."""

    cx: float
    cy: float
    w: float
    h: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "angle", turned(self.angle))

    @classmethod
    def of_box(cls, box: Box) -> RotatedBox:
        """A box that is not turned."""
        return cls(box.x + box.w / 2, box.y + box.h / 2, box.w, box.h)

    @classmethod
    def from_corners(cls, corners: Points) -> RotatedBox:
        """The box of four corners (4, 2) in turn, either way round; the first side is the width.

        Corners that are no rectangle (drawn by hand elsewhere) give the smallest one around them.
        """
        points = np.asarray(corners, np.float64).reshape(4, 2)
        a, b, c, d = points
        along, down = (b - a + c - d) / 2, (d - a + c - b) / 2
        w, h = math.hypot(*along), math.hypot(*down)
        skew = abs(float(along @ down)) / max(w, h, 1e-12)
        uneven = float(np.abs(a + c - b - d).max())
        if max(skew, uneven) > SQUARE * max(min(w, h), 1e-12):
            near = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
            return cls.around(points, near=near)
        x, y = points.mean(axis=0).tolist()
        return cls(x, y, w, h, math.degrees(math.atan2(along[1], along[0])))

    @classmethod
    def around(cls, points: Points, *, near: float = 0.0) -> RotatedBox:
        """The smallest rotated box around at least one point (n, 2).

        It can be told in four ways, by quarter turns; the one nearest to the angle `near` is taken.
        """
        points = np.asarray(points, np.float64).reshape(-1, 2)
        if len(points) <= FEW:
            one, other = np.triu_indices(len(points), 1)
            sides = points[other] - points[one]
        else:
            ring = cv2.convexHull(points.astype(np.float32), returnPoints=False).ravel()
            points = points[ring]
            sides = np.roll(points, -1, axis=0) - points
        angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % 90.0
        angles = np.append(angles, 0.0)
        radians = np.radians(angles)
        cos, sin = np.cos(radians)[:, None], np.sin(radians)[:, None]
        x = cos * points[:, 0] + sin * points[:, 1]
        y = cos * points[:, 1] - sin * points[:, 0]
        width, height = np.ptp(x, axis=1), np.ptp(y, axis=1)
        areas = width * height
        # Of equally small ones the one whose turn from `near` is least.
        away = np.abs((angles - near + 45.0) % 90.0 - 45.0)
        slack = 1e-9 * max(float(areas.max()), 1.0)
        best = int(np.lexsort((away, width + height, areas > areas.min() + slack))[0])
        angle = float(angles[best])
        middle_x = float(x[best].min() + width[best] / 2)
        middle_y = float(y[best].min() + height[best] / 2)
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        found = cls(
            c * middle_x - s * middle_y, s * middle_x + c * middle_y,
            float(width[best]), float(height[best]), angle,
        )  # fmt: skip
        return found.told_near(near)

    def told_near(self, angle: float) -> RotatedBox:
        """The same rectangle told by the quarter turn whose angle is nearest to another."""
        quarters = round(turned(angle - self.angle) / 90.0)
        w, h = (self.h, self.w) if quarters % 2 else (self.w, self.h)
        return RotatedBox(self.cx, self.cy, w, h, self.angle + 90.0 * quarters)

    @property
    def axes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The directions of width and height as unit vectors; exact at quarter turns."""
        quarter, rest = divmod(self.angle, 90.0)
        if rest == 0:
            c, s = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]
        else:
            radians = math.radians(self.angle)
            c, s = math.cos(radians), math.sin(radians)
        return (c, s), (-s, c)

    def corners(self) -> Points:
        """The corners (4, 2), clockwise on the screen from the one at top left while not turned."""
        return self.at(_SIGNS * (self.w, self.h))

    def at(self, points: Points) -> Points:
        """Points (n, 2) given in the box's own axes from its centre, as points of the image."""
        (c, s), _ = self.axes
        x, y = points[:, 0], points[:, 1]
        return np.stack([self.cx + c * x - s * y, self.cy + s * x + c * y], axis=1)

    def own(self, points: Points) -> Points:
        """Points (n, 2) of the image in the box's own axes from its centre; `at` is the inverse."""
        (c, s), _ = self.axes
        x, y = points[:, 0] - self.cx, points[:, 1] - self.cy
        return np.stack([c * x + s * y, c * y - s * x], axis=1)

    def polygon(self) -> Polygon:
        """Its outline."""
        return Polygon.simple(self.corners())

    @property
    def box(self) -> Box:
        """The smallest axis-aligned box around it."""
        (c, s), _ = self.axes
        w = abs(c) * self.w + abs(s) * self.h
        h = abs(s) * self.w + abs(c) * self.h
        return Box(self.cx - w / 2, self.cy - h / 2, w, h)

    @property
    def area(self) -> float:
        return self.w * self.h

    def contains(self, x: float, y: float) -> bool:
        ((u, v),) = self.own(np.array([(x, y)])).tolist()
        return bool(abs(u) <= self.w / 2 and abs(v) <= self.h / 2)

    def moved(self, dx: float, dy: float) -> RotatedBox:
        return RotatedBox(self.cx + dx, self.cy + dy, self.w, self.h, self.angle)

    def turned(self, degrees: float) -> RotatedBox:
        """The box turned further clockwise around its centre."""
        return RotatedBox(self.cx, self.cy, self.w, self.h, self.angle + degrees)

    def scaled(self, x: float, y: float) -> RotatedBox:
        """The box on an image that is x times as wide and y times as high: where that makes it a
        slanted shape, the smallest box around it."""
        if x == y:
            return RotatedBox(self.cx * x, self.cy * y, self.w * x, self.h * y, self.angle)
        return RotatedBox.from_corners(self.corners() * (x, y))

    def outline_within(self, width: float, height: float) -> Points:
        """The corners (n, 2), clockwise on the screen, of what lies inside an image of that size.

        Up to eight, and the four corners themselves when all of them do; (0, 2) when nothing does.
        """
        box = self.box
        if box.x >= 0 and box.y >= 0 and box.right <= width and box.bottom <= height:
            return self.corners()
        ring = _visible(self.corners(), width, height)
        return ring if len(ring) >= 3 and ring_area(ring) > 0 else np.empty((0, 2))

    def clipped(self, width: float, height: float) -> RotatedBox | None:
        """The smallest box at the same angle around what lies inside an image of that size.

        Itself when all of it does; None when nothing does. Its corners may still stand out.
        """
        box = self.box
        if box.x >= 0 and box.y >= 0 and box.right <= width and box.bottom <= height:
            return self
        visible = _visible(self.corners(), width, height)
        if len(visible) < 3:
            return None
        own = self.own(visible)
        (x0, y0), (x1, y1) = own.min(axis=0).tolist(), own.max(axis=0).tolist()
        if x1 <= x0 or y1 <= y0:
            return None
        ((cx, cy),) = self.at(np.array([((x0 + x1) / 2, (y0 + y1) / 2)])).tolist()
        return RotatedBox(cx, cy, x1 - x0, y1 - y0, self.angle)


def _visible(ring: Points, width: float, height: float) -> Points:
    """What is left of a convex ring inside (0, 0, width, height), side after side."""
    for axis, limit, sign in ((0, 0.0, 1.0), (0, width, -1.0), (1, 0.0, 1.0), (1, height, -1.0)):
        kept: list[Points] = []
        away = sign * (ring[:, axis] - limit)
        for i in range(len(ring)):
            j = (i + 1) % len(ring)
            if away[i] >= 0:
                kept.append(ring[i])
            if (away[i] >= 0) != (away[j] >= 0):
                share = away[i] / (away[i] - away[j])
                kept.append(ring[i] + share * (ring[j] - ring[i]))
        ring = np.array(kept, np.float64).reshape(-1, 2)
        if not len(ring):
            break
    return ring
