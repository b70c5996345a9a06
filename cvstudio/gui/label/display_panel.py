"""Display: how the image's numbers become a picture. The numbers themselves stay as they are."""

from __future__ import annotations

import math
from collections.abc import Callable

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
from cvstudio.gui.widgets.range_slider import RangeSlider
from cvstudio.gui.widgets.section import FoldSection, label, link, tool
from cvstudio.imaging.display import Display, Window

_CHANNELS = ("All (RGB)", "Red", "Green", "Blue")
_GAMMA_STEPS = 50.0  # of the slider, for a factor of e
_WINDOW_STEPS = 1000


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


class DisplayPanel(QWidget):
    """Sliders for what suits the open image. `display_changed` and `fill_changed` tell."""

    display_changed = Signal(object)
    """A Display."""
    fill_changed = Signal(float)
    """The opacity of masks, 0 to 1."""
    window_wanted = Signal(object)
    """The Window through which the network is to see all images of this depth."""

    def __init__(self, document: Document, actions: Actions, fill: int) -> None:
        super().__init__()
        self._document = document
        self._default_fill = fill
        self._range: Window = (0.0, 255.0)
        self._auto: Window = (0.0, 255.0)
        self._exact: Window = (0.0, 255.0)
        content = QWidget()
        grid = QGridLayout(content)
        grid.setContentsMargins(16, 0, 16, 12)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, 76)
        grid.setColumnStretch(1, 1)
        tell = self._tell
        self.brightness = _Row(grid, "Brightness", low=-100, high=100, words=_signed, changed=tell)
        self.contrast = _Row(grid, "Contrast", low=-100, high=100, words=_signed, changed=tell)
        self.window_title = label("Window")
        self.window_slider = RangeSlider(0, _WINDOW_STEPS)
        self.window_slider.setAccessibleName("Window")
        self.window_figure = label("")
        self.window_figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = grid.rowCount()
        grid.addWidget(self.window_title, row, 0)
        grid.addWidget(self.window_slider, row, 1)
        grid.addWidget(self.window_figure, row, 2)
        self.training = link("Use for training", self._use_window)
        grid.addWidget(self.training, grid.rowCount(), 1, 1, 2, Qt.AlignmentFlag.AlignRight)
        self.gamma = _Row(
            grid, "Gamma", low=-80, high=80, words=lambda v: f"{_gamma(v):.2f}", changed=tell
        )
        self.channel_title = label("Channel")
        self.channel = QComboBox()
        self.channel.addItems(_CHANNELS)
        self.channel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.channel.setAccessibleName("Channel")
        row = grid.rowCount()
        grid.addWidget(self.channel_title, row, 0)
        grid.addWidget(self.channel, row, 1, 1, 2)
        self.fill = _Row(
            grid, "Mask fill", low=0, high=100, words=lambda v: f"{v} %", changed=self._tell_fill
        )
        self.fill.set(fill)
        row = grid.rowCount()
        grid.addWidget(label("Over it"), row, 0)
        grid.addLayout(_buttons(actions), row, 1, 1, 2)
        self.window_slider.changing.connect(lambda _low, _high: self._window_moved())
        self.window_slider.changed.connect(lambda _low, _high: self._window_moved())
        self.channel.currentIndexChanged.connect(lambda _index: tell())
        self.section = FoldSection("Display", content, link_text="Reset", do=self.reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.section)
        self.show_image()

    @property
    def display(self) -> Display:
        """What the sliders say. Brightness and contrast are for colour, the window for grey."""
        if self._grey:
            window = self.levels
            chosen = None if window == self._auto else window
            return Display(window=chosen, gamma=_gamma(self.gamma.value))
        channel = self.channel.currentIndex()
        return Display(
            window=None,
            brightness=self.brightness.value,
            contrast=self.contrast.value,
            channel=channel - 1 if channel > 0 else None,
        )

    @property
    def levels(self) -> Window:
        """The values that become black and white."""
        low, high = self.window_slider.values
        return self._level(low), self._level(max(high, low + 1))

    @property
    def _grey(self) -> bool:
        image = self._document.image
        return image is not None and (image.channels == 1 or image.bit_depth > 8)

    def show_image(self) -> None:
        """Another image is open: other sliders may suit it."""
        grey = self._grey
        for row in (self.brightness, self.contrast):
            row.show_row(not grey)
        for widget in (self.window_title, self.window_slider, self.window_figure):
            widget.setVisible(grey)
        image = self._document.image
        self.training.setVisible(image is not None and image.bit_depth > 8)
        self._show_training()
        self.gamma.show_row(grey)
        self.channel.setVisible(not grey)
        self.channel_title.setVisible(not grey)
        self.fill.show_row(self._document.task != Task.CLASSIFY)

    def set_range(self, values: Window, auto: Window) -> None:
        """The values that occur in the image, and the window that shows them well."""
        untouched = self.levels == self._auto
        same = values == self._range
        self._range = values
        self._auto = self._exact = auto
        if untouched or not same:
            self._show_window(auto)
            # The steps of the slider are what can be had; the automatic window is one of them.
            self._auto = self.levels
        self._show_training()

    def reset(self) -> None:
        """Everything as it comes."""
        self.brightness.set(0)
        self.contrast.set(0)
        self.gamma.set(0)
        self._show_window(self._auto)
        self._show_training()
        self.channel.setCurrentIndex(0)
        self.fill.set(self._default_fill)
        self._tell()
        self._tell_fill()

    def set_fill(self, percent: int) -> None:
        """The fill that the settings ask for."""
        self._default_fill = percent
        self.fill.set(percent)
        self._tell_fill()

    def _show_window(self, window: Window) -> None:
        self.window_slider.set_values(self._step(window[0]), self._step(window[1]))
        self._show_window_words()

    def _window_moved(self) -> None:
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

    def _tell_fill(self) -> None:
        self.fill_changed.emit(self.fill.value / 100)


def _buttons(actions: Actions) -> QHBoxLayout:
    """What can be laid over the image."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for name in ("crosshair", "grid", "rulers", "minimap"):
        row.addWidget(tool(actions[f"label.{name}"]))
    row.addStretch(1)
    return row


def _signed(value: int) -> str:
    return f"{value:+d}" if value else "0"


def _gamma(step: int) -> float:
    return math.exp(step / _GAMMA_STEPS)
