"""Simplify, smooth and convert with a popup whose amount is previewed, by mouse and keys."""

import threading

import numpy as np
import pytest
from label_hands import label_page
from patience import LIMIT, until
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from cvstudio.core import combine, outlines
from cvstudio.core.annotation import Kind, Task
from cvstudio.core.convert import to_polygon
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.gui.label import adjusting


@pytest.fixture
def person(tmp_path, qtbot):
    with label_page(tmp_path, qtbot, Task.INSTANCE) as hands:
        yield hands


def wavy(count=80, x=150, y=130):
    angles = np.arange(count) * 2 * np.pi / count
    radii = 60 + 2 * np.cos(20 * angles)
    return Polygon.simple(np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1))


def disc():
    y, x = np.mgrid[:80, :80]
    return Mask.from_patch(((x - 40) ** 2 + (y - 40) ** 2 < 1500).astype(np.uint8), 100, 90)


def choose(person, shape):
    id = person.add(shape)
    person.do("label.select")
    person.document.select([id])
    return id


def type_amount(person, text):
    field = person.page.adjusting.popup.amount.field
    assert field.hasFocus(), "the amount can be typed at once"
    field.selectAll()
    QTest.keyClicks(field, text)
    QApplication.processEvents()


def test_m_previews_a_simpler_polygon_and_enter_keeps_it_in_one_step(person):
    id = choose(person, wavy())
    person.keys("M")
    popup = person.page.adjusting.popup
    assert popup.isVisible()
    type_amount(person, "6")
    drafted = person.canvas.selection.drafts[id]
    assert outlines.point_count(drafted) < 40
    assert person.only.shape == wavy(), "nothing is stored before Enter"
    assert popup.words.text().startswith(f"80 → {outlines.point_count(drafted)} points")
    person.keys("Return")
    assert not popup.isVisible()
    assert person.only.shape == drafted
    assert person.project.undo_label == "Simplify 1 annotation"
    assert person.canvas.tool.name == "select"
    person.project.undo()
    assert person.only.shape == wavy()


def test_a_larger_tolerance_leaves_fewer_points_while_the_slider_moves(person):
    id = choose(person, wavy())
    person.keys("M")
    slider = person.page.adjusting.popup.amount.slider
    slider.setFocus()
    counts = []
    for _ in range(3):
        for _ in range(20):
            QTest.keyClick(slider, Qt.Key.Key_Up)
        counts.append(outlines.point_count(person.canvas.selection.drafts[id]))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    person.keys("Esc")
    assert person.only.shape == wavy()


def test_esc_drops_the_preview_and_the_canvas_shows_what_is_stored(person):
    choose(person, wavy())
    before = person.project.undo_label
    person.keys("Shift+M")
    assert person.canvas.selection.drafts
    person.keys("Esc")
    assert not person.canvas.selection.drafts
    assert not person.page.adjusting.popup.isVisible()
    assert person.only.shape == wavy()
    assert person.project.undo_label == before
    assert person.canvas.tool.name == "select"


def test_another_tool_or_image_ends_the_preview_without_a_trace(person):
    choose(person, wavy())
    person.keys("M")
    person.canvas.setFocus()
    person.keys("P")
    assert person.canvas.tool.name == "polygon"
    assert not person.page.adjusting.popup.isVisible()
    person.do("label.select")
    person.document.select([person.only.id])
    person.keys("M")
    person.do("label.next")
    QApplication.processEvents()
    assert person.canvas.tool.name == "select"
    person.do("label.previous")
    assert person.only.shape == wavy()


def test_smoothing_a_mask_keeps_it_a_mask(person):
    rough = disc().patch().copy()
    rough[::7, ::3] = 0
    choose(person, Mask.from_patch(rough, 100, 90))
    person.keys("Shift+M")
    person.keys("Return")
    assert person.only.kind is Kind.MASK
    holes = sum(len(part.holes) for part in to_polygon(person.only.shape).parts)
    assert holes == 0
    assert person.project.undo_label == "Smooth 1 annotation"


def test_ctrl_m_makes_a_polygon_of_a_mask_within_the_tolerance_shown(person):
    choose(person, disc())
    person.keys("Ctrl+M")
    type_amount(person, "0")
    person.keys("Return")
    assert person.only.shape == to_polygon(disc())
    assert person.only.shape.area == disc().area


def test_ctrl_m_makes_a_mask_of_a_polygon_at_enter_although_there_is_no_amount_to_give(person):
    square = Polygon.simple([(40, 50), (100, 50), (100, 80), (40, 80)])
    choose(person, square)
    person.keys("Ctrl+M")
    assert not person.page.adjusting.popup.amount.isEnabled()
    assert person.page.status_right.startswith("Enter keeps")
    person.keys("Return")
    assert person.only.shape == Mask.from_patch(np.ones((30, 60), np.uint8), 40, 50)


