"""Where the keys go on the Label page, seen and reached without a mouse."""

from __future__ import annotations

import pytest
from label_hands import LEFT
from person import Person
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication

from cvstudio.core.annotation import Source, State
from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.help_dialog import HelpDialog
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands


def ring_in(view: QAbstractItemView) -> int:
    """How many pixels of the focus colour the current row of a list shows."""
    row = view.visualRect(view.currentIndex())
    row = QRect(0, row.top(), view.viewport().width(), row.height())
    picture = view.viewport().grab(row).toImage()
    wanted = theme.colour("focus").rgb()
    places = ((x, y) for x in range(picture.width()) for y in range(picture.height()))
    return sum(picture.pixel(x, y) == wanted for x, y in places)


def suggest(person: Person, page: LabelPage) -> None:
    assert page.document.image is not None
    with person.project.transaction("Suggest") as session:
        for number in range(2):
            commands.add_annotation(
                session, image_id=page.document.image.id, class_id=1,
                shape=Box(4 + 8 * number, 4, 6, 6), source=Source.NETWORK, score=0.9,
                state=State.SUGGESTED,
            )  # fmt: skip
    person.settle()


@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_row_that_has_the_keys_is_seen_in_both_lists(studio_window: Person, name: str) -> None:
    theme.keeper().choose(name)
    page = studio_window.label_page()
    for view in (page.class_list.view, page.tree):
        page.canvas.setFocus()
        studio_window.settle()
        assert ring_in(view) == 0
        view.setFocus(Qt.FocusReason.ShortcutFocusReason)
        studio_window.key("Home")
        assert view.hasFocus()
        assert ring_in(view) > 200, view.accessibleName()


def test_a_click_into_a_list_shows_no_ring(studio_window: Person) -> None:
    page = studio_window.label_page()
    view = page.class_list.view
    place = view.visualRect(view.model().index(0, 0)).center()
    QTest.mouseClick(view.viewport(), LEFT, pos=place)
    assert ring_in(view) == 0


def test_a_class_is_chosen_in_its_list_by_arrow_and_enter(studio_window: Person) -> None:
    page = studio_window.label_page()
    page.class_list.view.setFocus(Qt.FocusReason.TabFocusReason)
    studio_window.key("Home")
    studio_window.key("Down")
    studio_window.key("Return")
    chosen = page.class_list.model.rows[1]
    assert page.document.class_id == chosen.id


def test_tab_goes_on_from_every_control_but_the_canvas_while_there_are_suggestions(
    studio_window: Person,
) -> None:
    page = studio_window.label_page()
    suggest(studio_window, page)
    page.canvas.setFocus()
    studio_window.key("Tab")
    assert page.canvas.hasFocus()
    chosen = page.document.selection
    assert len(chosen) == 1
    studio_window.key("Shift+V")
    assert page.tree.hasFocus()
    assert ring_in(page.tree) > 200
    seen = [page.tree]
    while True:
        studio_window.key("Tab")
        now = QApplication.focusWidget()
        if now is page.canvas:
            break
        assert len(seen) < 100, f"Tab stays with {seen[-1].accessibleName()}"
        seen.append(now)
    assert len(seen) > 5
    assert page.document.selection == chosen, "no suggestion was stepped to meanwhile"


def test_n_takes_the_tool_again_that_drew_last_and_finishes_what_is_begun(
    studio_window: Person,
) -> None:
    page = studio_window.label_page()
    page.canvas.setFocus()
    box = page.toolbox.tools["label.box"]
    studio_window.key("R")
    studio_window.key("V")
    studio_window.key("N")
    assert page.canvas.tool is box
    studio_window.key("N")
    assert page.canvas.tool is box


def test_the_question_mark_opens_help_but_is_a_letter_where_one_types(
    studio_window: Person,
) -> None:
    seen = []
    studio_window.answer(lambda dialog: (seen.append(type(dialog)), dialog.reject()))
    studio_window.page("train")
    studio_window.key("?")
    assert seen == [HelpDialog]
    page = studio_window.data_page()
    studio_window.type(page.gallery.filter_bar.text, "a?")
    assert page.gallery.filter_bar.text.text() == "a?"
