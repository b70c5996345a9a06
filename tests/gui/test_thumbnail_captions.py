"""The caption of a thumbnail: the file's name and the class of the whole image share its width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person, make_images
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.gui import theme
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.thumbnail_grid import class_room
from cvstudio.project import commands
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

LONG = "A hand with five fingers"


@pytest.fixture
def page(studio: Studio, tmp_path: Path, qt_warnings: list[str]) -> Iterator[DataPage]:
    """A classify project: six images of a long class name, with long file names."""
    project = Project.create(tmp_path / "p", task=Task.CLASSIFY, classes=[LONG])
    paths = []
    for path in make_images(tmp_path / "pictures", 6):
        paths.append(path.rename(path.with_name(f"patient_0042_{path.name}")))
    with project.transaction("Add", undoable=False) as s:
        new = [NewImage(uri=project.uri_of(p), width=64, height=48) for p in paths]
        commands.set_image_class(s, image_ids=commands.add_images(s, new), class_id=1)
    window = MainWindow(studio)
    studio.adopt(project)
    window.resize(1440, 900)
    window.show()
    found = Person(window, studio).page("data")
    assert isinstance(found, DataPage)
    yield found
    window.close()
    studio.shut_down()
    window.deleteLater()
    QApplication.processEvents()
    assert not qt_warnings


def test_a_name_and_a_class_that_both_fit_are_both_whole() -> None:
    assert class_room(200, name=120, kind=80) == 80


def test_a_short_name_leaves_the_rest_to_a_long_class() -> None:
    assert class_room(200, name=40, kind=300) == 160


@pytest.mark.parametrize("available", [10, 60, 110, 250])
def test_a_long_class_never_takes_more_than_its_share_from_a_long_name(available: int) -> None:
    assert class_room(available, name=300, kind=300) <= 0.4 * available


def test_a_class_of_one_letter_is_never_cut_for_a_long_name() -> None:
    assert class_room(60, name=300, kind=8) == 8


@pytest.mark.parametrize("side", [96, 148, 288])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_class_begins_where_the_name_has_ended(
    page: DataPage, side: int, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theme.keeper().choose(scheme)
    page.gallery.side.setValue(side)
    delegate = page.grid.delegate
    starts: list[int] = []
    rooms: list[tuple[str, int]] = []
    paint, shown = delegate._paint_class, delegate.shown_name

    def paint_class(painter, line, right, found, *, wanted):  # type: ignore[no-untyped-def]
        left = paint(painter, line, right, found, wanted=wanted)
        starts.append(left - line.x())
        return left

    def shown_name(name: str, metrics: QFontMetrics, room: int) -> str:
        text = shown(name, metrics, room)
        rooms.append((text, metrics.horizontalAdvance(text)))
        return text

    monkeypatch.setattr(delegate, "_paint_class", paint_class)
    monkeypatch.setattr(delegate, "shown_name", shown_name)
    page.grid.grab()
    theme.keeper().choose("dark")
    assert len(starts) == len(rooms) == 6
    for start, (text, width) in zip(starts, rooms, strict=True):
        assert width < start
        assert text.endswith(tuple("123456"))  # what tells neighbours apart stays


def test_the_tooltip_says_the_whole_name_and_class(page: DataPage) -> None:
    words = page.model.data(page.model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert "patient_0042_slide_1.png" in words
    assert LONG in words
