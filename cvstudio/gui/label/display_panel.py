"""Display: how the image's numbers become a picture. The numbers themselves stay as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Task
from cvstudio.gui import theme
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.range_slider import RangeSlider
from cvstudio.gui.widgets.section import FoldSection, label, link, tool
from cvstudio.imaging.display import Display, Window
from cvstudio.imaging.luts import LUTS

_CHANNELS = ("All (RGB)", "Red", "Green", "Blue")
_COLOURS = 3
_GAMMA_STEPS = 50.0  # of the slider, for a factor of e
_WINDOW_STEPS = 1000
_SLIDER = 20  # px, as the sliders around it
_OVERLAY = 24  # px of a button of the heading
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_LEAST = 92  # px of the rows that are seen at least while they are not folded
_DRAG = 400.0  # px of a drag over the canvas for the whole range
FITS = "fits"
"""In the place of a window: the one that spreads each image's own values over all greys."""


class _Row:
    """A word, a slider and its figure, in one row of a grid."""

    def __init__(
        self,
        grid: QGridLayout,
        title: str,
        *,
        low: int,
        high: int,
        words: Callable[[int], str],
        changed: Callable[[], None],
    ) -> None:
        row = grid.rowCount()
        self.title = label(title)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(low, high)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider.setAccessibleName(title)
        self.figure: QLabel = label("")
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.figure.setMinimumWidth(QFontMetrics(theme.font("body")).horizontalAdvance("+00.00"))
        self._words = words
        grid.addWidget(self.title, row, 0)
        grid.addWidget(self.slider, row, 1)
        grid.addWidget(self.figure, row, 2)
        self.slider.valueChanged.connect(self._show)
        self.slider.valueChanged.connect(lambda _value: changed())
        self._show(self.slider.value())

    @property
    def value(self) -> int:
        return self.slider.value()

    def set(self, value: int) -> None:
        """Show a value without telling anybody."""
        self.slider.blockSignals(True)
        self.slider.setValue(value)
        self.slider.blockSignals(False)
        self._show(self.slider.value())

    def show_row(self, visible: bool) -> None:
        for widget in (self.title, self.slider, self.figure):
            widget.setVisible(visible)

    def _show(self, value: int) -> None:
        self.figure.setText(self._words(value))


def _choice(grid: QGridLayout, title: str) -> tuple[QLabel, QComboBox]:
    """A row with a title and a box to choose from."""
    words, box = label(title), QComboBox()
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    box.setAccessibleName(title)
    row = grid.rowCount()
    grid.addWidget(words, row, 0)
    grid.addWidget(box, row, 1, 1, 2)
    return words, box


