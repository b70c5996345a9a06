"""The words at the foot of the window: the pixel under the pointer, what is selected, a hint."""

from __future__ import annotations

from PySide6.QtCore import QObject

from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layers.scale import known_size
from cvstudio.gui.label.levelling import HINT
from cvstudio.gui.label.words import besides, pixel_words, selection_words
from cvstudio.gui.workspace import Workspace


class Status(QObject):
    """Gathers them from canvas, document and tool; what was said last stands until it is over."""

    def __init__(self, document: Document, canvas: Canvas, page: Workspace) -> None:
        super().__init__(page)
        self._document, self._canvas, self._page = document, canvas, page
        self._pointed: tuple[float, float] | None = None
        self._said = ""
        canvas.pointed.connect(self._point)
        canvas.said.connect(self.say)
        canvas.unfinished.changed.connect(self.show)

    def say(self, text: str) -> None:
        """A sentence in the place of what is selected; "" ends it. Keys are named by their action,
        as in "{label.lock} unlocks"."""
        self._said = self._page.studio.actions.said(text)
        self.show()

    def show(self) -> None:
        """Something that the words are about is another one."""
        if self._document.image is None:
            self._page.set_status()
            return
        pyramid = self._canvas.tiles.pyramid
        known = known_size(self._document, pyramid)
        where, value = pixel_words(pyramid, self._pointed, self._document.size, known)
        tool = self._canvas.tool
        hint = self._page.studio.actions.said(tool.hint())
        if self._canvas.unfinished.waiting is tool and tool.leaving:
            hint += f" · {tool.leaving}"
        if tool.name == "select" and not self._document.selection:
            hint += f" · {HINT}"
        said = besides(self._said, hint) or selection_words(self._document, tool)
        self._page.set_status(where, value, said, right=hint)

    def _point(self, point: tuple[float, float] | None) -> None:
        self._pointed = point
        self.show()
