"""Rotated boxes on the Label page, drawn and turned with the mouse and by keys."""

import math

import numpy as np
import pytest
from label_hands import CTRL, SHIFT
from PySide6.QtCore import Qt

from cvstudio.core.annotation import Kind
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.rotated import RotatedBox
from cvstudio.gui.label import turning
from cvstudio.gui.label.annotation_tree import describe
from cvstudio.gui.label.hit import HANDLES
from cvstudio.gui.label.layers.rulers import THICK


def handle(person, name):
    """Where a handle of the only annotation is, in pixels of the image."""
    shape = person.only.shape
    if name == turning.TURN:
        return turning.turn_handle(shape, person.canvas.scale)
    return tuple(turning.handle_points(shape)[HANDLES.index(name)].tolist())


def put(person, shape):
    id = person.add(shape)
    person.document.select([id])
    return id


def towards(shape, degrees, far=90):
    """A place in the direction in which the turn handle lies at an angle."""
    radians = math.radians(degrees - 90)
    return shape.cx + far * math.cos(radians), shape.cy + far * math.sin(radians)


def test_a_box_is_dragged_and_turned_by_its_handle_with_one_tool(person):
    person.keys("O", person.canvas)
    person.drag((100, 100), (220, 140))
    assert person.only.shape.corners() == pytest.approx(
        RotatedBox(160, 120, 120, 40, 0).corners(), abs=0.5
    )
    shape = person.only.shape
    person.drag(handle(person, "turn"), towards(shape, 30))
    assert person.only.kind is Kind.ROTATED_BOX
    assert person.only.shape.angle == pytest.approx(30, abs=0.5)
    assert (person.only.shape.w, person.only.shape.h) == (shape.w, shape.h)
    assert describe(person.only) == f"120 × 40 px, {round(person.only.shape.angle, 1):g}°"
    person.project.undo()
    assert person.only.shape.angle == 0
    person.project.undo()
    assert person.shapes == []


def test_three_clicks_make_a_box_along_a_side(person):
    person.keys("O", person.canvas)
    person.click(100, 100)
    person.click(180, 160)
    person.click(110, 180)
    shape = person.only.shape
    assert shape.w == pytest.approx(100, abs=1)
    assert shape.angle == pytest.approx(math.degrees(math.atan2(60, 80)), abs=0.6)
    _, v = shape.own(np.array([(110.0, 180.0)]))[0]
    assert abs(v) == pytest.approx(shape.h / 2, abs=1)
    assert shape.contains(140, 132)


def test_backspace_takes_a_point_of_a_side_back_and_esc_drops_it(person):
    person.keys("O", person.canvas)
    person.click(100, 100)
    person.click(180, 160)
    person.key(Qt.Key.Key_Backspace)
    person.click(200, 100)
    person.click(150, 150)
    assert person.only.shape.angle == pytest.approx(0, abs=0.6)
    assert person.only.shape.h == pytest.approx(50, abs=1)
    person.click(300, 200)
    person.key(Qt.Key.Key_Escape)
    assert len(person.shapes) == 1
    assert not person.canvas.tool.busy


def test_shift_turns_by_steps_of_15_degrees(person):
    put(person, RotatedBox(200, 150, 100, 40, 5))
    person.drag(handle(person, "turn"), towards(person.only.shape, 52), keys=SHIFT)
    assert person.only.shape == RotatedBox(200, 150, 100, 40, 45)


def test_a_side_is_dragged_along_the_boxs_own_axis_and_the_opposite_one_stays(person):
    put(person, RotatedBox(200, 150, 100, 40, 30))
    before = person.only.shape
    west = turning.handle_points(before)[HANDLES.index("w")]
    east = handle(person, "e")
    direction = np.array(before.axes[0])
    person.drag(east, tuple((np.array(east) + 30 * direction).tolist()))
    after = person.only.shape
    assert after.angle == 30
    assert after.w == pytest.approx(130, abs=1)
    assert after.h == 40
    assert turning.handle_points(after)[HANDLES.index("w")] == pytest.approx(west, abs=1e-6)


