"""What tools that find a region share: its preview, steps back, and how it is kept."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from cvstudio.core.opencv import cv2
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.keeping import TOO_LARGE, Keeper, too_large
from cvstudio.gui.label.mask_picture import MaskPicture
from cvstudio.gui.label.outlines import qpolygon
from cvstudio.gui.label.pens import CASING, cosmetic
from cvstudio.gui.label.tools.base import Surface, Tool
from cvstudio.gui.label.tools.thinking import LastView, thinking
from cvstudio.imaging.regions.view import Region, Sight

NO_PICTURE = "The image is still being read"

_OPACITY = 0.4
_MOST_POINTS = 40_000  # of an outline that is drawn; a noisier region is shown by its fill alone


class RegionPicture:
    """A region ready for the painter: its fill, and the line around it."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self._fill = MaskPicture(region.patch)
        rings, _ = cv2.findContours(region.patch, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        few = sum(len(ring) for ring in rings) <= _MOST_POINTS
        self._lines: list[QPolygonF] = []
        for ring in rings if few else ():
            line = qpolygon(ring.reshape(-1, 2).astype(np.float64) + 0.5)
            line.append(line.first())
            self._lines.append(line)

    def paint(
        self, painter: QPainter, exposed: QRectF, *, scale: float, colour: QColor,
        opacity: float = _OPACITY,
    ) -> None:  # fmt: skip
        """Draw it in image coordinates; `scale` is in screen pixels per pixel of the image."""
        region = self.region
        painter.save()
        painter.translate(region.x, region.y)
        painter.scale(region.step, region.step)
        seen = QRectF(
            (exposed.x() - region.x) / region.step, (exposed.y() - region.y) / region.step,
            exposed.width() / region.step, exposed.height() / region.step,
        )  # fmt: skip
        self._fill.draw(
            painter, seen, x=0, y=0, scale=scale * region.step, colour=colour, opacity=opacity
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (cosmetic(CASING, width=3), cosmetic(colour, width=1)):
            painter.setPen(pen)
            for line in self._lines:
                painter.drawPolyline(line)
        painter.restore()


class RegionTool(Tool):
    """Finds a region of the current class and shows it; Enter keeps it, Esc drops it."""

    drawn = "Region"
    sees_pixels = True
    word = "Find region"
    """What the step is called in the history."""

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self.thinking = thinking(document)
        self.keeper = Keeper(document, self.thinking, surface.say)
        self.views = LastView()
        self._picture: RegionPicture | None = None
        self._before: list[Region | None] = []
        self._finishing: int | None = None
        """The class that Enter was pressed for while a thread is still looking."""

    @property
    def region(self) -> Region | None:
        """What has been found so far."""
        return self._picture.region if self._picture is not None else None

    @property
    def busy(self) -> bool:
        return self.region is not None or self.thinking.busy

    @property
    def ripe(self) -> bool:
        return self._finishing is not None or self.region is not None

    @property
    def lacks(self) -> str:
        if self.region is not None and too_large([(0, self.region)]):
            return "it is too large for one mask"
        return "nothing was found yet"

    def show(self, region: Region | None) -> None:
        """Show what has been found, in place of what was shown."""
        self._picture = RegionPicture(region) if region is not None else None
        self.surface.repaint()

    def remember(self) -> None:
        """Backspace comes back to what is shown now."""
        self._before.append(self.region)

    def ready(self) -> Sight | None:
        """The picture to look at when a region can be drawn now.

        What Enter was pressed for is kept before that: the next click begins another region.
        """
        self._settle_confirmed()
        sight = self.surface.sight()
        if sight is None:
            self.surface.say(NO_PICTURE)
        elif self.document.ready_to_draw():
            return sight
        return None

    def add(self, found: Region | None, *, to: Region | None, subtract: bool) -> Region | None:
        """What was there with the new one, or without it."""
        if found is None or to is None:
            return to if subtract or found is None else found
        return to.without(found) if subtract else to.joined(found)

    # -- the draft's end

    def finish(self) -> bool:
        class_id = self.document.class_id
        if not self.thinking.busy and self.region is None:
            return False
        if class_id is None:
            self.document.class_wanted.emit()
        elif self.region is not None and too_large([(class_id, self.region)]):
            self.surface.say(TOO_LARGE)
        elif self._finishing is None:
            self._finishing = class_id  # kept as soon as it is there
            self.answered()
        return True

    def answered(self) -> None:
        """A thread has answered; Enter may have been waiting for that."""
        class_id, region = self._finishing, self.region
        if class_id is None or self.thinking.busy:
            return
        if region is None:
            self._finishing = None
            return
        self.keeper.keep(
            [(class_id, region)], label=self.word, stored=self.clear, failed=self._unconfirm
        )

    def _unconfirm(self) -> None:
        """Nothing is kept before Enter is pressed again."""
        self._finishing = None

    def failed(self, error: BaseException) -> None:
        """A thread could not answer."""
        self._unconfirm()
        self.document.studio.tasks.tell(self.thinking.title, error)

    def step_back(self) -> bool:
        if not self._before:
            return False
        self._finishing = None
        self.thinking.drop()
        self.show(self._before.pop())
        return True

    def cancel(self) -> bool:
        had = self.busy
        self.clear()
        return had

    def settle(self) -> None:
        """Regions that were clicked together are work: what has been found is kept, and what Enter
        was pressed for is waited for."""
        before = self.document.failures
        self._settle_confirmed()
        if self.document.failures == before:
            self.thinking.drop()
            self.finish()
            self._settle_confirmed()
        if self.document.failures == before:
            self.cancel()

    def _settle_confirmed(self) -> None:
        """Wait for what is looked at, and for what is stored then."""
        while self._finishing is not None and self.thinking.busy:
            self.thinking.settle()

    def clear(self) -> None:
        """Forget the draft."""
        self.thinking.drop()
        self.views.forget()
        self._finishing = None
        self._before = []
        self.show(None)

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        if self._picture is not None:
            self._picture.paint(
                painter, exposed, scale=self.surface.scale, colour=self.document.colour()
            )
