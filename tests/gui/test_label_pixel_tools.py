"""Tools that look at pixels, driven by mouse and keyboard on pictures whose truth is known."""

import threading
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from patience import LIMIT
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ImageError
from cvstudio.core.geometry import Polygon
from cvstudio.core.masks import Mask, mask_of
from cvstudio.core.opencv import cv2
from cvstudio.gui.label.tools import scissors
from cvstudio.imaging.regions import pixel_classifier, superpixels, wand
from cvstudio.imaging.regions.scissors import LiveWire
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

WIDTH, HEIGHT = 640, 480
LEFT, RIGHT = (200, 240, 90), (460, 240, 80)
"""Two disks: x, y, radius."""


def disk(x, y, radius):
    patch = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(patch, (x, y), radius, 1, -1)
    return patch


def picture():
    rgb = np.full((HEIGHT, WIDTH, 3), (60, 80, 100), np.float64)
    rgb[disk(*LEFT) > 0] = (200, 150, 90)
    rgb[disk(*RIGHT) > 0] = (110, 190, 120)
    noise = np.random.default_rng(0).normal(0, 4, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def task(request):
    return getattr(request, "param", Task.INSTANCE)


@pytest.fixture
def project(tmp_path, task):
    """Two images of two disks, and the classes A and B."""
    folder = tmp_path / "disks"
    made = Project.create(folder, task=task, name="Disks", classes=["A", "B"])
    for name in ("1.png", "2.png"):
        cv2.imwrite(str(tmp_path / name), cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR))
    with made.transaction("Fill") as session:
        commands.add_images(
            session,
            [
                NewImage(uri=str(tmp_path / n), width=WIDTH, height=HEIGHT)
                for n in ("1.png", "2.png")
            ],
        )
    yield made
    made.close()


@pytest.fixture
def page(studio_window):
    """The Label page with the first picture on the canvas."""
    made = studio_window.page("label")
    studio_window.until(lambda: made.canvas.tiles.pyramid is not None)
    studio_window.idle()
    made.canvas.setFocus()
    return made


class Hand:
    """A mouse on the canvas, in pixels of the image."""

    def __init__(self, person, page):
        self.person, self.canvas = person, page.canvas

    def _send(self, kind, x, y, button, held, keys):
        place = QPointF(self.canvas.to_screen(x, y))
        everywhere = self.canvas.viewport().mapToGlobal(place)
        event = QMouseEvent(kind, place, everywhere, button, held, keys)
        QApplication.sendEvent(self.canvas.viewport(), event)

    def move(self, x, y, *, held=False, keys=Qt.KeyboardModifier.NoModifier):
        left = Qt.MouseButton.LeftButton if held else Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton, left, keys)

    def press(self, x, y, keys=Qt.KeyboardModifier.NoModifier):
        self.move(x, y, keys=keys)
        left = Qt.MouseButton.LeftButton
        self._send(QEvent.Type.MouseButtonPress, x, y, left, left, keys)

    def release(self, x, y, keys=Qt.KeyboardModifier.NoModifier):
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseButtonRelease, x, y, left, none, keys)

    def click(self, x, y, *, alt=False):
        keys = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
        self.press(x, y, keys)
        self.release(x, y, keys)
        self.person.idle()

    def stroke(self, *points, alt=False):
        """Press at the first point, pass the others, and release at the last."""
        keys = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
        self.press(*points[0], keys=keys)
        for (x0, y0), (x1, y1) in pairwise(points):
            for share in (0.25, 0.5, 0.75, 1.0):
                self.move(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, held=True, keys=keys)
        self.release(*points[-1], keys=keys)
        self.person.idle()


@pytest.fixture
def hand(studio_window, page):
    return Hand(studio_window, page)


def stored(page, image_id=1):
    with page.project.read() as session:
        return queries.annotations(session, image_id)


def iou(shape, truth):
    mask = mask_of(shape) if isinstance(shape, Polygon) else shape
    found = mask.full(HEIGHT, WIDTH)
    return np.count_nonzero(found & truth) / np.count_nonzero(found | truth)


def full(region):
    patch, x, y = region.full(WIDTH, HEIGHT)
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    whole[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return whole


# -- magic wand


def test_w_click_enter_makes_a_mask_of_what_is_alike(studio_window, page, hand):
    studio_window.key("W")
    hand.click(200, 240)
    assert page.canvas.tool.region is not None
    assert not stored(page), "nothing is kept before Enter"
    studio_window.key("Return")
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*LEFT)) > 0.98
    studio_window.key("Ctrl+Z")
    assert not stored(page)


