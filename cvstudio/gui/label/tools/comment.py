"""Comment: click a place to say something about it, or a pin to read what was said; drag a pin to
another place."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt

from cvstudio.gui.label.tools.base import CLICK, Pointer, Tool


class Keeper(Protocol):
    """Who keeps the comments; places are in pixels of the image."""

    def at(self, x: float, y: float) -> None:
        """A place, or the pin there, was clicked."""

    def grab(self, x: float, y: float) -> bool:
        """Take the pin at a place in hand; False when there is none that may be moved."""

    def drag(self, x: float, y: float) -> None:
        """Show the pin in hand at another place."""

    def drop(self) -> None:
        """Keep the pin where it is shown."""

    def let_go(self) -> None:
        """Show the pin where it was."""

    def nudge(self, dx: float, dy: float) -> None:
        """Move the pin that was looked at last."""


class CommentTool(Tool):
    """Its gestures go to whoever keeps the comments; the tool draws and changes nothing itself."""

    name = "comment"
    drawn = "Move"
    cursor = Qt.CursorShape.PointingHandCursor
    keeper: Keeper | None = None
    _from: tuple[float, float] | None = None
    """Where the button went down; None when it has been answered."""
    _grabbed = False
    _moving = False

    @property
    def busy(self) -> bool:
        return self._moving

    def press(self, pointer: Pointer) -> None:
        self._from = (pointer.x, pointer.y)
        self._grabbed = self.keeper is not None and self.keeper.grab(pointer.x, pointer.y)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if self.keeper is None or self._from is None or not (held and self._grabbed):
            return
        away = max(abs(pointer.x - self._from[0]), abs(pointer.y - self._from[1]))
        if self._moving or away * self.surface.scale > CLICK:
            self._moving = True
            self.keeper.drag(*self._inside(pointer))

    def release(self, pointer: Pointer) -> None:
        if self.keeper is None or self._from is None:
            return
        moving, self._moving, self._from = self._moving, False, None
        if moving:
            self.keeper.drop()
        elif self._grabbed or (pointer.x, pointer.y) == self._inside(pointer):
            self.keeper.at(pointer.x, pointer.y)

    def double_click(self, pointer: Pointer) -> None:
        """The first click has opened the dialog."""

    def nudge(self, dx: float, dy: float) -> None:
        if self.keeper is not None:
            self.keeper.nudge(dx, dy)

    def cancel(self) -> bool:
        had, self._moving, self._from = self._moving, False, None
        if had and self.keeper is not None:
            self.keeper.let_go()
        return had

    def _inside(self, pointer: Pointer) -> tuple[float, float]:
        """The place on the image, short of its last border: a pin marks a pixel."""
        width, height = self.document.size
        x, y = min(max(pointer.x, 0.0), width - 1e-3), min(max(pointer.y, 0.0), height - 1e-3)
        return x, y

    def hint(self) -> str:
        return "Click a place to comment on it, or a pin to read · drag moves a pin"
