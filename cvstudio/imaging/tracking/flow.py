"""An object followed by optical flow: boxes, outlines, masks, rotated boxes and keypoints.

Points on the object are followed by pyramidal Lucas-Kanade and counted only when they come back to
where they began (the forward-backward error of "median flow", Kalal, Mikolajczyk and Matas 2010).
What most of them agree on moves the shape. Where the object still looks as on the first picture the
way is measured from there, so that small errors do not add up. Masks follow a dense flow (DIS).
Only what surrounds the object is looked at, so that a large picture costs no more than a small one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Shape, box_of
from cvstudio.core.convert import Area, to_mask
from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Box, Part, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox
from cvstudio.imaging.tracking.values import (
    LOST,
    Followed,
    Gone,
    Grey,
    Picture,
    missing,
    refuse_size,
)

_Number = TypeVar("_Number", np.uint8, np.float32)

Move = NDArray[np.float64]
"""Shape (2, 3): turning, scaling and moving a point (x, y, 1)."""

_POINTS = 200
_FEWEST = 4
_WINDOW, _COARSEST = 21, 4  # pixels around a point that are compared; halvings
_AGAIN = 4
_ENOUGH = 0.3  # of the points found again from the first picture: measured from there
_RETURN = 1.0  # pixels by which a point may miss its beginning on the way back
_AGREE = 2.0  # pixels by which a point may differ from what the others agree on
_REACH = _WINDOW << _COARSEST  # pixels around an object that a step looks at
_NEAR = 3 * _WINDOW  # the same, once it is known where the object is
_RIM, _BEND = 24, 8.0  # pixels around a mask that are looked at, and by which it may bend
_STILL = np.array([[1.0, 0, 0], [0, 1, 0]])


@dataclass(frozen=True, slots=True)
class _Frame:
    """A part of a picture: left and top, width and height in pixels."""

    x: int
    y: int
    w: int
    h: int

    @classmethod
    def around(cls, box: Box, margin: float, size: tuple[int, int]) -> _Frame:
        """What lies around a box inside a picture of (height, width) pixels; may have no area."""
        x, y = max(int(box.x - margin), 0), max(int(box.y - margin), 0)
        right = min(int(np.ceil(box.right + margin)), size[1])
        bottom = min(int(np.ceil(box.bottom + margin)), size[0])
        return cls(x, y, max(right - x, 0), max(bottom - y, 0))

    @property
    def corner(self) -> Points:
        return np.array([self.x, self.y], np.float64)

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return picture[self.y : self.y + self.h, self.x : self.x + self.w]


@dataclass(frozen=True, slots=True)
class _Soft:
    """How much each pixel of a frame belongs to a mask: (h, w) from 0 to 1."""

    values: NDArray[np.float32]
    frame: _Frame

    def mask(self) -> Mask | None:
        """The pixels that belong to it for more than half; None when there are none."""
        return Mask.from_patch((self.values > 0.5).astype(np.uint8), self.frame.x, self.frame.y)


class FlowFollower:
    """Follows one object by what its points have in common."""

    def __init__(self, shape: Shape, first: Picture) -> None:
        if shape is None:
            raise ImageError("A class of the whole image has no place to be followed.")
        refuse_size(box_of(shape))
        self._shape, self._first, self._before = shape, first.grey, first.grey
        self._size = first.size
        patch, frame = _field(shape, self._size)
        if not patch.any():
            raise ImageError("The shape lies outside the picture: there is nothing to follow.")
        side = min(cv2.boundingRect(patch)[2:])
        self._levels = int(np.clip(np.log2(max(side, 1) / 20), 0, _COARSEST))
        self._anchors = _points_on(patch, frame, first.grey)
        self._move = _STILL
        """From the first picture to the one before."""
        self._whole = self._soft = _Soft(patch.astype(np.float32), frame)
        """Of a mask: on the first picture, and on the one before."""

    def step(self, picture: Picture) -> Followed | Gone:
        """Where the object is on the next picture."""
        if picture.size != self._size:
            return Gone.OTHER_SIZE
        grey, before = picture.grey, self._moved(self._move)
        patch, frame = _field(before, self._size)
        points = _points_on(patch, frame, self._before)
        reach = _Frame.around(box_of(before), _REACH, self._size)
        # Coarse levels see more of what stands still behind the object than of the object itself:
        # they are asked only when it has jumped farther than the fine ones can see.
        for levels in (self._levels, _COARSEST):
            pairs = _followed(self._before, grey, points, reach, levels=levels)
            step, score = _common_move(*pairs, len(points))
            if step is not None and score >= LOST:
                break
        else:
            return missing(box_of(before), self._size)
        assert step is not None
        move = _after(step, self._move)
        anchored, share = self._from_first(grey, move)
        held = anchored is not None and share >= _ENOUGH
        if held and anchored is not None:
            move, score = anchored, max(score, share)
        if isinstance(self._shape, Mask):
            old = (self._whole, self._first, move) if held else (self._soft, self._before, step)
            self._soft = _bent(*old, grey)
        self._move, self._before = move, grey
        shape = self._now(move)
        return Gone.LEFT if shape is None else Followed(shape, score)

    def _from_first(self, grey: Grey, guess: Move) -> tuple[Move | None, float]:
        """The move since the first picture, measured at once: that picture is turned and scaled as
        the object is by now, so that a small window around a point looks the same on both. A
        better guess finds more points, so it is done again while that helps."""
        best: tuple[Move | None, float] = (None, 0.0)
        if not len(self._anchors):
            return best
        source = _Frame.around(Box.around(self._anchors), _NEAR / _scale(guess), self._size)
        for _ in range(_AGAIN):
            there = _apply(guess, self._anchors)
            view = _Frame.around(Box.around(there), _NEAR, self._size)
            if not view.w or not view.h:
                break
            turned = _turned(source.of(self._first), source, guess, view)
            held, found = _between_views(turned, view.of(grey), there - view.corner, levels=1)
            at = _apply(_back(guess), held + view.corner)
            move, share = _common_move(at, found + view.corner, len(self._anchors))
            if move is None or share <= best[1]:
                break
            best, guess = (move, share), move
        return best

    def _now(self, move: Move) -> Shape:
        height, width = self._size
        if isinstance(self._shape, Mask):
            return self._soft.mask()
        shape = self._moved(move)
        box = box_of(shape)
        middle = Box(box.x + box.w / 4, box.y + box.h / 4, box.w / 2, box.h / 2)
        return shape if middle.clipped(width, height).area > 0 else None

    def _moved(self, move: Move) -> Area | Keypoints:
        shape = self._shape
        match shape:
            case Box():
                middle = np.array([[shape.x + shape.w / 2, shape.y + shape.h / 2]])
                (x, y), scale = _apply(move, middle)[0].tolist(), _scale(move)
                w, h = shape.w * scale, shape.h * scale
                return Box(x - w / 2, y - h / 2, w, h)
            case Polygon():
                return Polygon(
                    tuple(
                        Part(_apply(move, p.outer), tuple(_apply(move, h) for h in p.holes))
                        for p in shape.parts
                    )
                )
            case RotatedBox():
                return RotatedBox.from_corners(_apply(move, shape.corners()))
            case Keypoints():
                f = shape.frame
                frame = None if f is None else Box.around(_apply(move, _corners(f)))
                return shape.changed(_apply(move, shape.placed()), frame)
            case Mask():
                return self._soft.mask() or shape


def _corners(box: Box) -> Points:
    return RotatedBox.of_box(box).corners()


def _field(shape: Area | Keypoints, size: tuple[int, int]) -> tuple[NDArray[np.uint8], _Frame]:
    """The part of the picture that the object covers, 1 on the object; of keypoints their box."""
    area = shape.box if isinstance(shape, Keypoints) else shape
    frame = _Frame.around(box_of(area), 1, size)
    field = np.zeros((frame.h, frame.w), np.uint8)
    mask = to_mask(area)
    if mask is not None and field.size:
        mask.moved(-frame.x, -frame.y).paint(field, 1)
    return field, frame


def _points_on(field: NDArray[np.uint8], frame: _Frame, grey: Grey) -> Points:
    """Places on the object that can be followed: corners, else a grid; (n, 2)."""
    x, y, w, h = cv2.boundingRect(field) if field.size else (0, 0, 0, 0)
    if not w or not h:
        return np.zeros((0, 2))
    inner = field[y : y + h, x : x + w]
    seen = _Frame(frame.x + x, frame.y + y, w, h).of(grey)
    apart = max(2.0, min(w, h) / 16)
    corners = cv2.goodFeaturesToTrack(seen, _POINTS, 0.01, apart, mask=inner)
    found = np.zeros((0, 2)) if corners is None else corners.reshape(-1, 2).astype(np.float64)
    if len(found) < 3 * _FEWEST:
        columns, rows = np.meshgrid(np.linspace(0, w - 1, 12), np.linspace(0, h - 1, 12))
        grid = np.column_stack([columns.ravel(), rows.ravel()])
        inside = inner[grid[:, 1].astype(int), grid[:, 0].astype(int)] > 0
        found = np.vstack([found, grid[inside]])
    return np.asarray(found + np.array([frame.x + x, frame.y + y]))


def _followed(
    before: Grey, now: Grey, points: Points, frame: _Frame, *, levels: int
) -> tuple[Points, Points]:
    """The points that come back to where they began, looked for in a frame: where they were, and
    where they are."""
    if not frame.w or not frame.h:
        return points[:0], points[:0]
    views = frame.of(before), frame.of(now)
    old, new = _between_views(*views, points - frame.corner, levels=levels)
    return old + frame.corner, new + frame.corner


def _between_views(
    before: Grey, now: Grey, points: Points, *, levels: int
) -> tuple[Points, Points]:
    """The same for two views of one size and points on them."""
    if len(points) < _FEWEST:
        return points[:0], points[:0]
    old = points.astype(np.float32).reshape(-1, 1, 2)
    new, seen = _lucas_kanade(before, now, old, old.copy(), levels)
    back, seen_back = _lucas_kanade(now, before, new, old.copy(), levels)
    height, width = now.shape
    error = np.linalg.norm((back - old).reshape(-1, 2), axis=1)
    at = new.reshape(-1, 2).astype(np.float64)
    within = (at >= 0).all(axis=1) & (at[:, 0] < width) & (at[:, 1] < height)
    good = seen & seen_back & (error < _RETURN) & within
    return points[good], at[good]


def _lucas_kanade(
    before: Grey, now: Grey, old: NDArray[np.float32], guess: NDArray[np.float32], levels: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    found, seen, _ = cv2.calcOpticalFlowPyrLK(
        before, now, old, guess, winSize=(_WINDOW, _WINDOW), maxLevel=levels,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    return np.asarray(found, np.float32), np.asarray(seen).ravel() > 0


def _common_move(before: Points, now: Points, of: int) -> tuple[Move | None, float]:
    """What most points agree on, and the share of all `of` points that do."""
    if len(before) < _FEWEST:
        return None, 0.0
    found, agree = cv2.estimateAffinePartial2D(
        before, now, method=cv2.RANSAC, ransacReprojThreshold=_AGREE, maxIters=500
    )
    move = None if found is None else np.asarray(found, np.float64)
    if move is None or not 0.5 < _scale(move) < 2.0:
        return None, 0.0
    count = int(np.count_nonzero(agree))
    return (move, count / of) if count >= _FEWEST else (None, 0.0)


def _scale(move: Move) -> float:
    return float(np.hypot(move[0, 0], move[1, 0]))


def _apply(move: Move, points: Points) -> Points:
    return np.asarray(points @ move[:, :2].T + move[:, 2])


def _back(move: Move) -> Move:
    """The move that takes another one back."""
    return np.asarray(cv2.invertAffineTransform(move), np.float64)


def _after(second: Move, first: Move) -> Move:
    """One move after another."""
    last = np.array([[0.0, 0, 1]])
    return np.asarray((np.vstack([second, last]) @ np.vstack([first, last]))[:2])


def _turned(
    values: NDArray[_Number], source: _Frame, move: Move, target: _Frame
) -> NDArray[_Number]:
    """What a frame holds, moved, as far as it comes to lie in another frame; 0 elsewhere."""
    local = move.copy()
    local[:, 2] += move[:, :2] @ source.corner - target.corner
    size = (target.w, target.h)
    found: NDArray[_Number] = np.asarray(
        cv2.warpAffine(np.ascontiguousarray(values), local, size), values.dtype
    )
    return found


def _bent(old: _Soft, before: Grey, move: Move, now: Grey) -> _Soft:
    """A soft mask carried along: by the common move, corrected by the dense flow around it."""
    size = (now.shape[0], now.shape[1])
    source = old.frame
    corners = _corners(Box(source.x, source.y, source.w, source.h))
    target = _Frame.around(Box.around(_apply(move, corners)), _RIM, size)
    if not target.w or not target.h:
        return _Soft(np.zeros((0, 0), np.float32), target)
    moved = _turned(old.values, source, move, target)
    x, y, w, h = cv2.boundingRect((moved > 0.05).astype(np.uint8))
    area = _Frame.around(Box(x, y, w, h), _RIM, moved.shape[:2])
    tight = _Frame(target.x + area.x, target.y + area.y, area.w, area.h)
    moved = np.ascontiguousarray(moved[area.y : area.y + area.h, area.x : area.x + area.w])
    if not w or not h or min(area.w, area.h) < 16:
        return _Soft(moved, tight)
    wide = _Frame.around(
        Box(source.x, source.y, source.w, source.h), 2 * _RIM / _scale(move) + 2, size
    )
    carried = _turned(wide.of(before), wide, move, tight)
    dense = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    empty = np.zeros((tight.h, tight.w, 2), np.float32)
    seen = np.ascontiguousarray(tight.of(now))
    flow = np.asarray(dense.calc(seen, carried, empty), np.float32)
    # More than that is an error: the common move has been taken already.
    flow = np.clip(flow, -_BEND, _BEND)
    columns, rows = np.meshgrid(np.arange(tight.w), np.arange(tight.h))
    there = (columns + flow[..., 0]).astype(np.float32), (rows + flow[..., 1]).astype(np.float32)
    return _Soft(np.asarray(cv2.remap(moved, *there, cv2.INTER_LINEAR), np.float32), tight)
