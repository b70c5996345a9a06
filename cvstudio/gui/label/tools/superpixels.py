"""Superpixels: the view falls into cells that follow edges; a click or a drag collects them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from cvstudio.core.geometry import Box
from cvstudio.core.masks import Patch
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import Pointer, Surface
from cvstudio.gui.label.tools.options import ToolOptions, number_field
from cvstudio.gui.label.tools.region import RegionPicture, RegionTool
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.section import label
from cvstudio.imaging.regions import superpixels
from cvstudio.imaging.regions.view import Place, Region, Sight

_LINES = QColor(255, 255, 255, 70)
_FINEST = 4.0  # pixels of the view that a cell's side has at least


@dataclass
class CellSettings:
    """What the options bar changes."""

    side: int = 24
    """Of a cell, in screen pixels."""


class SuperpixelOptions(ToolOptions):
    """How large the cells are."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = CellSettings()
        self.row.addWidget(label("Cell size", "muted"))
        self.side = number_field("Size of the cells on the screen", 8, 200)
        self.row.addWidget(self.side)
        self.side.valueChanged.connect(self._set)

    def show_settings(self, settings: CellSettings) -> None:
        """Show the settings as they are; what is changed here is changed in them."""
        self._settings = settings
        self.side.blockSignals(True)
        self.side.setValue(settings.side)
        self.side.blockSignals(False)

    def _set(self, side: int) -> None:
        self._settings.side = side
        self.changed.emit()


@dataclass(frozen=True)
class _Cells:
    """A view that has been divided."""

    sight: Sight
    place: Place
    side: int
    cells: superpixels.Cells
    lines: QImage

    def region(self, numbers: set[int]) -> Region | None:
        """What some cells cover."""
        return Region.of(np.isin(self.cells, list(numbers)).astype(np.uint8), self.place)


class SuperpixelTool(RegionTool):
    """Collects cells of the view; Alt takes them away again."""

    name = "superpixels"
    word = "Superpixels"
    options_type = SuperpixelOptions

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self.settings = CellSettings()
        self._cells: _Cells | None = None
        self._asked: tuple[Sight, Place, int] | None = None
        self._last: tuple[int, int] | None = None
        self._hovered: tuple[int, RegionPicture] | None = None
        self._waits = False
        """Whether it was said that the cells are not there yet."""

    @property
    def busy(self) -> bool:
        return self.region is not None

    # -- the gesture

    def press(self, pointer: Pointer) -> None:
        if self.ready() is None:
            return
        if not self.thinking.busy:
            self._asked = None  # a view that could not be divided is tried again, by a click
        cells = self._current()
        if cells is None:
            self._waits = True
            self.surface.say("The view is still being divided into cells")
            return
        if cells.place.holds(pointer.x, pointer.y):
            self.remember()
            self._last = cells.place.to_view(pointer.x, pointer.y)
            self._collect(cells, pointer)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        cells = self._current()
        if cells is None:
            return
        if held and self._last is not None:
            self._collect(cells, pointer)
        self._hover(cells, pointer)

    def release(self, pointer: Pointer) -> None:
        self._last = None

    def leave(self) -> None:
        self._hovered = None
        self.surface.repaint()

    def clear(self) -> None:
        self._last = self._asked = None
        super().clear()

    def settle(self) -> None:
        super().settle()
        self._cells = self._hovered = None

    def finish(self) -> bool:
        """What has been collected is there at once: nothing to wait for."""
        if self._finishing is None:
            self._forget_question()
        return super().finish()

    def step_back(self) -> bool:
        self._forget_question()
        return super().step_back()

    def _forget_question(self) -> None:
        self.thinking.drop()
        self._asked = None

    def hint(self) -> str:
        if self.region is None:
            return "Click cells or drag over them · Space + drag pans"
        return "Click adds · Alt or Ctrl takes away · Enter keeps · Backspace · Esc drops"

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, SuperpixelOptions)
        options.show_settings(self.settings)
        self._current()

    # -- the cells

    def _current(self) -> _Cells | None:
        """The cells of what is on the screen now; asked for when they are not there."""
        sight = self.surface.sight()
        if sight is None:
            return None
        seen = self.surface.visible()
        area = Box(seen.x(), seen.y(), seen.width(), seen.height())
        most = superpixels.MOST_PIXELS
        place = sight.place(area, scale=self.surface.scale, most=most)
        if place is None:
            return None
        wanted = (sight, place, self.settings.side)
        cells = self._cells
        if cells is not None and (cells.sight, cells.place, cells.side) == wanted:
            return cells
        if self._asked != wanted and self._finishing is None:
            self._asked = wanted
            side = max(self.settings.side / (self.surface.scale * place.step), _FINEST)

            def divide(_control: Control) -> _Cells:
                found = superpixels.divide(sight.take(place).rgb, side=side)
                return _Cells(*wanted, found, _line_picture(superpixels.borders(found)))

            self.thinking.request(divide, self._divided)
        return None

    def _divided(self, cells: _Cells) -> None:
        self._cells, self._hovered = cells, None
        if self._asked == (cells.sight, cells.place, cells.side):
            self._asked = None
        if self._waits:
            self._waits = False
            self.surface.say("")
        self.surface.repaint()

    def _hover(self, cells: _Cells, pointer: Pointer) -> None:
        if not cells.place.holds(pointer.x, pointer.y):
            self.leave()
            return
        column, row = cells.place.to_view(pointer.x, pointer.y)
        number = int(cells.cells[row, column])
        if self._hovered is None or self._hovered[0] != number:
            region = cells.region({number})
            self._hovered = (number, RegionPicture(region)) if region is not None else None
            self.surface.repaint()

    def _collect(self, cells: _Cells, pointer: Pointer) -> None:
        assert self._last is not None
        here = cells.place.to_view(pointer.x, pointer.y)
        found = cells.region(superpixels.along(cells.cells, self._last, here))
        self._last = here
        self.show(self.add(found, to=self.region, subtract=pointer.opposite))

    def paint(self, painter: QPainter, exposed: QRectF) -> None:
        cells = self._cells
        if cells is not None and cells.sight == self.surface.sight():
            box = cells.place.box
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(QRectF(box.x, box.y, box.w, box.h), cells.lines)
        super().paint(painter, exposed)
        if self._hovered is not None:
            self._hovered[1].paint(
                painter, exposed, scale=self.surface.scale, colour=self.document.colour(),
                opacity=0.25,
            )  # fmt: skip


def _line_picture(edge: Patch) -> QImage:
    """The cells' borders as a picture that is clear elsewhere."""
    height, width = edge.shape
    alpha = np.ascontiguousarray(edge * _LINES.alpha())
    # The colour is white, whose premultiplied value is the alpha itself.
    pixels = np.repeat(alpha[:, :, None], 4, axis=2)
    shared = QImage(
        pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied
    )
    return shared.copy()
