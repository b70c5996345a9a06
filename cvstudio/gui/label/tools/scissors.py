"""Intelligent scissors: click along an edge, and the line between the clicks follows it."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from cvstudio.core import outlines
from cvstudio.core.geometry import Polygon
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.outlines import qpolygon
from cvstudio.gui.label.pens import CASING, cosmetic, paint_set_points
from cvstudio.gui.label.tools.base import REACH, Pointer, Surface, Tool
from cvstudio.gui.label.tools.region import NO_PICTURE
from cvstudio.gui.label.tools.thinking import thinking
from cvstudio.imaging.regions.scissors import (
    MOST_PIXELS,
    LiveWire,
    Path,
    area_for,
    simplified,
)
from cvstudio.imaging.regions.view import Place, Sight

Point = tuple[float, float]

_FEWEST = 3  # points
_OFF = 1.0  # screen pixels that the polygon may lie beside the path


class ScissorsTool(Tool):
    """Draws a polygon of the current class along edges of the picture."""

    name = "scissors"
    drawn = "Polygon"
    sees_pixels = True

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._anchors: list[Point] = []
        self._paths: list[Path] = []
        self._pointer: Point | None = None
        self._live: Path | None = None
        self._wire: LiveWire | None = None
        self._asked: Place | None = None
        self._thinking = thinking(document)
        self._missing = 0
        self._draft = 0
        self._closing = False

    @property
    def busy(self) -> bool:
        return bool(self._anchors)

    @property
    def ripe(self) -> bool:
        return len(self._anchors) >= _FEWEST or self._closing

    @property
    def lacks(self) -> str:
        return "it encloses nothing" if self.ripe else "it needs three points"

    @property
    def anchors(self) -> tuple[Point, ...]:
        """The points that were clicked."""
        return tuple(self._anchors)

    @property
    def line(self) -> Path:
        """The whole line of the draft so far, (n, 2), without its live end."""
        return np.concatenate([np.array(self._anchors[:1]).reshape(-1, 2), *self._paths])

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        if self._closing:
            return
        if self.surface.sight() is None:
            self.surface.say(NO_PICTURE)
            return
        if not self._anchors and not self.document.ready_to_draw():
            return
        point = self._inside(pointer)
        if self._closes(pointer):
            self.finish()
            return
        if self._anchors:
            self._append(point)
        self._anchors.append(point)
        self._wire, self._asked, self._live = None, None, None
        self._thinking.drop()
        self._pointer = point
        self._follow(point)
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        if not self._anchors or self._closing:
            return
        self._pointer = self._inside(pointer)
        self._follow(self._pointer)
        self.surface.repaint()

    def double_click(self, pointer: Pointer) -> None:
        """The first press of the double-click has set the last point already."""
        self.finish()

    def finish(self) -> bool:
        if not self._anchors or self._closing:
            return self._closing
        if len(self._anchors) < 2:
            self.surface.say("Click at least two points along the edge")
            return True
        self._closing = True
        self._append(self._anchors[0])
        if not self._missing:
            self._commit()
        return True

    def step_back(self) -> bool:
        if not self._anchors:
            return False
        pointer = self._pointer
        if self._closing:
            self._closing = False  # the way back to the first point is what is taken back
        else:
            self._anchors.pop()
        self._paths = self._paths[: max(len(self._anchors) - 1, 0)]
        self._wire, self._asked, self._live = None, None, None
        self._thinking.drop()
        if self._anchors and pointer is not None:
            self._follow(pointer)
        self.surface.repaint()
        return True

    def cancel(self) -> bool:
        had = self.busy
        self._thinking.drop()
        self._draft += 1
        self._anchors, self._paths = [], []
        self._wire, self._asked, self._live = None, None, None
        self._missing, self._closing = 0, False
        self.surface.repaint()
        return had

    def settle(self) -> None:
        """Points that were clicked are work: an outline that can be closed is kept, with straight
        lines where the picture has not been looked at yet."""
        before = self.document.failures
        if len(self._anchors) >= _FEWEST and not self._closing:
            self._paths.append(np.array([self._anchors[-1], self._anchors[0]], np.float64))
            self._closing = True
        if self._closing:
            self._commit()
        if self.document.failures == before:
            self.cancel()

    def hint(self) -> str:
        if not self._anchors:
            return "Click along an edge · Space + drag pans"
        return "Enter or first point closes · Backspace takes a point back · Esc drops"

    # -- paths along edges

    def _follow(self, point: Point) -> None:
        """Lead the live line to the pointer; where no path is known yet it is straight."""
        start = self._anchors[-1]
        if self._wire is not None and self._wire.place.holds(*point):
            self._live = self._wire.path(point)
            return
        self._live = np.array([start, point], np.float64)
        sight = self.surface.sight()
        if sight is None or (self._asked is not None and self._asked.holds(*point)):
            return
        place = self._place(sight, start, point)
        if place is not None:
            self._asked = place
            self._thinking.request(
                lambda _control: LiveWire(sight.take(place), start), self._mapped
            )

    def _mapped(self, wire: LiveWire) -> None:
        if not self._anchors or wire.start != self._anchors[-1]:
            return
        self._wire = wire
        if self._pointer is not None and not self._closing:
            self._follow(self._pointer)
            self.surface.repaint()

    def _append(self, end: Point) -> None:
        """Add the path from the last anchor to a point; a straight line until it is known."""
        start = self._anchors[-1]
        if self._wire is not None and self._wire.place.holds(*end):
            self._paths.append(self._wire.path(end))
            return
        straight = np.array([start, end], np.float64)
        self._paths.append(straight)
        sight = self.surface.sight()
        place = self._place(sight, start, end) if sight is not None else None
        if sight is None or place is None:
            return
        self._missing += 1
        self.document.studio.tasks.run(
            lambda _control: LiveWire(sight.take(place), start).path(end),
            title=self._thinking.title, owner=self.document,
            done=partial(self._filled, self._draft, straight),
            failed=partial(self._unfilled, self._draft, straight),
        )  # fmt: skip

    def _unfilled(self, draft: int, straight: Path, error: BaseException) -> None:
        """No path could be found: the line stays straight, and the outline can be closed."""
        self.document.studio.tasks.tell(self._thinking.title, error)
        self._filled(draft, straight, straight)

    def _filled(self, draft: int, straight: Path, path: Path) -> None:
        """A path that was missing is known; its draft may be over, or its point taken back."""
        if draft != self._draft:
            return
        self._missing -= 1
        self._paths = [path if each is straight else each for each in self._paths]
        if self._closing and not self._missing:
            self._commit()
        self.surface.repaint()

    def _place(self, sight: Sight, start: Point, end: Point) -> Place | None:
        area = area_for(start, end, scale=self.surface.scale)
        return sight.place(area, scale=self.surface.scale, most=MOST_PIXELS)

    def _inside(self, pointer: Pointer) -> Point:
        """The nearest point that lies on a pixel of the image."""
        x, y = self.on_image(pointer.x, pointer.y)
        width, height = self.document.size
        return min(x, width - 1e-3), min(y, height - 1e-3)

    def _commit(self) -> None:
        off = max(1.0, _OFF / self.surface.scale)
        ring = np.concatenate([simplified(path, off=off)[:-1] for path in self._paths])
        keep = np.any(np.abs(ring - np.roll(ring, 1, axis=0)) > 1e-6, axis=1)
        ring = ring[keep]
        # Two paths along one edge may cross each other by a pixel.
        polygon = outlines.repaired(Polygon.simple(ring)) if len(ring) >= _FEWEST else Polygon(())
        if polygon.area < 1:
            self.cancel()
            self.surface.say("That outline encloses nothing and was not kept")
        elif self.document.add(polygon, label="Add polygon") is not None:
            self.cancel()  # not before it is stored
        else:
            self._closing = False
            self._paths = self._paths[: len(self._anchors) - 1]
            self.surface.repaint()

    def _closes(self, pointer: Pointer) -> bool:
        """Whether a click is on the first point of something that can be closed."""
        if len(self._anchors) < 2:
            return False
        x, y = self._anchors[0]
        reach = (REACH + 2) / self.surface.scale
        return abs(pointer.x - x) <= reach and abs(pointer.y - y) <= reach

    # -- the draft's look

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if not self._anchors:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        lines = [qpolygon(self.line)]
        if self._live is not None:
            lines.append(qpolygon(self._live))
        for pen in (cosmetic(CASING, width=4), cosmetic(self.document.colour(), width=2)):
            painter.setPen(pen)
            for line in lines:
                painter.drawPolyline(line)
        if self._pointer is not None and len(self._anchors) > 1 and not self._closing:
            painter.setPen(cosmetic(self.document.colour(), dashes=[4.0, 4.0]))
            painter.drawLine(QLineF(QPointF(*self._pointer), QPointF(*self._anchors[0])))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        closes = len(self._anchors) > 1
        paint_set_points(painter, self._anchors, self.surface.scale, closes=closes)
