"""Near-duplicates in the window: found from Data health, looked at, and put into one split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import ImageError
from cvstudio.core.opencv import cv2
from cvstudio.gui.data.near_row import NearRow
from cvstudio.gui.near_pairs import PairsDialog, show_pairs
from cvstudio.imaging.synthetic import paint_cells
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
from cvstudio.project.similarity import duplicates


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Four images of train, and in val a smaller copy of one, and one of its own."""
    with Project.create(tmp_path / "cells", task=Task.DETECT, classes=["cell"]) as made:
        new = []
        for name, seed, scale, split in (
            ("a", 1, 1, Split.TRAIN), ("b", 2, 1, Split.TRAIN), ("c", 3, 1, Split.TRAIN),
            ("d", 4, 1, Split.TRAIN), ("copy", 2, 0.7, Split.VAL), ("own", 9, 1, Split.VAL),
        ):  # fmt: skip
            rgb = paint_cells(seed, width=240, height=180, count=8).rgb
            if scale != 1:
                rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            path = tmp_path / f"{name}.png"
            cv2.imwrite(str(path), rgb[..., ::-1])
            new.append(NewImage(made.uri_of(path), rgb.shape[1], rgb.shape[0], split=split))
        with made.transaction("Fill", undoable=False) as s:
            commands.add_images(s, new)
        yield made


@pytest.fixture
def row(studio_window: Person) -> NearRow:
    """The line of Data health, after the person has asked."""
    studio_window.data_page()
    studio_window.until(lambda: studio_window.window.findChild(NearRow) is not None)
    studio_window.idle()
    found = studio_window.window.findChild(NearRow)
    assert isinstance(found, NearRow)
    assert "can be looked for" in found.words.text(), "nothing is read before it is asked for"
    found.find_them.click()
    studio_window.until(lambda: found.pairs is not None)
    studio_window.idle()
    return found


def splits(project: Project) -> dict[str, Split | None]:
    with project.read() as s:
        return {r.name: r.split for r in queries.images(s, queries.image_ids(s))}


def test_a_copy_in_another_split_is_a_warning_and_one_click_ends_it(
    studio_window: Person, row: NearRow
) -> None:
    assert "1 pair of images shows the same in different splits" in row.words.text()
    assert not row.move_them.isHidden()
    row.move_them.click()
    studio_window.idle()
    assert splits(studio_window.project)["copy.png"] is Split.TRAIN
    assert splits(studio_window.project)["own.png"] is Split.VAL
    assert "each in one split" in row.words.text()
    assert row.move_them.isHidden()
    studio_window.trigger("edit.undo")
    studio_window.idle()
    studio_window.until(lambda: "different splits" in row.words.text())


def test_the_pair_is_seen_side_by_side_and_moved_from_there(
    studio_window: Person, row: NearRow
) -> None:
    def look(dialog: object) -> None:
        assert isinstance(dialog, PairsDialog)
        studio_window.until(lambda: all(view._image is not None for view in dialog.views))
        assert "b.png" in dialog.captions[0].text()
        assert "train" in dialog.captions[0].text()
        assert "copy.png" in dialog.captions[1].text()
        assert "look the same" in dialog.reason.text()
        studio_window.click(dialog.one)
        assert not dialog.one.isEnabled(), "it is in one split now"
        assert dialog.all.text() == "Nothing to move"
        dialog.close_button.click()

    studio_window.answer(look)
    row.show_them.click()
    assert QApplication.activeModalWidget() is None
    assert splits(studio_window.project)["copy.png"] is Split.TRAIN


def test_the_pairs_can_be_shown_on_data(studio_window: Person, row: NearRow) -> None:
    studio_window.answer(lambda dialog: dialog.data.click())  # type: ignore[attr-defined]
    row.show_them.click()
    studio_window.settle()
    page = studio_window.data_page()
    assert {page.model.record(place).name for place in range(2)} == {"b.png", "copy.png"}  # type: ignore[union-attr]
    assert len(page.model.ids) == 2


def test_a_search_that_fails_does_not_look_as_if_it_went_on(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_what: object, **_more: object) -> None:
        raise ImageError("The thumbnails cannot be read.")

    told: list[str] = []
    monkeypatch.setattr(duplicates, "find", fail)
    monkeypatch.setattr(studio_window.studio, "fail", lambda error, **_: told.append(str(error)))

    def look(dialog: object) -> None:
        assert isinstance(dialog, PairsDialog)
        studio_window.until(lambda: bool(told))
        assert dialog.words.text() == "They cannot be looked for."
        dialog.close_button.click()

    studio_window.answer(look)
    show_pairs(studio_window.window, studio_window.studio)
    assert told == ["The thumbnails cannot be read."]
