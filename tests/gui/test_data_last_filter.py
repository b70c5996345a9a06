"""The Data page opens with the filter with which the person left the project."""

from __future__ import annotations

import pytest
from person import Person
from PySide6.QtWidgets import QPushButton

from cvstudio.core.annotation import Split
from cvstudio.core.settings import Memory
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.widgets.toast import ToastFrame
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter


def open_again(person: Person) -> DataPage:
    path = person.project.path
    person.idle()
    person.studio.close()
    person.studio.adopt(Project.open(path))
    return person.data_page()


def find(person: Person, query: str) -> list[int]:
    page = person.data_page()
    person.trigger("data.filter_text")
    box = page.gallery.filter_bar.text
    person.type(box, query)
    box.popup.hide()
    return list(page.model.ids)


def test_the_filter_is_on_again_when_the_project_is_opened_again_on_label_too(
    studio_window: Person,
) -> None:
    found = find(studio_window, "class:WBC slide_1")
    assert 0 < len(found) < 12
    studio_window.studio.select_image(found[-1])
    studio_window.page("label")
    studio_window.until(lambda: bool(Memory().get_for(studio_window.project.path, "label.image")))
    page = open_again(studio_window)
    assert list(page.model.ids) == found
    assert page.gallery.filter_bar.text.text() == "class:WBC slide_1"
    label = studio_window.page("label")
    assert isinstance(label, LabelPage)
    assert label.order.ids == found
    assert label.document.image is not None
    assert label.document.image.id == found[-1]
    studio_window.idle()


def test_a_word_says_that_the_filter_came_back_and_shows_all_again(studio_window: Person) -> None:
    find(studio_window, "class:WBC slide_1")
    page = open_again(studio_window)
    studio_window.until(lambda: bool(studio_window.window.findChildren(ToastFrame)))
    (toast,) = studio_window.window.findChildren(ToastFrame)
    assert studio_window.window.rect().contains(toast.geometry())
    (link,) = [b for b in toast.findChildren(QPushButton) if b.text() == "Show all"]
    studio_window.click(link)
    assert len(page.model.ids) == 12
    page = open_again(studio_window)
    assert page.filter == ImageFilter(), "who showed all images left with all of them"
    studio_window.idle()


@pytest.mark.parametrize("query", ["split:val", "class:WBC"])
def test_a_filter_that_finds_nothing_by_now_is_not_put_on_again(
    studio_window: Person, query: str
) -> None:
    page = studio_window.data_page()
    with studio_window.project.transaction("Split") as s:
        ids = queries.image_ids(s)
        commands.set_split(s, image_ids=ids[:2], split=Split.VAL)
    assert find(studio_window, query)
    with studio_window.project.transaction("Change") as s:
        commands.set_split(s, image_ids=ids, split=Split.TRAIN)
        for found in queries.classes(s):
            commands.rename_class(s, id=found.id, name=f"Cell {found.id}")
    page = open_again(studio_window)
    assert page.filter == ImageFilter()
    assert len(page.model.ids) == 12
    studio_window.idle()
