"""The Label page while a large picture is read: it says so, takes no strokes, and stays alive."""

import threading

import pytest
from patience import LIMIT, until
from person import fill_project, make_images
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Task
from cvstudio.gui.label import images
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.label.reading_notice import reading_words
from cvstudio.project import commands, queries
from cvstudio.project.project import Project

LEFT = Qt.MouseButton.LeftButton


class Gate:
    """Holds up the reading of pictures until it is opened; knows which threads read."""

    def __init__(self):
        self.opened = threading.Event()
        self.threads = []
        self._read = images._read

    def read(self, path, page, control):
        self.threads.append(threading.current_thread())
        assert self.opened.wait(LIMIT)
        return self._read(path, page, control)


@pytest.fixture
def gate(monkeypatch):
    """Pictures are not read before the gate opens, and all of them count as large."""
    made = Gate()
    monkeypatch.setattr(images, "_read", made.read)
    monkeypatch.setattr("cvstudio.gui.label.image_loader._LARGE", 1)
    yield made
    made.opened.set()


def stored(person, image_id=1):
    with person.project.read() as session:
        return queries.annotations(session, image_id)


def test_a_large_picture_is_announced_while_it_is_read_in_a_thread(gate, studio_window):
    page = studio_window.page("label")
    notice = page.canvas.notice
    assert page.canvas.waiting
    assert notice.isVisible()
    assert notice.title.text() == "slide_1.png"
    assert notice.words.text() == "Reading 64 × 48 px…"
    assert notice.bar.maximum() == 0, "the bar is busy: nobody knows the share"
    middle = page.canvas.rect().center() - notice.geometry().center()
    assert middle.manhattanLength() <= 2
    gate.opened.set()
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    assert not notice.isVisible()
    assert threading.main_thread() not in gate.threads
    assert gate.threads


def test_no_tool_takes_a_stroke_before_the_picture_is_there(gate, studio_window):
    page = studio_window.page("label")
    before = stored(studio_window)
    for tool in ("label.box", "label.polygon", "label.brush", "label.select"):
        studio_window.trigger(tool)
        studio_window.drag(page.canvas, (10, 10), (40, 40))
        assert not page.canvas.tool.busy
        assert page.status_left[-1] == "The image is still being read"
    assert page.canvas.viewport().cursor().shape() == Qt.CursorShape.BusyCursor
    assert stored(studio_window) == before
    gate.opened.set()
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    assert "The image is still being read" not in page.status_left
    studio_window.trigger("label.box")
    assert page.canvas.viewport().cursor().shape() == Qt.CursorShape.CrossCursor
    studio_window.drag(page.canvas, (30, 10), (50, 40))
    assert len(stored(studio_window)) == len(before) + 1


def test_an_image_that_is_being_read_can_be_zoomed_and_left(gate, studio_window):
    page = studio_window.page("label")
    scale = page.canvas.scale
    page.canvas.zoom_by(3)
    assert page.canvas.scale > scale
    studio_window.trigger("label.next")
    assert page.document.image.id == 2
    assert page.canvas.notice.title.text() == "slide_2.png"
    gate.opened.set()
    studio_window.until(lambda: page.canvas.tiles.pyramid is not None)
    assert not page.canvas.waiting


def test_an_image_that_is_found_again_while_its_old_place_is_tried_is_shown(gate, studio_window):
    project = studio_window.project
    with project.read() as session:
        path = project.image_path(queries.image(session, 1))
    moved = path.rename(path.with_name("moved.png"))
    page = studio_window.page("label")
    studio_window.until(lambda: gate.threads)
    with project.transaction("Find images") as session:
        commands.relocate_images(session, {1: project.uri_of(moved)})
    gate.opened.set()
    studio_window.idle()
    assert page.stack.currentWidget() is page.canvas
    assert page.canvas.tiles.pyramid is not None


def test_a_stroke_that_began_before_the_wait_was_said_is_kept(gate, studio_window, monkeypatch):
    monkeypatch.setattr("cvstudio.gui.label.image_loader._LARGE", 10**9)
    page = studio_window.page("label")
    before = stored(studio_window)
    page.canvas.wait(False)
    page.loader._later.stop()  # said by hand below, however slow the machine is
    studio_window.trigger("label.box")
    target = page.canvas.viewport()
    start, end = (page.canvas.to_screen(*place).toPoint() for place in ((30, 10), (50, 40)))
    QTest.mousePress(target, LEFT, Qt.KeyboardModifier.NoModifier, start)
    page.canvas.wait(True)
    QTest.mouseMove(target, end)
    QTest.mouseRelease(target, LEFT, Qt.KeyboardModifier.NoModifier, end)
    assert len(stored(studio_window)) == len(before) + 1
    gate.opened.set()
    studio_window.idle()


def test_nobody_says_what_an_image_is_before_anything_of_it_can_be_seen(gate, studio, tmp_path):
    project = Project.create(tmp_path / "signs", task=Task.CLASSIFY, classes=["Stop", "Yield"])
    fill_project(project, make_images(tmp_path / "more", 3), boxes=0)
    studio.adopt(project)
    page = LabelPage(studio)
    page.resize(1280, 860)
    page.show()
    page.shown()
    page.canvas.tiles.preview = None
    said = []
    page.classes.said.connect(said.append)
    page.classes.key("1")
    page.classes.clicked(2)
    assert said == ["The image is still being read"] * 2
    assert page.document.image_class() is None
    gate.opened.set()
    until(lambda: page.canvas.tiles.pyramid is not None)
    page.classes.key("1")
    assert page.document.image_class() == 1
    page.hidden()
    page.release()
    page.close()
    page.deleteLater()


@pytest.mark.parametrize(
    ("width", "height", "size", "words"),
    [
        (12_000, 12_000, 250_569_839, "Reading 12,000 × 12,000 px, 250.6 MB…"),
        (640, 480, 90_000, "Reading 640 × 480 px…"),
    ],
)
def test_the_words_say_how_much_there_is_to_read(width, height, size, words):
    assert reading_words(width, height, size) == words
