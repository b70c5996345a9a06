"""The window as a person uses it, and small projects to use it on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from patience import LIMIT, until
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QWidget

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.gui.data.page import DataPage
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.page import LabelPage
from cvstudio.gui.main_window import MainWindow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.progress_dialog import ProgressDialog
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage


class Person:
    """The window as a person uses it; every test of a page starts from one."""

    def __init__(self, window: MainWindow, studio: Studio) -> None:
        self.window, self.studio = window, studio

    @property
    def project(self) -> Project:
        assert self.studio.project is not None
        return self.studio.project

    def page(self, name: str) -> Any:
        """Go to a page by its action and return it."""
        self.trigger(f"go.{name}")
        return self.window.page_named(name)

    def data_page(self) -> DataPage:
        """Go to the Data page."""
        page = self.page("data")
        assert isinstance(page, DataPage)
        return page

    def label_page(self) -> LabelPage:
        """Go to the Label page and wait until its image is read."""
        page = self.page("label")
        assert isinstance(page, LabelPage)
        self.until(lambda: page.canvas.tiles.pyramid is not None)
        self.settle()
        return page

    def trigger(self, id: str) -> None:
        """Choose an action from a menu; fails when it is disabled."""
        assert self.studio.actions.trigger(id), self.studio.actions[id].toolTip()
        self.settle()

    def key(self, keys: str, widget: QWidget | None = None) -> None:
        """Press keys, such as "Ctrl+Z", where the focus is."""
        if QApplication.activeModalWidget() is None:
            self.window.activateWindow()
            QTest.qWaitForWindowActive(self.window)
        target = widget or QApplication.focusWidget() or self.window
        pressed = QKeySequence(keys)[0]
        QTest.keyClick(target, pressed.key(), pressed.keyboardModifiers())
        self.settle()

    def type(self, widget: QWidget, text: str) -> None:
        """Type into a field."""
        widget.setFocus()
        QTest.keyClicks(widget, text)
        self.settle()

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        """Click a widget with the left button."""
        where = place or widget.rect().center()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
        self.settle()

    def drag(self, canvas: Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw with the left button between two places of the image."""
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        move = QEvent.Type.MouseMove
        acts = [
            (move, none, none, 0.0),
            (QEvent.Type.MouseButtonPress, left, left, 0.0),
            *((move, none, left, share) for share in (0.3, 0.7, 1.0)),
            (QEvent.Type.MouseButtonRelease, left, none, 1.0),
        ]
        for kind, button, held, share in acts:
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            place = canvas.to_screen(x, y)
            everywhere = canvas.viewport().mapToGlobal(place)
            keys = Qt.KeyboardModifier.NoModifier
            event = QMouseEvent(kind, place, everywhere, button, held, keys)
            QApplication.sendEvent(canvas.viewport(), event)
        self.settle()

    def button(self, text: str, inside: QWidget | None = None) -> QAbstractButton:
        """The visible button with these words."""
        found = [
            b
            for b in (inside or self.window).findChildren(QAbstractButton)
            if b.isVisible() and text in (b.text().strip(), b.accessibleName())
        ]
        assert found, f"no button says {text!r}"
        return found[0]

    def settle(self) -> None:
        """Let events, deletions and queued calls happen."""
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QApplication.processEvents()

    def until(self, condition: Callable[[], object], seconds: float = LIMIT) -> None:
        """Wait for something that threads or processes do."""
        until(condition, seconds)

    def idle(self) -> None:
        """Wait until no thread of the window works."""
        self.until(lambda: not self.studio.tasks.working)
        self.settle()

    def answer(self, do: Callable[[QDialog], None]) -> None:
        """Do something with the next dialog that asks for something, as soon as it is up (before
        what opens it); one that says how far work is may come up before it. Where that fails, the
        dialog is closed: the test is to fail, not to wait for ever."""
        end = time.monotonic() + LIMIT

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            tells = isinstance(dialog, ProgressDialog)
            if isinstance(dialog, QDialog) and dialog.isVisible() and not tells:
                try:
                    do(dialog)
                except BaseException:
                    dialog.reject()
                    raise
                return
            assert time.monotonic() < end, "no dialog came up"
            QTimer.singleShot(20, look)

        QTimer.singleShot(0, look)


def make_images(folder: Path, count: int, *, width: int = 64, height: int = 48) -> list[Path]:
    """Image files of one grey level each, with a bright square."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        picture = np.full((height, width, 3), 40 + number % 100, np.uint8)
        picture[8:24, 8:24] = 200
        path = folder / f"slide_{number + 1}.png"
        cv2.imwrite(str(path), picture)
        paths.append(path)
    return paths


def fill_project(project: Project, images: list[Path], *, boxes: int = 2) -> list[int]:
    """Add images; all but the last two get boxes of the classes in turn."""
    with project.transaction("Fill", undoable=False) as s:
        ids = list(
            commands.add_images(
                s, [NewImage(uri=project.uri_of(p), width=64, height=48, size=900) for p in images]
            )
        )
        classes = [c.id for c in queries.classes(s)]
        for place, image_id in enumerate(ids[:-2]):
            for number in range(boxes):
                class_id = classes[(place + number) % len(classes)]
                shape = Box(8, 8 + number * 4, 16, 12)
                commands.add_annotation(s, image_id=image_id, class_id=class_id, shape=shape)
    return ids
