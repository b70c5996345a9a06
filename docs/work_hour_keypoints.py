"""Gestures for keypoints: the skeleton of a class, its template, points by hand and by keys."""

from __future__ import annotations

from typing import Any

from work_hour import Hand

from cvstudio.core.geometry import Box

STANDING = Box(60, 80, 100, 385)
ARM = ("shoulder", "left elbow", "left wrist")


def _in_skeleton(hand: Hand, do: Any) -> None:
    """Open the skeleton of the first class in the class manager, and do something in it."""

    def manage(manager: Any) -> None:
        manager.tree.select_class(1)
        hand.popup(manager.skeleton, do, named="skeleton")

    hand.dialog("label.classes", manage)


def template_as_labelled(hand: Hand) -> None:
    """The points of the template lie as in the people that are labelled."""

    def change(dialog: Any) -> None:
        hand.press_button(dialog.labelled)
        hand.shot("as-labelled")
        hand.press_button(dialog.go)

    _in_skeleton(hand, change)


def draw_skeleton(hand: Hand) -> None:
    """A skeleton from nothing: clicks, names by typing, edges by dragging, the other sides."""

    def draw(dialog: Any) -> None:
        hand.press_button(dialog.none)
        picture = dialog.picture
        for name, place in zip(ARM, ((0.5, 0.2), (0.7, 0.5), (0.85, 0.8)), strict=True):
            hand.click_in(picture, *place)
            hand.type(name)
            hand.key("Return")
        hand.shot("points")
        dialog.modes.findChildren(hand.widgets.QToolButton)[1].click()
        hand.drag_in(picture, (0.5, 0.2), (0.7, 0.5))
        hand.click_in(picture, 0.7, 0.5)
        hand.click_in(picture, 0.85, 0.8)
        hand.shot("joined")
        hand.press_button(dialog.sides)
        hand.shot("both-sides")
        hand.key("Del")

    _in_skeleton(hand, draw)


def drop_template(hand: Hand) -> None:
    """All points at once by a box; then two of them are dragged where they belong."""
    hand.key("V")
    hand.act("label.select_all")
    hand.key("Delete")
    hand.act("label.keypoints")
    box = STANDING
    hand.drag((box.x, box.y), (box.x + box.w, box.y + box.h), stop=True)
    hand.shot("dropped")
    for name, place in (("left_wrist", (146, 270)), ("right_ankle", (92, 452))):
        hand.drag(_point(hand, name), place)


def _point(hand: Hand, name: str) -> tuple[float, float]:
    """Where a point of the selected keypoints lies."""
    (annotation,) = hand.page.document.selected()
    bones = hand.page.document.skeletons[annotation.class_id]
    x, y, _ = annotation.shape.points[bones.names.index(name)].tolist()
    return x, y


def walk_and_hide(hand: Hand) -> None:
    """Tab from point to point: one is hidden, one is taken away, one is moved by arrows."""
    hand.key("V")
    for keys in ("Tab", "Tab", "C", "Tab", "X", "Tab", "Shift+Right", "Shift+Right"):
        hand.key(keys)
    hand.shot("during")
    hand.key("Esc")


def swap_sides(hand: Hand) -> None:
    """Left and right change places."""
    hand.key("V")
    hand.act("label.select_all")
    people = [a for a in hand.page.document.annotations if hasattr(a.shape, "points")]
    hand.page.document.select([people[0].id])
    hand.act("label.swap_sides")


def points_one_by_one(hand: Hand) -> None:
    """Point after point: one hidden, one not in the picture, one skipped and placed at the end."""
    hand.key("V")
    hand.key("Esc")
    hand.act("label.keypoints")
    hand.click(505, 75)
    hand.click(512, 70)
    hand.key("C")
    hand.key("X")
    hand.key("Tab")
    hand.click(490, 72)
    hand.shot("during")
    for step in range(12):
        hand.click(440 + 12 * (step % 2), 110 + 20 * step)
    hand.shot("skipped")
    hand.click(518, 76)


def gallery_of_people(hand: Hand) -> None:
    """Skeletons on thumbnails."""
    hand.studio.go_to("data")
    hand.settle(2.0)