def test_a_corner_is_dragged_and_the_opposite_corner_stays(person):
    put(person, RotatedBox(200, 150, 100, 40, -20))
    opposite = turning.handle_points(person.only.shape)[HANDLES.index("nw")]
    x, y = handle(person, "se")
    person.drag((x, y), (x + 25, y + 20))
    after = person.only.shape
    assert after.angle == -20
    assert turning.handle_points(after)[HANDLES.index("nw")] == pytest.approx(opposite, abs=1e-6)
    assert turning.handle_points(after)[HANDLES.index("se")] == pytest.approx(
        (x + 25, y + 20), abs=1
    )


def test_a_box_of_a_selected_rotated_box_is_not_taken_for_its_handles(person):
    """The corner of the upright box around it lies outside of it and must not resize it."""
    put(person, RotatedBox(200, 150, 120, 20, 45))
    corner = person.only.box
    person.drag((corner.x, corner.y), (corner.x - 20, corner.y - 20))
    assert person.only.shape == RotatedBox(200, 150, 120, 20, 45)


def test_keys_turn_it_by_1_and_by_10_degrees(person):
    put(person, RotatedBox(200, 150, 100, 40, 30))
    person.keys("Alt+Right", person.canvas)
    assert person.only.shape.angle == 31
    person.keys("Alt+Shift+Left", person.canvas)
    assert person.only.shape.angle == 21
    person.keys("Alt+Shift+Right", person.canvas)
    person.keys("Alt+Left", person.canvas)
    assert person.only.shape == RotatedBox(200, 150, 100, 40, 30)


def test_keys_turn_a_polygon_around_its_middle_and_leave_a_box_upright(person):
    put(person, Polygon.simple([(180, 140), (220, 140), (220, 160), (180, 160)]))
    for _ in range(9):
        person.keys("Alt+Shift+Right", person.canvas)
    ring = person.only.shape.parts[0].outer
    assert ring == pytest.approx(np.array([(210, 130), (210, 170), (190, 170), (190, 130)]))
    person.document.delete([person.only.id])
    said = []
    person.page.shaping.said.connect(said.append)
    put(person, Box(100, 100, 40, 40))
    person.keys("Alt+Right", person.canvas)
    assert person.only.shape == Box(100, 100, 40, 40)
    assert "stays upright" in said[-1]


def test_it_is_moved_nudged_copied_and_pasted_like_any_shape(person):
    put(person, RotatedBox(150, 150, 100, 40, 30))
    person.drag((150, 150), (180, 140))
    moved = person.only.shape
    assert (moved.w, moved.h, moved.angle) == (100, 40, 30)
    assert (moved.cx, moved.cy) == pytest.approx((180, 140), abs=1)
    person.key(Qt.Key.Key_Right, SHIFT)
    assert person.only.shape.cx == pytest.approx(moved.cx + 1)
    person.key(Qt.Key.Key_C, CTRL)
    person.key(Qt.Key.Key_V, CTRL)
    _, two = person.shapes
    assert two.kind is Kind.ROTATED_BOX
    assert (two.shape.w, two.shape.h, two.shape.angle) == (100, 40, 30)


def test_a_click_beside_it_but_inside_the_box_around_it_does_not_select_it(person):
    id = person.add(RotatedBox(200, 150, 160, 20, 45))
    person.click(245, 105)
    assert person.document.selection == frozenset()
    person.click(230, 180)
    assert person.document.selection == {id}


def test_a_band_through_the_empty_corner_of_the_box_around_it_does_not_take_it(person):
    person.add(RotatedBox(200, 150, 160, 20, 45))
    person.drag((235, 85), (260, 110))
    assert person.document.selection == frozenset()


@pytest.mark.parametrize("kind", ["Box", "Polygon", "Mask"])
def test_it_is_converted_and_back_through_the_popup(person, kind):
    put(person, RotatedBox(200, 150, 100, 40, 30))
    popup = person.page.adjusting.popup
    person.keys("Ctrl+M", person.canvas)
    names = [k.capitalize() for k in ("box", "rotated box", "polygon", "mask")]
    popup.kind.choose(names.index(kind))
    popup.changed.emit()
    person.keys("Return")
    assert person.only.kind == kind.lower()
    person.keys("Ctrl+M", person.canvas)
    popup.kind.choose(1)
    popup.changed.emit()
    person.keys("Return")
    back = person.only.shape
    assert isinstance(back, RotatedBox)
    if kind == "Box":
        assert back.angle == 0
    else:
        loss = 1.5 if kind == "Mask" else 1e-6
        assert Box.around(back.corners()).area == pytest.approx(
            Box.around(RotatedBox(200, 150, 100, 40, 30).corners()).area, rel=0.04 * loss
        )
        assert (back.angle + 30) % 90 == pytest.approx(60, abs=loss)