def test_the_wand_adds_with_a_click_and_takes_away_with_alt(studio_window, page, hand):
    studio_window.key("W")
    hand.click(200, 240)
    hand.click(460, 240)
    both = full(page.canvas.tool.region)
    assert both[240, 200]
    assert both[240, 460]
    hand.click(200, 240, alt=True)
    assert not full(page.canvas.tool.region)[240, 200]
    studio_window.key("Backspace")
    assert np.array_equal(full(page.canvas.tool.region), both)
    hand.click(200, 240, alt=True)
    studio_window.key("Return")
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*RIGHT)) > 0.98


def test_ctrl_takes_away_too_where_alt_moves_windows(studio_window, page, hand):
    studio_window.key("W")
    hand.click(200, 240)
    hand.click(460, 240)
    ctrl = Qt.KeyboardModifier.ControlModifier
    hand.press(200, 240, ctrl)
    hand.release(200, 240, ctrl)
    studio_window.idle()
    assert not full(page.canvas.tool.region)[240, 200]
    assert full(page.canvas.tool.region)[240, 460]


def test_dragging_the_wand_changes_what_it_takes_while_the_button_is_down(
    studio_window, page, hand
):
    studio_window.key("W")
    hand.press(200, 240)
    studio_window.idle()
    before = int(page.canvas.tool.region.patch.sum())
    hand.move(600, 240, held=True)
    studio_window.idle()
    tool = page.canvas.tool
    assert tool.settings.tolerance > 100
    assert int(tool.region.patch.sum()) > 2 * before, "it has run over the background"
    assert page.bar.options.tolerance.value() == tool.settings.tolerance
    hand.move(200, 240, held=True)
    studio_window.idle()
    assert int(tool.region.patch.sum()) == before
    hand.release(200, 240)


def test_esc_drops_what_the_wand_found(studio_window, page, hand):
    studio_window.key("W")
    hand.click(200, 240)
    studio_window.key("Esc")
    assert page.canvas.tool.region is None
    studio_window.key("Return")
    assert not stored(page)


def test_the_wand_stays_within_what_is_on_the_screen(studio_window, page, hand):
    page.canvas.zoom_to(4.0)
    seen = page.canvas.visible()
    studio_window.key("W")
    hand.click(seen.center().x(), seen.top() + 5)
    box = page.canvas.tool.region.box
    assert box.x >= seen.left() - 1
    assert box.right <= seen.right() + 1


def test_another_image_keeps_what_was_clicked_on_the_image_it_was_clicked_on(
    studio_window, page, hand
):
    studio_window.key("W")
    hand.click(200, 240)
    studio_window.key("D")
    assert len(stored(page, 1)) == 1
    assert not stored(page, 2)
    assert page.canvas.tool.region is None


def test_enter_right_after_the_click_keeps_what_is_still_being_found(studio_window, page, hand):
    studio_window.key("W")
    hand.press(200, 240)
    hand.release(200, 240)
    studio_window.key("Return")
    studio_window.idle()
    assert len(stored(page)) == 1


@pytest.fixture
def slow(monkeypatch):
    """The wand looks only when it is let go; with an error in it, it raises that."""
    go, errors, flood = threading.Event(), [], wand.flood

    def late(*args, **more):
        assert go.wait(LIMIT)
        if errors:
            raise errors.pop()
        return flood(*args, **more)

    monkeypatch.setattr(wand, "flood", late)
    yield SimpleNamespace(go=go, errors=errors)
    go.set()


def press_and_release(hand, x, y):
    """A click that does not wait for threads."""
    hand.press(x, y)
    hand.release(x, y)


@pytest.mark.parametrize("key", ["D", "V"])
def test_what_enter_was_pressed_for_is_kept_although_one_goes_on_at_once(
    studio_window, page, hand, slow, key
):
    studio_window.key("W")
    press_and_release(hand, 200, 240)
    studio_window.key("Return")
    threading.Timer(0.2, slow.go.set).start()
    studio_window.key(key)
    (annotation,) = stored(page, 1)
    assert iou(annotation.shape, disk(*LEFT)) > 0.98
    assert not stored(page, 2)
    studio_window.idle()
    assert len(stored(page, 1)) == 1


