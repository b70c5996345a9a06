"""Gestures around the shapes: pages, looks, review, the steps so far."""

from __future__ import annotations

from typing import Any

from work_hour import Hand
from work_hour_places import middle


def gallery(hand: Hand) -> None:
    """Images found by a query."""
    hand.studio.go_to("data")
    hand.settle(1.0)
    hand.shot("during")
    hand.act("data.filter_text")
    hand.type("count>10")
    hand.key("Return")
    hand.settle(1.0)


def save_view(hand: Hand) -> None:
    """The filter is kept under a name, at the left of the page."""

    def name(dialog: Any) -> None:
        hand.key("Ctrl+A")
        hand.type("Crowded")
        hand.key("Return")

    hand.dialog("data.save_view", name)


def minimap(hand: Hand) -> None:
    """While a part is in sight, a click on the small picture brings another one."""
    hand.canvas.zoom_to(4.0)
    hand.settle(0.5)
    small = hand.page.viewing.layers.minimap
    left = hand.core.Qt.MouseButton.LeftButton
    hand.shot("during")
    place = hand.core.QPoint(small.width() // 5, small.height() // 5)
    hand.test.mouseClick(small, left, pos=place)
    hand.settle(0.5)
    hand.shot("there")
    hand.act("label.fit")


def all_images(hand: Hand) -> None:
    """Every image of the project."""
    hand.studio.go_to("data")
    hand.settle(1.5)


def clear_query(hand: Hand) -> None:
    """All images again."""
    hand.act("data.filter_text")
    hand.key("Ctrl+A")
    for _ in range(3):
        hand.key("Backspace")
    hand.studio.go_to("label")


def palette(hand: Hand) -> None:
    """An action found by its name."""
    hand.act("app.search")
    hand.type("rulers")
    hand.shot("during")
    hand.key("Esc")


def history(hand: Hand) -> None:
    """The steps so far, each with its name."""
    hand.act("edit.history")
    hand.settle()
    hand.shot("during")
    hand.key("Esc")


def comment(hand: Hand) -> None:
    """A comment pinned to a place."""

    def write(dialog: Any) -> None:
        hand.type("Is this one cell or two?")
        hand.key("Ctrl+Return")

    hand.act("label.comment")
    hand.popup(lambda: hand.click(*middle(hand.boxes()[0])), write)


def reject(hand: Hand) -> None:
    """Sent back with a reason."""
    hand.key("V")
    hand.dialog("label.reject")


def approve(hand: Hand) -> None:
    """Approved, and on to the next."""
    hand.key("V")
    hand.act("label.approve")


def looks(hand: Hand) -> None:
    """Names, grid, crosshair, rulers and minimap together, at 100 % and closer."""
    for action in ("label.names", "label.grid", "label.crosshair", "label.rulers"):
        hand.act(action)
    hand.wheel(*middle(hand.boxes()[0]), 6)
    hand.hover(*middle(hand.boxes()[0]))


def plain_looks(hand: Hand) -> None:
    """All of them off again, the whole image in view."""
    for action in ("label.names", "label.grid", "label.crosshair", "label.rulers"):
        hand.act(action)
    hand.act("label.fit")


def window_by_dragging(hand: Hand) -> None:
    """Window and level by dragging with Shift and the right button."""
    width, height = hand.page.document.size
    start, end = (width * 0.5, height * 0.5), (width * 0.6, height * 0.45)
    hand.drag(start, end, keys="ShiftModifier", button="RightButton", stop=True)


def progress(hand: Hand) -> None:
    """Pace and what is left."""
    hand.act("label.progress")


def undo_all(hand: Hand) -> None:
    """Ten steps back and forth."""
    for _ in range(10):
        hand.act("edit.undo")
    hand.shot("during")
    for _ in range(10):
        hand.act("edit.redo")


def restore(hand: Hand) -> None:
    """What this image was after an earlier step."""
    hand.dialog("label.restore")


def next_images(hand: Hand) -> None:
    """On by one and by one."""
    hand.act("label.next")
    hand.shot("during")
    hand.act("label.next")
