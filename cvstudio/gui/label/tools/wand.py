"""Magic wand: click what is alike; dragging changes how alike it must be."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from cvstudio.core.geometry import Box
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import CLICK, Pointer, Surface
from cvstudio.gui.label.tools.options import ToolOptions, number_field
from cvstudio.gui.label.tools.region import RegionTool
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.section import label
from cvstudio.imaging.regions import wand
from cvstudio.imaging.regions.view import Place, Region, Sight

_PER_PIXEL = 0.25  # of tolerance for a screen pixel of the drag
_MOST = 255


@dataclass
class WandSettings:
    """What the options bar and the drag change."""

    tolerance: int = 24
    smooth: bool = True


class WandOptions(ToolOptions):
    """Tolerance, and whether noise is looked past."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = WandSettings()
        self.row.addWidget(label("Tolerance", "muted"))
        self.tolerance = number_field("Tolerance of the wand", 0, _MOST, suffix="", width=72)
        self.row.addWidget(self.tolerance)
        self.smooth = QCheckBox("Look past noise")
        self.smooth.setToolTip("Single pixels that differ do not stop the wand or leave holes")
        self.smooth.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.row.addWidget(self.smooth)
        self.tolerance.valueChanged.connect(self._set_tolerance)
        self.smooth.toggled.connect(self._set_smooth)

    def show_settings(self, settings: WandSettings) -> None:
        """Show the settings as they are; what is changed here is changed in them."""
        self._settings = settings
        for widget in (self.tolerance, self.smooth):
            widget.blockSignals(True)
        self.tolerance.setValue(settings.tolerance)
        self.smooth.setChecked(settings.smooth)
        for widget in (self.tolerance, self.smooth):
            widget.blockSignals(False)

    def _set_tolerance(self, value: int) -> None:
        self._settings.tolerance = value
        self.changed.emit()

    def _set_smooth(self, on: bool) -> None:
        self._settings.smooth = on
        self.changed.emit()


@dataclass(frozen=True)
class _Touch:
    """A press that is under way: where, on what picture, and what there was before."""

    pointer: Pointer
    sight: Sight
    place: Place
    base: Region | None
    tolerance: int


class WandTool(RegionTool):
    """Takes the connected pixels of like colour, as far as they are on the screen."""

    name = "wand"
    word = "Magic wand"
    options_type = WandOptions

    def __init__(self, document: Document, surface: Surface) -> None:
        super().__init__(document, surface)
        self.settings = WandSettings()
        self._options: WandOptions | None = None
        self._touch: _Touch | None = None

    def press(self, pointer: Pointer) -> None:
        sight = self.ready()
        if sight is None:
            return
        seen = self.surface.visible()
        area = Box(seen.x(), seen.y(), seen.width(), seen.height())
        place = sight.place(area, scale=self.surface.scale, most=wand.MOST_PIXELS)
        width, height = self.document.size
        if place is None or not (0 <= pointer.x < width and 0 <= pointer.y < height):
            return
        self.remember()
        tolerance = self.settings.tolerance
        self._touch = _Touch(pointer, sight, place, self.region, tolerance)
        self._ask(self._touch)

    def move(self, pointer: Pointer, *, held: bool) -> None:
        touch = self._touch
        if touch is None or not held or self._finishing is not None:
            return
        dx = (pointer.x - touch.pointer.x) * self.surface.scale
        dy = (pointer.y - touch.pointer.y) * self.surface.scale
        far = dx - dy
        if abs(far) < CLICK:
            far = 0.0
        tolerance = min(max(touch.tolerance + round(far * _PER_PIXEL), 0), _MOST)
        if tolerance != self.settings.tolerance:
            self.settings.tolerance = tolerance
            if self._options is not None:
                self._options.show_settings(self.settings)
            self.surface.say(f"Tolerance {tolerance}")
            self._ask(touch)

    def release(self, pointer: Pointer) -> None:
        self._touch = None

    def clear(self) -> None:
        self._touch = None
        super().clear()

    def hint(self) -> str:
        if self.region is None:
            return "Click what is alike · Drag right for more · Enter keeps, Esc drops"
        return "Click adds · Alt or Ctrl takes away · Enter keeps · Backspace · Esc drops"

    def fill_options(self, options: ToolOptions) -> None:
        assert isinstance(options, WandOptions)
        self._options = options
        options.show_settings(self.settings)

    def _ask(self, touch: _Touch) -> None:
        tolerance, smooth = self.settings.tolerance, self.settings.smooth

        def find(_control: Control) -> Region | None:
            view = self.views.take(touch.sight, touch.place)
            seed = touch.place.to_view(touch.pointer.x, touch.pointer.y)
            found = wand.flood(view.rgb, seed, tolerance, smooth=smooth)
            region = Region.of(found, touch.place)
            return self.add(region, to=touch.base, subtract=touch.pointer.opposite)

        self.thinking.request(find, self._found, self.failed)

    def _found(self, region: Region | None) -> None:
        self.show(region)
        self.answered()
