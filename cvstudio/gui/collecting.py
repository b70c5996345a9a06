"""Circular garbage of the window's process is searched for on the window's thread, and only there.

The interpreter by itself searches in whichever thread happens to make the next object. What it
finds may be a menu, a model or a scene that nobody holds any more, and Qt's objects must not be
destroyed in a thread that reads images or watches a job: the window then dies now and then, for
instance when a project closes.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from cvstudio.core.collector import at_rest, bring_back

LOOK_MS = 400
"""How often the numbers are looked at; between two looks garbage only grows."""


class Collector(QObject):
    """Does what the interpreter's own search does, by the same thresholds, from a timer."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._full = 0
        """How many objects there were after the last whole search."""
        self._since = 0
        """How many more there are since then, without those that a reader made."""
        self.start()

    def start(self) -> None:
        """Take over from the interpreter."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Hand back to the interpreter: no other thread of the window is left."""
        self._timer.stop()
        gc.enable()

    def look(self) -> None:
        """Search the generations that have grown enough, unless it would be felt or is useless."""
        if at_rest() or QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return
        young, middle, old = gc.get_count()
        first, second, third = gc.get_threshold()
        if young <= first:
            return
        if middle > second and old > third and 4 * self._since > self._full:
            self._search()
            return
        # What has come and not gone is counted on the way: to count all objects takes as long as
        # to search them, and what a reader made has no circles.
        self._since = max(self._since + young - gc.collect(int(middle > second)), 0)

    def search_all(self) -> None:
        """Search everything, also what was set aside, as after a project was closed."""
        bring_back()
        self._search()

    def _search(self) -> None:
        gc.collect()
        self._full, self._since = len(gc.get_objects(2)), 0