def test_a_region_is_of_the_class_that_was_chosen_when_enter_was_pressed(
    studio_window, page, hand, slow
):
    page.document.choose_class(1)
    studio_window.key("W")
    press_and_release(hand, 200, 240)
    studio_window.key("Return")
    page.document.choose_class(2)
    threading.Timer(0.2, slow.go.set).start()
    press_and_release(hand, 460, 240)  # the next object
    studio_window.idle()
    (annotation,) = stored(page)
    assert annotation.class_id == 1
    assert iou(annotation.shape, disk(*LEFT)) > 0.98
    assert full(page.canvas.tool.region)[240, 460]


@pytest.mark.parametrize("how", ["Backspace", "error"])
def test_after_backspace_or_an_error_nothing_is_kept_before_enter_is_pressed_again(
    studio_window, page, hand, slow, how, monkeypatch
):
    told = []
    monkeypatch.setattr(page.studio, "fail", lambda error, **_more: told.append(error))
    studio_window.key("W")
    if how == "error":
        slow.errors.append(ImageError("A piece of it cannot be read"))
    press_and_release(hand, 200, 240)
    studio_window.key("Return")
    if how == "Backspace":
        studio_window.key("Backspace")
    slow.go.set()
    studio_window.idle()
    assert len(told) == (how == "error")
    hand.click(460, 240)
    assert not stored(page)
    studio_window.key("Return")
    assert len(stored(page)) == 1


def test_a_region_that_could_not_be_stored_stays_on_the_canvas(
    studio_window, page, hand, monkeypatch
):
    studio_window.key("W")
    hand.click(200, 240)
    with monkeypatch.context() as broken:
        broken.setattr(page.document, "change", lambda label, work: False)
        studio_window.key("Return")
    assert not stored(page)
    assert page.canvas.tool.region is not None
    studio_window.key("Return")
    assert len(stored(page)) == 1
    assert page.canvas.tool.region is None


@pytest.mark.parametrize("task", [Task.SEGMENT], indirect=True)
def test_a_region_of_a_class_whose_mask_is_locked_becomes_a_mask_beside_it(
    studio_window, page, hand
):
    page.document.choose_class(1)
    page.document.add(Mask.from_patch(disk(*LEFT)), label="Locked")
    studio_window.key("L")
    page.document.select([])
    studio_window.key("W")
    hand.click(460, 240)
    studio_window.key("Return")
    first, second = stored(page)
    assert iou(first.shape, disk(*LEFT)) == 1
    assert iou(second.shape, disk(*RIGHT)) > 0.98


@pytest.mark.parametrize("task", [Task.SEGMENT], indirect=True)
def test_where_pixels_have_one_class_the_wand_grows_its_mask_and_takes_from_others(
    studio_window, page, hand
):
    rest = Mask.from_patch(1 - disk(*LEFT))  # of A: all but the left disk
    page.document.choose_class(1)
    page.document.add(rest, label="Rest")
    page.document.select([])
    page.document.choose_class(2)
    studio_window.key("W")
    hand.click(460, 240)
    studio_window.key("Return")
    by_class = {a.class_id: a.shape for a in stored(page)}
    assert iou(by_class[2], disk(*RIGHT)) > 0.98
    a, b = (by_class[c].full(HEIGHT, WIDTH) for c in (1, 2))
    assert not (a & b).any()
    hand.click(200, 240)
    studio_window.key("Return")
    assert len(stored(page)) == 2, "one mask a class"
    studio_window.key("Ctrl+Z")
    assert iou({a.class_id: a.shape for a in stored(page)}[2], disk(*RIGHT)) > 0.98


# -- intelligent scissors


def around(x, y, radius, count=5):
    turns = np.arange(count) * 2 * np.pi / count
    return [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in turns]


def test_clicks_along_an_edge_become_a_polygon_that_follows_it(studio_window, page, hand):
    studio_window.key("I")
    for x, y in around(*LEFT):
        hand.move(x, y)
        studio_window.idle()
        hand.click(x, y)
    hand.move(300, 100)
    studio_window.idle()
    assert len(page.canvas.tool.line) > 200, "the line between the clicks is not straight"
    studio_window.key("Return")
    studio_window.idle()
    (annotation,) = stored(page)
    assert isinstance(annotation.shape, Polygon)
    assert iou(annotation.shape, disk(*LEFT)) > 0.96
    assert len(annotation.shape.parts[0].outer) < 150


