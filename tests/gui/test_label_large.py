"""A TIFF that is read in pieces, on the Label page: sharp where one looks, with its own values."""

import numpy as np
import pytest
import tifffile
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.gui import app
from cvstudio.gui.label.page import LabelPage
from cvstudio.imaging import large_tiff
from cvstudio.imaging.large_tiff import LargeTiff
from cvstudio.project import importing
from cvstudio.project.project import Project


@pytest.fixture
def page(tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(large_tiff, "LARGE", 1_000_000)
    monkeypatch.setattr(large_tiff, "_OVERVIEW", 700)
    monkeypatch.setattr(large_tiff, "_QUICK", 0.0)
    folder = tmp_path / "images"
    folder.mkdir()
    y, x = np.mgrid[:2000, :3000]
    rgb = np.stack([x // 12, y // 8, (x + y) % 256], axis=2).astype(np.uint8)
    tifffile.imwrite(folder / "a.tif", rgb, photometric="rgb", tile=(256, 256), compression="zlib")
    project = Project.create(tmp_path / "project", task=Task.DETECT, classes=("Cell",))
    importing.run(project, importing.plan(project, folder))
    studio = app.make_studio(app.make_application())
    studio.adopt(project)
    shown = LabelPage(studio)
    shown.resize(1280, 860)
    shown.show()
    shown.shown()
    qtbot.waitUntil(lambda: shown.canvas.tiles.pyramid is not None)
    yield shown
    shown.hidden()
    shown.release()
    shown.close()
    shown.deleteLater()
    studio.close()
    QApplication.processEvents()


def test_a_large_tiff_becomes_sharp_where_one_looks_and_keeps_its_values(page, qtbot):
    pyramid = page.canvas.tiles.pyramid
    assert isinstance(pyramid, LargeTiff)
    page.canvas.zoom_to(4.0)
    QTest.qWait(120)
    target = page.canvas.viewport().rect().center()
    x, y = (int(v) for v in page.canvas.to_image(target))

    def is_sharp():
        found = page.canvas.grab().toImage().pixelColor(target)
        return (found.red(), found.green(), found.blue()) == (x // 12, y // 8, (x + y) % 256)

    qtbot.waitUntil(is_sharp)
    QTest.mouseMove(page.canvas.viewport(), target)
    qtbot.waitUntil(lambda: f"RGB {x // 12}, {y // 8}, {(x + y) % 256}" in page.status_left)


def test_the_first_look_at_a_file_without_smaller_levels_gets_exact_by_itself(page, qtbot):
    pyramid = page.canvas.tiles.pyramid
    qtbot.waitUntil(lambda: not pyramid.unfinished)
    middle = pyramid.level(pyramid.levels - 1)
    height, width = middle.shape[:2]
    assert middle[height // 2, width // 2, 0] == pytest.approx(1500 // 12, abs=3)
    qtbot.waitUntil(lambda: not page.studio.tasks.working)
