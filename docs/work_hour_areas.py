"""Gestures that paint areas or find them in the pixels."""

from __future__ import annotations

from typing import Any

from work_hour import Hand
from work_hour_places import BOWL, OTHER_ORANGE, middle, ring

from cvstudio.core.geometry import Box


def brush(hand: Hand) -> None:
    """A closed stroke of the brush; what it closes is filled."""
    places = ring(_room(hand), 16)
    hand.act("label.brush")
    hand.drag(*places, places[0], stop=True)
    hand.act("label.fill_holes")


def brush_a_class(hand: Hand) -> None:
    """A stroke of the fourth class, which takes its pixels from the others."""
    hand.key("Esc")
    hand.act("label.brush")
    hand.key("4")
    hand.drag(*ring(_room(hand), 16)[:9], stop=True)


def erase(hand: Hand) -> None:
    """Something is taken away again."""
    box = _room(hand)
    hand.act("label.erase")
    hand.drag((box.x, box.y), middle(box), stop=True)


def _room(hand: Hand) -> Box:
    """A square in the middle of the image."""
    width, height = hand.page.document.size
    side = min(width, height) / 3
    return Box(width / 2 - side / 2, height / 2 - side / 2, side, side)


def wand(box: Box | None = None) -> Any:
    """What is alike; more of it by dragging to the right."""

    def do(hand: Hand) -> None:
        x, y = middle(box or _room(hand))
        hand.act("label.wand")
        hand.drag((x, y), (x + 12, y), stop=True)
        hand.key("Return")

    return do


def scissors(hand: Hand) -> None:
    """Clicks along an edge, the line follows it."""
    hand.act("label.scissors")
    for place in ring(OTHER_ORANGE, 6, 0.5):
        hand.hover(*place)
        hand.settle(0.3)
        hand.click(*place)
    hand.shot("during")
    hand.key("Return")


def grabcut(hand: Hand) -> None:
    """A loose box, and the object in it."""
    hand.act("label.grabcut")
    hand.drag((BOWL.x - 12, BOWL.y - 12), (BOWL.x + BOWL.w + 12, BOWL.y + BOWL.h + 12))
    hand.settle(1.5)
    hand.shot("during")
    hand.key("Return")


def superpixels(hand: Hand) -> None:
    """Cells that follow the edges are collected."""
    hand.act("label.superpixels")
    hand.settle(1.0)
    hand.drag((40, 380), (90, 420), (60, 440), stop=True)
    hand.key("Return")


def pixel_classifier(hand: Hand) -> None:
    """Scribbles of two classes, and what the forest makes of the rest."""
    width, height = hand.page.document.size
    hand.act("label.pixel_classifier")
    hand.key("1")
    hand.drag((width * 0.2, height * 0.2), (width * 0.3, height * 0.25))
    hand.key("2")
    hand.drag((width * 0.6, height * 0.6), (width * 0.7, height * 0.62))
    hand.settle(2.5)
    hand.shot("during")
    hand.key("Return")
    hand.settle(1.0)


def smart(hand: Hand) -> None:
    """Without its weights the smart tool says so, and where to get them."""
    hand.act("label.smart")
    hand.settle(0.5)
    hand.shot("during")
    hand.key("Esc")
    hand.key("V")
