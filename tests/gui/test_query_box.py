"""The query box of the Data page: completion, errors in words, and a query kept as a view."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit

from cvstudio.core.annotation import Split
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.query_box import QueryBox
from cvstudio.gui.help_dialog import HelpDialog
from cvstudio.gui.widgets.told_rows import ABOUT
from cvstudio.project import commands, tagging
from cvstudio.project.query_language import GRAMMAR, KEYS, parse
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
    words = "There is no key “clas” (character 12). Did you mean class?"
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
    assert page.gallery.refusal.text().startswith(
        "There is no class “WBS” (character 1). Did you mean WBC?"
    )
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


# Words that are none of the language, and names without their key


def type_slowly(person: Person, box: QueryBox, text: str) -> None:
    """Type a query and go on with Enter, as a person does who reads no completion."""
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    box.popup.hide()
    person.key("Return", box)


@pytest.mark.parametrize(
    ("text", "words", "at", "shown"),
    [
        ("class:WBC objects > 10", "There is no key “objects”. Did you mean count?", 11, 10),
        ("n>10", "There is no key “n”. Did you mean count?", 1, 12),
        ("class:WBC and class:RBC",
         "“and” is no word of a query: leave it out: terms side by side must all hold.", 11, 10),
        ("class:WBC or class:RBC",
         "“or” is no word of a query: for either of two write class:RBC,WBC.", 11, 10),
        ("class:WBC && tag:x",
         "“&&” is no word of a query: put it in quotes if it is a part of a name.", 11, 10),
        ("label:WBC", "There is no key “label”. Did you mean class?", 1, 12),
        ("count>0 with", "No file name holds “with”.", 9, 10),
        ("count>0 objects", "No file name holds “objects”. With a key it is written as "
         "class:RBC count>5.", 9, 10),
        ("count>0 platelet", "No file name holds “platelet”.", 9, 10),
        ("count>0 rbc", "No file name holds “rbc”. Did you mean class:RBC?", 9, 10),
        ("count>0 trian", "No file name holds “trian”. Did you mean split:train?", 9, 10),
    ],
)  # fmt: skip
def test_a_word_that_is_not_known_is_named_with_the_nearest_and_the_box_is_marked(
    studio_window: Person, text: str, words: str, at: int, shown: int
) -> None:
    page, box = box_of(studio_window)
    type_slowly(studio_window, box, text)
    assert page.gallery.refusal.isVisible()
    place = f" (character {at})"
    assert page.gallery.refusal.text().count(place) == 1
    assert page.gallery.refusal.text().replace(place, "") == words
    assert box.property("invalid") is True
    assert len(page.model.ids) == shown, "what stands before the fault still holds"


def test_spaces_around_a_comparison_do_no_harm(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    type_slowly(studio_window, box, "class:WBC count >= 1")
    assert page.gallery.refusal.isHidden()
    assert len(page.model.ids) == 10


def test_a_name_that_holds_and_is_still_found(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    type_slowly(studio_window, box, "slide and")
    assert page.gallery.refusal.isHidden()
    assert page.filter == ImageFilter(text="slide and")


def test_the_name_of_a_class_alone_offers_its_images_and_enter_shows_them(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    QTest.keyClicks(box, "wbc")
    assert offered(box) == ["class:WBC"]
    about = box.popup.model().index(0, 0).data(ABOUT)
    assert about == "class, 10 images"
    box.popup.hide()
    assert page.gallery.nothing.isVisible()
    assert page.gallery.nothing.words.text().startswith("No image is named “wbc”. Enter takes")
    assert page.gallery.nothing.button.text() == "Show 10 images with class:WBC"
    studio_window.key("Return", box)
    assert page.filter == ImageFilter(query="class:WBC")
    assert box.text() == "class:WBC"
    assert len(page.model.ids) == 10


def test_the_offer_is_taken_with_a_click_and_keeps_the_chips(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    with studio_window.project.transaction("Prepare") as session:
        tagging.tag_images(session, image_ids=page.model.ids[:3], tag="night shift")
        commands.set_split(session, image_ids=page.model.ids[:2], split=Split.VAL)
    page.show_filter(ImageFilter(splits=(Split.VAL,)))
    studio_window.type(box, "Night Shift")
    box.popup.hide()
    assert page.gallery.nothing.button.text() == 'Show 2 images with tag:"night shift"'
    studio_window.click(page.gallery.nothing.button)
    assert page.filter == ImageFilter(splits=(Split.VAL,), query='tag:"night shift"')
    assert len(page.model.ids) == 2


def test_two_names_side_by_side_and_a_slip_of_the_pen_are_offered_too(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    type_text = studio_window.type
    type_text(box, "rbc wbc")
    box.popup.hide()
    assert page.gallery.nothing.button.text() == "Show 10 images with class:RBC class:WBC"
    box.selectAll()
    type_text(box, "unlabeled")
    box.popup.hide()
    assert page.gallery.nothing.button.text() == "Show 2 images with state:unlabelled"
    box.selectAll()
    type_text(box, "zebra")
    box.popup.hide()
    assert page.gallery.nothing.button.text() == "Clear the filter"
    assert page.gallery.nothing.also.isHidden()


# Help with queries


def test_the_question_mark_lists_every_key_and_puts_an_example_into_the_box(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    bar = page.gallery.filter_bar
    studio_window.click(bar.help_button)
    listed = bar.help.list
    assert bar.help.isVisible()
    said = [str(listed.item(row).data(ABOUT)) for row in range(listed.count())]
    assert all(any(words.startswith(f"{key}: ") for words in said) for key in KEYS)
    for row in range(listed.count()):
        if listed.item(row).text() == "state:unlabelled":
            listed.setCurrentRow(row)
    studio_window.key("Return", listed)
    assert not bar.help.isVisible()
    assert box.text() == "state:unlabelled"
    assert len(page.model.ids) == 2
    assert QApplication.focusWidget() is box


def take_example(person: Person, page: DataPage, example: str) -> None:
    """Click an example in the list under the question mark."""
    bar = page.gallery.filter_bar
    if not bar.help.isVisible():
        person.click(bar.help_button)
    (item,) = bar.help.list.findItems(example, Qt.MatchFlag.MatchExactly)
    bar.help.list.scrollToItem(item)
    person.click(bar.help.list.viewport(), bar.help.list.visualItemRect(item).center())


@pytest.mark.parametrize("words", ["more than 2 platelets", "count>900", "clas:RBC", "ab more:"])
def test_an_example_takes_the_place_of_words_that_find_nothing_or_are_wrong(
    studio_window: Person, words: str
) -> None:
    page, box = box_of(studio_window)
    type_slowly(studio_window, box, words)
    take_example(studio_window, page, "class:RBC,WBC")
    assert box.text() == "class:RBC,WBC"
    assert page.gallery.refusal.isHidden()
    assert len(page.model.ids) == 10


def test_an_example_follows_a_query_that_finds_images(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    type_slowly(studio_window, box, "class:WBC")
    take_example(studio_window, page, "class:RBC,WBC")
    assert box.text() == "class:WBC class:RBC,WBC"


def test_words_that_find_nothing_lead_to_the_words_of_queries(studio_window: Person) -> None:
    page, box = box_of(studio_window)
    type_slowly(studio_window, box, "more than 2 zebras")
    nothing = page.gallery.nothing
    assert nothing.pointer.isVisible()
    studio_window.click(nothing.pointer)
    assert page.gallery.filter_bar.help.isVisible()
    take_example(studio_window, page, "class:RBC class:WBC")
    assert len(page.model.ids) == 10
    page.show_filter(ImageFilter(splits=(Split.TEST,)))
    assert nothing.isVisible()
    assert nothing.pointer.isHidden(), "no words were typed: words are not what is missing"


def test_a_sentence_offers_the_class_it_speaks_of_unless_it_may_mean_the_opposite(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    studio_window.type(box, "more than 2 wbc")
    box.popup.hide()
    assert page.gallery.nothing.button.text() == "Show 10 images with class:WBC"
    box.selectAll()
    studio_window.type(box, "cells without wbc")
    box.popup.hide()
    assert page.gallery.nothing.button.text() == "Clear the filter"


def test_what_is_wrong_with_a_query_is_said_to_its_end_in_a_narrow_window(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    studio_window.window.resize(1000, 700)
    type_slowly(studio_window, box, "more than 2 platelets class:RBC count>5 state:rejectedly")
    told = page.gallery.refusal
    assert told.isVisible()
    assert told.height() >= told.heightForWidth(told.width()) > 0
    assert told.width() >= told.fontMetrics().averageCharWidth() * 20
    type_slowly(studio_window, box, "more than 2 platelets class:RBC")
    assert told.text() == "No file name holds “more” (character 1)."
    assert page.gallery.words.text() == "all, until the query is understood"
    type_slowly(studio_window, box, "class:RBC")
    assert told.isHidden()
    assert page.gallery.words.text() == "found by class:RBC"


@pytest.mark.parametrize("width", [1280, 1366])
def test_the_query_box_has_room_for_a_query_on_a_laptop(studio_window: Person, width: int) -> None:
    studio_window.window.resize(width, 768)
    studio_window.settle()
    page, box = box_of(studio_window)
    assert box.width() >= 200
    bar = page.gallery.filter_bar
    assert bar.more.isVisible()
    assert bar.more.geometry().right() <= bar.width()


def test_every_example_of_help_is_a_query_that_is_understood() -> None:
    for example in (*(each.example for each in KEYS.values()), *(text for text, _ in GRAMMAR)):
        assert parse(example), example


def test_help_has_a_page_on_queries_that_can_be_searched(studio_window: Person) -> None:
    def look(dialog: QDialog) -> None:
        assert isinstance(dialog, HelpDialog)
        assert dialog.tabs.tabText(dialog.tabs.currentIndex()) == "Queries"
        QTest.keyClicks(dialog.field, "confidence score")
        assert dialog.queries.none.isVisible()
        dialog.field.clear()
        QTest.keyClicks(dialog.field, "comment")
        shown = [said for row, said in dialog.queries.rows if not row.isHidden()]
        assert any(said.startswith("comment:open") for said in shown)
        assert len(shown) < 4
        dialog.accept()

    studio_window.answer(look)
    studio_window.key("Ctrl+F1")


def test_a_query_without_end_is_told_and_what_stands_before_its_fault_is_shown(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    said = page.gallery.refusal.text
    box.setText("class:WBC " + "-a " * 3000)
    studio_window.until(lambda: "A query asks for 100 things at most (character" in said())
    assert page.filter.query.startswith("class:WBC -a")
    assert len(parse(page.filter.query)) == 100
    box.setText("x" * 60_000)
    studio_window.until(lambda: "This is too long" in said())


def test_the_search_of_the_header_takes_words_without_end(studio_window: Person) -> None:
    window = studio_window.window
    studio_window.trigger("app.search")
    for text in ("-a " * 3000, "x" * 60_000, " ".join(map(str, range(3000)))):
        window.header.search.textEdited.emit(text)
        assert window.search.list.item(0).text() == "Nothing has this name."


# The list of completions under the hands


def test_tab_takes_the_highlighted_completion_and_goes_on_where_there_is_none(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    studio_window.type(box, "cl")
    studio_window.key("Down", box)
    studio_window.key("Tab", box)
    assert box.text() == "class:"
    assert box.hasFocus()
    assert offered(box) == ["RBC", "WBC"]
    studio_window.key("Down", box)
    studio_window.key("Tab", box)
    assert box.text() == "class:WBC "
    assert page.filter == ImageFilter(query="class:WBC")
    assert box.hasFocus()
    studio_window.key("Tab", box)
    assert not box.hasFocus()
    assert box.text() == "class:WBC "


def test_walking_through_the_list_writes_nothing_until_something_is_taken(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    studio_window.key("Down", box)
    assert len(offered(box)) > 5
    for key in ("Down", "Down", "Up", "Down"):
        studio_window.key(key, box)
        assert box.text() == ""
    studio_window.key("Escape", box)
    assert not box.popup.isVisible()
    assert box.text() == ""
    assert box.property("invalid") in (None, False)
    assert page.filter == ImageFilter()


def test_a_click_beside_the_list_closes_it_and_does_what_it_always_does(
    studio_window: Person,
) -> None:
    page, box = box_of(studio_window)
    studio_window.key("Down", box)
    studio_window.key("Down", box)
    assert box.popup.isVisible()
    grid = page.gallery.grid
    last = grid.model().index(grid.model().rowCount() - 1, 0)
    grid.scrollTo(last)
    place = grid.visualRect(last).center()
    over = box.popup.geometry().contains(grid.viewport().mapTo(box.window(), place))
    assert not over, "the list lies beside the image that is clicked"
    target = QApplication.widgetAt(grid.viewport().mapToGlobal(place))
    assert target is grid.viewport(), "no window lies over the image"
    QTest.mouseClick(target, Qt.MouseButton.LeftButton, pos=place)
    assert not box.popup.isVisible()
    assert last in grid.selectionModel().selectedIndexes()
    assert box.text() == ""
    assert page.filter == ImageFilter()


def test_a_completion_is_taken_by_a_click(studio_window: Person) -> None:
    _page, box = box_of(studio_window)
    studio_window.type(box, "class:")
    place = box.popup.visualRect(box.popup.model().index(1, 0)).center()
    QTest.mouseClick(box.popup.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert box.text() == "class:WBC "
    assert box.hasFocus()
