"""What keys and the right click do on the Label page where people of other programs were taken
aback: arrows, class keys, hiding and undo, locked shapes, comments."""

import threading

import pytest
from dialog_hands import when_open
from label_hands import CTRL, SHIFT, Person
from patience import LIMIT, until
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from cvstudio.core.geometry import Box, Polygon
from cvstudio.gui.label.comment_dialog import CommentDialog
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands, comments, queries, run_errors


def said(page: LabelPage) -> str:
    return " | ".join((*page.status_left, page.status_right))


def right_click(person: Person, x: float, y: float, choose: str = "") -> list[str]:
    """Open the menu at a place of the image, read it, and choose an entry or leave with Esc."""
    seen: list[str] = []

    def act() -> None:
        menu = QApplication.activePopupWidget()
        if not isinstance(menu, QMenu):
            QTimer.singleShot(20, act)
            return
        entries = {a.text().split("\t")[0]: a for a in menu.actions() if a.text()}
        seen.extend(entries)
        if choose:
            menu.setActiveAction(entries[choose])
            person.qtbot.keyClick(menu, Qt.Key.Key_Return)
        else:
            menu.close()

    person.hover(x, y)
    at = person.canvas.to_screen(x, y).toPoint()
    target = person.canvas.viewport()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, target.mapToGlobal(at))
    QTimer.singleShot(0, act)
    QApplication.sendEvent(target, event)
    QApplication.processEvents()
    return seen


# Arrows


