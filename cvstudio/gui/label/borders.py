"""The borders that points snap to: outlines of the shapes around the pointer, while that is on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cvstudio.core.annotation import Annotation, Shape
from cvstudio.core.convert import to_polygon
from cvstudio.core.geometry import Box, Points
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, outline_of
from cvstudio.core.snapping import between, snap
from cvstudio.gui.label.document import Document

SNAP = 10.0
"""Screen pixels up to which a border draws a point to itself."""

_KEPT = 200  # outlines of masks that are remembered


@dataclass(frozen=True, eq=False)
class BorderPoint:
    """A point on a neighbour's border."""

    x: float
    y: float
    owner: int
    """The annotation."""
    ring: Points
    at: float

    def way_to(self, other: BorderPoint) -> Points:
        """The border's own points from here to there, (n, 2); none on another border."""
        if other.owner != self.owner or other.ring is not self.ring:
            return self.ring[:0]
        return between(self.ring, self.at, other.at)


class Borders:
    """Finds the nearest border; `on` is the person's wish."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._known: dict[int, tuple[Shape, list[Points]]] = {}
        self.on = False

    def near(
        self, x: float, y: float, *, scale: float, but: Collection[int] = ()
    ) -> BorderPoint | None:
        """The point of a visible border within reach; `but`: annotations that do not count."""
        if not self.on:
            return None
        document, reach = self._document, SNAP / scale
        hidden = document.hidden()
        rings: list[Points] = []
        owners: list[int] = []
        for row in document.layer.touching(Box(x, y, 0, 0), margin=reach):
            annotation = document.layer.annotations[row]
            if annotation.id in hidden or annotation.id in but:
                continue
            found = self._rings(annotation)
            rings.extend(found)
            owners.extend([annotation.id] * len(found))
        hit = snap(rings, x, y, reach=reach)
        if hit is None:
            return None
        return BorderPoint(hit.x, hit.y, owners[hit.ring], rings[hit.ring], hit.at)

    def _rings(self, annotation: Annotation) -> list[Points]:
        """The rings of a shape, the same objects as long as the shape stays the same."""
        shape = annotation.shape
        known = self._known.get(annotation.id)
        if known is not None and known[0] is shape:
            return known[1]
        if shape is None or isinstance(shape, Keypoints):
            return []
        polygon = outline_of(shape) if isinstance(shape, Mask) else to_polygon(shape)
        rings = polygon.rings()
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[annotation.id] = (shape, rings)
        return rings
