"""Gestures that draw polygons and change them."""

from __future__ import annotations

from typing import Any

from work_hour import Hand
from work_hour_places import ring, take_polygon


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
