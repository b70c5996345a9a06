"""Pan: move the image. Space and the middle button lend it to every other tool."""

from __future__ import annotations

from PySide6.QtCore import Qt

from cvstudio.gui.label.tools.base import Pointer, Tool


class PanTool(Tool):
    """Drags the image; the pointer stays on the same pixel of it."""

    name = "pan"
    cursor = Qt.CursorShape.OpenHandCursor

    _start: Pointer | None = None

    @property
    def busy(self) -> bool:
        return self._start is not None

    def press(self, pointer: Pointer) -> None:
        self._start = pointer
        self.surface.point_with(Qt.CursorShape.ClosedHandCursor)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if self._start is None:
            return
        scale = self.surface.scale
        self.surface.pan((pointer.x - self._start.x) * scale, (pointer.y - self._start.y) * scale)

    def release(self, pointer: Pointer) -> None:
        self._start = None
        self.surface.point_with(Qt.CursorShape.OpenHandCursor)

    def cancel(self) -> bool:
        had, self._start = self.busy, None
        return had
