"""Gestures that draw polygons and change them."""

from __future__ import annotations

from typing import Any

from work_hour import Hand
from work_hour_places import ring, take_polygon

from cvstudio.core.geometry import Box


def polygon(hand: Hand) -> None:
    """A polygon in the place of one that is deleted, with zooming in the middle."""
    found = take_polygon(hand)
    hand.key("Delete")
    places = ring(found.box, 10)
    hand.act("label.polygon")
    for place in places[:5]:
        hand.click(*place)
    hand.wheel(*places[5], 2)
    for place in places[5:]:
        hand.click(*place)
    hand.shot("during")
    hand.key("Return")
    hand.act("label.fit")


def part_and_hole(hand: Hand) -> None:
    """The selected polygon gets a hole with Alt, and another part with Shift."""
    box = take_polygon(hand).box
    hand.act("label.polygon")
    inside = Box(box.x + box.w * 0.4, box.y + box.h * 0.4, box.w * 0.2, box.h * 0.2)
    _outline(hand, inside, "AltModifier")
    hand.shot("during")
    _outline(hand, Box(box.x, max(box.y - box.h * 0.4, 4), 30, 30), "ShiftModifier")


def subtract(hand: Hand) -> None:
    """What lies over a shape is cut out of it."""
    _take_two(hand)
    hand.shot("during")
    hand.act("label.subtract")


def intersect(hand: Hand) -> None:
    """Of two shapes what they have in common stays."""
    hand.key("Ctrl+Z")
    _take_two(hand)
    hand.shot("during")
    hand.act("label.intersect")


def order(hand: Hand) -> None:
    """A shape goes under the others, and over them again."""
    take_polygon(hand)
    hand.act("label.back")
    hand.shot("during")
    hand.act("label.front")


def snap(hand: Hand) -> None:
    """A polygon is drawn along the border of another one, whose points it takes over."""
    found = take_polygon(hand)
    outer = found.shape.parts[0].outer
    (x0, y0), (x1, y1) = outer[0], outer[len(outer) // 3]
    hand.key("Esc")
    hand.act("label.snap")
    hand.act("label.polygon")
    hand.click(x0 + 3, y0 + 2)
    hand.hover(x1 + 2, y1 + 3)
    hand.shot("during")
    hand.click(x1 + 2, y1 + 3)
    hand.click(x1 + 40, y0 + 40)
    hand.key("Return")
    hand.act("label.snap")


def _outline(hand: Hand, box: Box, keys: str = "NoModifier") -> None:
    """A polygon of the tool in hand, the first point with keys held, closed by Enter."""
    first, *others = ring(box, 7)
    hand.click(*first, keys)
    for place in others:
        hand.click(*place)
    hand.key("Return")


def _take_two(hand: Hand) -> None:
    """Draw a polygon over the largest one, and take both."""
    found = take_polygon(hand)
    box = found.box
    hand.key("Esc")
    hand.act("label.polygon")
    _outline(hand, Box(box.x + box.w * 0.3, box.y + box.h * 0.3, box.w * 0.5, box.h * 0.5))
    hand.key("V")
    drawn = hand.page.document.selection
    hand.page.document.select([found.id, *drawn])
    hand.settle(0.2)


def clear(hand: Hand) -> None:
    """All that an image has is taken and deleted."""
    hand.key("V")
    hand.act("label.select_all")
    hand.shot("during")
    hand.key("Delete")


def choose_class(hand: Hand) -> None:
    """The class of the next annotation by a few letters."""

    def find(dialog: Any) -> None:
        hand.type("oran")
        hand.shot("found")
        hand.key("Return")

    hand.dialog("label.class", find)


def points(hand: Hand) -> None:
    """A point is dragged, one is added on an edge, one is wiped away."""
    found = take_polygon(hand)
    outer = found.shape.parts[0].outer
    hand.canvas.show_box(found.box)
    hand.settle(0.2)
    (x0, y0), (x1, y1) = outer[0], outer[1]
    hand.drag((x0, y0), (x0 + 12, y0 - 12))
    hand.shot("during")
    middle_x, middle_y = (x1 + outer[2][0]) / 2, (y1 + outer[2][1]) / 2
    hand.drag((middle_x, middle_y), (middle_x + 10, middle_y + 10))


def point_eraser(hand: Hand) -> None:
    """Points are wiped away."""
    found = take_polygon(hand)
    hand.act("label.points")
    outer = found.shape.parts[0].outer
    hand.drag(tuple(outer[0]), tuple(outer[min(3, len(outer) - 1)]), stop=True)


def slice_shape(hand: Hand) -> None:
    """A line cuts a shape in two."""
    found = take_polygon(hand)
    box = found.box
    hand.act("label.slice")
    hand.drag((box.x - 8, box.y + box.h / 2), (box.x + box.w + 8, box.y + box.h / 2), stop=True)


def join(hand: Hand) -> None:
    """The pieces, which are still selected, become one again."""
    hand.key("V")
    hand.act("label.join")


def adjust(action: str) -> Any:
    """A preview with an amount, kept by Enter."""

    def do(hand: Hand) -> None:
        take_polygon(hand)
        hand.act(action)
        hand.settle(0.6)
        hand.shot("during")
        hand.key("Return")

    return do
