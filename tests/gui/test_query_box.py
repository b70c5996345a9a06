"""The query box of the Data page: completion, errors in words, and a query kept as a view."""

from __future__ import annotations

from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLineEdit

from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.query_box import QueryBox
from cvstudio.project.records import ImageFilter


def box_of(person: Person) -> tuple[DataPage, QueryBox]:
    page = person.page("data")
    assert isinstance(page, DataPage)
    person.trigger("data.filter_text")
    return page, page.gallery.filter_bar.text


def offered(box: QueryBox) -> list[str]:
    model = box.popup.model()
    rows = [str(model.index(row, 0).data()) for row in range(model.rowCount())]
    return rows if box.popup.isVisible() else []


def test_a_query_is_typed_with_keys_and_classes_offered(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    studio_window.type(box, "cl")
    assert offered(box) == ["class:"]
    studio_window.key("Down", box.popup)
    studio_window.key("Return", box.popup)
    assert box.text() == "class:"
    assert offered(box) == ["RBC", "WBC"]
    studio_window.type(box, "w")
    assert offered(box) == ["WBC"]
    studio_window.key("Return", box.popup)
    assert box.text() == "class:WBC "
    assert page.filter == ImageFilter(query="class:WBC")
    assert len(page.model.ids) == 10
    studio_window.type(box, "count>1 -slide_3")
    assert page.filter == ImageFilter(query="class:WBC count>1 -slide_3")
    assert box.text() == "class:WBC count>1 -slide_3"
    assert page.gallery.words.text() == "found by class:WBC count>1 -slide_3"


def test_a_wrong_query_is_told_and_leaves_the_gallery_as_it_is(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    QTest.keyClicks(box, "split:none")
    box.popup.hide()
    before = list(page.model.ids)
    assert before
    QTest.keyClicks(box, " clas:WBC")
    assert page.gallery.refusal.isHidden()
    studio_window.key("Return", box)
    words = "There is no key “clas”. Did you mean class? (character 12)"
    assert page.gallery.refusal.isVisible()
    assert page.gallery.refusal.text() == words
    assert box.property("invalid") is True
    assert page.model.ids == before
    page.refresh()
    assert box.text() == "split:none clas:WBC"
    for _ in range(3):
        QTest.keyClick(box, Qt.Key.Key_Left)
    box.selectAll()
    studio_window.type(box, "class:WBS")
    studio_window.key("Return", box)
    assert page.gallery.refusal.text().startswith("There is no class “WBS”. Did you mean WBC?")
    box.selectAll()
    studio_window.key("Delete", box)
    assert page.gallery.refusal.isHidden()
    assert page.filter == ImageFilter()


def test_a_query_beside_chips_is_kept_as_a_view(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    page.show_filter(ImageFilter(splits=(None,)))
    studio_window.type(box, "count>1")
    chosen = ImageFilter(splits=(None,), query="count>1")
    assert page.filter == chosen

    def name(dialog: QDialog) -> None:
        field = dialog.findChild(QLineEdit)
        assert field is not None
        field.setText("Many")
        dialog.accept()

    studio_window.answer(name)
    studio_window.trigger("data.save_view")
    page.clear_filter()
    assert box.text() == ""
    studio_window.settle()
    views = page.views
    assert views._filters["saved:Many"] == chosen
    views.saved.chosen.emit("saved:Many")
    studio_window.settle()
    assert page.filter == chosen
    assert box.text() == "count>1"