def test_plain_arrows_go_to_another_image_and_leave_the_selected_box_as_it_was(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    assert person.document.selection
    person.keys("Right")
    assert person.document.image.id == 2
    person.keys("Left")
    assert person.document.image.id == 1
    assert person.only.box == Box(50, 40, 100, 80)
    assert person.project.undo_label == "Prepare"


def test_shift_and_arrows_move_by_one_pixel_and_with_ctrl_by_ten(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.key(Qt.Key.Key_Right, SHIFT)
    person.key(Qt.Key.Key_Down, SHIFT | CTRL)
    assert person.only.box == Box(51, 50, 100, 80)
    assert person.document.image.id == 1


def test_up_and_down_say_which_keys_move_what_is_selected(person):
    person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.keys("Down")
    assert person.only.box == Box(50, 40, 100, 80)
    assert "Shift + arrows" in said(person.page)


def test_an_arrow_in_the_middle_of_a_polygon_says_why_it_does_not_go_on(person):
    person.do("label.polygon")
    for place in ((50, 50), (150, 50), (100, 120)):
        person.click(*place)
    person.keys("Right")
    assert person.document.image.id == 1
    assert "Enter keeps it, Esc drops it" in said(person.page)
    person.keys("Return")
    person.keys("Right")
    assert person.document.image.id == 2


# Class keys


def test_the_status_bar_says_whether_a_class_key_is_for_this_box_or_for_the_next(person):
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    assert "keys 1–0: class of the next one" in said(person.page)
    person.keys("2")
    assert person.only.class_id == 1
    assert "The next one is “Nucleus”" in said(person.page)
    person.do("label.select")
    person.click(100, 80)
    assert "keys 1–0: its class" in said(person.page)
    person.keys("2")
    assert person.only.class_id == 2


# Hiding, and undo after it


def test_after_hiding_undo_says_what_it_took_back_and_offers_to_show_the_hidden_again(person):
    told = []
    person.studio.toasted.connect(told.append)
    shape = person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.keys("L")
    person.keys("Shift+H")
    assert "Shift+H shows it again" in said(person.page)
    assert person.document.hidden() == {shape}
    person.page.undoing.agrees()
    person.project.undo()  # what the window's Ctrl+Z does once the page agrees
    QApplication.processEvents()
    assert "Undone: Lock 1 annotation" in said(person.page)
    assert [t.text for t in told] == [
        "Undone: Lock 1 annotation. 1 hidden shape stays hidden: that is no step."
    ]
    told[0].do()
    assert not person.document.hidden()


def test_the_key_that_hid_a_shape_shows_it_again_even_when_nothing_is_selected(person):
    shape = person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.keys("Shift+H")
    assert person.document.hidden() == {shape}
    person.click(350, 280)
    assert not person.document.selection
    person.keys("Shift+H")
    assert not person.document.hidden()


def test_undo_says_what_it_took_back_without_a_toast_when_nothing_is_hidden(person):
    told = []
    person.studio.toasted.connect(told.append)
    person.do("label.box")
    person.drag((50, 40), (150, 120))
    person.project.undo()
    QApplication.processEvents()
    assert "Undone: Add box" in said(person.page)
    person.project.redo()
    QApplication.processEvents()
    assert "Done again: Add box" in said(person.page)
    assert not told


# The right click


def test_a_right_click_on_a_locked_shape_offers_to_unlock_it(person):
    shape = person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    person.click(100, 80)
    person.keys("L")
    person.click(350, 280)
    words = right_click(person, 100, 80, "Unlock")
    assert "Unlock all" in words
    assert not person.document.get(shape).locked
    assert person.project.undo_label == "Unlock 1 annotation"


def test_the_menu_of_an_unlocked_shape_still_locks_it(person):
    shape = person.add(Box(50, 40, 100, 80))
    person.do("label.select")
    words = right_click(person, 100, 80, "Lock")
    assert "Unlock" not in words
    assert person.document.get(shape).locked


def test_a_right_click_anywhere_offers_a_comment_and_suggestions(person):
    words = right_click(person, 300, 250)
    assert {"Comment here", "Suggest labels", "Paste"} <= set(words)
    person.add(Box(50, 40, 100, 80))
    assert {"Comment here", "Suggest labels"} <= set(right_click(person, 100, 80))


def test_comment_here_pins_it_where_the_click_was(person):
    def write(dialog: CommentDialog) -> None:
        person.qtbot.keyClicks(dialog.field, "one cell or two?")
        dialog.accept()

    when_open(CommentDialog, write)
    right_click(person, 200, 150, "Comment here")
    with person.project.read() as session:
        (found,) = comments.comments(session, 1)
    assert found.text == "one cell or two?"
    assert found.place == pytest.approx((200, 150), abs=2)


# The next image of a kind


def test_shift_u_goes_to_the_next_image_without_labels_and_round_the_end(person):
    person.add(Box(50, 40, 100, 80), image=2)
    person.keys("Shift+U")
    assert person.document.image.id == 3
    person.keys("Shift+U")
    assert person.document.image.id == 1
    person.add(Box(50, 40, 100, 80), image=1)
    person.add(Box(50, 40, 100, 80), image=3)
    person.keys("Shift+U")
    assert person.document.image.id == 1
    assert "No other image is unlabelled" in said(person.page)


def test_shift_u_does_not_deny_what_is_unlabelled_outside_the_filter(person):
    person.add(Box(50, 40, 100, 80), image=1)
    person.page.arrive(ids=[1], words="one of them")
    toasts = []
    person.page.studio.toasted.connect(toasts.append)
    person.keys("Shift+U")
    (told,) = toasts
    assert told.text == (
        "No other image within the filter is unlabelled; 2 unlabelled images are outside it."
    )
    assert "No other image is unlabelled" not in said(person.page)
    assert told.link == "Clear the filter"
    told.do()
    person.keys("Shift+U")
    assert person.document.image.id == 2


def test_home_and_end_go_to_the_first_and_the_last_image_but_not_from_under_a_list(person):
    last = person.page.order.ids[-1]
    person.keys("End")
    assert person.document.image.id == last
    person.keys("End")
    assert "This is the last image" in said(person.page)
    person.keys("Home")
    assert person.document.image.id == 1
    person.page.class_list.view.setFocus()
    person.keys("End")
    assert person.document.image.id == 1


def test_shift_e_goes_to_the_next_image_on_which_run_and_labels_differ(person, monkeypatch):
    person.keys("Shift+E")
    until(lambda: "No run has been judged yet" in said(person.page))
    judge(monkeypatch, lambda: {3})
    person.keys("Shift+E")
    until(lambda: person.document.image.id == 3)
    person.keys("Shift+E")
    words = "On no other image do the newest run and the labels differ"
    until(lambda: words in said(person.page))
    assert person.document.image.id == 3


def test_shift_e_leads_on_from_an_image_whose_file_is_missing(person, monkeypatch):
    with person.project.read() as session:
        person.project.image_path(queries.image(session, 3)).unlink()
    person.studio.select_image(3)
    until(lambda: person.page.stack.currentWidget() is person.page.empty)
    judge(monkeypatch, lambda: {2})
    person.do("label.next_disagreed")
    until(lambda: not person.studio.tasks.working)
    assert person.document.image.id == 2


def judge(monkeypatch, compare):
    """A run has been judged, and `compare` says on which images it errs."""
    monkeypatch.setattr(run_errors, "judged_runs", lambda _session, _ids: ["run 1"])
    monkeypatch.setattr(run_errors, "images_with_errors", lambda _s, _ids, kinds: compare())


def test_while_a_run_is_compared_one_works_on_and_is_not_carried_off(person, monkeypatch):
    go, where = threading.Event(), []

    def compare():
        where.append(threading.current_thread())
        assert go.wait(LIMIT)
        return {3}

    judge(monkeypatch, compare)
    person.keys("Shift+E")
    assert person.document.image.id == 1, "the key has come back, the answer has not"
    until(lambda: "Comparing the newest run with the labels" in said(person.page))
    person.keys("D")
    until(lambda: person.document.image.id == 2)
    go.set()
    words = "The newest run has been compared with the labels: press again to go"
    until(lambda: words in said(person.page))
    assert person.document.image.id == 2
    assert threading.main_thread() not in where
    person.keys("Shift+E")
    until(lambda: person.document.image.id == 3)


def test_a_comparison_that_ends_while_a_shape_is_drawn_leaves_it_in_hand(person, monkeypatch):
    go = threading.Event()
    judge(monkeypatch, lambda: {3} if go.wait(LIMIT) else set())
    person.do("label.polygon")
    person.keys("Shift+E", person.canvas)
    for place in ((50, 50), (150, 50), (150, 120)):
        person.click(*place)
    go.set()
    until(lambda: "press again to go" in said(person.page))
    assert person.document.image.id == 1
    assert len(person.canvas.tool.points) == 3


# What sentences name


def test_sentences_name_the_keys_in_force_and_not_those_of_another_preset(person):
    person.studio.settings.set("label.keys", "cvat")
    try:
        person.do("label.select")
        person.do("label.hide_selected")
        assert "T hides all" in said(person.page)
        person.do("label.points")
        assert "[ ] size" in said(person.page)
        person.studio.settings.set("keys.own", '{"label.smaller": ["F2"]}')
        assert "F2 ] size" in said(person.page)
    finally:
        person.studio.settings.set("keys.own", "")
        person.studio.settings.set("label.keys", "cvstudio")


def test_a_class_that_is_named_in_braces_is_named_so(person):
    with person.project.transaction("Rename") as session:
        commands.rename_class(session, id=1, name="{label.not_a_key}")
    id = person.add(Polygon.simple([(50, 50), (150, 50), (150, 150)]))
    person.document.select([id])
    person.do("label.polygon")
    assert "{label.not_a_key}" in said(person.page)