def test_numbers_stand_beside_the_pointer_while_it_turns(person):
    put(person, RotatedBox(200, 150, 100, 40, 0))
    person.press(*handle(person, "turn"))
    place = towards(person.only.shape, 90)
    person.move(*place)
    before = person.canvas.grab().toImage()
    x, y = person.canvas.to_screen(*place).toTuple()
    assert before.pixelColor(int(x) + 20, int(y) + 24).lightness() < 60
    person.release(*place)
    assert person.only.shape.angle == pytest.approx(90, abs=0.5)


def test_the_rubber_makes_a_mask_of_it_and_leaves_keypoints_alone(person):
    put(person, RotatedBox(200, 150, 100, 40, 30))
    person.do("label.erase")
    assert "makes the box a mask" in person.canvas.tool.note().lower()
    person.drag((200, 150), (230, 165))
    assert person.only.kind is Kind.MASK
    assert not person.only.shape.contains(215, 158)
    assert person.only.shape.contains(160, 127)
    person.document.delete([person.only.id])
    points = Keypoints.of([(100, 100, 2), (180, 160, 2)])
    put(person, points)
    person.drag((120, 120), (150, 150))
    assert person.only.shape == points


def test_the_tool_shows_only_handles_that_it_takes(person):
    person.do("label.rotated_box")
    item = person.canvas.selection
    assert item.turns
    assert not item.handles


def white_at(person, x, y):
    """Whether a handle's square is drawn at a place of the image."""
    place = person.canvas.to_screen(x, y).toPoint()
    return person.canvas.grab().toImage().pixelColor(place).lightness() > 240


@pytest.mark.parametrize("shape", [Box(100, 100, 60, 40), RotatedBox(130, 120, 60, 40, 20)])
def test_what_is_dragged_is_drawn_under_the_pointer_all_the_way(person, shape):
    put(person, shape)
    turns = isinstance(shape, RotatedBox)
    person.press(130, 120)
    for x in (160, 190, 230):
        person.move(x, 120)
    now = shape.moved(100, 0)
    corner = turning.handle_points(now)[0] if turns else np.array([now.x, now.y])
    assert white_at(person, *corner)
    person.release(230, 120)
    assert person.only.box.x == pytest.approx(now.box.x if turns else now.x)


@pytest.mark.parametrize("tool", ["label.select", "label.rotated_box"])
def test_a_turning_box_is_drawn_as_its_numbers_say(person, tool):
    put(person, RotatedBox(200, 150, 100, 40, 0))
    person.do(tool)
    person.press(*handle(person, "turn"))
    for degrees in (20, 50, 90):
        person.move(*towards(person.only.shape, degrees))
    corner = turning.handle_points(RotatedBox(200, 150, 100, 40, 90))[0]
    assert white_at(person, *corner)
    person.release(*towards(person.only.shape, 90))


@pytest.mark.parametrize("angle", [-40, -20, 0, 20, 60, 180, 270])
def test_the_name_does_not_lie_on_the_handle_that_turns(person, angle):
    id = put(person, RotatedBox(200, 150, 30, 20, angle))
    person.canvas.grab()
    shape, scale = person.only.shape, person.canvas.scale
    tag = person.canvas.selection.tags[id]
    foot = turning.handle_points(shape)[1]
    tip = np.array(turning.turn_handle(shape, scale))
    for share in (0, 0.25, 0.5, 0.75, 1):
        place = person.canvas.to_screen(*(foot + (tip - foot) * share))
        assert not tag.contains(place), share


def test_the_name_of_a_box_that_reaches_out_of_view_is_read_beside_the_rulers(person):
    id = put(person, Box(10, 10, 380, 280))
    person.do("label.rulers")
    person.canvas.show_box(Box(180, 130, 40, 40))
    person.canvas.grab()
    tag = person.canvas.selection.tags[id]
    assert tag.left() >= THICK
    assert tag.top() >= THICK
