"""The template of a skeleton: where its points lie before anybody has moved them, and which of them
are those of the other side."""

from __future__ import annotations

import math
import re

import numpy as np

from cvstudio.core.geometry import Box, Points
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.skeleton import COCO_PERSON, Layout, Skeleton

_PERSON: Layout = (
    (0.50, 0.10), (0.54, 0.06), (0.46, 0.06), (0.60, 0.09), (0.40, 0.09), (0.68, 0.25),
    (0.32, 0.25), (0.76, 0.41), (0.24, 0.41), (0.80, 0.56), (0.20, 0.56), (0.61, 0.54),
    (0.39, 0.54), (0.63, 0.75), (0.37, 0.75), (0.64, 0.96), (0.36, 0.96),
)  # fmt: skip
"""Somebody who stands and looks at us: the left side is at the right of the picture."""

_MARGIN = 0.1
_SIDES = re.compile(
    "(?<![A-Za-z])(left|right|LEFT|RIGHT|Left|Right)(?![a-z])"
    "|(?<=[a-z])(Left|Right)(?![a-z])"
    "|(?<![A-Za-z])([lrLR])(?![A-Za-z])"
    "|(?<=[a-z])([LR])(?![A-Za-z])"
    "|(?<![A-Za-z])([lr])(?=[A-Z])"
)
_OTHER = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}
_OTHER |= {right: left for left, right in _OTHER.items()}


def laid_out(skeleton: Skeleton) -> Skeleton:
    """A skeleton whose points all have a place in its template.

    Its own; that of a person where the points are those of COCO; else round a circle, clockwise
    from the top.
    """
    if skeleton.layout or not skeleton.names:
        return skeleton
    if skeleton.names == COCO_PERSON.names:
        return Skeleton(skeleton.names, skeleton.edges, _PERSON)
    count, far = len(skeleton.names), 0.5 - _MARGIN
    turns = [2 * math.pi * n / count for n in range(count)]
    layout = tuple(
        (round(0.5 + far * math.sin(t), 3), round(0.5 - far * math.cos(t), 3)) for t in turns
    )
    return Skeleton(skeleton.names, skeleton.edges, layout)


def dropped(skeleton: Skeleton, box: Box, *, mirrored: bool = False) -> Keypoints:
    """A whole object: the template stretched so that its points fill a box, all of them visible.

    `mirrored` turns it left to right; the names stay with their points. Points in one line lie in
    the middle of the other side.
    """
    places = np.array(laid_out(skeleton).layout, np.float64).reshape(-1, 2)
    low, span = places.min(axis=0), np.ptp(places, axis=0)
    shares = np.divide(places - low, span, out=np.full(places.shape, 0.5), where=span > 0)
    if mirrored:
        shares[:, 0] = 1 - shares[:, 0]
    points: Points = np.full((len(places), 3), float(Visibility.VISIBLE))
    points[:, :2] = shares * (box.w, box.h) + (box.x, box.y)
    return Keypoints(points)


def proportions(skeleton: Skeleton) -> float:
    """How wide the template is for its height; 1 where its points lie in one line."""
    places = np.array(laid_out(skeleton).layout, np.float64).reshape(-1, 2)
    w, h = np.ptp(places, axis=0).tolist()
    return w / h if w > 0 and h > 0 else 1.0


def free_place(layout: Layout) -> tuple[float, float]:
    """A place in the template that is far from all points."""
    steps = np.linspace(_MARGIN, 1 - _MARGIN, 9)
    spots = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    if not layout:
        return 0.5, 0.5
    away = np.hypot(*(spots[:, None, :] - np.array(layout)[None, :, :]).transpose(2, 0, 1))
    x, y = spots[int(away.min(axis=1).argmax())].round(3).tolist()
    return x, y


def other_side(name: str) -> str | None:
    """The name of the same point on the other side: "left_eye" and "right_eye", "earL" and "earR";
    None for a name without a side."""
    found = _SIDES.search(name)
    if found is None:
        return None
    return f"{name[: found.start()]}{_OTHER[found.group()]}{name[found.end() :]}"


def sides(names: tuple[str, ...]) -> tuple[int, ...]:
    """For each point the one of the other side; itself where there is none."""
    places = {name: place for place, name in enumerate(names)}
    return tuple(places.get(other_side(name) or "", place) for place, name in enumerate(names))


def swapped(shape: Keypoints, names: tuple[str, ...]) -> Keypoints:
    """Keypoints whose left and right points have changed places; as long as the names."""
    return Keypoints(shape.points[list(sides(names))], shape.frame)


def with_other_sides(skeleton: Skeleton) -> Skeleton:
    """A skeleton with the points that have a left and no right, or the other way round, on both
    sides: mirrored about the middle of the template, and joined as they are."""
    full = laid_out(skeleton)
    names, layout = list(full.names), list(full.layout)
    for name, (x, y) in zip(full.names, full.layout, strict=True):
        other = other_side(name)
        if other is not None and other not in names:
            names.append(other)
            layout.append((round(1 - x, 3), y))
    partner = sides(tuple(names))
    edges = dict.fromkeys(full.edges)
    new = set(range(len(full.names), len(names)))
    for a, b in full.edges:
        pair = (partner[a], partner[b])
        if new.intersection(pair) and pair[::-1] not in edges:
            edges.setdefault(pair)
    return Skeleton(tuple(names), tuple(edges), tuple(layout))