@pytest.mark.parametrize("close", ["first point", "double-click", "at once"])
def test_scissors_close_at_the_first_point_or_a_double_click(studio_window, page, hand, close):
    studio_window.key("I")
    corners = around(*RIGHT)
    for corner in corners:
        if close == "at once":  # faster than any thread
            hand.press(*corner)
            hand.release(*corner)
        else:
            hand.click(*corner)
    if close == "double-click":
        left = Qt.MouseButton.LeftButton
        hand._send(
            QEvent.Type.MouseButtonDblClick, *corners[-1], left, left,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        hand.release(*corners[-1])
    else:
        hand.press(*corners[0])
        hand.release(*corners[0])
    studio_window.idle()
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*RIGHT)) > 0.96


def test_backspace_takes_the_last_scissors_point_back_and_esc_drops_them(studio_window, page, hand):
    studio_window.key("I")
    for corner in around(*LEFT)[:3]:
        hand.click(*corner)
    studio_window.key("Backspace")
    assert len(page.canvas.tool.anchors) == 2
    studio_window.key("Esc")
    assert not page.canvas.tool.anchors
    studio_window.key("Return")
    assert not stored(page)


def test_taking_another_tool_keeps_an_outline_that_can_be_closed(studio_window, page, hand):
    studio_window.key("I")
    for corner in around(*LEFT):
        hand.click(*corner)
    studio_window.key("V")
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*LEFT)) > 0.85


def test_where_no_edge_can_be_found_the_scissors_draw_straight_and_can_be_closed(
    studio_window, page, hand, monkeypatch
):
    told = []
    monkeypatch.setattr(studio_window.studio, "fail", lambda error, **_k: told.append(str(error)))

    def torn(*_args):
        raise ImageError("A piece of the file is damaged.")

    monkeypatch.setattr(scissors, "LiveWire", torn)
    studio_window.key("I")
    corners = around(*RIGHT)
    for corner in corners:  # faster than any thread, so that each way is asked for by itself
        hand.press(*corner)
        hand.release(*corner)
    studio_window.key("Return")
    studio_window.idle()
    assert told
    (annotation,) = stored(page)
    straight = Polygon.simple(np.array(corners))
    assert iou(annotation.shape, mask_of(straight).full(HEIGHT, WIDTH)) > 0.98
    assert not page.canvas.tool.busy


def test_backspace_while_the_scissors_close_takes_the_closing_back_and_no_point(
    studio_window, page, hand, monkeypatch
):
    go = threading.Event()

    def slowly(*args):
        assert go.wait(LIMIT)
        return LiveWire(*args)

    monkeypatch.setattr(scissors, "LiveWire", slowly)
    studio_window.key("I")
    corners = around(*RIGHT)
    for corner in corners:
        hand.press(*corner)
        hand.release(*corner)
    studio_window.key("Return")
    studio_window.key("Backspace")
    go.set()
    studio_window.idle()
    assert not stored(page), "Enter was taken back"
    assert len(page.canvas.tool.anchors) == len(corners)
    studio_window.key("Return")
    studio_window.idle()
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*RIGHT)) > 0.96


# -- GrabCut


def test_a_loose_box_finds_the_object_and_enter_keeps_it(studio_window, page, hand):
    studio_window.key("G")
    hand.stroke((95, 130), (305, 345))
    assert not stored(page), "nothing is kept before Enter"
    studio_window.key("Return")
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*LEFT)) > 0.97
    assert not page.canvas.tool.busy


def test_strokes_include_and_exclude_and_backspace_takes_them_back(studio_window, page, hand):
    studio_window.key("G")
    hand.stroke((80, 120), (560, 360))  # both disks
    first = full(page.canvas.tool.region)
    assert first[240, 460]
    hand.stroke((420, 240), (500, 240), alt=True)
    assert not full(page.canvas.tool.region)[240, 460]
    hand.stroke((330, 200), (330, 280))  # background that belongs to it all the same
    assert full(page.canvas.tool.region)[240, 330]
    studio_window.key("Backspace")
    studio_window.key("Backspace")
    studio_window.idle()
    assert np.array_equal(full(page.canvas.tool.region), first)
    studio_window.key("Esc")
    assert not page.canvas.tool.busy
    assert not stored(page)


