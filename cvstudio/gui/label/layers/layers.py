"""The layers over the canvas: which are shown, kept with the project, and their actions."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from cvstudio.core.palette import tell_apart
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.layers.crosshair import Crosshair
from cvstudio.gui.label.layers.grid import Grid
from cvstudio.gui.label.layers.minimap import Minimap
from cvstudio.gui.label.layers.names import Names
from cvstudio.gui.label.layers.rulers import THICK, Rulers
from cvstudio.gui.label.overlay import Layer
from cvstudio.gui.label.view_settings import ViewSettings


class Layers(QObject):
    """Lays minimap, names, crosshair, grid and rulers over a canvas and keeps their switches."""

    def __init__(
        self, canvas: Canvas, settings: ViewSettings, actions: Actions, page: QWidget
    ) -> None:
        super().__init__(page)
        self._canvas, self._settings, self._actions = canvas, settings, actions
        self.minimap = Minimap(canvas)
        self.crosshair = Crosshair()
        self.grid, self.rulers = Grid(), Rulers()
        self.names = Names(self.rulers.bar_area, lambda: canvas.selection.tags)
        canvas.selection.covered = partial(self.rulers.bar_area, canvas)
        canvas.selection.edge = lambda: float(THICK) if self.rulers.shown else 0.0
        self._painted: tuple[Layer, ...] = (self.grid, self.names, self.crosshair, self.rulers)
        canvas.layers.extend(self._painted)
        for name in ("minimap", *(layer.name for layer in self._painted)):
            actions.connect(f"label.{name}", partial(self.show, name), page)
            self._apply(name, bool(settings.get(name, self._by_default(name))))
        canvas.zoomed.connect(lambda _scale: self.minimap.follow())
        canvas.pointed.connect(self._point)
        canvas.document.image_changed.connect(self.minimap.follow)
        canvas.document.classes_changed.connect(self._follow_classes)
        canvas.viewport().installEventFilter(self)

    def _by_default(self, name: str) -> bool:
        """Whether a layer is shown as long as nobody switched it: names are needed where colours
        do not tell all classes apart."""
        if name == "names":
            colours = [each.colour for each in self._canvas.document.classes.values()]
            return not tell_apart(colours)
        return name == "minimap"

    def _follow_classes(self) -> None:
        if self._settings.get("names") is None:
            self._apply("names", self._by_default("names"))

    def show(self, name: str, on: bool) -> None:
        """Switch a layer, for this project."""
        self._apply(name, on)
        self._settings.set(name, on)

    def refresh(self) -> None:
        """The picture, or how it is shown, is another one."""
        self.minimap.forget()
        self.minimap.follow()

    def _apply(self, name: str, on: bool) -> None:
        self._actions[f"label.{name}"].setChecked(on)
        if name == "minimap":
            self.minimap.wanted = on
            self.minimap.follow()
            return
        for layer in self._painted:
            if layer.name == name:
                layer.shown = on
        self._canvas.repaint()

    def _point(self, point: tuple[float, float] | None) -> None:
        at = None if point is None else self._canvas.to_screen(*point)
        self.crosshair.move(at, self._canvas)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The minimap keeps to its corner when the canvas has another size."""
        if event.type() == QEvent.Type.Resize:
            self.minimap.follow()
        return False
