"""An hour of work in the real window, by mouse and keys, with a picture before and after each tool.

    python docs/work_hour.py DATA OUT [--chapters blood,photos] [--theme light] [--size 1440x900]

DATA holds det_bccd, inst_tinycoco, sem_sandstone, odd_exif and odd_image_rs; nothing there is
changed, the projects are made in a folder that is thrown away. OUT gets
NNN-CHAPTER-TOOL-before.png, -during.png (where a preview or a dialog is worth a look) and
-after.png. On Linux without a display a virtual one is started. What is done stands in
docs/work_hour_gestures.py and, by subject, beside it: a new tool is a row there.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from take_screenshots import display

GUARD_MS = 12_000
PATIENCE = 60.0  # seconds for what threads and networks do
FAULTS = (LookupError, TimeoutError, AssertionError, AttributeError, TypeError)
"""What a gesture that no longer fits the window may end with; the others are still done."""


@dataclass(frozen=True)
class Gesture:
    """One tool and what a hand does with it. `needs` is the action without which it is left out;
    `image` is a part of the name of the image on which it happens ("" stays where one is)."""

    name: str
    do: Callable[[Hand], None]
    needs: str = ""
    image: str = ""


@dataclass(frozen=True)
class Chapter:
    """A project made of one folder of DATA, and what is done in it."""

    name: str
    source: str
    task: str
    gestures: tuple[Gesture, ...]


class Hand:
    """A hand on the mouse and one on the keys; places are pixels of the open image."""

    def __init__(self, window: Any, out: Path) -> None:
        from PySide6 import QtCore, QtGui, QtTest, QtWidgets

        self.core, self.gui, self.widgets = QtCore, QtGui, QtWidgets
        self.test = QtTest.QTest
        self.window, self.studio, self.out = window, window.studio, out
        self.number, self.title = 0, ""
        self._seen: Any = None
        self._guard = QtCore.QTimer(window, interval=GUARD_MS)
        self._guard.timeout.connect(self._watch)
        self._guard.start()

    def rest(self) -> None:
        """The window is closed: dialogs of the next one are another hand's."""
        self._guard.stop()

    def _watch(self) -> None:
        """Close a dialog that no gesture has counted on: it would wait for somebody for ever."""
        dialog = self.widgets.QApplication.activeModalWidget()
        if dialog is not None and dialog is self._seen:
            print(f"closed a dialog that was not expected: {dialog.windowTitle()}")
            self.shot("unexpected")
            dialog.close()
        self._seen = dialog

    # -- pictures

    def shot(self, when: str) -> None:
        """Save what the screen shows."""
        self.save(self.out / f"{self.number:03}-{self.title}-{when}.png")

    def save(self, path: Path) -> None:
        """Save what the screen shows under a name."""
        self.settle()
        screen = self.window.screen()
        place = self.window.geometry()
        picture = screen.grabWindow(0, place.x(), place.y(), place.width(), place.height())
        if not picture.save(str(path)):
            sys.exit(f"{path} could not be written.")

    def settle(self, seconds: float = 0.35) -> None:
        """Let events happen and threads end."""
        self.test.qWait(round(seconds * 1000))
        until = time.monotonic() + PATIENCE
        while self.studio.tasks.working and time.monotonic() < until:
            self.test.qWait(20)
        self.test.qWait(120)

    def until(self, true: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for something that must come."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise TimeoutError("what was waited for did not come")
            self.test.qWait(20)

    # -- the page

    @property
    def page(self) -> Any:
        return self.window.page_named("label")

    @property
    def canvas(self) -> Any:
        return self.page.canvas

    def open_image(self, name: str) -> None:
        """Go to the first image whose name has this part, on the Label page."""
        from cvstudio.project import queries
        from cvstudio.project.records import ImageFilter

        with self.studio.project.read() as session:
            ids = queries.image_ids(session, ImageFilter(text=name))
        if not ids:
            raise LookupError(f"no image is called {name}")
        self.studio.go_to("label", image_id=ids[0])
        self.settle()
        self.key("V")

    def boxes(self) -> list[Any]:
        """The boxes around the annotations of the open image, the largest first."""
        found = [a.box for a in self.page.document.annotations if a.box is not None]
        return sorted(found, key=lambda box: -box.w * box.h)

    def polygons(self) -> list[Any]:
        """Boxes of the polygons, the largest first."""
        found = [a for a in self.page.document.annotations if type(a.shape).__name__ == "Polygon"]
        return sorted(found, key=lambda a: -a.box.w * a.box.h)

    # -- keys

    def key(self, keys: str) -> None:
        """Press keys where the focus is."""
        application = self.widgets.QApplication
        modal = application.activeModalWidget()
        if modal is None:
            self.activate()
        target = application.focusWidget() or modal or self.canvas
        pressed = self.gui.QKeySequence(keys)[0]
        self.test.keyClick(target, pressed.key(), pressed.keyboardModifiers())
        self.test.qWait(60)

    def activate(self) -> None:
        """Keys are the window's: without a window manager nobody gives them back after a dialog."""
        if not self.window.isActiveWindow():
            self.window.activateWindow()
            self.test.qWaitForWindowActive(self.window, 2000)

    def act(self, action: str) -> None:
        """Press the key in force for an action; one without a key is chosen as from a menu."""
        keys = self.studio.actions[action].shortcut().toString()
        if keys:
            self.key(keys)
        else:
            self.studio.actions.trigger(action)
        self.test.qWait(60)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        for letter in text:  # the first may open the field for the others
            target = self.widgets.QApplication.focusWidget()
            if target is None:
                raise LookupError("nothing has the focus")
            self.test.keyClicks(target, letter)
        self.settle(0.2)

    # -- mouse

    def _mouse(self, kind: str, x: float, y: float, button: str, held: str, keys: str) -> None:
        buttons, modifiers = self.core.Qt.MouseButton, self.core.Qt.KeyboardModifier
        place, target = self.canvas.to_screen(x, y), self.canvas.viewport()
        event = self.gui.QMouseEvent(
            getattr(self.core.QEvent.Type, kind), place, target.mapToGlobal(place),
            getattr(buttons, button), getattr(buttons, held), getattr(modifiers, keys),
        )  # fmt: skip
        self.widgets.QApplication.sendEvent(target, event)
        self.test.qWait(8)

    def hover(self, x: float, y: float) -> None:
        """Move without a button."""
        self._mouse("MouseMove", x, y, "NoButton", "NoButton", "NoModifier")

    def press(
        self, x: float, y: float, keys: str = "NoModifier", button: str = "LeftButton"
    ) -> None:
        """Put a button down."""
        self.hover(x, y)
        self._mouse("MouseButtonPress", x, y, button, button, keys)

    def release(
        self, x: float, y: float, keys: str = "NoModifier", button: str = "LeftButton"
    ) -> None:
        """Let the button go."""
        self._mouse("MouseButtonRelease", x, y, button, "NoButton", keys)

    def click(self, x: float, y: float, keys: str = "NoModifier") -> None:
        """Click with the left button."""
        self.press(x, y, keys)
        self.release(x, y, keys)
        self.test.qWait(350)  # two clicks are not one double click

    def drag(
        self,
        *places: tuple[float, float],
        keys: str = "NoModifier",
        button: str = "LeftButton",
        stop: bool = False,
    ) -> None:
        """Drag through places; with `stop` a picture is taken before the button goes up."""
        self.press(*places[0], keys, button)
        for (x0, y0), (x1, y1) in itertools.pairwise(places):
            for step in range(1, 9):
                x, y = x0 + (x1 - x0) * step / 8, y0 + (y1 - y0) * step / 8
                self._mouse("MouseMove", x, y, "NoButton", button, keys)
        if stop:
            self.shot("during")
        self.release(*places[-1], keys, button)
        self.settle(0.2)

    def wheel(self, x: float, y: float, steps: int) -> None:
        """Turn the wheel over a place."""
        place, target = self.canvas.to_screen(x, y), self.canvas.viewport()
        qt = self.core.Qt
        for _ in range(abs(steps)):
            event = self.gui.QWheelEvent(
                place, target.mapToGlobal(place), self.core.QPoint(),
                self.core.QPoint(0, 120 if steps > 0 else -120), qt.MouseButton.NoButton,
                qt.KeyboardModifier.NoModifier, qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            self.widgets.QApplication.sendEvent(target, event)
            self.test.qWait(16)

    # -- dialogs

    def dialog(self, action: str, do: Callable[[Any], None] | None = None) -> None:
        """Open the dialog of an action, take a picture, do something in it; Esc leaves it."""
        self.popup(lambda: self.act(action), do)

    def popup(
        self,
        opens: Callable[[], None],
        do: Callable[[Any], None] | None = None,
        *,
        named: str = "",
        long: bool = False,
    ) -> None:
        """Do what opens a dialog, take a picture of it, do something in it; Esc leaves it.

        `named`: the one with that object name, where it opens over another. `long`: it may stay
        open for minutes.
        """
        failed: list[Exception] = []
        came: list[Any] = []
        if long:
            self._guard.stop()
        until = time.monotonic() + PATIENCE

        def look() -> None:
            dialog = self.widgets.QApplication.activeModalWidget()
            there = dialog is not None and dialog.isVisible()
            if not there or (named and dialog.objectName() != named):
                if time.monotonic() < until:
                    self.core.QTimer.singleShot(30, look)
                return
            came.append(dialog)
            try:
                self.test.qWait(300)
                self.shot("during")
                if do is not None:
                    do(dialog)
            except FAULTS as error:  # told once the dialog has gone: Qt would swallow it
                failed.append(error)
            if dialog.isVisible():
                dialog.reject()

        self.core.QTimer.singleShot(50, look)
        opens()
        if long:  # what it shows may be read in a thread first
            self.until(lambda: came)
        self._guard.start()
        self.settle()
        if failed:
            raise failed[0]

    def press_button(self, button: Any) -> None:
        """Press a button of a dialog."""
        self.test.mouseClick(button, self.core.Qt.MouseButton.LeftButton)
        self.settle(0.2)

    def click_in(self, picture: Any, x: float, y: float) -> None:
        """Click in the picture of a skeleton, at shares of its template."""
        place = picture.at(x, y).toPoint()
        self.test.mouseClick(picture, self.core.Qt.MouseButton.LeftButton, pos=place)
        self.test.qWait(350)

    def drag_in(self, picture: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag in the picture of a skeleton."""
        a, b = picture.at(*start).toPoint(), picture.at(*end).toPoint()
        left = self.core.Qt.MouseButton.LeftButton
        self.test.mousePress(picture, left, pos=a)
        for share in (0.25, 0.5, 0.75, 1.0):
            self.test.mouseMove(picture, a + (b - a) * share)
            self.test.qWait(16)
        self.shot("dragging")
        self.test.mouseRelease(picture, left, pos=b)


def work(
    data: Path, out: Path, chapters: list[Chapter], *, theme: str, size: tuple[int, int]
) -> int:
    """Do all the chapters; returns how many gestures failed, each of which is printed."""
    studio, window = open_window(theme, size)
    hand, failed = Hand(window, out), 0
    hand.test.qWaitForWindowActive(window, 3000)
    with tempfile.TemporaryDirectory() as scratch:
        for chapter in chapters:
            _make_project(Path(scratch) / chapter.name, data / chapter.source, chapter)
            if not window.open_project(Path(scratch) / chapter.name):
                sys.exit(f"the project of {chapter.name} could not be opened")
            hand.settle(1.5)
            for gesture in chapter.gestures:
                failed += not _do(hand, chapter, gesture)
            studio.close()
        window.close()
    studio.shut_down()
    return failed


def open_window(theme: str, size: tuple[int, int]) -> tuple[Any, Any]:
    """The studio and its window, at the left top of the screen."""
    from cvstudio.gui import app
    from cvstudio.gui.main_window import MainWindow

    studio = app.make_studio(app.make_application())
    studio.settings.set("look.theme", theme)
    window = MainWindow(studio)
    window.resize(*size)
    window.move(0, 0)
    window.show()
    return studio, window


def _do(hand: Hand, chapter: Chapter, gesture: Gesture) -> bool:
    from cvstudio.gui.action_table import BY_ID

    if gesture.needs and gesture.needs not in BY_ID:
        print(f"left out, there is no {gesture.needs}: {gesture.name}")
        return True
    hand.number += 1
    hand.title = f"{chapter.name}-{gesture.name.replace(' ', '-')}"
    try:
        if gesture.image:
            hand.open_image(gesture.image)
        hand.shot("before")
        gesture.do(hand)
        hand.shot("after")
    except FAULTS as error:
        print(f"FAILED {hand.number:03} {hand.title}: {type(error).__name__}: {error}")
        hand.key("Esc")
        return False
    print(f"{hand.number:03} {hand.title}")
    return True


def _make_project(path: Path, source: Path, chapter: Chapter) -> None:
    from cvstudio.core.annotation import Task
    from cvstudio.project import importing
    from cvstudio.project.project import Project

    with Project.create(path, task=Task(chapter.task), name=chapter.name.title()) as project:
        report = importing.run(project, importing.plan(project, source))
        print(f"\n{chapter.name}: {report.added} images, {report.annotations} annotations")


def main() -> None:
    """Read the arguments and do the work."""
    from work_hour_gestures import CHAPTERS

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--chapters", default=",".join(c.name for c in CHAPTERS))
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--size", default="1440x900", help="of the window, in pixels")
    arguments = parser.parse_args()
    width, _, height = arguments.size.partition("x")
    chosen = [c for c in CHAPTERS if c.name in arguments.chapters.split(",")]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, display():
        os.environ["CVSTUDIO_HOME"] = home
        size = (int(width), int(height))
        failed = work(arguments.data, arguments.out, chosen, theme=arguments.theme, size=size)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    sys.modules["work_hour"] = sys.modules["__main__"]
    main()
