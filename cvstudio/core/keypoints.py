"""Keypoints of one object, in the order of its class's skeleton, in float pixels of the image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from cvstudio.core.geometry import Box, Points


class Visibility(IntEnum):
    """What is known of a keypoint, with COCO's numbers."""

    ABSENT = 0
    """Not labelled: it has no place."""
    HIDDEN = 1
    """Labelled, but covered by something in the picture."""
    VISIBLE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Points (n, 3): x, y and visibility. Those that are absent have no place, whatever x and y.

    `frame` is the object's box where it is known (COCO's bbox); else the box is that around the
    points that have a place.
    """

    points: Points
    frame: Box | None = None

    @classmethod
    def of(cls, points: object, frame: Box | None = None) -> Keypoints:
        """Keypoints of anything that numpy takes for (n, 3) or flat numbers."""
        return cls(np.array(points, np.float64).reshape(-1, 3), frame)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Keypoints)
            and self.frame == other.frame
            and np.array_equal(self.points, other.points)
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array

    def placed(self) -> Points:
        """x and y (m, 2) of the points that have a place."""
        found: Points = self.points[self.points[:, 2] > 0, :2]
        return found

    @property
    def box(self) -> Box:
        """The frame, or the box around the points that have a place; of no area without any."""
        if self.frame is not None:
            return self.frame
        there = self.placed()
        return Box.around(there) if len(there) else Box(0.0, 0.0, 0.0, 0.0)

    @property
    def area(self) -> float:
        """That of the box, for points have none."""
        return self.box.area

    def changed(self, there: Points, frame: Box | None) -> Keypoints:
        """With other x and y (m, 2) for the points that have a place, and another frame."""
        points = self.points.copy()
        points[points[:, 2] > 0, :2] = there
        return Keypoints(points, frame)

    def with_point(self, place: int, x: float, y: float, known: Visibility) -> Keypoints:
        """With one point somewhere else; the frame grows where it has to."""
        points = self.points.copy()
        points[place] = (x, y, known)
        frame = self.frame
        if frame is not None and known:
            frame = Box.from_corners(
                min(frame.x, x), min(frame.y, y), max(frame.right, x), max(frame.bottom, y)
            )
        return Keypoints(points, frame)

    def moved(self, dx: float, dy: float) -> Keypoints:
        frame = self.frame.moved(dx, dy) if self.frame is not None else None
        return self.changed(self.placed() + np.array([dx, dy]), frame)

    def scaled(self, x: float, y: float) -> Keypoints:
        """The points on an image that is x times as wide and y times as high."""
        f = self.frame
        frame = Box(f.x * x, f.y * y, f.w * x, f.h * y) if f is not None else None
        return self.changed(self.placed() * (x, y), frame)

    def clipped(self, width: float, height: float) -> Keypoints | None:
        """With the points outside an image of that size made absent and the frame cut; None when
        no point and no frame of any area is left."""
        x, y, known = self.points.T
        outside = (known > 0) & ((x < 0) | (y < 0) | (x > width) | (y > height))
        frame = self.frame.clipped(width, height) if self.frame is not None else None
        if frame is not None and frame.area <= 0:
            frame = None
        points = self.points
        if outside.any():
            points = points.copy()
            points[outside] = 0.0
        if frame is None and not (points[:, 2] > 0).any():
            return None
        return self if points is self.points and frame == self.frame else Keypoints(points, frame)
