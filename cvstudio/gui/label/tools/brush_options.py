"""The options of brush and eraser: size, add or erase, form, fill holes, pressure."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QSlider

from cvstudio.gui.actions import Actions
from cvstudio.gui.label.tools.brush_settings import LARGEST, SMALLEST, BrushSettings
from cvstudio.gui.label.tools.options import ToolOptions, number_field
from cvstudio.gui.label.tools.pen import has_pen
from cvstudio.gui.widgets.section import Segments, label


class BrushOptions(ToolOptions):
    """One widget for both tools; its two segments choose between them."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = BrushSettings()
        self.row.addWidget(label("Size", "muted"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setFixedWidth(112)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider.setAccessibleName("Brush size")
        self.row.addWidget(self.slider)
        self.spin = number_field("Brush size", SMALLEST, LARGEST)
        self.row.addWidget(self.spin)
        self.mode = Segments(("Add", "Erase"))
        self.row.addWidget(self.mode)
        self.form = Segments(("Round", "Square"), tips=("A round brush", "A square brush"))
        self.row.addWidget(self.form)
        self.holes = QCheckBox("Fill holes")
        self.holes.setToolTip("Fill what a stroke closes all around")
        self.holes.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.row.addWidget(self.holes)
        self.pressure = QCheckBox("Pressure")
        self.pressure.setToolTip("A pen that is pressed less paints with a smaller brush")
        self.pressure.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.pressure.hide()
        self.row.addWidget(self.pressure)
        self.slider.valueChanged.connect(lambda step: self._set_size(_size_at(step)))
        self.spin.valueChanged.connect(self._set_size)
        self.mode.chosen.connect(
            lambda index: self.tool_wanted.emit("label.erase" if index == 1 else "label.brush")
        )
        self.holes.toggled.connect(self._set_holes)
        self.form.chosen.connect(self._set_form)
        self.pressure.toggled.connect(self._set_pressure)

    def show_keys(self, actions: Actions) -> None:
        """The keys of the two tools in their tooltips."""
        brush, erase = (actions.key_words(id) for id in ("label.brush", "label.erase"))
        self.mode.set_tips((f"Brush  {brush}", f"Erase  {erase}, or hold Alt"))

    def show_settings(self, settings: BrushSettings, *, erases: bool) -> None:
        """Show the settings as they are; what is changed here is changed in them."""
        self._settings = settings
        for widget, value in ((self.slider, _step_of(settings.size)), (self.spin, settings.size)):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        for box, on in (
            (self.holes, settings.fill_holes),
            (self.pressure, settings.by_pressure),
        ):
            box.blockSignals(True)
            box.setChecked(on)
            box.blockSignals(False)
        self.holes.setVisible(not erases)
        self.pressure.setVisible(has_pen())
        self.form.choose(1 if settings.square else 0)
        self.mode.choose(1 if erases else 0)

    def _set_size(self, size: int) -> None:
        if size != self._settings.size:
            self._settings.size = size
            self.changed.emit()

    def _set_form(self, index: int) -> None:
        self._settings.square = index == 1
        self.changed.emit()

    def _set_pressure(self, on: bool) -> None:
        self._settings.by_pressure = on
        self.changed.emit()

    def _set_holes(self, on: bool) -> None:
        self._settings.fill_holes = on
        self.changed.emit()


def _size_at(step: int) -> int:
    """The slider is finer for small brushes."""
    return round(SMALLEST + (400 - SMALLEST) * (step / 100) ** 2)


def _step_of(size: int) -> int:
    share = (min(size, 400) - SMALLEST) / (400 - SMALLEST)
    return round(100 * share**0.5)
