"""A slider that always has its figure beside it: one value, two controls.

field = SliderField(0, 100, 25, unit="%");  field.changed.connect(f)   # float
field = SliderField(0.0, 1.0, 0.5, step=0.01)
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget


class SliderField(QWidget):
    """Whole numbers when the step is whole."""

    changed = Signal(float)

    def __init__(
        self, low: float, high: float, value: float, *, step: float = 1, unit: str = "",
        name: str = "",
    ) -> None:  # fmt: skip
        super().__init__()
        self._step = step
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(low / step), round(high / step))
        self.slider.setMinimumWidth(60)
        self.field = QDoubleSpinBox()
        self.field.setRange(low, high)
        self.field.setSingleStep(step)
        self.field.setDecimals(0 if step >= 1 else len(f"{step:g}".partition(".")[2]))
        self.field.setSuffix(f" {unit}" if unit else "")
        for part in (self.slider, self.field):
            part.setAccessibleName(name)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)
        self.set_value(value)
        self.slider.valueChanged.connect(self._slid)
        self.field.valueChanged.connect(self._typed)

    @property
    def value(self) -> float:
        return self.field.value()

    def set_value(self, value: float) -> None:
        """Show a value without telling."""
        for part in (self.slider, self.field):
            part.blockSignals(True)
        self.slider.setValue(round(value / self._step))
        self.field.setValue(value)
        for part in (self.slider, self.field):
            part.blockSignals(False)

    def _slid(self, place: int) -> None:
        self.set_value(place * self._step)
        self.changed.emit(self.value)

    def _typed(self, value: float) -> None:
        self.set_value(value)
        self.changed.emit(self.value)
