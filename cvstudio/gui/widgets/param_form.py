"""A form grown from the parameters of the catalogue (augment/fields.py): one row a parameter.

form = ParamForm()
form.show_fields(record.parameters, values)    # new rows
form.set_values(values)                        # other values in the same rows, without telling
form.changing.connect(f)                       # name, value: while a slider is dragged
form.changed.connect(f)                        # name, value: when it is let go, typed or chosen
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from cvstudio.augment.fields import Bool, Choice, Colour, Field, Float, Int, Range, number
from cvstudio.augment.summary import digits_of, with_unit
from cvstudio.gui import theme
from cvstudio.gui.widgets.range_slider import RangeSlider
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.swatch import swatch_icon

_LABEL_WIDTH = 82
_FIELD_WIDTH = 74
_FIGURE_WIDTH = 60


class ParamForm(QWidget):
    """Rows of label and controls, 32 px apart."""

    changing = Signal(str, object)
    changed = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._fields: tuple[Field, ...] = ()
        self.rows: dict[str, Row] = {}

    def show_fields(self, fields: Sequence[Field], values: Mapping[str, Any]) -> None:
        """Show these parameters. Rows that fit already are kept, and with them the focus."""
        if tuple(fields) != self._fields:
            self._clear()
            self._fields = tuple(fields)
            for field in fields:
                row = _KINDS[type(field)](field)
                row.changing.connect(lambda v, name=field.name: self.changing.emit(name, v))
                row.changed.connect(lambda v, name=field.name: self.changed.emit(name, v))
                self.rows[field.name] = row
                self._column.addWidget(row)
        self.set_values(values)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show other values without telling."""
        for name, row in self.rows.items():
            if name in values:
                row.set_value(values[name])

    def _clear(self) -> None:
        for row in self.rows.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = {}


class Row(QWidget):
    """One parameter: its title and its controls."""

    changing = Signal(object)
    changed = Signal(object)

    def __init__(self, field: Any) -> None:
        super().__init__()
        self.field = field
        self.line = QHBoxLayout(self)
        self.line.setContentsMargins(0, 0, 0, 0)
        self.line.setSpacing(8)
        self.title = label(field.title)
        self.title.setFixedWidth(_LABEL_WIDTH)
        self.title.setToolTip(field.title)
        self.line.addWidget(self.title)

    def set_value(self, value: Any) -> None:
        """Show a value without telling."""
        raise NotImplementedError

    def name(self, *widgets: QWidget) -> None:
        """Give controls the row's name for people who cannot see it."""
        for widget in widgets:
            widget.setAccessibleName(self.field.title)


class _NumberRow(Row):
    """A slider and a spin box; with `after`, a spin box and words."""

    def __init__(self, field: Int | Float) -> None:
        super().__init__(field)
        self._whole = isinstance(field, Int)
        self.spin = QDoubleSpinBox()
        self.spin.setDecimals(digits_of(field.step))
        self.spin.setRange(field.low, field.high)
        self.spin.setSingleStep(field.step)
        self.spin.setKeyboardTracking(False)
        if field.unit:
            self.spin.setSuffix(field.unit if field.unit == "°" else f" {field.unit}")
        self.spin.setFixedWidth(_FIELD_WIDTH)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, round((field.high - field.low) / field.step))
        self.slider.setMinimumWidth(60)
        self.name(self.spin, self.slider)
        after = field.after if isinstance(field, Int) else ""
        if after:
            self.line.addWidget(self.spin)
            self.line.addWidget(label(after, "muted"), 1)
            self.slider.setParent(self)
            self.slider.hide()
        else:
            self.line.addWidget(self.slider, 1)
            self.line.addWidget(self.spin)
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(lambda: self.changed.emit(self.value))
        self.spin.valueChanged.connect(self._typed)

    @property
    def value(self) -> int | float:
        return round(self.spin.value()) if self._whole else round(self.spin.value(), 6)

    def set_value(self, value: Any) -> None:
        for part in (self.spin, self.slider):
            part.blockSignals(True)
        self.spin.setValue(value)
        self.slider.setValue(round((value - self.field.low) / self.field.step))
        for part in (self.spin, self.slider):
            part.blockSignals(False)

    def _slid(self, place: int) -> None:
        self.set_value(self.field.low + place * self.field.step)
        (self.changing if self.slider.isSliderDown() else self.changed).emit(self.value)

    def _typed(self, value: float) -> None:
        self.set_value(value)
        self.changed.emit(self.value)


