"""Gestures that draw boxes, and that take, copy and carry on what is there."""

from __future__ import annotations

from typing import Any

from work_hour import Hand
from work_hour_places import middle


def box_by_dragging(hand: Hand) -> None:
    """A box from corner to corner."""
    first = hand.boxes()[0]
    hand.click(*middle(first))
    hand.key("Delete")
    hand.act("label.box")
    hand.drag((first.x, first.y), (first.x + first.w, first.y + first.h), stop=True)


def box_by_clicks(hand: Hand) -> None:
    """A box by two clicks."""
    hand.act("label.box")
    hand.click(20, 20)
    hand.hover(110, 90)
    hand.shot("during")
    hand.click(110, 90)


def box_by_extremes(hand: Hand) -> None:
    """A box around four points of an object's edge, in any order."""
    hand.act("label.box")
    hand.page.bar.options.way.chosen.emit(1)
    for place in ((250, 60), (300, 95), (262, 130), (215, 100)):
        hand.click(*place)
        hand.shot("during")
    hand.page.bar.options.way.chosen.emit(0)


def first_class(hand: Hand) -> None:
    """The first box of a project without classes asks for the name of one."""

    def name(dialog: Any) -> None:
        hand.type("Landscape")
        hand.key("Return")

    hand.act("label.box")
    hand.popup(lambda: hand.click(20, 20), name)
    hand.key("Esc")


def rotated_box(hand: Hand) -> None:
    """A box that lies askew: two ends of a side, and its depth; then it is turned by its keys."""
    hand.act("label.rotated_box")
    hand.click(220, 340)
    hand.click(330, 300)
    hand.hover(345, 345)
    hand.shot("during")
    hand.click(345, 345)
    hand.key("V")
    for _ in range(3):
        hand.act("label.turn_far_right")


def select_and_resize(hand: Hand) -> None:
    """A box is taken, moved and resized by a handle."""
    box = hand.boxes()[1]
    hand.key("V")
    hand.click(*middle(box))
    hand.shot("during")
    hand.drag((box.x + box.w, box.y + box.h), (box.x + box.w + 18, box.y + box.h + 14))


def rubber_band(hand: Hand) -> None:
    """Several are taken by a rubber band and get another class by one key."""
    hand.key("V")
    hand.key("Esc")
    hand.drag((2, 2), (300, 240), stop=True)
    hand.key("2")


def copy_paste(hand: Hand) -> None:
    """A copy, and the dialog that repeats it on the next images."""
    hand.key("V")
    hand.click(*middle(hand.boxes()[0]))
    hand.act("label.duplicate")
    hand.dialog("label.copy_next")


def paste(hand: Hand) -> None:
    """What was copied here comes to the same place of the next image."""
    hand.key("V")
    hand.click(*middle(hand.boxes()[0]))
    hand.key("Ctrl+C")
    hand.act("label.next")
    hand.settle()
    hand.shot("during")
    hand.key("Ctrl+V")
    hand.settle(0.5)
    hand.shot("pasted")
    hand.act("label.previous")


def track(hand: Hand) -> None:
    """The dialog that carries an object through a sequence."""
    hand.key("V")
    hand.click(*middle(hand.boxes()[0]))
    hand.dialog("label.track")


def hide_and_lock(hand: Hand) -> None:
    """One is locked, and one is hidden."""
    hand.key("V")
    hand.click(*middle(hand.boxes()[0]))
    hand.act("label.lock")
    hand.click(*middle(hand.boxes()[2]))
    hand.act("label.hide_selected")
    hand.shot("during")
    hand.act("label.hide_selected")
    hand.act("label.unlock_all")
