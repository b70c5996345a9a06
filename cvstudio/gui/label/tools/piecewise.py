"""What a further outline does to the selected polygon: another part of it, or a hole in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cvstudio.core import outlines
from cvstudio.core.annotation import Annotation
from cvstudio.core.geometry import Part, Points, Polygon
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import Pointer

OFFER = "with Shift another part of the selected {name}, with Alt or Ctrl a hole in it"
"""For the hint, while a polygon is selected."""


@dataclass(frozen=True)
class Onto:
    """The polygon that an outline is drawn for, and what it becomes there."""

    id: int
    how: Literal["part", "hole"]

    @property
    def label(self) -> str:
        """The undo step's name."""
        return "Add part" if self.how == "part" else "Cut hole"


def wanted(document: Document, pointer: Pointer) -> Onto | None:
    """What the keys ask for at the first point; None draws a polygon of its own."""
    if subject(document) is None or not (pointer.shift or pointer.opposite):
        return None
    (selected,) = document.selection
    return Onto(selected, "part" if pointer.shift else "hole")


def subject(document: Document) -> Annotation | None:
    """The one selected polygon that may be changed."""
    found = document.only_selected()
    if found is None or found.locked or not isinstance(found.shape, Polygon):
        return None
    return found


def with_part(polygon: Polygon, ring: Points) -> Polygon:
    """A polygon with one more part (n, 2); where they overlap they become one."""
    extra = outlines.repaired(Polygon.simple(ring))
    apart = Polygon((*polygon.parts, *extra.parts))
    if outlines.is_valid(apart):
        return apart  # every point stays as it was drawn
    return outlines.union([polygon, extra])


def with_hole(polygon: Polygon, ring: Points) -> Polygon | None:
    """A polygon less the inside of a ring (n, 2); None where that would leave it as it is, or
    leave nothing of it."""
    taken = outlines.repaired(Polygon.simple(ring))
    common = outlines.intersect([polygon, taken]).area
    if common < outlines.SLIVER or polygon.area - common < outlines.SLIVER:
        return None
    for number, part in enumerate(polygon.parts):
        holed = Polygon((Part(part.outer, (*part.holes, *(p.outer for p in taken.parts))),))
        inside = abs(outlines.intersect([Polygon((part,)), taken]).area - taken.area)
        if inside < outlines.SLIVER and outlines.is_valid(holed):
            parts = (*polygon.parts[:number], *holed.parts, *polygon.parts[number + 1 :])
            return Polygon(parts)  # every point stays as it was drawn
    return outlines.subtract(polygon, [taken])