def test_a_box_around_everything_says_what_is_wrong(studio_window, page, hand):
    said = []
    page.canvas.said.connect(said.append)
    studio_window.key("G")
    hand.stroke((0, 0), (WIDTH, HEIGHT))
    assert "surroundings" in said[-1]
    assert page.canvas.tool.region is None


# -- superpixels


def test_dragging_over_cells_collects_them_and_enter_keeps_their_union(studio_window, page, hand):
    studio_window.key("K")
    studio_window.idle()
    rows = [(180 + 12 * i) for i in range(12)]
    for y in rows:
        reach = np.sqrt(80**2 - (y - 240) ** 2) if abs(y - 240) < 80 else 0
        if reach:
            hand.stroke((200 - reach, y), (200 + reach, y))
    studio_window.key("Return")
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*LEFT)) > 0.75


def test_that_cells_are_waited_for_is_not_said_after_they_have_come(
    studio_window, page, hand, monkeypatch
):
    divide, go_on = superpixels.divide, threading.Event()

    def slowly(*parts, **more):
        assert go_on.wait(LIMIT)
        return divide(*parts, **more)

    monkeypatch.setattr(superpixels, "divide", slowly)
    said = []
    page.canvas.said.connect(said.append)
    studio_window.key("K")
    hand.press(200, 240)
    hand.release(200, 240)
    assert "still being divided" in said[-1]
    go_on.set()
    studio_window.idle()
    assert not said[-1]


def test_hovering_shows_the_cell_and_alt_takes_it_away_again(studio_window, page, hand):
    studio_window.key("K")
    studio_window.idle()
    hand.move(200, 240)
    tool = page.canvas.tool
    assert tool._hovered is not None
    hand.click(200, 240)
    one = int(tool.region.patch.sum())
    hand.click(460, 240)
    assert int(full(tool.region).sum()) > int(one)
    hand.click(200, 240, alt=True)
    assert not full(tool.region)[240, 200]
    studio_window.key("Backspace")
    assert full(tool.region)[240, 200]


def test_larger_cells_and_another_view_divide_again(studio_window, page, hand):
    studio_window.key("K")
    studio_window.idle()
    hand.click(200, 240)
    small = int(full(page.canvas.tool.region).sum())
    studio_window.key("Esc")
    page.bar.options.side.setValue(80)
    studio_window.idle()
    hand.click(200, 240)
    assert int(full(page.canvas.tool.region).sum()) > 3 * small
    studio_window.key("Esc")
    page.canvas.zoom_to(8.0)
    hand.move(*page.canvas.to_image(QPointF(100, 100)))
    studio_window.idle()
    hand.click(*page.canvas.to_image(QPointF(100, 100)))
    assert int(full(page.canvas.tool.region).sum()) < 1500, "cells are as large as on the screen"


# -- pixel classifier


def scribble(page, hand):
    """A over the left disk, B over the right one, Alt over what is around them."""
    page.document.choose_class(1)
    hand.stroke((170, 240), (230, 250))
    page.document.choose_class(2)
    hand.stroke((430, 240), (490, 250))
    hand.stroke((40, 60), (600, 60), alt=True)


def test_scribbles_of_two_classes_propose_the_rest_and_enter_makes_masks(studio_window, page, hand):
    studio_window.key("Y")
    scribble(page, hand)
    assert page.canvas.tool.proposal is not None
    assert not stored(page), "nothing is kept before Enter"
    studio_window.key("Return")
    by_class = {a.class_id: a.shape for a in stored(page)}
    assert iou(by_class[1], disk(*LEFT)) > 0.95
    assert iou(by_class[2], disk(*RIGHT)) > 0.95
    assert not page.canvas.tool.busy
    studio_window.key("Ctrl+Z")
    assert not stored(page), "all masks are one step"


def test_the_scribbles_come_back_when_the_masks_made_of_them_are_undone(studio_window, page, hand):
    studio_window.key("Y")
    scribble(page, hand)
    tool = page.canvas.tool
    drawn = list(tool.strokes)
    studio_window.key("Return")
    assert not tool.strokes
    studio_window.key("Ctrl+Z")
    studio_window.idle()
    assert tool.strokes == drawn
    assert tool.proposal is not None, "and what is made of them is proposed again"
    studio_window.key("Ctrl+Shift+Z")
    studio_window.idle()
    assert len(stored(page)) == 2
    assert not tool.busy
    studio_window.key("Ctrl+Z")
    hand.stroke((40, 420), (600, 420), alt=True)
    studio_window.key("Return")
    assert len(stored(page)) == 2, "corrected, and kept again"
    studio_window.key("Ctrl+Z")
    assert len(tool.strokes) == len(drawn) + 1