class DisplayPanel(QWidget):
    """Sliders for what suits the open image. `display_changed` and `fill_changed` tell."""

    display_changed = Signal(object)
    """A Display."""
    fill_changed = Signal(float)
    """The opacity of masks, 0 to 1."""
    shape_fill_changed = Signal(int)
    """How opaque the inside of boxes and polygons is, percent."""
    window_wanted = Signal(object)
    """The Window through which the network is to see all images of this depth."""
    rows_changed = Signal()
    """Other rows suit the open image: the height that shows them all is another one."""

    def __init__(self, document: Document, actions: Actions, fill: int) -> None:
        super().__init__()
        self._document = document
        self._default_fill = fill
        self._range: Window = (0.0, 255.0)
        self._auto: Window = (0.0, 255.0)
        self._exact: Window = (0.0, 255.0)
        self._fitting: Window = (0.0, 255.0)
        self._chosen: Window | str | None = None  # by hand; or FITS; None is the automatic one
        self._dragged_from: Window | None = None
        self._content = QWidget()
        grid = QGridLayout(self._content)
        grid.setContentsMargins(16, 0, 16, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnMinimumWidth(0, 76)
        grid.setColumnStretch(1, 1)
        self._add_values(grid)
        self._add_colours(grid)
        self.fill = _Row(
            grid, "Mask fill", low=0, high=100, words=lambda v: f"{v} %", changed=self._tell_fill
        )
        self.fill.set(fill)
        self.shape_fill = _Row(
            grid, "Shape fill", low=0, high=100, words=lambda v: f"{v} %",
            changed=self._tell_shape_fill,
        )  # fmt: skip
        self.shape_fill.set(0)
        self._area = scrolling(self._content)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setMinimumHeight(_LEAST)
        self.section = FoldSection("Display", self._area, link_text="Reset", do=self.reset)
        self._lay_overlays(actions)
        self.section.toggled.connect(self._limit_height)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.section)
        self.show_image()

    def _add_values(self, grid: QGridLayout) -> None:
        """The rows that map the file's values to greys."""
        tell = self._tell
        self.brightness = _Row(grid, "Brightness", low=-100, high=100, words=_signed, changed=tell)
        self.contrast = _Row(grid, "Contrast", low=-100, high=100, words=_signed, changed=tell)
        self.window_title = label("Window")
        self.window_slider = RangeSlider(0, _WINDOW_STEPS)
        self.window_slider.setAccessibleName("Window")
        self.window_slider.setFixedHeight(_SLIDER)
        self.window_figure = label("")
        self.window_figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.auto = link(
            "Auto", self._fit_window, tip="Auto: spread the values of each image over all greys"
        )
        self.training = link("Use for training", self._use_window)
        for words in (self.auto, self.training):
            theme.mark(words, dense=True)
        row = grid.rowCount()
        grid.addWidget(self.window_title, row, 0)
        grid.addWidget(self.window_slider, row, 1, 1, 2)
        grid.addWidget(self.auto, row + 1, 1, _LEFT)
        grid.addWidget(self.window_figure, row + 1, 1, 1, 2)
        grid.addWidget(self.training, row + 2, 1, 1, 2, Qt.AlignmentFlag.AlignRight)
        self.window_slider.changing.connect(lambda _low, _high: self._window_moved())
        self.window_slider.changed.connect(lambda _low, _high: self._window_moved())
        self.gamma = _Row(
            grid, "Gamma", low=-80, high=80, words=lambda v: f"{_gamma(v):.2f}", changed=tell
        )

    def _lay_overlays(self, actions: Actions) -> None:
        """What can be laid over the image, in the heading: at hand while the rows are folded."""
        self.section.header.figure.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for name in ("names", "crosshair", "grid", "rulers", "minimap"):
            buttons.addWidget(tool(actions[f"label.{name}"], side=_OVERLAY, icon_side=16))
        row = self.section.header.row
        row.insertLayout(row.count() - 1, buttons)

    def _add_colours(self, grid: QGridLayout) -> None:
        """The rows that choose a channel and what its greys are coloured with."""
        self.channel_title, self.channel = _choice(grid, "Channel")
        self.channel.addItems(_CHANNELS)
        self.lut_title, self.lut = _choice(grid, "Colours")
        for name, title in LUTS.items():
            self.lut.addItem(title, name)
        self.channel.currentIndexChanged.connect(lambda _index: self._channel_chosen())
        self.lut.currentIndexChanged.connect(lambda _index: self._tell())

    @property
    def is_open(self) -> bool:
        """Whether the rows are to be seen."""
        return not self._area.isHidden()

    @property
    def open_height(self) -> int:
        """Pixels in which all rows are seen."""
        return theme.size("section_header") + self._content.sizeHint().height()

    @property
    def natural_height(self) -> int:
        """Pixels that it takes as it is now, folded or open; with less it scrolls."""
        return self.open_height if self.is_open else theme.size("section_header")

    @property
    def least_height(self) -> int:
        """Pixels that it cannot do without as long as it is open."""
        return theme.size("section_header") + _LEAST

    def _limit_height(self) -> None:
        self.setMaximumHeight(self.natural_height)

    @property
    def display(self) -> Display:
        """What the sliders say. Brightness and contrast are for colour."""
        colour = not self._grey
        return Display(
            window=None if self._chosen is None else self.levels,
            brightness=self.brightness.value if colour else 0,
            contrast=self.contrast.value if colour else 0,
            gamma=_gamma(self.gamma.value),
            channel=self._channel,
            lut=str(self.lut.currentData()) if self._shows_grey else "",
        )

    @property
    def kind(self) -> str:
        """What images share their display with the open one: "grey 8", "colour 16"."""
        image = self._document.image
        if image is None:
            return ""
        named = {1: "grey", _COLOURS: "colour"}.get(image.channels)
        if self.channel.count() != len(_CHANNELS) and named is None:
            named = f"{image.channels} channels"
        return f"{named or 'colour'} {image.bit_depth}"

    @property
    def values(self) -> dict[str, Any]:
        """What was chosen, to be kept; JSON. Only what is not as it comes."""
        chosen = {
            "brightness": self.brightness.value,
            "contrast": self.contrast.value,
            "gamma": self.gamma.value,
            "channel": self.channel.currentIndex(),
            "lut": str(self.lut.currentData()),
            "window": list(self._chosen) if isinstance(self._chosen, tuple) else self._chosen,
        }
        return {name: value for name, value in chosen.items() if value}

    def take(self, values: Mapping[str, Any]) -> None:
        """Show what was kept. Nobody is told."""
        for row, name in (
            (self.brightness, "brightness"),
            (self.contrast, "contrast"),
            (self.gamma, "gamma"),
        ):
            row.set(int(values.get(name, 0)))
        for box, index in (
            (self.channel, int(values.get("channel", 0))),
            (self.lut, max(self.lut.findData(values.get("lut", "")), 0)),
        ):
            box.blockSignals(True)
            box.setCurrentIndex(index if index < box.count() else 0)
            box.blockSignals(False)
        window = values.get("window")
        self._chosen = (float(window[0]), float(window[1])) if isinstance(window, list) else window
        self._show_rows()

    @property
    def _channel(self) -> int | None:
        """The channel that is shown alone; None for all."""
        index = self.channel.currentIndex()
        return index - 1 if index > 0 and not self._one_channel else None

    @property
    def _shows_grey(self) -> bool:
        return self._one_channel or self._channel is not None

    @property
    def levels(self) -> Window:
        """The values that become black and white."""
        low, high = self.window_slider.values
        return self._level(low), self._level(max(high, low + 1))

    @property
    def _one_channel(self) -> bool:
        image = self._document.image
        return image is not None and image.channels == 1

    @property
    def _grey(self) -> bool:
        image = self._document.image
        return image is not None and (image.channels == 1 or image.bit_depth > 8)

    def show_image(self) -> None:
        """Another image is open: other sliders may suit it."""
        image = self._document.image
        self.training.setVisible(image is not None and image.bit_depth > 8)
        self._show_training()
        self._show_rows()
        for row in (self.fill, self.shape_fill):
            row.show_row(self._document.task != Task.CLASSIFY)
        self._fit_rows()

    def set_channels(self, beside: int) -> None:
        """How many channels the open image has beside its picture, which can be shown alone."""
        image = self._document.image
        count = 0 if image is None or not beside else image.channels
        names: tuple[str, ...] = _CHANNELS
        if count:
            first = "First three" if count > _COLOURS else "First"
            names = (first, *(f"Channel {number}" for number in range(1, count + 1)))
        if [self.channel.itemText(place) for place in range(self.channel.count())] == list(names):
            return
        self.channel.blockSignals(True)
        self.channel.clear()
        self.channel.addItems(names)
        self.channel.blockSignals(False)

    def _show_rows(self) -> None:
        for row in (self.brightness, self.contrast):
            row.show_row(not self._grey)
        for widget in (self.channel, self.channel_title):
            widget.setVisible(not self._one_channel)
        for widget in (self.lut, self.lut_title):
            widget.setVisible(self._shows_grey)
        self._fit_rows()

    def _fit_rows(self) -> None:
        """Never squeeze rows: where there is no room for them the block scrolls."""
        layout = self._content.layout()
        assert layout is not None
        layout.activate()
        height = layout.sizeHint().height()
        if height != self._content.minimumHeight():
            self._content.setMinimumHeight(height)
            self._limit_height()
            self.rows_changed.emit()

    def set_range(self, values: Window, auto: Window, fitting: Window) -> None:
        """The values that occur in the image, the window that shows it well, and the one that
        spreads its values over all greys."""
        self._auto = self._exact = auto
        self._fitting = fitting
        wanted = self._wanted()
        self._range = min(values[0], wanted[0]), max(values[1], wanted[1])
        # The steps of the slider are what can be had; the automatic window is one of them.
        self._auto = self._rounded(auto)
        if isinstance(self._chosen, tuple) and self._rounded(self._chosen) == self._auto:
            self._chosen = None
        self._show_window(self._wanted())
        self._show_training()

    def drag_window(self, dx: float, dy: float) -> str:
        """A drag over the canvas by so many pixels since it began: to the right widens the window,
        upwards brightens. Says what the window is now."""
        if self._dragged_from is None:
            self._dragged_from = self.levels
        low, high = self._dragged_from
        span = self._range[1] - self._range[0]
        half = max((high - low) / 2 + dx / _DRAG * span / 2, span / _WINDOW_STEPS)
        middle = (low + high) / 2 + dy / _DRAG * span
        middle = min(max(middle, self._range[0]), self._range[1])
        self._show_window((middle - half, middle + half))
        self._window_moved()
        return f"Window {self.window_figure.text()}"

    def end_drag(self) -> None:
        """The next drag begins where this one ended."""
        self._dragged_from = None

    def reset(self) -> None:
        """Everything as it comes."""
        self.take({})
        self._show_window(self._auto)
        self._show_training()
        self.fill.set(self._default_fill)
        self.shape_fill.set(0)
        self._tell()
        self._tell_fill()
        self._tell_shape_fill()

    def set_fill(self, percent: int) -> None:
        """The fill that the settings ask for."""
        self._default_fill = percent
        self.fill.set(percent)
        self._tell_fill()

    def _show_window(self, window: Window) -> None:
        self.window_slider.set_values(self._step(window[0]), self._step(window[1]))
        self._show_window_words()

    def _wanted(self) -> Window:
        """The window that is to be shown, before the slider rounds it."""
        if isinstance(self._chosen, tuple):
            return self._chosen
        return self._fitting if self._chosen == FITS else self._auto

    def _rounded(self, window: Window) -> Window:
        """A window in the steps of the slider."""
        low, high = (min(max(self._step(level), 0), _WINDOW_STEPS) for level in window)
        return self._level(low), self._level(max(high, low + 1))

    def _fit_window(self) -> None:
        self._chosen = FITS
        self._show_window(self._fitting)
        self._show_training()
        self._tell()

    def _channel_chosen(self) -> None:
        self._show_rows()
        self._tell()

    def _window_moved(self) -> None:
        self._chosen = None if self.levels == self._auto else self.levels
        self._show_window_words()
        self._show_training()
        self._tell()

    def _use_window(self) -> None:
        self.window_wanted.emit(self._exact if self.levels == self._auto else self.levels)

    def _show_training(self) -> None:
        """The network's own window needs no button; another one can become it."""
        image = self._document.image
        if image is None:
            return
        used = image.window is not None and self.levels == self._auto
        self.training.setEnabled(not used)
        self.training.setText("Used for training" if used else "Use for training")
        self.training.setToolTip(
            f"The network sees all images of {image.bit_depth} bits through this window."
            if used
            else f"Let the network see all images of {image.bit_depth} bits through this window."
        )

    def _show_window_words(self) -> None:
        low, high = (self._level_words(level) for level in self.levels)
        self.window_figure.setText(f"{low} to {high}")

    def _level(self, step: float) -> float:
        low, high = self._range
        return low + (high - low) * step / _WINDOW_STEPS

    def _step(self, level: float) -> int:
        low, high = self._range
        return round((level - low) / max(high - low, 1e-12) * _WINDOW_STEPS)

    def _level_words(self, level: float) -> str:
        return f"{level:.0f}" if self._range[1] - self._range[0] > 20 else f"{level:.2f}"

    def _tell(self) -> None:
        self.display_changed.emit(self.display)

    def _tell_shape_fill(self) -> None:
        self.shape_fill_changed.emit(self.shape_fill.value)

    def _tell_fill(self) -> None:
        self.fill_changed.emit(self.fill.value / 100)


def _signed(value: int) -> str:
    return f"{value:+d}" if value else "0"


def _gamma(step: int) -> float:
    return math.exp(step / _GAMMA_STEPS)
