"""What is done in the hour of docs/work_hour.py: chapters of gestures, a row for each tool."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any

from work_hour import Chapter, Gesture, Hand

from cvstudio.core.geometry import Box

BLOOD = "BloodImage_00007"
BIRDS = "000000041888"
ORANGES = "000000184791"
ORANGE, OTHER_ORANGE = Box(316, 273, 79, 75), Box(440, 251, 74, 69)
BOWL = Box(131, 311, 155, 87)


def ring(box: Any, count: int = 12, share: float = 0.48) -> list[tuple[float, float]]:
    """Places on the ellipse in a box."""
    x, y = box.x + box.w / 2, box.y + box.h / 2
    turns = [2 * pi * n / count for n in range(count)]
    return [(x + box.w * share * cos(t), y + box.h * share * sin(t)) for t in turns]


def middle(box: Any) -> tuple[float, float]:
    """The centre of a box."""
    return box.x + box.w / 2, box.y + box.h / 2


# -- on the pages around the canvas


def gallery(hand: Hand) -> None:
    """Images found by a query."""
    hand.studio.go_to("data")
    hand.settle(1.0)
    hand.shot("during")
    hand.act("data.filter_text")
    hand.type("count>10")
    hand.key("Return")
    hand.settle(1.0)


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


# -- drawing


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


# -- outlines


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


def take_polygon(hand: Hand, place: int = 0) -> Any:
    """Select a polygon by a place inside it."""
    hand.key("V")
    hand.key("Esc")
    found = hand.polygons()[place]
    hand.page.document.select([found.id])
    hand.settle(0.2)
    return found


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


# -- the chapters

AROUND = (
    Gesture("gallery and query", gallery),
    Gesture("back to label", clear_query),
    Gesture("palette", palette),
    Gesture("class manager", lambda hand: hand.dialog("label.classes")),
    Gesture("suggest labels", lambda hand: hand.dialog("label.suggest"), "label.suggest"),
    Gesture("settings", lambda hand: hand.dialog("app.settings"), "app.settings"),
    Gesture("history", history, "edit.history"),
)

CHAPTERS = (
    Chapter(
        "blood", "det_bccd", "detect",
        (
            Gesture("box by dragging", box_by_dragging, image=BLOOD),
            Gesture("box by clicks", box_by_clicks),
            Gesture("rotated box", rotated_box, "label.rotated_box"),
            Gesture("select and resize", select_and_resize),
            Gesture("rubber band and class", rubber_band),
            Gesture("duplicate and copy to next", copy_paste),
            Gesture("track", track, "label.track"),
            Gesture("lock and hide", hide_and_lock),
            Gesture("attributes", lambda hand: hand.act("label.attributes"), "label.attributes"),
            Gesture("looks", looks),
            Gesture("looks off", plain_looks),
            Gesture("progress", progress),
            Gesture("comment", comment),
            Gesture("restore as of", restore),
            Gesture("undo and redo", undo_all),
            Gesture("reject", reject),
            Gesture("approve", approve),
            Gesture("next images", next_images),
            *AROUND,
        ),
    ),
    Chapter(
        "photos", "inst_tinycoco/tinycoco", "instance",
        (
            Gesture("polygon", polygon, image=BIRDS),
            Gesture("points", points),
            Gesture("point eraser", point_eraser, "label.points"),
            Gesture("slice", slice_shape, "label.slice"),
            Gesture("join", join, "label.join"),
            Gesture("simplify", adjust("label.simplify"), "label.simplify"),
            Gesture("smooth", adjust("label.smooth"), "label.smooth"),
            Gesture("convert", adjust("label.convert"), "label.convert"),
            Gesture("select all and delete", clear, image=ORANGES),
            Gesture("class by its name", choose_class),
            Gesture("wand", wand(ORANGE), "label.wand"),
            Gesture("scissors", scissors, "label.scissors"),
            Gesture("grabcut", grabcut, "label.grabcut"),
            Gesture("superpixels", superpixels, "label.superpixels"),
            Gesture("brush", brush),
            Gesture("erase", erase),
            Gesture("smart", smart, "label.smart"),
            Gesture("undo and redo", undo_all),
        ),
    ),
    Chapter(
        "sandstone", "sem_sandstone", "segment",
        (
            Gesture("brush", brush_a_class, image="Versa0100"),
            Gesture("erase", erase),
            Gesture("wand", wand(), "label.wand"),
            Gesture("window by dragging", window_by_dragging),
            Gesture("pixel classifier", pixel_classifier, "label.pixel_classifier"),
            Gesture("next images", next_images),
        ),
    ),
    Chapter(
        "orientation", "odd_exif", "detect",
        (
            Gesture("all upright", all_images),
            Gesture("first class", first_class, image="Landscape_6"),
            Gesture("box on a turned image", box_by_clicks),
            Gesture("next images", next_images),
        ),
    ),
    Chapter(
        "odd", "odd_image_rs", "detect",
        (
            Gesture("what could be read", all_images),
            Gesture("window by dragging", window_by_dragging, image="16bpc"),
            Gesture("next images", next_images),
        ),
    ),
)  # fmt: skip
