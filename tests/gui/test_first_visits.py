"""The first visit of a page: what holds the window up then, counted in work and by thread."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from person import Person
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import Split, Task
from cvstudio.gui import theme
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.studio import Studio
from cvstudio.gui.style import StudioStyle
from cvstudio.gui.train.page import TrainPage
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.project import commands
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

MANY = 2_000


def test_a_page_is_not_styled_over_and_over_while_it_is_put_together(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: Counter[int] = Counter()
    polish = StudioStyle.polish

    def counted(style: StudioStyle, what: Any) -> Any:
        if isinstance(what, QWidget):
            styled[id(what)] += 1
        return polish(style, what)

    monkeypatch.setattr(StudioStyle, "polish", counted)
    page = studio_window.window.page_named("train")
    assert isinstance(page, TrainPage)
    assert studio_window.window.stack.indexOf(page) >= 0
    often = [styled[id(part)] for part in page.findChildren(QWidget)]
    assert sum(often) < 2 * len(often), f"{sum(often)} times for {len(often)} parts"


def test_a_page_in_the_window_has_its_panels_in_their_order(studio_window: Person) -> None:
    page = studio_window.window.page_named("train")
    places = [page.splitter.indexOf(part) for part in (page.left, page._middle, page.right)]
    assert places == [0, 1, 2]
    assert page.splitter.count() == 3


def test_opening_the_label_page_lays_its_filmstrip_out_once(
    dressed: theme.ThemeKeeper, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.create(tmp_path / "many", task=Task.DETECT, classes=["cell"])
    new = [
        NewImage(uri=f"images/{n:05d}.jpg", width=64, height=48, sha256=f"{n:064x}",
                 split=Split.TRAIN)
        for n in range(MANY)
    ]  # fmt: skip
    with project.transaction("Fill", undoable=False) as session:
        commands.add_images(session, new)
    studio.adopt(project)
    asked = 0
    count = ThumbnailModel.rowCount

    def counted(model: ThumbnailModel, *about: Any) -> int:
        nonlocal asked
        asked += 1
        return count(model, *about)

    monkeypatch.setattr(ThumbnailModel, "rowCount", counted)
    page = LabelPage(studio)
    page.resize(1440, 900)
    assert page.strip.images.ids == page.order.ids
    assert len(page.order.ids) == MANY
    page.release()
    page.deleteLater()
    assert asked < 2 * MANY, f"{asked / MANY:.1f} questions an image"
