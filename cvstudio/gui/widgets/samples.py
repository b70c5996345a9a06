"""Three cards with painted pictures, each of which becomes a sample project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.palette import class_colours
from cvstudio.gui import theme
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets.pixels import to_image
from cvstudio.gui.widgets.section import label, link


@dataclass(frozen=True)
class Sample:
    """A sample: its key, its task, and its words."""

    key: str
    task: Task
    title: str
    text: str


SAMPLES = (
    Sample("cells", Task.DETECT, "Cells", "120 images, boxes"),
    Sample("regions", Task.SEGMENT, "Cell regions", "60 images, masks"),
    Sample("tissues", Task.CLASSIFY, "Tissues", "150 images, 3 classes"),
)

PICTURE = QSize(112, 94)


class SampleCard(QFrame):
    """One sample: a picture, its words, and the link that opens it."""

    pressed = Signal()

    def __init__(self, sample: Sample) -> None:
        super().__init__()
        theme.mark(self, card=True)
        self.sample = sample
        self.setFixedHeight(PICTURE.height() + 2)
        self._picture: QImage | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(PICTURE.width() + 10, 8, 2, 6)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(label(sample.title, "section"))
        column.addWidget(label(sample.text, "caption"))
        column.addStretch(1)
        self.open = link("Open as a new project", self.pressed.emit)
        self.open.setAccessibleName(f"Open the sample {sample.title} as a new project")
        column.addWidget(self.open)
        row.addLayout(column)

    def set_picture(self, picture: QImage) -> None:
        """Show a picture at the left of the card."""
        self._picture = picture
        self.update()

    def paintEvent(self, event: Any) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(1, 1, PICTURE.width(), PICTURE.height())
        clip = QPainterPath()
        clip.addRoundedRect(area.adjusted(0, 0, 6, 0), 5, 5)
        painter.setClipPath(clip)
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.fillRect(area, theme.colour("canvas"))
        if self._picture is not None:
            painter.drawImage(area, self._picture)


class SampleCards(QWidget):
    """The three cards side by side; `chosen("cells")`. Pictures are painted in a thread."""

    chosen = Signal(str)

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        self.cards: list[SampleCard] = []
        self._tasks, self._asked = tasks, False
        for sample in SAMPLES:
            card = SampleCard(sample)
            card.pressed.connect(lambda key=sample.key: self.chosen.emit(key))
            self.cards.append(card)
            row.addWidget(card, 1)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if not self._asked:
            self._asked = True
            self._tasks.run(lambda control: _paint(control, class_colours()),
                            done=self._painted, owner=self)  # fmt: skip

    def _painted(self, pictures: list[QImage]) -> None:
        for card, picture in zip(self.cards, pictures, strict=True):
            card.set_picture(picture)


def _paint(control: Control, colours: Sequence[str]) -> list[QImage]:
    from cvstudio.core.masks import Mask
    from cvstudio.imaging.synthetic import paint_cells, paint_tissue

    width, height = 2 * PICTURE.width(), 2 * PICTURE.height()
    cells = paint_cells(3, width=width // 2, height=height // 2, count=7)
    boxes = to_image(cells.rgb).scaled(width, height)
    painter = QPainter(boxes)
    for item in cells.objects:
        painter.setPen(QColor(colours[item.kind]))
        mask = Mask.from_patch(item.mask)
        if mask is not None:
            painter.drawRect(2 * mask.x, 2 * mask.y, 2 * mask.w, 2 * mask.h)
    painter.end()
    control.check()
    regions = paint_cells(8, width=width // 2, height=height // 2, count=8)
    tinted = regions.rgb.astype(np.float32)
    for item in regions.objects:
        colour = QColor(colours[item.kind])
        rgb = np.array([colour.red(), colour.green(), colour.blue()], np.float32)
        tinted[item.mask > 0] = 0.5 * tinted[item.mask > 0] + 0.5 * rgb
    control.check()
    side = width // 2
    patches = [paint_tissue(5, kind, side=side).rgb for kind in (0, 1, 2, 0)]
    grid = np.vstack([np.hstack(patches[:2]), np.hstack(patches[2:])])
    tissues = grid[: 2 * (height // 2), :]
    return [boxes, to_image(tinted.astype(np.uint8)), to_image(tissues)]
