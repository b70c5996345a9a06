"""Filters by count, size, score and errors from fields, and saved views that change."""

from __future__ import annotations

from typing import Any

import pytest
from person import Person
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLineEdit

from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.query_dialog import QueryDialog, without_own
from cvstudio.gui.data.saved_views import stored
from cvstudio.project.records import ImageFilter


def choose(page: DataPage, words: str) -> None:
    """Choose a line of the menu More."""
    menu = page.gallery.filter_bar.more_menu()
    found = next(action for action in menu.actions() if action.text().startswith(words))
    found.trigger()


def field(dialog: QDialog, name: str) -> QLineEdit:
    return next(f for f in dialog.findChildren(QLineEdit) if f.accessibleName() == name)


def test_more_asks_for_a_count_in_fields_and_writes_the_query(studio_window: Person) -> None:
    page = studio_window.data_page()
    every = len(page.model.ids)

    def fill(dialog: Any) -> None:
        assert isinstance(dialog, QueryDialog)
        QTest.keyClicks(field(dialog, "Objects on the image, at least"), "1")
        QTest.keyClicks(field(dialog, "Shorter side of an object, at most"), "30")
        assert dialog.words.text() == "As a query: count>=1 size<=30"
        studio_window.click(dialog.go)

    studio_window.answer(fill)
    choose(page, "Count, size, score or run error")
    assert page.gallery.filter_bar.text.text() == "count>=1 size<=30"
    assert page.filter == ImageFilter(query="count>=1 size<=30")
    assert 0 < len(page.model.ids) < every


def test_the_fields_show_the_query_that_is_set_and_keep_the_rest_of_it(
    studio_window: Person,
) -> None:
    page = studio_window.data_page()
    studio_window.type(page.gallery.filter_bar.text, "class:RBC count>=1 split:none")
    page.gallery.filter_bar.text.clearFocus()

    def fill(dialog: Any) -> None:
        least = field(dialog, "Objects on the image, at least")
        assert least.text() == "1"
        least.clear()
        QTest.keyClicks(field(dialog, "Score of an object, at most"), "0.4")
        studio_window.click(dialog.go)

    studio_window.answer(fill)
    choose(page, "Count, size, score or run error")
    assert page.gallery.filter_bar.text.text() == "class:RBC split:none score<=0.4"


def test_a_number_out_of_range_cannot_be_asked(studio_window: Person) -> None:
    page = studio_window.data_page()
    seen = []

    def fill(dialog: Any) -> None:
        QTest.keyClicks(field(dialog, "Score of an object, at least"), "x")
        seen.append(field(dialog, "Score of an object, at least").text())
        dialog.reject()

    studio_window.answer(fill)
    choose(page, "Count, size, score or run error")
    assert seen == [""]
    assert page.filter == ImageFilter()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("count>5 class:RBC", "count>5 class:RBC"),
        ("count>=5 class:RBC", "class:RBC"),
        ("-size<=5 tag:x", "-size<=5 tag:x"),
        ('name~"slide 3" run:2 error:missed', 'name~"slide 3"'),
        ("error:missed,false-alarm", "error:missed,false-alarm"),
    ],
)
def test_what_the_fields_cannot_say_stays_in_the_query(text: str, left: str) -> None:
    assert without_own(text) == left


def views_of(person: Person) -> list[tuple[str, ImageFilter]]:
    with person.project.read() as session:
        return [(view.name, view.filter) for view in stored(session)]


def test_a_saved_view_is_renamed_and_takes_over_another_filter(studio_window: Person) -> None:
    page = studio_window.data_page()
    page.show_filter(ImageFilter(query="count>1"))
    page.save_view("Many")
    page.show_filter(ImageFilter(splits=(None,)))
    page.save_view("Loose")
    studio_window.settle()
    page.views.saved.setCurrentRow(0)
    studio_window.settle()
    assert page.filter == ImageFilter(query="count>1")

    def name(dialog: QDialog) -> None:
        box = dialog.findChild(QLineEdit)
        assert box is not None
        box.selectAll()
        QTest.keyClicks(box, "Crowded")
        dialog.accept()

    studio_window.answer(name)
    studio_window.key("F2", page.views.saved)
    assert [each for each, _filter in views_of(studio_window)] == ["Crowded", "Loose"]
    page.show_filter(ImageFilter(query="count>2"))
    renew = next(a for a in page.views.saved.menu("Crowded").actions() if "Update" in a.text())
    assert renew.isEnabled()
    renew.trigger()
    studio_window.settle()
    assert views_of(studio_window) == [
        ("Crowded", ImageFilter(query="count>2")),
        ("Loose", ImageFilter(splits=(None,))),
    ]
    studio_window.trigger("edit.undo")
    assert views_of(studio_window)[0] == ("Crowded", ImageFilter(query="count>1"))
    page.clear_filter()
    renew = next(a for a in page.views.saved.menu("Crowded").actions() if "Update" in a.text())
    assert not renew.isEnabled(), "no filter is set"
