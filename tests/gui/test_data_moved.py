"""Images whose folder was moved: the Data page says so and finds them again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until
from person import Person, make_images
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.data.relocate_dialog import RelocateDialog
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.studio import Studio
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


@pytest.fixture
def person(
    studio: Studio, tmp_path: Path, qt_warnings: list[str], leftovers: None
) -> Iterator[Person]:
    """The window on a project whose six image files have moved from old/ to new/disk/."""
    project = Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"])
    paths = make_images(tmp_path / "old", 6)
    new = [
        NewImage(
            uri=project.uri_of(path), width=64, height=48, size=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in paths
    ]  # fmt: skip
    with project.transaction("Add", undoable=False) as s:
        commands.add_images(s, new)
    (tmp_path / "new").mkdir()
    shutil.move(tmp_path / "old", tmp_path / "new/disk")
    window = MainWindow(studio)
    studio.adopt(project)
    window.resize(1440, 900)
    window.show()
    yield Person(window, studio)
    window.close()
    studio.shut_down()
    window.deleteLater()
    QApplication.processEvents()
    assert not qt_warnings


def missing(project: Project) -> int:
    with project.read() as s:
        found = queries.images(s, queries.image_ids(s))
    return sum(not project.image_path(image).exists() for image in found)


def data(person: Person) -> DataPage:
    page = person.page("data")
    assert isinstance(page, DataPage)
    return page


def test_a_project_whose_folder_moved_says_so_and_finds_it_with_a_preview(
    person: Person, tmp_path: Path
) -> None:
    page = data(person)
    notice = page.gallery.missing
    until(notice.isVisible)
    assert notice.text == "The files of 6 images are not where they were."
    seen: list[str] = []

    def find(dialog: object) -> None:
        assert isinstance(dialog, RelocateDialog)
        dialog.look_in(tmp_path / "nowhere")
        seen.append(dialog.said.text)
        dialog.look_in(tmp_path / "new")
        until(dialog.go.isEnabled)
        seen.append(dialog.said.text)
        seen.append(dialog.go.text())
        assert missing(person.project) == 6  # nothing is changed before the last button
        dialog.go.click()

    person.answer(find)
    notice._link.click()
    person.settle()
    assert seen == [f"There is no folder {tmp_path / 'nowhere'}.", "6 of 6 images found.",
                    "Use 6 images"]  # fmt: skip
    assert missing(person.project) == 0
    until(lambda: not notice.isVisible())
    until(lambda: page.model.thumbnails.picture(page.model.record(0)) is not None)
    person.trigger("edit.undo")
    assert missing(person.project) == 6
    until(notice.isVisible)


def test_what_an_earlier_folder_held_is_not_offered_after_a_folder_that_is_not_there(
    person: Person, tmp_path: Path
) -> None:
    data(person)
    said: list[tuple[str, bool, bool]] = []

    def find(dialog: object) -> None:
        assert isinstance(dialog, RelocateDialog)
        dialog.look_in(tmp_path / "new")
        dialog.look_in(tmp_path / "nowhere")
        person.idle()
        said.append((dialog.said.text, dialog.go.isEnabled(), dialog.bar.isVisible()))
        dialog.reject()

    person.answer(find)
    person.trigger("data.relocate")
    assert said == [(f"There is no folder {tmp_path / 'nowhere'}.", False, False)]


def test_images_that_are_not_in_the_folder_are_counted_and_stay_missing(
    person: Person, tmp_path: Path
) -> None:
    (tmp_path / "new/disk/slide_1.png").unlink()
    (tmp_path / "new/disk/slide_2.png").write_bytes(b"another picture")
    data(person)
    said: list[str] = []

    def find(dialog: object) -> None:
        assert isinstance(dialog, RelocateDialog)
        dialog.look_in(tmp_path / "new")
        until(dialog.go.isEnabled)
        said.append(dialog.said.text)
        dialog.go.click()

    person.answer(find)
    person.trigger("data.relocate")
    assert said == [
        "4 of 6 images found. 1 has a file of its name with another content: left as missing."
        " 1 is not in this folder."
    ]
    assert missing(person.project) == 2


def test_files_that_vanish_while_the_project_is_open_are_noticed_on_reading(
    person: Person, tmp_path: Path
) -> None:
    shutil.move(tmp_path / "new/disk", tmp_path / "old")
    page = data(person)
    until(lambda: page.info.count() and page.statistics.facts.findings)
    notice = page.gallery.missing
    assert not notice.isVisible()
    ids = page.model.ids
    until(lambda: all(page.model.thumbnails.picture(page.model.record(r)) for r in range(6)))
    shutil.move(tmp_path / "old", tmp_path / "new/disk")
    page.model.thumbnails.forget(ids)
    page.grid.viewport().update()
    until(notice.isVisible)