def test_scribbles_come_back_while_another_tool_is_in_hand(studio_window, page, hand):
    studio_window.key("Y")
    scribble(page, hand)
    tool = page.canvas.tool
    studio_window.key("Return")
    studio_window.key("V")
    studio_window.key("Ctrl+Z")
    studio_window.idle()
    assert tool.strokes
    assert tool.proposal is None, "nothing is computed for a tool that is put away"
    studio_window.key("Y")
    studio_window.idle()
    assert tool.proposal is not None


def test_a_stroke_corrects_the_proposal_and_backspace_takes_it_back(studio_window, page, hand):
    studio_window.key("Y")
    page.document.choose_class(1)
    hand.stroke((170, 240), (230, 250))
    hand.stroke((40, 60), (600, 60), alt=True)

    def share_of_right():
        labels, place = page.canvas.tool.proposal
        inside = disk(*RIGHT)[: place.height * place.step : place.step, :: place.step]
        return np.mean(labels[inside > 0] == 1)

    before = share_of_right()
    hand.stroke((430, 240), (490, 250))  # it is A as well
    assert share_of_right() > max(before, 0.95)
    studio_window.key("Backspace")
    studio_window.idle()
    assert share_of_right() == pytest.approx(before)
    hand.stroke((430, 240), (490, 250), alt=True)
    assert share_of_right() < 0.05


def test_one_class_alone_proposes_nothing_and_says_what_is_missing(studio_window, page, hand):
    said = []
    page.canvas.said.connect(said.append)
    studio_window.key("Y")
    hand.stroke((170, 240), (230, 250))
    assert "second class" in said[-1]
    studio_window.key("Return")
    assert page.canvas.tool.proposal is None
    assert not stored(page)


def test_what_the_classifier_must_look_at_is_looked_at_before_the_first_scribble(
    studio_window, page, hand, monkeypatch
):
    looked = []
    real = pixel_classifier.features
    monkeypatch.setattr(
        pixel_classifier, "features", lambda rgb: (looked.append(rgb.shape), real(rgb))[1]
    )
    studio_window.key("Y")
    studio_window.until(lambda: looked)
    studio_window.idle()
    assert len(looked) == 1
    scribble(page, hand)
    assert page.canvas.tool.proposal is not None
    assert len(looked) == 1, "the proposal did not wait for it"


def test_after_esc_the_status_bar_speaks_of_no_proposal(studio_window, page, hand):
    said = []
    page.canvas.said.connect(said.append)
    studio_window.key("Y")
    scribble(page, hand)
    assert "correct" in said[-1]
    studio_window.key("Esc")
    assert page.canvas.tool.proposal is None
    assert said[-1] == "The scribbles of this image are dropped"
    assert not any("correct" in words for words in page.status_left)


def test_after_enter_the_status_bar_speaks_of_no_proposal(studio_window, page, hand):
    studio_window.key("Y")
    scribble(page, hand)
    studio_window.key("Return")
    studio_window.idle()
    assert stored(page)
    assert not any("correct" in words for words in (*page.status_left, page.status_right))


@pytest.mark.parametrize("key", ["V", "W"])
def test_with_another_tool_the_status_bar_speaks_of_no_proposal(studio_window, page, hand, key):
    studio_window.key("Y")
    scribble(page, hand)
    studio_window.key(key)
    assert not any("correct" in words for words in (*page.status_left, page.status_right))


@pytest.mark.parametrize("key", ["W", "Y"])
def test_a_tool_that_looks_at_pixels_says_where_the_display_changes_its_result(
    studio_window, page, hand, key
):
    studio_window.key(key)
    assert page.canvas.tool.sees_pixels
    assert not page.bar.seen.isVisible()
    page.display.gamma.slider.setValue(40)
    assert page.bar.seen.isVisible()
    assert "works on the picture as it is displayed now: gamma" in page.bar.seen.toolTip()
    studio_window.key("R")
    assert not page.bar.seen.isVisible(), "a box is drawn by hand"
    studio_window.key(key)
    assert page.bar.seen.isVisible()
    page.display.reset()
    assert not page.bar.seen.isVisible()


