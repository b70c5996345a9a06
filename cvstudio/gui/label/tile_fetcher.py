"""Reads the tiles that are in sight from a file that is too large to be held, in a thread."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from cvstudio.core.errors import ImageError
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.tile_painter import Key
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.imaging.tiles import Pyramid

_AT_ONCE = 3  # tiles of one turn; then what is in sight is asked again


class TileFetcher(QObject):
    """One turn at a time: while the view moves on, older wishes are forgotten."""

    said = Signal(str)

    def __init__(self, tasks: Tasks, canvas: Canvas, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks, self._canvas = tasks, canvas
        self._working = False
        self._broken: set[tuple[int, Key]] = set()
        canvas.tiles.ask = self.ask

    def ask(self, pyramid: Pyramid, keys: list[Key]) -> None:
        """These tiles are in sight."""
        wanted = [key for key in keys if (id(pyramid), key) not in self._broken]
        if self._working or not wanted:
            return
        self._working = True
        self._tasks.run(
            partial(_fetch, pyramid, wanted[:_AT_ONCE]),
            done=lambda _result: self._over(),
            failed=partial(self._failed, pyramid, wanted[:_AT_ONCE]),
            owner=self,
        )

    def _over(self) -> None:
        self._working = False
        self._canvas.viewport().update()

    def _failed(self, pyramid: Pyramid, keys: list[Key], error: BaseException) -> None:
        """A damaged piece stays as coarse as it is, and it is said."""
        self._working = False
        if not isinstance(error, ImageError | OSError | MemoryError):
            raise error
        self._broken.update((id(pyramid), key) for key in keys)
        self.said.emit(error.message if isinstance(error, ImageError) else str(error))
        self._canvas.viewport().update()


def _fetch(pyramid: Pyramid, keys: list[Key], control: Control) -> None:
    for key in keys:
        if control.cancelled():
            return
        pyramid.fetch(*key)
