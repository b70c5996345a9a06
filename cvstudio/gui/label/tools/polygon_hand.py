"""Points and edges of the selected polygon follow the pointer, and with snapping on those of its
neighbours that lie at the same places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QLineF, QPointF
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.annotation import Annotation, Shape, State
from cvstudio.core.geometry import Box, Points, Polygon
from cvstudio.gui.label import edits, hit
from cvstudio.gui.label.borders import Borders
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.hit import Place
from cvstudio.gui.label.pens import CASING, cosmetic

_SAME = 1e-3
"""Pixels within which two points are one."""


@dataclass(frozen=True)
class Joined:
    """A neighbour with points at the taken places: where in it, and of which of them."""

    id: int
    polygon: Polygon
    places: tuple[tuple[Place, int], ...]

    def moved(self, ends: Points) -> Polygon:
        """The neighbour with those points somewhere else."""
        polygon = self.polygon
        for place, number in self.places:
            polygon = edits.point_moved(polygon, place, *ends[number].tolist())
        return polygon


@dataclass(frozen=True)
class Taken:
    """A point, an edge, or a new point (which `polygon` has already) that follows the pointer."""

    what: Literal["point", "edge", "new point"]
    annotation: Annotation
    polygon: Polygon
    place: Place
    """As of hit.vertex_at, or for an edge as of hit.edge_at."""
    joined: tuple[Joined, ...] = ()

    @property
    def label(self) -> str:
        """The undo step's name."""
        if self.joined:
            return f"Move {self.what} of {1 + len(self.joined)} shapes"
        return "Add point" if self.what == "new point" else f"Move {self.what}"

    @property
    def ends(self) -> Points:
        """What is taken: one place (1, 2), or both ends of the edge (2, 2)."""
        if self.what == "edge":
            return edits.edge_ends(self.polygon, self.place)
        ring = self.polygon.parts[self.place.part].rings()[self.place.ring]
        return ring[[self.place.index]]

    def moved(self, ends: Points) -> dict[int, Shape]:
        """The shapes, by id, after what is taken came to other places, (1, 2) or (2, 2)."""
        if self.what == "edge":
            own = edits.edge_moved(self.polygon, self.place, ends)
        else:
            own = edits.point_moved(self.polygon, self.place, *ends[0].tolist())
        shapes: dict[int, Shape] = {self.annotation.id: own}
        shapes.update({each.id: each.moved(ends) for each in self.joined})
        return shapes


class PolygonHand:
    """Takes and moves what is under the pointer; the select tool owns the gesture."""

    def __init__(self, document: Document, borders: Borders) -> None:
        self._document, self._borders = document, borders

    def point(self, annotation: Annotation, polygon: Polygon, place: Place) -> Taken:
        """A point that is taken, with the points of neighbours there."""
        taken = Taken("point", annotation, polygon, place)
        return Taken("point", annotation, polygon, place, self._joined(taken))

    def edge(
        self, annotation: Annotation, polygon: Polygon, x: float, y: float, *, reach: float
    ) -> Taken | None:
        """The edge within reach of a place, with the points of neighbours at its ends."""
        place = hit.edge_at(polygon, x, y, reach=reach)
        if place is None:
            return None
        taken = Taken("edge", annotation, polygon, place)
        return Taken("edge", annotation, polygon, place, self._joined(taken))

    def new_point(self, edge: Taken, x: float, y: float) -> Taken:
        """A new point on an edge."""
        polygon = edits.point_added(edge.polygon, edge.place, x, y)
        return Taken("new point", edge.annotation, polygon, edge.place)

    def drag(
        self, taken: Taken, x: float, y: float, step: tuple[float, float], *, snap_scale: float
    ) -> dict[int, Shape]:
        """The shapes after the pointer came to a place on the image, `step` pixels from where it
        took an edge. `snap_scale`: screen pixels per pixel; 0 snaps to no border."""
        ends = np.array([(x, y)])
        if taken.what == "edge":
            width, height = self._document.size
            around = Box.around(taken.ends)
            ends = taken.ends + edits.step_inside(around, *step, width=width, height=height)
        if snap_scale:
            own = [taken.annotation.id, *(each.id for each in taken.joined)]
            ends = np.array([self._snapped(own, x, y, snap_scale) for x, y in ends.tolist()])
        return taken.moved(ends)

    def _snapped(self, own: list[int], x: float, y: float, scale: float) -> tuple[float, float]:
        """The place itself, or the nearest one on the border of another shape."""
        found = self._borders.near(x, y, scale=scale, but=own)
        if found is None:
            return x, y
        width, height = self._document.size
        return min(max(found.x, 0.0), float(width)), min(max(found.y, 0.0), float(height))

    def _joined(self, taken: Taken) -> tuple[Joined, ...]:
        """Neighbours that may be changed and have points where the taken ones are; none while
        borders do not draw points, and no suggestions: who moves those accepts them."""
        if not self._borders.on:
            return ()
        document, found = self._document, []
        untouchable = document.untouchable()
        for row in document.layer.touching(Box.around(taken.ends), margin=_SAME):
            other = document.layer.annotations[row]
            shape = other.shape
            if other.id == taken.annotation.id or not isinstance(shape, Polygon):
                continue
            if other.locked or other.id in untouchable or other.state != State.ACCEPTED:
                continue
            places = [
                (place, number)
                for number, (x, y) in enumerate(taken.ends.tolist())
                if (place := hit.vertex_at(shape, x, y, reach=_SAME)) is not None
            ]
            if places:
                found.append(Joined(other.id, shape, tuple(places)))
        return tuple(found)


def paint_edge(painter: QPainter, edge: Taken) -> None:
    """The edge under the pointer, so that it is seen what a drag would move."""
    line = QLineF(*(QPointF(x, y) for x, y in edge.ends.tolist()))
    for pen in (cosmetic(CASING, width=6), cosmetic(QColor("white"), width=3)):
        painter.setPen(pen)
        painter.drawLine(line)
