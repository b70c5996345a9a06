"""Images of 16 bits and five channels in the window: what the next run sees, and what is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from augment_hands import pictures_come
from patience import until
from person import Person
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QPushButton

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.recipe import Sees
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.words import pixel_words
from cvstudio.gui.live import LiveProcess
from cvstudio.gui.train.page import TrainPage
from cvstudio.imaging.regions.view import Sight
from cvstudio.project import commands, importing, queries
from cvstudio.project.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Six labelled images of five channels; a disc shines in the fifth alone."""
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for n in range(6):
        values = random.integers(9_000, 11_000, (64, 64, 5)).astype(np.uint16)
        values[20:40, 20:40, 4] += 9_000
        path = folder / f"{n}.tif"
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    project = Project.create(tmp_path / "project", task=Task.DETECT, classes=("Cell",))
    importing.run(project, importing.plan(project, folder))
    with project.transaction("label") as s:
        (cell,) = queries.classes(s)
        ids = queries.image_ids(s)
        for image_id in ids:
            commands.add_annotation(
                s, image_id=image_id, class_id=cell.id, shape=Box(20, 20, 20, 20)
            )
        commands.set_review(s, image_ids=ids, review=Review.REVIEWED)
        commands.set_split(s, image_ids=ids[:4], split=Split.TRAIN)
        commands.set_split(s, image_ids=ids[4:], split=Split.VAL)
    return project


def chosen(person: Person, sees: Sees) -> TrainPage:
    """The Train page after a person has chosen what the network sees."""
    page = person.page("train")
    assert isinstance(page, TrainPage)
    until(lambda: page.preparing.facts is not None)
    new = page.new_run
    if new.form.isHidden():
        new.all_link.click()
    new.form.search.clear()
    QTest.keyClicks(new.form.search, "sees")
    box = new.form.editors["sees"]
    assert isinstance(box, QComboBox)
    assert box.isVisible()
    box.setCurrentIndex(box.findData(sees))
    assert new.config.sees is sees
    return page


def test_augment_shows_what_a_run_on_all_channels_does_and_leaves_out(
    studio_window: Person, live_process: LiveProcess
) -> None:
    studio_window.studio._live = live_process
    chosen(studio_window, Sees.ALL)
    page = studio_window.page("augment")
    assert isinstance(page, AugmentPage)
    pictures_come(page)
    assert len(page.grid.pictures) == 9
    assert page.seen.isVisible()
    assert page.seen.text().startswith("The next run sees 5 channels with all their values")
    told = [advice for advice in page.advice.advice if "left out" in advice.text]
    assert [advice.text.split(" works")[0] for advice in told] == ["Hue and saturation"]
    assert not any("hue" in picture.caption.casefold() for picture in page.grid.pictures)
    remedy = next(b for b in page.advice.findChildren(QPushButton) if b.text() == "Take it out")
    remedy.click()
    until(lambda: not any("left out" in advice.text for advice in page.advice.advice))
    chosen(studio_window, Sees.DISPLAYED)
    studio_window.page("augment")
    pictures_come(page)
    assert not page.seen.isVisible()
    page.preview.stop()
    studio_window.studio._live = None


def test_the_checks_of_a_run_on_all_channels_stand_on_the_train_page(
    studio_window: Person,
) -> None:
    page = chosen(studio_window, Sees.ALL)
    until(lambda: any("5 channels" in c.text for c in page.checks.shown))
    for name in ("rtdetr-l", "fasterrcnn-mobilenet", "yolo26n-pose"):
        page.new_run.apply({"network": name})
        assert page.new_run.config.sees is Sees.ALL


def test_every_channel_can_be_looked_at_alone_and_is_told_under_the_pointer(
    studio_window: Person,
) -> None:
    page = studio_window.page("label")
    assert isinstance(page, LabelPage)
    until(lambda: page.canvas.tiles.pyramid is not None)
    pyramid, box = page.canvas.tiles.pyramid, page.display.channel
    assert pyramid is not None
    words = [box.itemText(place) for place in range(box.count())]
    assert words == ["First three", *(f"Channel {n}" for n in range(1, 6))]

    def contrast() -> float:
        """How much brighter the square is than what lies around it, as displayed."""
        shown = pyramid.tile(0, 0, 0, page.canvas.tiles.display)[..., 0].astype(float)
        return float(shown[22:38, 22:38].mean() - shown[:16].mean())

    assert abs(contrast()) < 5
    box.setCurrentIndex(box.findText("Channel 5"))
    assert contrast() > 100
    view = Sight(pyramid, page.canvas.tiles.display)
    place = view.place(Box(0, 0, 64, 64), scale=1, most=10_000)
    assert place is not None
    assert view.take(place).rgb[30, 30, 0] > 200
    high = page.display._range[1]
    assert high > 19_000
    told = pixel_words(pyramid, (30, 30), (64, 64))[1]
    assert told.startswith("channels ")
    assert [int(value) > 15_000 for value in told.removeprefix("channels ").split(", ")] == [
        False, False, False, False, True,
    ]  # fmt: skip
    studio_window.page("data")
    again = studio_window.page("label")
    assert again is page
    assert box.currentText() == "Channel 5"
