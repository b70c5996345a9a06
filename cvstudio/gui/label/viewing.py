"""How the open image is seen: the sliders of the display panel, its window, the masks' fill."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from cvstudio.gui.actions import Actions
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.display_panel import DisplayPanel
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.layers.layers import Layers
from cvstudio.gui.label.levelling import Levelling
from cvstudio.gui.label.seen_as import display_words
from cvstudio.gui.label.tools.brush_settings import BrushSettings
from cvstudio.gui.label.training_window import use_for_training, value_range
from cvstudio.gui.label.view_settings import ViewSettings
from cvstudio.imaging.display import Display, Window


class Viewing(QObject):
    """Keeps the display panel and the canvas in step."""

    said = Signal(str)
    displayed = Signal()
    """The open image is displayed in another way, or another image is."""

    def __init__(
        self, document: Document, canvas: Canvas, panel: DisplayPanel, brush: BrushSettings,
        actions: Actions, page: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(page)
        self._document, self._canvas = document, canvas
        self._panel, self._brush = panel, brush
        self.settings = ViewSettings(document.project, self)
        self.layers = Layers(canvas, self.settings, actions, page)
        panel.display_changed.connect(self._choose)
        panel.fill_changed.connect(self._set_fill)
        panel.shape_fill_changed.connect(self._keep_shape_fill)
        kept = self.settings.get("shape_fill", 0)
        panel.shape_fill.set(kept if isinstance(kept, int) and 0 <= kept <= 100 else 0)
        self._set_shape_fill(panel.shape_fill.value)
        self._levelling = Levelling(canvas, panel, self)
        self._levelling.said.connect(self.said)
        panel.window_wanted.connect(self._use_window)
        document.image_updated.connect(self.show_range)

    def show_range(self) -> None:
        """Give the panel the values of the open image and the window it is seen through."""
        pyramid, image = self._canvas.tiles.pyramid, self._document.image
        if pyramid is None or image is None:
            return
        window = image.window or pyramid.window
        self._panel.set_channels(len(pyramid.beside))
        self._panel.take(self._kept.get(self._panel.kind, {}))
        self._panel.set_range(value_range(pyramid, window), window, pyramid.fitting)
        self._keep()  # a window that has become the network's own is none of this panel's any more
        self._show_display(self._panel.display)

    @property
    def _kept(self) -> dict[str, Any]:
        """How each kind of image is shown in this project."""
        kept = self.settings.get("display", {})
        return kept if isinstance(kept, dict) else {}

    def _choose(self, display: Display) -> None:
        """The person wants images of this kind shown in another way."""
        self._keep()
        self._show_display(display)

    def _keep(self) -> None:
        kept, values = self._kept, self._panel.values
        if values != kept.get(self._panel.kind, {}):
            self.settings.set("display", {**kept, self._panel.kind: values})

    def _show_display(self, display: Display) -> None:
        image = self._document.image
        if display.window is None and image is not None and image.window is not None:
            display = replace(display, window=image.window)
        self._canvas.tiles.set_display(display)
        self._canvas.repaint()
        self.layers.refresh()
        self.displayed.emit()

    @property
    def words(self) -> str:
        """What of the display is other than when the image was opened; "" for nothing."""
        pyramid, image = self._canvas.tiles.pyramid, self._document.image
        if pyramid is None or image is None:
            return ""
        plain = [pyramid.window] if image.window is None else [pyramid.window, image.window]
        return display_words(self._canvas.tiles.display, plain)

    def release(self) -> None:
        """The project closes."""
        self.settings.write()

    def _use_window(self, window: Window) -> None:
        """The network is to see all images of the open one's depth through one window."""
        image = self._document.image
        if image is not None:
            self.said.emit(use_for_training(self._document.project, image, window))

    def _keep_shape_fill(self, percent: int) -> None:
        self.settings.set("shape_fill", percent)
        self._set_shape_fill(percent)

    def _set_shape_fill(self, percent: int) -> None:
        self._canvas.shapes.shape_fill = percent / 100
        self._canvas.repaint()

    def _set_fill(self, opacity: float) -> None:
        self._canvas.shapes.fill = opacity
        self._brush.opacity = opacity
        self._canvas.repaint()
