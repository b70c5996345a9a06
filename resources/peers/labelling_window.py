"""Times labelme or X-AnyLabeling from inside: runs in the peer's own interpreter, started by
`cvstudio bench --peers`, drives the program's own window and prints one line of JSON.

    python labelling_window.py PEER TASK FOLDER COUNT

The program's own `main` is called with a folder to open; once it enters its event loop, an event
filter watches its canvas. Tasks: "open" reports when the first image has been painted with its
shapes; "next" then presses the action of the key D, COUNT times; "pan" takes COUNT steps of
scrolling at 100 %, and "hold" reports what the second image takes more than the first, both seen
whole.
"""

# ruff: noqa: ANN001, ANN002, ANN201, ANN202, ANN204 -- the peers have types of their own

import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time

from own_memory import memory

PEERS = {
    "labelme": ("labelme", "labelme.__main__", ["FOLDER"]),
    "x-anylabeling": (
        "x-anylabeling-cvhub",
        "anylabeling.app",
        ["--no-auto-update-check", "--work-dir", "HOME", "--filename", "FOLDER"],
    ),
}
PATIENCE = 600.0  # seconds
ORIGINAL_SIZE = ("Ctrl+0", "Ctrl+=")


def main():
    """Start the program, and measure in its event loop."""
    peer, task, folder, count = sys.argv[1:5]
    package, module, arguments = PEERS[peer]
    places = {"FOLDER": folder, "HOME": os.path.expanduser("~")}
    sys.argv = [peer, *(places.get(argument, argument) for argument in arguments)]
    program = importlib.import_module(module)
    binding = next(name for name in ("PySide6", "PyQt6", "PyQt5") if name in sys.modules)
    core, gui, widgets = (
        importlib.import_module(f"{binding}.{part}") for part in ("QtCore", "QtGui", "QtWidgets")
    )
    hands = Hands(core, gui, widgets)

    def measure(*_):
        found = {"version": importlib.metadata.version(package), "binding": binding}
        found.update(hands.do(task, int(count)))
        sys.__stdout__.write(json.dumps(found) + "\n")
        sys.__stdout__.flush()
        os._exit(0)

    widgets.QApplication.exec = widgets.QApplication.exec_ = measure
    program.main()


class Hands:
    """What a person does with the window, and what the clock says."""

    def __init__(self, core, gui, widgets):
        self.core, self.gui, self.widgets = core, gui, widgets
        self.painted = 0

    def do(self, task, count):
        """Wait for the first image, then do the task."""
        started = float(os.environ["BENCH_STARTED"])
        self.canvas = self._find_canvas()
        hands = self
        event_kinds = getattr(self.core.QEvent, "Type", self.core.QEvent)

        class Painted(self.core.QObject):
            def eventFilter(self, watched, event):
                if event.type() == event_kinds.Paint and watched is hands.canvas and hands.loaded:
                    hands.painted += 1
                return False

        self.filter = Painted()
        application = self.widgets.QApplication.instance()
        application.installEventFilter(self.filter)
        self.until(lambda: self.painted)
        application.processEvents()
        found = {"seconds": time.time() - started, "shapes": len(self.canvas.shapes)}
        application.removeEventFilter(self.filter)
        if task == "next":
            found["ms"] = [self.next() for _ in range(count)]
        elif task == "pan":
            found["ms"] = self.pan(count)
        elif task == "hold":
            self.look_around()
            before = memory()
            self.next()
            self.look_around()
            found["mb"] = memory() - before
        return found

    @property
    def loaded(self):
        """Whether the canvas holds an image and its shapes."""
        pixmap = self.canvas.pixmap
        pixmap = pixmap() if callable(pixmap) else pixmap
        return bool(pixmap is not None and not pixmap.isNull() and self.canvas.shapes)

    def next(self):
        """Milliseconds from the action of the key D to the painted next image."""
        self.settle()
        action = self._action(("D",))
        before = self.canvas.shapes[0]
        start = time.perf_counter()
        action.trigger()
        while not (self.loaded and self.canvas.shapes[0] is not before):
            self.widgets.QApplication.processEvents()
        self.canvas.repaint()
        self.widgets.QApplication.processEvents()
        return (time.perf_counter() - start) * 1000

    def look_around(self):
        """See all of the image at 100 %."""
        across, down = self._bars()
        for y in range(0, down.maximum() + 600, 600):
            down.setValue(y)
            for x in range(0, across.maximum() + 800, 800):
                across.setValue(x)
                self.widgets.QApplication.processEvents()
        gc.collect()
        self.settle()

    def _bars(self):
        self._action(ORIGINAL_SIZE).trigger()
        self.settle()
        area = self.canvas
        while not isinstance(area, self.widgets.QScrollArea):
            area = area.parentWidget()
        return area.horizontalScrollBar(), area.verticalScrollBar()

    def pan(self, count):
        """Milliseconds for each step of scrolling at 100 %."""
        across, down = self._bars()
        across.setValue(across.maximum() // 2)
        down.setValue(down.maximum() // 2)
        self.settle()
        values = []
        for index in range(count):
            start = time.perf_counter()
            across.setValue(across.value() + (7 if index % 8 < 4 else -7))
            down.setValue(down.value() + (3 if index % 2 else -3))
            self.widgets.QApplication.processEvents()
            values.append((time.perf_counter() - start) * 1000)
        return values

    def settle(self):
        """Let everything happen that is on its way."""
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            self.widgets.QApplication.processEvents()
            time.sleep(0.005)

    def until(self, condition):
        """Process events until something is so."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the image was not painted in time")
            self.widgets.QApplication.processEvents()
            time.sleep(0.001)

    def _find_canvas(self):
        canvases = [
            w for w in self.widgets.QApplication.allWidgets() if type(w).__name__ == "Canvas"
        ]
        visible = [w for w in canvases if w.window().isVisible()]
        return (visible or canvases)[0]

    def _action(self, keys):
        wanted = [self.gui.QKeySequence(key) for key in keys]
        kind = getattr(self.gui, "QAction", None) or self.widgets.QAction
        for top in self.widgets.QApplication.topLevelWidgets():
            for action in top.findChildren(kind):
                if any(key in action.shortcuts() for key in wanted):
                    return action
        raise LookupError(f"no action has the key {keys}")


if __name__ == "__main__":
    main()
