"""Reads the tiles that are in sight from a file that is too large to be held, in a thread."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import ImageError
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.tile_painter import Key
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.imaging.tiles import Pyramid

_AT_ONCE = 3  # tiles of one turn; then what is in sight is asked again


class TileFetcher(QObject):
    """One turn at a time: what is in sight is asked for again with each frame, so nothing waits."""

    said = Signal(str)

    def __init__(self, tasks: Tasks, canvas: Canvas, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._reading = LatestWins(tasks, owner=self)
        self._broken: WeakKeyDictionary[Pyramid, set[Key]] = WeakKeyDictionary()
        canvas.tiles.ask = self.ask

    def ask(self, pyramid: Pyramid, keys: list[Key]) -> None:
        """These tiles are in sight."""
        broken = self._broken.get(pyramid, set())
        wanted = [key for key in keys if key not in broken][:_AT_ONCE]
        if self._reading.busy or not wanted:
            return
        left = list(wanted)
        self._reading.request(
            partial(_fetch, pyramid, left),
            lambda _result: self._canvas.viewport().update(),
            lambda error: self._failed(pyramid, left[0], error),
        )

    def _failed(self, pyramid: Pyramid, key: Key, error: BaseException) -> None:
        """A damaged piece stays as coarse as it is, and it is said once, whatever was wrong."""
        self._broken.setdefault(pyramid, set()).add(key)
        if not isinstance(error, ImageError | OSError | MemoryError):
            self._canvas.viewport().update()
            raise error
        self.said.emit(error.message if isinstance(error, ImageError) else str(error))
        self._canvas.viewport().update()


def _fetch(pyramid: Pyramid, left: list[Key], control: Control) -> None:
    """Read tiles, each leaving the list when it is there: the first that is left has failed."""
    while left and not control.cancelled():
        pyramid.fetch(*left[0])
        left.pop(0)
