"""While the smart tool is in hand: its network looks at the open image, and at the next ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from PySide6.QtCore import QObject

from cvstudio.core.wire import Message
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.navigation import ImageOrder
from cvstudio.gui.label.tools.smart import SmartTool
from cvstudio.imaging.regions import smart_view
from cvstudio.project import queries
from cvstudio.project.records import ImageRecord

NEXT = 3
"""How many images ahead."""


class LookingAhead(QObject):
    """Nobody waits for what is asked here: it gives way to every other request."""

    def __init__(
        self, document: Document, canvas: Canvas, order: ImageOrder, in_front: Callable[[], bool],
        page: QObject,
    ) -> None:  # fmt: skip
        super().__init__(page)
        self._document, self._canvas, self._order = document, canvas, order
        self._in_front = in_front
        self._waiting: list[ImageRecord] = []

    def begin(self) -> None:
        """Another image is shown, or another tool is in hand."""
        self._waiting = []
        tool = self._canvas.tool
        image = self._document.image
        if (
            not isinstance(tool, SmartTool) or tool.prompting.note
            or image is None or self._canvas.tiles.pyramid is None or not self._in_front()
        ):  # fmt: skip
            return
        tool.look()
        if not tool.by_view:
            with self._document.project.read() as session:
                following = self._order.following(image.id)[:NEXT]
                found = queries.images(session, following)
            self._waiting = [i for i in found if smart_view.fits(i.width, i.height)]
            self._next(tool)

    def _next(self, tool: SmartTool) -> None:
        image = self._document.image
        if not self._waiting or image is None or tool.prompting.note:
            return
        ahead = self._waiting[0]
        # It will be shown as the open one is, but for a window of its own.
        display = self._canvas.tiles.display
        if display.window in (None, image.window):
            display = replace(display, window=ahead.window)
        path = self._document.project.image_path(ahead)
        self._document.studio.live.request(
            "smart_ahead",
            {
                **tool.prompting.header(), "path": str(path), "page": ahead.page,
                "display": asdict(display),
            },
            done=lambda message: self._looked(tool, ahead, message), owner=self,
            failed=lambda text, hint: self._waiting.clear(),
        )  # fmt: skip

    def _looked(self, tool: SmartTool, image: ImageRecord, message: Message) -> None:
        wanted = image in self._waiting and self._canvas.tool is tool and self._in_front()
        if not wanted:
            return
        if not message.header["gave_way"]:
            self._waiting.remove(image)
        self._next(tool)
