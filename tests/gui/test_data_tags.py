"""Tags on the Data page: giving and taking them, renaming and deleting, each undone at once."""

from __future__ import annotations

from person import Person
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QLineEdit, QMenu

from cvstudio.gui.data import saved_views
from cvstudio.gui.data.page import DataPage
from cvstudio.project import queries, tagging
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter


def tagged(person: Person, **tags: int) -> DataPage:
    """The Data page of a project in which so many first images carry each of these tags."""
    with person.project.read() as s:
        ids = queries.image_ids(s)
    with person.project.transaction("Tag", undoable=False) as s:
        for tag, number in tags.items():
            tagging.tag_images(s, image_ids=ids[:number], tag=tag)
    page = person.page("data")
    assert isinstance(page, DataPage)
    person.settle()
    return page


def tags(project: Project) -> dict[str, int]:
    with project.read() as s:
        return {tag.name: tag.image_count for tag in queries.tags(s)}


def test_tags_are_listed_with_their_counts_and_filter_the_gallery(studio_window: Person) -> None:
    page = tagged(studio_window, rare=2, odd=5)
    rows = [page.views.tags.item(row).text() for row in range(page.views.tags.count())]
    assert rows == ["odd", "rare"]
    page.views.tags.setCurrentRow(1)
    studio_window.settle()
    assert page.filter == ImageFilter(tags=("rare",))
    assert len(page.model.ids) == 2


def test_no_tags_no_empty_list(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    assert not page.views.tags.isVisible()


def test_a_renamed_tag_keeps_its_images_the_filter_and_saved_views(studio_window: Person) -> None:
    page = tagged(studio_window, rare=3)
    page.show_filter(ImageFilter(tags=("rare",)))
    page.save_view("Mine")
    page.views.tags.setCurrentRow(0)
    studio_window.settle()

    def name(dialog: QDialog) -> None:
        field = dialog.findChild(QLineEdit)
        assert field is not None
        field.setText("special")
        dialog.accept()

    studio_window.answer(name)
    studio_window.key("F2", page.views.tags)
    project = studio_window.project
    assert tags(project) == {"special": 3}
    assert page.filter == ImageFilter(tags=("special",))
    assert len(page.model.ids) == 3
    with project.read() as s:
        assert saved_views.stored(s)[0].filter.tags == ("special",)
    studio_window.trigger("edit.undo")
    assert tags(project) == {"rare": 3}
    with project.read() as s:
        assert saved_views.stored(s)[0].filter.tags == ("rare",)


def test_a_tag_cannot_get_the_name_of_another(studio_window: Person) -> None:
    page = tagged(studio_window, rare=3, odd=1)
    studio_window.answer(lambda dialog: dialog.accept())
    page.edit_tag("rename", "rare", "odd")
    assert tags(studio_window.project) == {"rare": 3, "odd": 1}


def test_del_takes_a_tag_off_all_images_and_undo_brings_it_back(studio_window: Person) -> None:
    page = tagged(studio_window, rare=3)
    page.views.tags.setCurrentRow(0)
    studio_window.settle()
    studio_window.key("Del", page.views.tags)
    assert tags(studio_window.project) == {}
    assert page.filter == ImageFilter()
    assert len(page.model.ids) == 12
    assert any("Tag rare taken off 3 images" in t for t in studio_window.window.toasts.texts())
    studio_window.trigger("edit.undo")
    assert tags(studio_window.project) == {"rare": 3}


def test_the_menu_of_selected_images_ticks_the_tags_that_all_carry(studio_window: Person) -> None:
    page = tagged(studio_window, rare=3, odd=1)
    page.grid.select_ids(page.model.ids[:3])
    studio_window.settle()
    menu = page.context_menu()
    entries = {a.text(): a for a in _submenu(menu, "Tags")}
    assert {name: a.isChecked() for name, a in entries.items() if a.isCheckable()} == {
        "odd": False, "rare": True,
    }  # fmt: skip
    entries["odd"].trigger()
    studio_window.settle()
    assert tags(studio_window.project) == {"odd": 3, "rare": 3}
    entries["rare"].trigger()
    studio_window.settle()
    assert tags(studio_window.project) == {"odd": 3}
    studio_window.trigger("edit.undo")
    assert tags(studio_window.project) == {"odd": 3, "rare": 3}
    menu.deleteLater()


def _submenu(menu: QMenu, title: str) -> list[QAction]:
    return next(
        each.actions()
        for each in (action.menu() for action in menu.actions())
        if isinstance(each, QMenu) and each.title() == title
    )
