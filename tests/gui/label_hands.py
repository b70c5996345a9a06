"""Hands on a Label page, and a small project that lies open on it."""

import itertools
from contextlib import contextmanager

import numpy as np
from patience import until
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cvstudio.core.annotation import Task
from cvstudio.core.opencv import cv2
from cvstudio.gui import app
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

WIDTH, HEIGHT = 400, 300
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier


class Person:
    """Hands on a Label page; places are in pixels of the image."""

    def __init__(self, page, project, qtbot):
        self.page, self.project, self.qtbot = page, project, qtbot
        self.canvas, self.document, self.studio = page.canvas, page.document, page.studio

    def _mouse(self, kind, x, y, button, buttons, keys):
        place = self.canvas.to_screen(x, y)
        target = self.canvas.viewport()
        event = QMouseEvent(kind, place, target.mapToGlobal(place), button, buttons, keys)
        QApplication.sendEvent(target, event)

    def press(self, x, y, keys=NONE, button=LEFT):
        self.hover(x, y, keys)
        self._mouse(QEvent.Type.MouseButtonPress, x, y, button, button, keys)

    def move(self, x, y, keys=NONE, button=LEFT):
        self._mouse(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton, button, keys)

    def release(self, x, y, keys=NONE, button=LEFT):
        none = Qt.MouseButton.NoButton
        self._mouse(QEvent.Type.MouseButtonRelease, x, y, button, none, keys)

    def hover(self, x, y, keys=NONE):
        none = Qt.MouseButton.NoButton
        self._mouse(QEvent.Type.MouseMove, x, y, none, none, keys)

    def click(self, x, y, keys=NONE):
        self.press(x, y, keys)
        self.release(x, y, keys)

    def double_click(self, x, y):
        self.click(x, y)
        self._mouse(QEvent.Type.MouseButtonDblClick, x, y, LEFT, LEFT, NONE)
        self.release(x, y)

    def drag(self, *places, keys=NONE, button=LEFT):
        self.press(*places[0], keys=keys, button=button)
        for (x0, y0), (x1, y1) in itertools.pairwise(places):
            for share in (0.3, 0.7, 1.0):
                self.move(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, keys, button)
        self.release(*places[-1], keys=keys, button=button)

    def wheel(self, x, y, steps, keys=NONE):
        place = self.canvas.to_screen(x, y)
        event = QWheelEvent(
            place, self.canvas.viewport().mapToGlobal(place), QPointF(0, 0).toPoint(),
            QPointF(0, 120 * steps).toPoint(), Qt.MouseButton.NoButton, keys,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.canvas.viewport(), event)

    def key(self, key, keys=NONE):
        QTest.keyClick(self.canvas, key, keys)

    def keys(self, keys, widget=None):
        """Press keys such as "Shift+J" where the focus is, in the window that has it."""
        self.page.activateWindow()
        QTest.qWaitForWindowActive(self.page)
        pressed = QKeySequence(keys)[0]
        target = widget or QApplication.focusWidget() or self.canvas
        QTest.keyClick(target, pressed.key(), pressed.keyboardModifiers())
        QApplication.processEvents()

    def do(self, action):
        assert self.studio.actions.trigger(action), f"{action} is disabled"

    @property
    def shapes(self):
        """The stored annotations of the open image, read from the project each time."""
        with self.project.read() as session:
            return queries.annotations(session, self.document.image.id)

    @property
    def only(self):
        (annotation,) = self.shapes
        return annotation

    def add(self, shape, class_id=1, image=1, **more):
        with self.project.transaction("Prepare") as session:
            return commands.add_annotation(
                session, image_id=image, class_id=class_id, shape=shape, **more
            )

    def review(self, image):
        with self.project.read() as session:
            return queries.image(session, image).review


@contextmanager
def label_page(folder, qtbot, task=Task.DETECT):
    """A Person on a project of three images of noise in a folder, open on its Label page."""
    project = Project.create(folder / "project", task=task, classes=("Cell", "Nucleus", "Other"))
    (folder / "project" / "images").mkdir(exist_ok=True)
    noise = np.random.default_rng(3)
    with project.transaction("Import") as session:
        for number in (1, 2, 3):
            file = folder / "project" / "images" / f"{number}.png"
            cv2.imwrite(str(file), noise.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
            image = NewImage(uri=project.uri_of(file), width=WIDTH, height=HEIGHT)
            commands.add_images(session, [image])
    with opened_page(project) as page:
        yield Person(page, project, qtbot)


@contextmanager
def opened_page(project):
    """The Label page on a project, with its first image read; at the end both are closed."""
    studio = app.make_studio(app.make_application())
    studio.adopt(project)
    page = LabelPage(studio)
    page.resize(1280, 860)
    page.show()
    page.shown()
    try:
        until(lambda: page.canvas.tiles.pyramid is not None)
        page.canvas.setFocus()
        yield page
    finally:
        page.hidden()
        page.release()
        page.close()
        page.deleteLater()
        studio.shut_down()
        QApplication.processEvents()


def go_to_image(page, number):
    """Open an image of the project, counted from 0, and wait until it is read."""
    with page.project.read() as session:
        image_id = queries.image_ids(session)[number]
    page.studio.select_image(image_id)
    until(lambda: page.document.image.id == image_id and page.canvas.tiles.pyramid is not None)
    QApplication.processEvents()