class _Figure(QLineEdit):
    """One end of a range, typed: "−25°". Arrow keys move it by a step."""

    typed = Signal(float)

    def __init__(self, field: Range) -> None:
        super().__init__()
        self._field = field
        self._value = 0.0
        self._limits = (field.low, field.high)
        self.setFixedWidth(_FIGURE_WIDTH)
        self.editingFinished.connect(self._read)
        self.textEdited.connect(lambda _text: self._mark())

    def set(self, value: float, low: float, high: float) -> None:
        """Show a value that may be changed between low and high."""
        self._value, self._limits = value, (low, high)
        signed = self._field.low < 0 and value != 0 and bool(self._field.unit)
        self.setText(with_unit(value, self._field.unit, step=self._field.step, sign=signed))
        theme.mark(self, invalid=False)
        self.setToolTip("")

    def _parsed(self) -> float | None:
        text = self.text().replace("\N{MINUS SIGN}", "-").replace(",", ".").replace("\xa0", "")
        try:
            return float(text.removesuffix(self._field.unit).strip())
        except ValueError:
            return None

    def _mark(self) -> None:
        value = self._parsed()
        low, high = self._limits
        wrong = value is None or not low <= value <= high
        theme.mark(self, invalid=wrong)
        step = self._field.step
        ends = (number(end, digits=digits_of(step)) for end in self._limits)
        self.setToolTip(f"between {' and '.join(ends)}" if wrong else "")

    def _read(self) -> None:
        value = self._parsed()
        low, high = self._limits
        if value is None or not low <= value <= high:
            self.set(self._value, low, high)  # the last good value stays in use
        elif value != self._value:
            self.typed.emit(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if not step:
            super().keyPressEvent(event)
            return
        low, high = self._limits
        value = min(max(round(self._value + step * self._field.step, 6), low), high)
        if value != self._value:
            self.typed.emit(value)


class _RangeRow(Row):
    """A slider with two handles and two fields."""

    def __init__(self, field: Range) -> None:
        super().__init__(field)
        self.slider = RangeSlider(field.low, field.high, step=field.step)
        self.low, self.high = _Figure(field), _Figure(field)
        self.name(self.slider, self.low, self.high)
        self.line.addWidget(self.slider, 1)
        self.line.addWidget(self.low)
        self.line.addWidget(self.high)
        self.slider.changing.connect(lambda low, high: self._tell(self.changing, low, high))
        self.slider.changed.connect(lambda low, high: self._tell(self.changed, low, high))
        self.low.typed.connect(lambda v: self._tell(self.changed, v, self.slider.values[1]))
        self.high.typed.connect(lambda v: self._tell(self.changed, self.slider.values[0], v))

    def set_value(self, value: Any) -> None:
        low, high = value
        self.slider.set_values(low, high)
        self.low.set(low, self.field.low, high)
        self.high.set(high, low, self.field.high)

    def _tell(self, signal: Any, low: float, high: float) -> None:
        self.set_value((low, high))
        signal.emit([_plain(low, self.field.step), _plain(high, self.field.step)])


def _plain(value: float, step: float) -> int | float:
    return round(value) if float(step).is_integer() else round(value, 6)


class _ChoiceRow(Row):
    """A combo box."""

    def __init__(self, field: Choice) -> None:
        super().__init__(field)
        self.box = QComboBox()
        for value, title in field.options:
            self.box.addItem(title, value)
        self.name(self.box)
        self.line.addWidget(self.box, 1)
        self.box.activated.connect(lambda _index: self.changed.emit(self.box.currentData()))

    def set_value(self, value: Any) -> None:
        self.box.setCurrentIndex(self.box.findData(value))


class _BoolRow(Row):
    """A check box that carries the title."""

    def __init__(self, field: Bool) -> None:
        super().__init__(field)
        self.title.setText("")
        self.box = QCheckBox(field.title)
        self.line.addWidget(self.box, 1)
        self.box.clicked.connect(lambda on: self.changed.emit(bool(on)))

    def set_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class _ColourRow(Row):
    """A button with a swatch that asks for a colour."""

    def __init__(self, field: Colour) -> None:
        super().__init__(field)
        self._value = field.default
        self.button = QPushButton()
        self.name(self.button)
        self.line.addWidget(self.button)
        self.line.addStretch(1)
        self.button.clicked.connect(lambda _checked=False: self._ask())

    def set_value(self, value: Any) -> None:
        self._value = value
        self.button.setIcon(swatch_icon(value, 16))
        self.button.setText(value)

    def _ask(self) -> None:
        found = QColorDialog.getColor(QColor(self._value), self, self.field.title)
        if found.isValid():
            self.set_value(found.name().upper())
            self.changed.emit(self._value)


_KINDS: Mapping[type, Callable[[Any], Row]] = {
    Int: _NumberRow,
    Float: _NumberRow,
    Range: _RangeRow,
    Choice: _ChoiceRow,
    Bool: _BoolRow,
    Colour: _ColourRow,
}
