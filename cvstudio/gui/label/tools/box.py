"""Box: drag from corner to corner, click twice, or click the four extreme points."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.geometry import Box
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.outlines import rect_of
from cvstudio.gui.label.pens import CASING, cosmetic, paint_set_points
from cvstudio.gui.label.tools.base import CLICK, Pointer, Surface, Tool
from cvstudio.gui.label.tools.options import ToolOptions
from cvstudio.gui.label.training_words import note_of_boxes
from cvstudio.gui.widgets.section import Segments

_GUIDE = QColor(255, 255, 255, 150)
_EXTREMES = 4


class BoxOptions(ToolOptions):
    """How a box is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.way = Segments(
            ("Corners", "Extreme points"),
            tips=(
                "Drag from corner to corner, or click both",
                "Click the object's highest, lowest, leftmost and rightmost point, in any order",
            ),
        )
        self.row.addWidget(self.way)
        self.tool: BoxTool | None = None
        self.way.chosen.connect(self._set)

    def _set(self, index: int) -> None:
        if self.tool is not None:
            self.tool.cancel()
            self.tool.by_extremes = index == 1
            self.changed.emit()


class BoxTool(Tool):
    """Draws a box of the current class. Shift makes it a square."""

    name = "box"
    drawn = "Box"
    options_type = BoxOptions

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._corner: tuple[float, float] | None = None
        self._box = Box(0, 0, 0, 0)
        self._clicked = False
        self._pointer: Pointer | None = None
        self.by_extremes = False
        """Whether four clicks on the object's edge make the box."""
        self._extremes: list[tuple[float, float]] = []

    @property
    def busy(self) -> bool:
        return self._corner is not None or bool(self._extremes)

    @property
    def ripe(self) -> bool:
        """A drag is a box already, as if the button went up now; one click is none."""
        dragged = max(self._box.w, self._box.h) * self.surface.scale >= CLICK
        return self._corner is not None and not self._clicked and dragged

    @property
    def lacks(self) -> str:
        if self._extremes:
            return f"it has {len(self._extremes)} of its {_EXTREMES} extreme points"
        return "it is thinner than a pixel" if self.ripe else "it has only one corner"

    def finish(self) -> bool:
        if not self.ripe:
            return False
        self._commit()
        return True

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, BoxOptions)
        options.tool = self
        options.way.choose(1 if self.by_extremes else 0)

    def press(self, pointer: Pointer) -> None:
        if self.by_extremes:
            self._add_extreme(pointer)
            return
        if self._corner is not None:  # the second click
            self._stretch(pointer)
            self._commit()
            return
        if not self.document.ready_to_draw():
            return
        self._corner = self.on_image(pointer.x, pointer.y)
        self._clicked = False
        self._stretch(pointer)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        self._pointer = pointer
        if self._corner is not None:
            self._stretch(pointer)
        else:
            self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        if self._corner is None or self._clicked:
            return
        self._stretch(pointer)
        if max(self._box.w, self._box.h) * self.surface.scale < CLICK:
            self._clicked = True  # the opposite corner comes with the next click
            self.surface.say("Click the opposite corner, or Esc")
        else:
            self._commit()

    def double_click(self, pointer: Pointer) -> None:
        """The second press of a double-click is at the first corner: it is not a box."""
        if self._corner is None:
            self.press(pointer)

    def step_back(self) -> bool:
        if not self._extremes:
            return False
        self._extremes.pop()
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had, self._corner = self.busy, None
        self._extremes = []
        self.surface.repaint()
        return had

    def leave(self) -> None:
        self._pointer = None
        self.surface.repaint()

    def hint(self) -> str:
        if self.by_extremes:
            return "Click the four extreme points · Backspace takes a point back · Esc drops"
        return "Drag, or click two corners · Shift makes a square · Space + drag pans"

    def note(self) -> str:
        return note_of_boxes(self.document.task)

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._corner is not None:
            one = 1 / self.surface.scale
            rect = rect_of(self._box)
            painter.setPen(cosmetic(CASING))
            painter.drawRect(rect.adjusted(-one, -one, one, one))
            painter.setPen(cosmetic(self.document.colour(), width=2))
            painter.drawRect(rect)
        elif self._pointer is not None:
            self._paint_guides(painter, self._pointer)
        paint_set_points(painter, self._extremes, self.surface.scale)

    def _paint_guides(self, painter: QPainter, pointer: Pointer) -> None:
        """Hair lines through the pointer, to set the first corner flush with the object."""
        width, height = self.document.size
        if not (0 <= pointer.x <= width and 0 <= pointer.y <= height):
            return
        lines = [
            QLineF(0, pointer.y, width, pointer.y),
            QLineF(pointer.x, 0, pointer.x, height),
        ]
        painter.setPen(cosmetic(CASING))
        painter.drawLines(lines)
        painter.setPen(cosmetic(_GUIDE, dashes=[4.0, 4.0]))
        painter.drawLines(lines)

    def _add_extreme(self, pointer: Pointer) -> None:
        """One more of the four points; the last one makes the box around them."""
        if not self._extremes and not self.document.ready_to_draw():
            return
        self._extremes.append(self.on_image(pointer.x, pointer.y))
        if len(self._extremes) == _EXTREMES:
            xs, ys = zip(*self._extremes, strict=True)
            self._box = Box.from_corners(min(xs), min(ys), max(xs), max(ys))
            self._extremes = []
            self._commit()
            return
        left = _EXTREMES - len(self._extremes)
        self.surface.say(f"{left} of the four extreme points to go")
        self.surface.repaint()

    def _stretch(self, pointer: Pointer) -> None:
        assert self._corner is not None
        x0, y0 = self._corner
        x, y = self.on_image(pointer.x, pointer.y)
        if pointer.shift:
            side = min(abs(x - x0), abs(y - y0))
            x, y = x0 + (side if x >= x0 else -side), y0 + (side if y >= y0 else -side)
        self._box = Box.from_corners(x0, y0, x, y)
        self.surface.repaint()

    def _commit(self) -> None:
        box = self._box
        if min(box.w, box.h) < 1:
            self._corner = None
            self.surface.say("That box is thinner than one pixel and was not kept")
            self.surface.repaint()
        elif self.document.add(box, label="Add box") is not None:
            self._corner = None  # not before it is stored
        else:
            self._clicked = True  # the next click tries again
