"""How much rotated boxes overlap, exactly: the area of the polygon that two have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.rotated import RotatedBox

Rows = NDArray[np.float64]
"""Shape (n, 5): x and y of the centre, width, height, and the angle in radians, clockwise on the
screen."""

_SIGNS = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
_AT_ONCE = 20_000
"""Pairs that are measured together: each takes about two kilobytes."""


def rows_of(boxes: Sequence[RotatedBox]) -> Rows:
    """Boxes as rows."""
    found = [(b.cx, b.cy, b.w, b.h, np.radians(b.angle)) for b in boxes]
    return np.array(found, np.float64).reshape(-1, 5)


def rotated_iou(a: Rows, b: Rows) -> NDArray[np.float64]:
    """Intersection over union of every row of a with every row of b: (n, m)."""
    result = np.zeros((len(a), len(b)))
    # Boxes whose circles do not touch have nothing in common; most pairs of an image are such.
    apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    reach = np.hypot(a[:, 2], a[:, 3])[:, None] / 2 + np.hypot(b[:, 2], b[:, 3])[None, :] / 2
    one, other = np.nonzero(apart < reach)
    for start in range(0, len(one), _AT_ONCE):
        rows, columns = one[start : start + _AT_ONCE], other[start : start + _AT_ONCE]
        result[rows, columns] = pair_iou(a[rows], b[columns])
    return result


def pair_iou(a: Rows, b: Rows) -> NDArray[np.float64]:
    """Intersection over union row by row: (n,)."""
    shared = shared_area(a, b)
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - shared
    iou: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.clip(iou, 0.0, 1.0)


def shared_area(a: Rows, b: Rows) -> NDArray[np.float64]:
    """The area that two boxes have in common, row by row: (n,).

    The corners of what is shared are those of either box inside the other and the places where
    their edges cross; around their middle in order of angle they enclose it, for it is convex.
    """
    if not len(a):
        return np.zeros(0)
    # Seen from the middle of the second box, so that far from the origin no digits are lost.
    middle = b[:, None, :2]
    first, second = _corners(a) - middle, _corners(b) - middle
    crossings, there = _crossings(first, second)
    points = np.concatenate([first, second, crossings], axis=1)
    valid = np.concatenate(
        [_inside(first, b), _inside(second - (a - b)[:, None, :2], a), there], axis=1
    )
    count = valid.sum(axis=1)
    total = np.where(valid[..., None], points, 0.0).sum(axis=1)
    centre = total / np.maximum(count, 1)[:, None]
    spokes = points - centre[:, None]
    angles = np.where(valid, np.arctan2(spokes[..., 1], spokes[..., 0]), np.inf)
    order = np.argsort(angles, axis=1, kind="stable")
    ring = np.take_along_axis(spokes, order[..., None], axis=1)
    kept = np.take_along_axis(valid, order, axis=1)
    ring = np.where(kept[..., None], ring, ring[:, :1])  # the rest closes the ring at its start
    x, y = ring[..., 0], ring[..., 1]
    area = np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2
    return np.where(count >= 3, area, 0.0)


def _corners(rows: Rows) -> NDArray[np.float64]:
    """(n, 4, 2), clockwise on the screen."""
    cos, sin = np.cos(rows[:, 4])[:, None], np.sin(rows[:, 4])[:, None]
    u, v = _SIGNS[:, 0] * rows[:, 2:3], _SIGNS[:, 1] * rows[:, 3:4]
    return np.stack([rows[:, 0:1] + cos * u - sin * v, rows[:, 1:2] + sin * u + cos * v], axis=2)


def _inside(away: NDArray[np.float64], box: Rows) -> NDArray[np.bool_]:
    """Which points (n, 4, 2), given from the middle of a box, lie in it."""
    cos, sin = np.cos(box[:, 4])[:, None], np.sin(box[:, 4])[:, None]
    u = cos * away[..., 0] + sin * away[..., 1]
    v = cos * away[..., 1] - sin * away[..., 0]
    slack = 1e-9 * np.maximum(box[:, 2:3], box[:, 3:4])
    return (np.abs(u) <= box[:, 2:3] / 2 + slack) & (np.abs(v) <= box[:, 3:4] / 2 + slack)


def _crossings(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where each edge of one box meets each of the other: (n, 16, 2), and whether it does."""
    p, q = first[:, :, None], second[:, None, :]
    r = np.roll(first, -1, axis=1)[:, :, None] - p
    s = np.roll(second, -1, axis=1)[:, None, :] - q
    cross = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
    between = q - p
    parallel = np.abs(cross) <= 1e-12 * np.maximum(
        np.abs(r).max(axis=-1) * np.abs(s).max(axis=-1), 1e-30
    )
    safe = np.where(parallel, 1.0, cross)
    t = (between[..., 0] * s[..., 1] - between[..., 1] * s[..., 0]) / safe
    u = (between[..., 0] * r[..., 1] - between[..., 1] * r[..., 0]) / safe
    meets = ~parallel & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    points = p + t[..., None] * r
    count = len(first)
    return points.reshape(count, 16, 2), meets.reshape(count, 16)