def test_the_popups_buttons_choose_the_kind_and_keep(person):
    choose(person, Box(40, 50, 60, 30))
    person.keys("Ctrl+M")
    popup = person.page.adjusting.popup
    buttons = {b.text().strip(): b for b in popup.findChildren(QAbstractButton)}
    QTest.mouseClick(buttons["Mask"], Qt.MouseButton.LeftButton)
    assert not popup.amount.isEnabled(), "a tolerance means something for outlines of masks only"
    QTest.mouseClick(buttons["Keep  Enter"], Qt.MouseButton.LeftButton)
    assert person.only.shape == Mask.from_patch(np.ones((30, 60), np.uint8), 40, 50)


def test_many_shapes_are_converted_in_one_step_and_what_is_locked_stays(person):
    ids = [person.add(disc()), person.add(Box(20, 20, 30, 30)), person.add(disc().moved(90, 60))]
    person.document.select([ids[2]])
    person.keys("L")
    person.document.select(ids)
    person.keys("Ctrl+M")
    person.keys("Return")
    assert [a.kind for a in person.shapes] == [Kind.POLYGON, Kind.POLYGON, Kind.MASK]
    assert person.project.undo_label == "Convert 2 annotations"


def test_simplify_says_what_it_needs_when_no_polygon_is_selected(person):
    choose(person, Box(20, 20, 30, 30))
    person.keys("M")
    assert not person.page.adjusting.popup.isVisible()
    assert "Select a polygon" in " ".join(person.page.status_left)


def test_large_shapes_are_adjusted_beside_the_window_and_enter_keeps_the_newest_amount(
    person, monkeypatch
):
    monkeypatch.setattr(adjusting, "_AT_ONCE", 0)
    go_on, asked, threads = threading.Event(), [], set()
    smoothed = adjusting._made

    def slow(before, make, amount, size):
        asked.append(amount)
        threads.add(threading.current_thread())
        assert go_on.wait(LIMIT)
        return smoothed(before, make, amount, size)

    monkeypatch.setattr(adjusting, "_made", slow)
    choose(person, wavy())
    person.keys("M")
    type_amount(person, "3")
    type_amount(person, "6")
    person.keys("Return")
    assert person.only.shape == wavy(), "nothing is stored before it is known"
    go_on.set()
    until(lambda: person.only.shape != wavy())
    assert person.only.shape == combine.simplified(wavy(), 6.0)
    assert asked == [asked[0], 6.0], "amounts that were passed over are not computed"
    assert threading.main_thread() not in threads
    assert person.project.undo_label == "Simplify 1 annotation"


def test_esc_while_a_large_shape_is_computed_drops_the_answer_too(person, monkeypatch):
    monkeypatch.setattr(adjusting, "_AT_ONCE", 0)
    go_on = threading.Event()
    made = adjusting._made
    monkeypatch.setattr(adjusting, "_made", lambda *given: (go_on.wait(LIMIT), made(*given))[1])
    choose(person, wavy())
    person.keys("M")
    person.keys("Esc")
    go_on.set()
    until(lambda: not person.studio.tasks.working)
    assert not person.page.adjusting.popup.isVisible()
    assert not person.canvas.selection.drafts
    assert person.only.shape == wavy()


def test_an_area_that_stays_is_said_to_be_the_same_and_not_minus_nothing(person):
    person.add(Box(50.4, 40.4, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.keys("Ctrl+M")
    words = person.page.adjusting.popup.words.text()
    person.keys("Esc")
    assert words == "4 points, area the same"
    hardly = adjusting.result_words({1: Box(0, 0, 3000, 10)}, {1: Box(0, 0, 2999.9, 10)})
    assert hardly.endswith(", area the same")
    less = adjusting.result_words({1: Box(0, 0, 100, 10)}, {1: Box(0, 0, 98, 10)})
    assert less.endswith(", area -2.0 %")


@pytest.mark.parametrize("y", [70, 150, 230])
def test_the_popup_does_not_lie_on_the_shape_that_is_judged(person, y):
    choose(person, wavy(y=y))
    person.keys("M")
    popup = person.page.adjusting.popup
    assert popup.isVisible()
    corners = [person.canvas.to_screen(x, at).toPoint() for x, at in ((88, y - 62), (212, y + 62))]
    assert not popup.geometry().intersects(QRect(*corners))
    assert person.canvas.rect().contains(popup.geometry())
    # It is left open: a project that is closed in the middle is no fault.
