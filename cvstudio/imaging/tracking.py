"""An object followed from picture to picture by optical flow: boxes, outlines and masks.

Points on the object are followed by pyramidal Lucas-Kanade and counted only when they come back to
where they began (the forward-backward error of "median flow", Kalal, Mikolajczyk and Matas 2010).
What most of them agree on moves the shape. Where the object still looks as on the first picture the
way is measured from there, so that small errors do not add up. Masks follow a dense flow (DIS).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Shape
from cvstudio.core.convert import Area, to_mask
from cvstudio.core.geometry import Box, Part, Points, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.rotated import RotatedBox

Rgb = NDArray[np.uint8]
Grey = NDArray[np.uint8]
Move = NDArray[np.float64]
"""Shape (2, 3): turning, scaling and moving a point (x, y, 1)."""

LOST = 0.25
"""Below that share of points the object is lost."""

_POINTS = 200
_FEWEST = 4
_WINDOW, _COARSEST = 21, 4  # pixels around a point that are compared; halvings
_AGAIN = 4
_ENOUGH = 0.3  # of the points found again from the first picture: measured from there
_RETURN = 1.0  # pixels by which a point may miss its beginning on the way back
_AGREE = 2.0  # pixels by which a point may differ from what the others agree on
_RIM, _BEND = 24, 8.0  # pixels around a mask that are looked at, and by which it may bend
_STILL = np.array([[1.0, 0, 0], [0, 1, 0]])


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the object is on one picture; `score` is the share of its points that agree, 0 to 1."""

    shape: Shape
    score: float


def follow(shape: Shape, first: Rgb, pictures: Iterable[Rgb]) -> Iterator[Followed]:
    """Where an object of the first picture is on each of the next ones, until it is lost.

    Pictures are (h, w, 3) RGB of one size. The shape keeps its kind; an outline is turned and
    scaled, a box scaled, a mask bent. Ends early when the object leaves or cannot be told.
    """
    if shape is None:
        return
    tracker = _Tracker(shape, _grey(first))
    for picture in pictures:
        found = tracker.step(_grey(picture))
        if found is None:
            return
        yield found


def _grey(rgb: Rgb) -> Grey:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


class _Tracker:
    def __init__(self, shape: Area | Keypoints, grey: Grey) -> None:
        self._shape, self._first, self._before = shape, grey, grey
        side = min(cv2.boundingRect(_field(shape, grey.shape))[2:])
        self._levels = int(np.clip(np.log2(max(side, 1) / 20), 0, _COARSEST))
        self._anchors = _points_on(_field(shape, grey.shape), grey)
        self._move = _STILL
        """From the first picture to the one before."""
        self._whole = self._soft = _field(shape, grey.shape).astype(np.float32)
        """Of a mask: how much each pixel belongs to it, on the first picture and the one before."""

    def step(self, grey: Grey) -> Followed | None:
        """Where the object is now; None when it is lost."""
        if grey.shape != self._first.shape:
            return None
        points = _points_on(_field(self._moved(self._move), grey.shape), self._before)
        # Coarse levels see more of what stands still behind the object than of the object itself:
        # they are asked only when it has jumped farther than the fine ones can see.
        for levels in (self._levels, _COARSEST):
            pairs = _followed(self._before, grey, points, levels=levels)
            step, score = _common_move(*pairs, len(points))
            if step is not None and score >= LOST:
                break
        else:
            return None
        assert step is not None
        move = _after(step, self._move)
        anchored, share = self._from_first(grey, move)
        if anchored is not None and share >= _ENOUGH:
            move, score = anchored, max(score, share)
        if isinstance(self._shape, Mask):
            held = anchored is not None and share >= _ENOUGH
            old = (self._whole, self._first, move) if held else (self._soft, self._before, step)
            self._soft = _bent(*old, grey)
        self._move, self._before = move, grey
        shape = self._now(move)
        return None if shape is None else Followed(shape, score)

    def _from_first(self, grey: Grey, guess: Move) -> tuple[Move | None, float]:
        """The move since the first picture, measured at once: that picture is turned and scaled as
        the object is by now, so that a small window around a point looks the same on both. A
        better guess finds more points, so it is done again while that helps."""
        height, width = grey.shape
        best: tuple[Move | None, float] = (None, 0.0)
        for _ in range(_AGAIN):
            turned = np.asarray(cv2.warpAffine(self._first, guess, (width, height)), np.uint8)
            held, there = _followed(turned, grey, _apply(guess, self._anchors), levels=1)
            move, share = _common_move(_apply(_back(guess), held), there, len(self._anchors))
            if move is None or share <= best[1]:
                break
            best, guess = (move, share), move
        return best

    def _now(self, move: Move) -> Shape:
        height, width = self._first.shape
        if isinstance(self._shape, Mask):
            return Mask.from_patch((self._soft > 0.5).astype(np.uint8))
        shape = self._moved(move)
        box = shape if isinstance(shape, Box) else shape.box
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
                return Mask.from_patch((self._soft > 0.5).astype(np.uint8)) or shape


