"""A TIFF that is read in pieces, on the Label page: sharp where one looks, with its own values."""

import itertools
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from label_hands import opened_page
from patience import until
from PySide6.QtCore import QObject, QPoint
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ImageError
from cvstudio.gui.label import images, tile_fetcher
from cvstudio.gui.tasks import Tasks
from cvstudio.imaging import large_tiff
from cvstudio.imaging.large_tiff import LargeTiff
from cvstudio.project import importing
from cvstudio.project.project import Project


@pytest.fixture
def page(tmp_path, qapp, monkeypatch):
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
    with opened_page(project) as shown:
        yield shown


def test_a_large_tiff_becomes_sharp_where_one_looks_and_keeps_its_values(page):
    pyramid = page.canvas.tiles.pyramid
    assert isinstance(pyramid, LargeTiff)
    page.canvas.zoom_to(4.0)
    target = page.canvas.viewport().rect().center()

    def value():
        # Asked each time: the view may still find its place.
        x, y = (int(v) for v in page.canvas.to_image(target))
        return x // 12, y // 8, (x + y) % 256

    def is_sharp():
        found = page.canvas.grab().toImage().pixelColor(target)
        return (found.red(), found.green(), found.blue()) == value()

    until(is_sharp)
    QTest.mouseMove(page.canvas.viewport(), target)
    until(lambda: "RGB {}, {}, {}".format(*value()) in page.status_left)


def test_the_first_look_at_a_file_without_smaller_levels_gets_exact_by_itself(page):
    pyramid = page.canvas.tiles.pyramid
    until(lambda: not pyramid.unfinished)
    middle = pyramid.level(pyramid.levels - 1)
    height, width = middle.shape[:2]
    assert middle[height // 2, width // 2, 0] == pytest.approx(1500 // 12, abs=3)
    until(lambda: not page.studio.tasks.working)


def test_while_a_file_gets_exact_only_its_coarse_tiles_are_drawn_again(page):
    pyramid, tiles = page.canvas.tiles.pyramid, page.canvas.tiles
    until(lambda: not pyramid.unfinished and not page.studio.tasks.working)
    page.canvas.zoom_to(4.0)
    until(lambda: any(key[0] < pyramid.finest_held for key in tiles._tiles))
    tiles.whole()  # of the coarsest level, which frames draw only where the file is slow
    before = dict(tiles._tiles)
    assert any(key[0] >= pyramid.finest_held for key in before)
    pyramid.unfinished = True
    page.loader._images.improved.emit(page.document.image.id)
    kept = {key for key, image in before.items() if tiles._tiles.get(key) is image}
    assert kept == {key for key in before if key[0] < pyramid.finest_held}
    assert kept
    pyramid.unfinished = False


def test_a_tool_looks_again_at_a_file_that_has_become_more_exact(page):
    pyramid = page.canvas.tiles.pyramid
    until(lambda: not pyramid.unfinished and not page.studio.tasks.working)
    assert pyramid.version > 0, "it was not exact at first"
    page.studio.actions.trigger("label.superpixels")
    tool, middle = page.canvas.tool, page.canvas.viewport().rect().center()
    places = itertools.cycle((middle, middle + QPoint(3, 0)))

    def divided():
        QTest.mouseMove(page.canvas.viewport(), next(places))
        return tool._cells is not None and tool._cells.sight == page.canvas.sight()

    until(divided)
    old = tool._cells
    pyramid.version += 1  # as when more of it has been read
    assert page.canvas.sight() != old.sight
    until(lambda: divided() and tool._cells is not old)


class Unsharp:
    """A pyramid whose first look takes as long to get exact as it is let."""

    nbytes = 1
    unfinished = True

    def __init__(self):
        self.at_work = threading.Event()
        self.begun = 0

    def refine(self):
        self.begun += 1
        self.at_work.set()
        try:
            while True:
                time.sleep(0.005)
                yield 0.5
        finally:
            self.at_work.clear()


def test_only_the_open_image_gets_exact_and_the_threads_are_free_for_the_rest(qapp, monkeypatch):
    made = {id: Unsharp() for id in range(1, 7)}
    monkeypatch.setattr(images, "_read", lambda path, _page, _control: made[int(path.name)])
    tasks = Tasks()
    reader = images.Images(tasks, lambda record: Path(str(record.id)))
    records = {id: SimpleNamespace(id=id, page=0) for id in made}
    try:
        for open_one in (1, 2, 3, 4, 5):
            reader.want([records[open_one], records[open_one + 1]])
            until(made[open_one].at_work.is_set)
            until(lambda next=open_one + 1: reader.get(next) is not None)
            assert [id for id, each in made.items() if each.at_work.is_set()] == [open_one]
        reader.want([records[1]])
        until(made[1].at_work.is_set)
        assert made[1].begun == 2, "it goes on when it is opened again"
        assert made[6].begun == 0, "a neighbour waits until it is open"
    finally:
        tasks.stop()


@pytest.mark.parametrize("error", [ImageError("a.tif is damaged."), ValueError("buffer")])
def test_a_damaged_tile_is_said_once_and_its_neighbours_still_get_sharp(qtbot, monkeypatch, error):
    class Pieces:
        def __init__(self):
            self.read = []

        def fetch(self, *key):
            self.read.append(key)
            if key == (0, 1, 0):
                raise error

    tasks, update = Tasks(), []
    viewport = SimpleNamespace(update=lambda: update.append(1))
    canvas = SimpleNamespace(tiles=SimpleNamespace(ask=None), viewport=lambda: viewport)
    owner = QObject()
    fetcher = tile_fetcher.TileFetcher(tasks, canvas, owner)
    pyramid, said = Pieces(), []
    fetcher.said.connect(said.append)
    keys = [(0, 0, 0), (0, 1, 0), (0, 2, 0)]

    def paint():
        wanted = [key for key in keys if key == (0, 1, 0) or key not in pyramid.read]
        before = len(update)
        fetcher.ask(pyramid, wanted)
        if fetcher._reading.busy:
            until(lambda: len(update) > before)

    with qtbot.captureExceptions() as raised:
        for _ in range(4):
            paint()
    assert sorted(pyramid.read) == keys, "each is read once, the damaged one is not tried again"
    told = said or [str(each[1]) for each in raised]
    assert len(told) == 1
    other = Pieces()
    fetcher.ask(other, [(0, 1, 1)])
    until(lambda: bool(other.read))
    tasks.stop()
