"""What every tool is: a gesture that gets the pointer in image pixels and keeps its own draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from cvstudio.core.annotation import Annotation, Shape
from cvstudio.core.geometry import Box
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.mask_picture import MaskPictures
from cvstudio.gui.label.tools.options import ToolOptions
from cvstudio.imaging.regions.view import Sight

CLICK = 4.0
"""Screen pixels up to which a press and a release are a click and not a drag."""

REACH = 6.0
"""Screen pixels around a handle, a point or an outline that still take it."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the pointer is, in pixels of the image, and the keys that are held."""

    x: float
    y: float
    shift: bool = False
    ctrl: bool = False
    alt: bool = False

    @property
    def opposite(self) -> bool:
        """Whether the keys ask for the other way round: Alt, or Ctrl where the window manager
        keeps Alt and the mouse for moving windows."""
        return self.alt or self.ctrl


class Surface(Protocol):
    """What a tool may ask of the canvas."""

    @property
    def scale(self) -> float:
        """Screen pixels per image pixel."""

    @property
    def pictures(self) -> MaskPictures:
        """The decoded masks."""

    def repaint(self, box: Box | None = None, *, margin: float = 0) -> None:
        """Draw again a rectangle of the image, grown by screen pixels; everything for None."""

    def drafts_changed(self) -> None:
        """The tool's `drafts` hold other annotations than before."""

    def point_with(self, cursor: Qt.CursorShape) -> None:
        """Show another cursor."""

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by screen pixels."""

    def say(self, text: str) -> None:
        """Show one sentence in the status bar."""

    def visible(self) -> QRectF:
        """The part of the image's plane that is on the screen."""

    def sight(self) -> Sight | None:
        """The open image as it is displayed now, for tools that look at pixels; None while it is
        being read."""


class Tool:
    """A tool that does nothing. `drafts` are annotations whose shape the tool is changing: they
    are drawn as the tool says instead of as they are stored."""

    name = ""
    drawn: ClassVar[str] = "Change"
    """What its draft is, for a message: "Polygon" is kept or dropped."""
    cursor = Qt.CursorShape.CrossCursor
    options_type: ClassVar[type[ToolOptions] | None] = None
    """The widget in the options bar that shows the tool's settings; None when it has none."""
    sees_pixels: ClassVar[bool] = False
    """Whether it works on the picture as it is displayed, so that Display changes its result."""

    def __init__(self, document: Document, surface: Surface) -> None:
        self.document = document
        self.surface = surface
        self.drafts: dict[int, Shape] = {}

    @property
    def busy(self) -> bool:
        """Whether there is a draft that Esc would drop."""
        return bool(self.drafts)

    @property
    def ripe(self) -> bool:
        """Whether the draft is a shape already, so that going on keeps it."""
        return False

    @property
    def lacks(self) -> str:
        """Why a draft that is not ripe is dropped, behind its name: "it needs three points"."""
        return "it was not finished"

    @property
    def leaving(self) -> str:
        """What going on does to the draft, for the status bar; "" without one."""
        if not self.busy:
            return ""
        return "Leaving keeps it" if self.ripe else "Leaving drops it"

    def left_behind(self) -> str:
        """What stays with the image that is left and waits there, told once; "" for nothing."""
        return ""

    @property
    def takes_right(self) -> bool:
        """Whether the right button is part of the gesture; else it opens the context menu."""
        return False

    @property
    def hides(self) -> frozenset[int]:
        """Annotations that the canvas must not draw while the tool does."""
        return frozenset(self.drafts)

    @property
    def own_keys(self) -> frozenset[Qt.Key]:
        """Plain keys that are for the tool before they are for the window."""
        return frozenset()

    def own_key(self, key: Qt.Key) -> None:
        """One of `own_keys` was pressed."""

    def press(self, pointer: Pointer) -> None:
        """The left button went down."""

    def press_right(self, pointer: Pointer) -> None:
        """The right button went down, where the tool `takes_right`."""

    def move(self, pointer: Pointer, *, held: bool) -> None:
        """The pointer moved; `held` says whether the left button is down."""

    def release(self, pointer: Pointer) -> None:
        """The left button went up."""

    def double_click(self, pointer: Pointer) -> None:
        """The left button went down a second time at the same place."""
        self.press(pointer)

    @property
    def nudges(self) -> bool:
        """Whether Shift and the arrow keys are for the tool now."""
        return False

    def nudge(self, dx: float, dy: float) -> None:
        """Shift and an arrow key: move what the tool holds by that many pixels of the image."""

    def finish(self) -> bool:
        """Enter: complete the draft. False when there was nothing to complete."""
        return False

    def step_back(self) -> bool:
        """Backspace, or Ctrl+Z in the middle of a draft: take its last point back."""
        return False

    def cancel(self) -> bool:
        """Esc: drop the draft. False when there was none."""
        had = self.busy
        self.drafts = {}
        if had:
            self.surface.drafts_changed()
            self.surface.repaint()
        return had

    def settle(self) -> None:
        """The image or the tool is about to change: keep a draft that is ripe, drop others.

        A draft that could not be stored stays; the canvas stays with it then (Canvas.settle).
        """
        before = self.document.failures
        if self.ripe:
            self.finish()
        if self.document.failures == before:
            self.cancel()

    def leave(self) -> None:
        """The pointer left the canvas."""

    def wheel(self, steps: float) -> bool:
        """Ctrl and the wheel; True when the tool has used it."""
        return False

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the draft, in image coordinates; `exposed` is what has to be drawn again."""

    def hint(self) -> str:
        """What the keys do now, for the status bar."""
        return "Space + drag pans"

    def note(self) -> str:
        """A sentence for the options bar when the next gesture does more than is plain."""
        return ""

    def fill_options(self, options: ToolOptions) -> None:
        """Show the settings in the widget, which is one of `options_type`."""

    def on_image(self, x: float, y: float) -> tuple[float, float]:
        """The nearest point on the image."""
        width, height = self.document.size
        return min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))

    def selected(self) -> Annotation | None:
        """The selected annotation when there is just one with a shape."""
        return self.document.only_selected()
