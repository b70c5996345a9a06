"""Comment: click a place to say something about it, or a pin to read what was said."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt

from cvstudio.gui.label.tools.base import Pointer, Tool


class CommentTool(Tool):
    """A click goes to whoever keeps the comments; the tool draws and changes nothing itself."""

    name = "comment"
    cursor = Qt.CursorShape.PointingHandCursor

    placed: Callable[[float, float], None] | None = None
    """Called with a place of the image, in its pixels."""

    def release(self, pointer: Pointer) -> None:
        width, height = self.document.size
        inside = 0 <= pointer.x < width and 0 <= pointer.y < height
        if self.placed is not None and inside:
            self.placed(pointer.x, pointer.y)

    def hint(self) -> str:
        return "Click a place to comment on it, or a pin to read"