def test_scribbles_wait_while_another_tool_or_image_is_taken_and_esc_drops_them(
    studio_window, page, hand
):
    studio_window.key("Y")
    scribble(page, hand)
    studio_window.key("V")
    assert not stored(page)
    studio_window.key("D")
    studio_window.key("Y")
    studio_window.idle()
    assert not page.canvas.tool.busy, "they belong to the other image"
    studio_window.key("A")
    studio_window.idle()
    hand.move(300, 300)
    studio_window.idle()
    assert page.canvas.tool.proposal is not None
    studio_window.key("Esc")
    assert not page.canvas.tool.busy


@pytest.mark.parametrize("task", [Task.SEGMENT], indirect=True)
def test_a_proposal_for_another_part_of_the_image_knows_scribbles_out_of_sight(
    studio_window, page, hand
):
    studio_window.key("Y")
    scribble(page, hand)
    page.canvas.zoom_to(5.0)
    page.canvas.centerOn(0, 0)
    hand.move(*page.canvas.to_image(QPointF(300, 300)))
    studio_window.idle()
    seen = page.canvas.visible()
    labels, place = page.canvas.tool.proposal
    assert place.box.w <= seen.width() + 2
    truth = disk(*LEFT) * 1 + disk(*RIGHT) * 2
    there = truth[place.y : place.y + place.height, place.x : place.x + place.width]
    assert np.mean(labels == there) > 0.95
    studio_window.key("Return")
    assert {a.class_id for a in stored(page)} <= {1, 2}
    assert stored(page)


def test_specks_are_left_out_and_touching_parts_stay_one_mask(studio_window, page, hand):
    studio_window.key("Y")
    page.document.choose_class(1)
    page.bar.options.smallest.setValue(500)
    hand.stroke((170, 240), (230, 250))
    hand.stroke((430, 240), (490, 250))
    hand.stroke((40, 60), (600, 60), alt=True)
    studio_window.key("Return")
    assert len(stored(page)) == 2, "two disks, two masks"
    studio_window.key("Ctrl+Z")
    page.bar.options.parts.setChecked(False)
    hand.stroke((170, 240), (230, 250))
    hand.stroke((430, 240), (490, 250))
    hand.stroke((40, 60), (600, 60), alt=True)
    studio_window.key("Return")
    (annotation,) = stored(page)
    assert iou(annotation.shape, disk(*LEFT) | disk(*RIGHT)) > 0.95


def test_what_was_scribbled_on_one_image_is_proposed_on_the_next(studio_window, page, hand):
    studio_window.key("Y")
    page.bar.options.across.setChecked(True)
    scribble(page, hand)
    studio_window.key("Return")
    studio_window.key("D")
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    hand.move(300, 300)
    studio_window.idle()
    assert page.canvas.tool.proposal is not None, "nothing was scribbled here"
    studio_window.key("Return")
    by_class = {a.class_id: a.shape for a in stored(page, 2)}
    assert iou(by_class[1], disk(*LEFT)) > 0.95
    assert iou(by_class[2], disk(*RIGHT)) > 0.95
    hand.move(310, 300)
    studio_window.idle()
    assert page.canvas.tool.proposal is None, "it is not proposed again"


def test_scribbles_teach_only_their_own_image_unless_one_wants_more(studio_window, page, hand):
    studio_window.key("Y")
    scribble(page, hand)
    studio_window.key("D")
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    hand.move(300, 300)
    studio_window.idle()
    assert page.canvas.tool.proposal is None
    page.bar.options.across.setChecked(True)
    hand.move(301, 300)
    studio_window.idle()
    assert page.canvas.tool.proposal is not None
    studio_window.key("Esc")
    hand.move(302, 300)
    studio_window.idle()
    assert page.canvas.tool.proposal is None, "Esc is an answer"


# -- what all of them share


def test_a_hidden_class_is_shown_again_when_something_is_found_for_it(studio_window, page, hand):
    page.document.choose_class(1)
    page.document.toggle_class(1)
    studio_window.key("W")
    hand.click(200, 240)
    studio_window.key("Return")
    assert not page.document.hidden()
    assert len(stored(page)) == 1


def test_while_the_picture_is_being_read_nothing_is_found_and_it_is_said(studio_window, page, hand):
    said = []
    page.canvas.said.connect(said.append)
    page.canvas.tiles.pyramid = None
    for key in "WIGKY":
        said.clear()
        studio_window.key(key)
        hand.click(200, 240)
        assert "still" in said[-1], key
        assert not page.canvas.tool.busy, key