def _corners(box: Box) -> Points:
    return RotatedBox.of_box(box).corners()


def _field(shape: Area | Keypoints, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """(h, w): 1 on the object; of keypoints on their box."""
    field = np.zeros(size[:2], np.uint8)
    mask = to_mask(shape.box if isinstance(shape, Keypoints) else shape)
    if mask is not None:
        mask.paint(field, 1)
    return field


def _points_on(field: NDArray[np.uint8], grey: Grey) -> Points:
    """Places on the object that can be followed: corners, else a grid; (n, 2)."""
    x, y, w, h = cv2.boundingRect(field)
    if not w or not h:
        return np.zeros((0, 2))
    area = (slice(y, y + h), slice(x, x + w))
    apart = max(2.0, min(w, h) / 16)
    corners = cv2.goodFeaturesToTrack(grey[area], _POINTS, 0.01, apart, mask=field[area])
    found = np.zeros((0, 2)) if corners is None else corners.reshape(-1, 2).astype(np.float64)
    if len(found) < 3 * _FEWEST:
        columns, rows = np.meshgrid(np.linspace(0, w - 1, 12), np.linspace(0, h - 1, 12))
        grid = np.column_stack([columns.ravel(), rows.ravel()])
        inside = field[area][grid[:, 1].astype(int), grid[:, 0].astype(int)] > 0
        found = np.vstack([found, grid[inside]])
    return np.asarray(found + np.array([x, y]))


def _followed(before: Grey, now: Grey, points: Points, *, levels: int) -> tuple[Points, Points]:
    """The points that come back to where they began: where they were, and where they are."""
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


def _bent(soft: NDArray[np.float32], before: Grey, move: Move, now: Grey) -> NDArray[np.float32]:
    """A soft mask carried along: by the common move, corrected by the dense flow around it."""
    height, width = soft.shape
    moved = np.asarray(cv2.warpAffine(soft, move, (width, height)), np.float32)
    x, y, w, h = cv2.boundingRect((moved > 0.05).astype(np.uint8))
    x0, y0 = max(x - _RIM, 0), max(y - _RIM, 0)
    x1, y1 = min(x + w + _RIM, width), min(y + h + _RIM, height)
    if not w or not h or min(x1 - x0, y1 - y0) < 16:
        return moved
    area = (slice(y0, y1), slice(x0, x1))
    carried = np.asarray(cv2.warpAffine(before, move, (width, height)), np.uint8)
    dense = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    empty = np.zeros((y1 - y0, x1 - x0, 2), np.float32)
    seen = np.ascontiguousarray(now[area])
    flow = np.asarray(dense.calc(seen, np.ascontiguousarray(carried[area]), empty), np.float32)
    # More than that is an error: the common move has been taken already.
    flow = np.clip(flow, -_BEND, _BEND)
    columns, rows = np.meshgrid(np.arange(x1 - x0), np.arange(y1 - y0))
    there = (columns + flow[..., 0]).astype(np.float32), (rows + flow[..., 1]).astype(np.float32)
    moved[area] = cv2.remap(np.ascontiguousarray(moved[area]), *there, cv2.INTER_LINEAR)
    return moved
