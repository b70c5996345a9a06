"""GrabCut: drag a loose box, the object inside stands out; strokes put it right."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from cvstudio.core.geometry import Box
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.outlines import rect_of
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.tools.base import CLICK, Pointer, Surface
from cvstudio.gui.label.tools.region import RegionTool
from cvstudio.gui.label.tools.stroke import WIDTH, Stroke
from cvstudio.gui.tasks import Control
from cvstudio.imaging.regions import grabcut
from cvstudio.imaging.regions.view import Place, Region, Sight

INCLUDE, EXCLUDE = QColor("#35C46A"), QColor("#F0524D")


class GrabCutTool(RegionTool):
    """Finds what stands out inside a box; strokes say what belongs to it and what does not."""

    name = "grabcut"
    word = "GrabCut"

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self._corner: tuple[float, float] | None = None
        self._box: Box | None = None
        self._strokes: list[Stroke] = []
        self._stroke: Stroke | None = None
        self._sight: Sight | None = None
        self._place: Place | None = None

    @property
    def busy(self) -> bool:
        return self._box is not None or super().busy

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        sight = self.ready()
        if sight is None:
            return
        point = self.on_image(pointer.x, pointer.y)
        if self._box is None:
            self._corner, self._box = point, Box(*point, 0, 0)
            self._sight = sight
        elif self._place is not None:
            width = WIDTH / self.surface.scale
            self._stroke = Stroke([point], width, 0 if pointer.opposite else 1)
        self.surface.repaint()

    def move(self, pointer: Pointer, *, held: bool) -> None:
        point = self.on_image(pointer.x, pointer.y)
        if self._corner is not None and held:
            self._box = Box.from_corners(*self._corner, *point)
        elif self._stroke is not None and held:
            self._stroke.points.append(point)
        else:
            return
        self.surface.repaint()

    def release(self, pointer: Pointer) -> None:
        if self._corner is not None:
            self._corner = None
            self._begin()
        elif self._stroke is not None:
            self._strokes.append(self._stroke)
            self._stroke = None
            self._ask()
        self.surface.repaint()

    def step_back(self) -> bool:
        if self._strokes:
            self._finishing = None
            self.thinking.drop()
            self._strokes.pop()
            self._ask()
            return True
        return self.cancel()

    def clear(self) -> None:
        self._corner, self._box, self._place, self._sight = None, None, None, None
        self._strokes, self._stroke = [], None
        super().clear()

    def hint(self) -> str:
        if self._box is None:
            return "Drag a loose box around the object · Space + drag pans"
        return "Stroke over what is missing · Alt or Ctrl: too much · Enter keeps · Esc drops"

    # -- the cut

    def _begin(self) -> None:
        box, sight = self._box, self._sight
        assert box is not None
        assert sight is not None
        place = sight.place(
            grabcut.area_around(box), scale=self.surface.scale, most=grabcut.MOST_PIXELS
        )
        if place is None or min(box.w, box.h) * self.surface.scale < CLICK:
            self.surface.say("Drag a box around the object")
            self.clear()
            return
        self._place = place
        self.surface.say("Looking for the object…")
        self._ask()

    def _ask(self) -> None:
        box, sight, place = self._box, self._sight, self._place
        if box is None or sight is None or place is None:
            return
        strokes = tuple(self._strokes)

        def find(_control: Control) -> Region | None:
            view = self.views.take(sight, place)
            shape = view.rgb.shape[:2]
            include, exclude = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
            for stroke in strokes:  # the later one wins
                stroke.draw(exclude, place, 1 - stroke.number)
                stroke.draw(include, place, stroke.number)
            inside = (
                round((box.x - place.x) / place.step), round((box.y - place.y) / place.step),
                round((box.right - place.x) / place.step),
                round((box.bottom - place.y) / place.step),
            )  # fmt: skip
            return Region.of(grabcut.cut(view.rgb, inside, include=include, exclude=exclude), place)

        self.thinking.request(find, self._found, self.failed)

    def _found(self, region: Region | None) -> None:
        self.show(region)
        if region is None:
            self.surface.say("Nothing stands out. Leave some surroundings around the box")
        else:
            self.surface.say("")  # the hint tells how to go on
        self.answered()

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        super().paint(painter, exposed)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for stroke in [*self._strokes, *([self._stroke] if self._stroke else [])]:
            stroke.paint(painter, INCLUDE if stroke.number else EXCLUDE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if self._box is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for pen in (
                cosmetic(CASING, width=3),
                cosmetic(self.document.colour(), dashes=[4.0, 4.0]),
            ):
                painter.setPen(pen)
                painter.drawRect(rect_of(self._box))
