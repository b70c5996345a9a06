"""Images with several classes in the window: chosen for a project, by keys, in the gallery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dialog_hands import answer_over, in_manager
from label_hands import label_page
from person import Person, fill_project, make_images
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel

from cvstudio.core.annotation import Task
from cvstudio.gui.class_manager import ClassManager
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.new_project import NewProjectDialog
from cvstudio.project import image_classes
from cvstudio.project.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Twelve images to be sorted into two classes, several for each."""
    made = Project.create(
        tmp_path / "sorted", task=Task.CLASSIFY, classes=["cat", "dog"], several=True
    )
    fill_project(made, make_images(tmp_path / "pictures", 12), boxes=0)
    yield made
    made.close()


def classes(project: Project, *images: int) -> list[list[int]]:
    with project.read() as s:
        found = image_classes.classes_of(s, images)
    return [found.get(id, []) for id in images]


def test_a_new_project_is_asked_how_many_classes_an_image_has_only_where_images_are_sorted(
    empty_window: Person, tmp_path: Path
) -> None:
    dialog = NewProjectDialog(empty_window.window, tmp_path)
    dialog.show()
    assert not dialog.several.isVisible()
    empty_window.click(dialog.tasks.cards[Task.CLASSIFY])
    assert dialog.several.isVisible()
    empty_window.type(dialog.name, "Scenes")
    empty_window.click(empty_window.button("Several classes", dialog))
    empty_window.click(dialog.go)
    assert dialog.answer is not None
    assert dialog.answer.several
    dialog.deleteLater()


def test_keys_give_and_take_classes_and_the_card_shows_all_of_them(
    tmp_path: Path, qtbot, private_home: Path
) -> None:
    with label_page(tmp_path, qtbot, task=Task.CLASSIFY) as person:
        with person.project.transaction("Allow") as s:
            image_classes.allow_several(s, True)
        QApplication.processEvents()
        for key in (Qt.Key.Key_1, Qt.Key.Key_3, Qt.Key.Key_2, Qt.Key.Key_3):
            person.key(key)
        assert person.document.image_classes() == [1, 2]
        card = person.page.side.image_class
        shown = [row.name.text() for row in card.rows if row.isVisible()]
        assert (card.header.title.text(), shown) == ("This image shows", ["Cell", "Nucleus"])
        assert person.project.undo_label == "Take away class “Other”"
        QTest.mouseClick(card.rows[0].clear, Qt.MouseButton.LeftButton)
        assert person.document.image_classes() == [2]
        person.project.undo()
        assert person.document.image_classes() == [1, 2]
        person.key(Qt.Key.Key_Delete)
        assert person.document.image_classes() == []


def test_in_the_gallery_a_key_gives_a_class_to_all_selected_and_takes_it_from_all(
    studio_window: Person,
) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    studio_window.studio.select([1, 2, 3])
    studio_window.key("1", page.grid)
    studio_window.studio.select([2, 3])
    studio_window.key("2", page.grid)
    studio_window.settle()
    assert classes(studio_window.project, 1, 2, 3) == [[1], [1, 2], [1, 2]]
    assert [c.name for c in page.grid.images.image_classes(2)] == ["cat", "dog"]
    studio_window.studio.select([1, 2, 3])
    studio_window.key("2", page.grid)
    assert classes(studio_window.project, 1) == [[1, 2]]
    studio_window.key("2", page.grid)
    assert classes(studio_window.project, 1, 2, 3) == [[1], [1], [1]]
    assert studio_window.project.undo_label == "Change class of 3 images"
    studio_window.idle()


def test_going_back_to_one_class_says_how_many_images_lose_one(studio_window: Person) -> None:
    project = studio_window.project
    with project.transaction("Label") as s:
        image_classes.toggle(s, image_ids=[1, 2, 3], class_id=2)
        image_classes.toggle(s, image_ids=[2, 3], class_id=1)
    said: list[str] = []

    def answer(manager: ClassManager, button: str) -> None:
        def look(question: QDialog) -> None:
            said.append("\n".join(part.text() for part in question.findChildren(QLabel)))
            studio_window.click(studio_window.button(button, question))

        answer_over(manager, look)
        studio_window.click(studio_window.button("One class", manager))

    def act(manager: ClassManager) -> None:
        assert manager.several.index == 1
        answer(manager, "Cancel")
        assert manager.several.index == 1
        answer(manager, "Keep one")
        assert manager.several.index == 0

    in_manager(studio_window, act)
    assert "2 images lose classes: the one that was given first stays." in said[0]
    assert classes(project, 1, 2, 3) == [[2], [2], [2]]
    project.undo()
    assert classes(project, 1, 2, 3) == [[2], [2, 1], [2, 1]]
    studio_window.idle()
