"""The Label page opens on the image where the person left the project, also another day."""

from __future__ import annotations

from person import Person

from cvstudio.core.settings import Memory, Settings
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.studio import Studio
from cvstudio.project.project import Project


def shown_on_label(person: Person) -> str:
    page = person.page("label")
    assert isinstance(page, LabelPage)
    person.until(lambda: page.document.image is not None)
    assert page.document.image is not None
    return page.document.image.name


def test_label_opens_where_the_person_left_this_project(studio_window: Person) -> None:
    first = shown_on_label(studio_window)
    studio_window.studio.select_image(5)
    left = shown_on_label(studio_window)
    assert left != first
    path = studio_window.project.path
    studio_window.idle()
    studio_window.studio.close()
    studio_window.studio.adopt(Project.open(path))
    assert shown_on_label(studio_window) == left
    studio_window.idle()


def test_the_place_is_on_the_disk_before_the_program_ends(studio_window: Person) -> None:
    shown_on_label(studio_window)
    studio_window.studio.select_image(7)
    kept = str(studio_window.project.path.resolve())
    studio_window.until(lambda: [kept, 7] in Memory().get("label.image", []))
    studio_window.idle()


def test_another_program_start_goes_on_there(
    project: Project, studio: Studio, dressed: object
) -> None:
    studio.memory.set("label.image", [[str(project.path.resolve()), 4]])
    later = Studio(Settings(), Memory())
    window = MainWindow(later)
    later.adopt(project)
    window.show()
    person = Person(window, later)
    page = person.page("label")
    assert isinstance(page, LabelPage)
    assert page.document.image is not None
    assert page.document.image.id == 4
    person.idle()
    window.close()
    later.shut_down()
    window.deleteLater()
    person.settle()


def test_an_image_that_is_gone_gives_way_to_the_first(studio_window: Person) -> None:
    path = str(studio_window.project.path.resolve())
    studio_window.studio.memory.set("label.image", [[path, 9999]])
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    assert page.document.image is not None
    assert page.document.image.id == page.order.ids[0]
    studio_window.idle()
