"""What labelme's groups mean: one object in several parts, or an object with its keypoints.

labelme takes shapes of one class and one group for one object. X-AnyLabeling keeps the keypoints of
an object as points in the group of its box, each named by its label and "difficult" when hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask, mask_of, together
from cvstudio.core.skeleton import Skeleton
from cvstudio.formats.base import ParsedAnnotation, ParsedImage

GROUP = "group_id"
MARK = "cvstudio_keypoints"
"""Our own key of a rectangle that only says to whom the points of its group belong: "framed" when
it is also their box, else "points"."""
POINTS = "points"
"""Under it, within what only labelme has a word for, the keys of single keypoints by their name."""
_KEY = "labelme"


@dataclass(frozen=True, slots=True)
class Point:
    """A point shape, in pixels, with what its shape carries."""

    name: str
    x: float
    y: float
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> tuple[float, float, float]:
        """x, y and visibility."""
        hidden = bool(self.attributes.get("difficult"))
        return self.x, self.y, float(Visibility.HIDDEN if hidden else Visibility.VISIBLE)

    def rest(self, *known: str) -> dict[str, Any]:
        """What it carries beside its visibility and some known keys."""
        return {k: v for k, v in self.attributes.items() if k not in ("difficult", *known)}


class Poses:
    """Keypoints of many images; their order in a class is that in which names first come up."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = defaultdict(dict)
        self._alone: set[str] = set()
        self._waiting: list[tuple[ParsedAnnotation, list[Point], Box | None]] = []

    def add(self, image: ParsedImage, points: Sequence[Point]) -> None:
        """Give an image the keypoints that its points are: those of a group with one other shape
        are of its class, each other one is an object of its own."""
        groups: dict[Hashable, list[Point]] = defaultdict(list)
        for point in points:
            groups[point.attributes.get(GROUP)].append(point)
        holders: dict[Hashable, list[ParsedAnnotation]] = defaultdict(list)
        for annotation in image.annotations:
            holders[annotation.attributes.get(GROUP)].append(annotation)
        for group, members in groups.items():
            held = holders[group] if group is not None else []
            if len(held) == 1 and len({p.name for p in members}) == len(members):
                self._hold(image, held[0], members, group)
                continue
            for point in members:
                self._alone.add(point.name)
                shape = Keypoints(np.array([point.row]))
                image.annotations.append(ParsedAnnotation(point.name, shape, point.rest()))
        for annotation in image.annotations:
            annotation.attributes.pop(MARK, None)

    def _hold(
        self, image: ParsedImage, holder: ParsedAnnotation, members: list[Point], group: Hashable
    ) -> None:
        self._names[holder.class_name].update(dict.fromkeys(p.name for p in members))
        mark = holder.attributes.get(MARK)
        frame = holder.shape if mark == "framed" and isinstance(holder.shape, Box) else None
        if mark in ("framed", POINTS):
            mine = holder  # the rectangle stood for the points, which take its place
        else:
            mine = ParsedAnnotation(holder.class_name, None, {GROUP: group})
            image.annotations.append(mine)
        told = {p.name: rest for p in members if (rest := p.rest(GROUP))}
        if told:
            mine.attributes[_KEY] = {POINTS: told}
        self._waiting.append((mine, members, frame))

    def finish(self) -> None:
        """Make the shapes, now that all names are known."""
        for annotation, members, frame in self._waiting:
            places = {name: i for i, name in enumerate(self._names[annotation.class_name])}
            rows = np.zeros((len(places), 3))
            for point in members:
                rows[places[point.name]] = point.row
            annotation.shape = Keypoints(rows, frame)

    def skeleton(self, class_name: str) -> Skeleton | None:
        """The skeleton of a class that has keypoints; its edges are told nowhere."""
        names = tuple(self._names.get(class_name, ()))
        if not names and class_name in self._alone:
            names = (class_name,)
        found = Skeleton(names)
        return None if found.problem() else found


def in_parts(annotations: Sequence[ParsedAnnotation]) -> list[ParsedAnnotation]:
    """The annotations with outlines and masks of one class and group made one, where they say the
    same of it; in the place of the first."""
    result: list[ParsedAnnotation] = []
    first: dict[tuple[str, Hashable], int] = {}
    for annotation in annotations:
        group = annotation.attributes.get(GROUP)
        if group is None or not isinstance(annotation.shape, Polygon | Mask):
            result.append(annotation)
            continue
        place = first.setdefault((annotation.class_name, group), len(result))
        if place == len(result):
            result.append(annotation)
        elif _said(result[place]) == _said(annotation):
            joined = _joined(result[place].shape, annotation.shape)
            result[place] = ParsedAnnotation(annotation.class_name, joined, _said(annotation))
        else:
            result.append(annotation)
    return result


def _said(annotation: ParsedAnnotation) -> dict[str, Any]:
    return {key: value for key, value in annotation.attributes.items() if key != _KEY}


def _joined(one: Any, other: Polygon | Mask) -> Polygon | Mask:
    """Both as one shape: outlines as parts of one, else the pixels of both."""
    if isinstance(one, Polygon) and isinstance(other, Polygon):
        return Polygon((*one.parts, *other.parts))
    made = [mask_of(shape) if isinstance(shape, Polygon) else shape for shape in (one, other)]
    there = [mask for mask in made if mask is not None]
    patch, x, y = together([(mask.patch(), mask.x, mask.y) for mask in there])
    found = Mask.from_patch(patch, x, y)
    assert found is not None  # at least one of them is a mask with pixels
    return found
