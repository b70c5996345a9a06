"""The skeleton of a class: the names of its keypoints in order, which of them are joined, and where
they lie in its template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cvstudio.core.attributes import line_of
from cvstudio.core.geometry import Points
from cvstudio.core.keypoints import Keypoints

Edges = tuple[tuple[int, int], ...]
"""Pairs of places in the order of the points, from 0."""

Layout = tuple[tuple[float, float], ...]
"""Where points lie in a square, x to the right and y down, each from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Names of points in the order in which they are placed, and the edges drawn between them.

    `layout` is where they lie in the template by which a whole object is placed at once; () where
    nobody has said (core/skeleton_template.py has one for every skeleton).
    """

    names: tuple[str, ...]
    edges: Edges = ()
    layout: Layout = ()

    def problem(self) -> str:
        """Why objects cannot have it, in words; "" when they can."""
        if not self.names:
            return "A skeleton needs at least one point."
        if not all(name.strip() for name in self.names):
            return "A point has no name."
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            return f"The point “{twice}” is there twice."
        for a, b in self.edges:
            if a == b or not (0 <= a < len(self.names) and 0 <= b < len(self.names)):
                return "An edge joins two different points of the skeleton."
        if self.layout and len(self.layout) != len(self.names):
            return "Each point has a place in the template, or none has."
        if not all(0 <= value <= 1 for place in self.layout for value in place):
            return "A point lies outside the template."
        return ""

    def edges_of(self, shape: Keypoints) -> Edges:
        """The edges both of whose ends have a place in an object's keypoints."""
        there = {place for place, known in enumerate(shape.points[:, 2].tolist()) if known > 0}
        return tuple(edge for edge in self.edges if there.issuperset(edge))

    def moved_from(self, old: Skeleton) -> tuple[int | None, ...]:
        """For each point the place that it had in another skeleton; None for a new one.

        A point is known by its name; under another name, by its place.
        """
        result: list[int | None] = []
        for place, name in enumerate(self.names):
            if name in old.names:
                result.append(old.names.index(name))
            else:
                renamed = place < len(old.names) and old.names[place] not in self.names
                result.append(place if renamed else None)
        return tuple(result)


_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^A-Za-z0-9]+")


def mirrored_places(skeleton: Skeleton) -> tuple[int, ...]:
    """For each point the one that stands in its place in a mirror: the left wrist for the right.

    The names say it, by the words left and right or the letters L and R; a point without a
    counterpart stays itself.
    """
    plain = [name.casefold() for name in skeleton.names]
    places = {name: place for place, name in enumerate(plain)}
    result = list(range(len(plain)))
    for place, name in enumerate(skeleton.names):
        words = [word.casefold() for word in _WORDS.findall(name)]
        other = places.get("".join(_SIDES.get(word, word) for word in words))
        if other is not None and result[other] in (other, place):
            result[place] = other
    return tuple(result)


COCO_PERSON = Skeleton(
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
        "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    (
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7),
        (6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    ),
)  # fmt: skip
"""The 17 points of a person, as COCO has them."""


def rearranged(shape: Keypoints, places: tuple[int | None, ...]) -> Keypoints:
    """Keypoints in another order: each from its place before, or absent where it has none."""
    points: Points = np.zeros((len(places), 3))
    for new, old in enumerate(places):
        if old is not None:
            points[new] = shape.points[old]
    return Keypoints(points, shape.frame)


def followed(shape: Keypoints, old: Skeleton | None, new: Skeleton | None) -> Keypoints:
    """Keypoints under another skeleton: each point goes with its name.

    As they are where they have no names, or where a point that has a place has none there, so that
    nothing is lost and the way back is open.
    """
    if old is None or new is None or old.names == new.names:
        return shape
    if len(old.names) != len(shape.points):
        return shape
    known = (shape.points[:, 2] > 0).tolist()
    placed = {name for name, there in zip(old.names, known, strict=True) if there}
    if not placed.issubset(new.names):
        return shape
    places = {name: place for place, name in enumerate(old.names)}
    return rearranged(shape, tuple(places.get(name) for name in new.names))


def pack(skeleton: Skeleton | None) -> str | None:
    """A skeleton as JSON; None for none."""
    if skeleton is None:
        return None
    told: dict[str, object] = {"names": skeleton.names, "edges": skeleton.edges}
    if skeleton.layout:
        told["layout"] = skeleton.layout
    return json.dumps(told, ensure_ascii=False)


def unpack(text: str | None) -> Skeleton | None:
    """A skeleton from what `pack` made."""
    if not text:
        return None
    found = json.loads(text)
    edges = tuple((int(a), int(b)) for a, b in found["edges"])
    layout = tuple((float(x), float(y)) for x, y in found.get("layout", ()))
    return Skeleton(tuple(found["names"]), edges, layout)


def with_inherited(
    own: Mapping[int, Skeleton], parents: Mapping[int, int | None]
) -> dict[int, Skeleton]:
    """The skeleton of each class that has one: its own, or that of the nearest class above it."""
    result = {}
    for id in parents:
        found = next((own[each] for each in line_of(parents, id) if each in own), None)
        if found is not None:
            result[id] = found
    return result
