"""The row of views under the bar of the Analyze page, and the views behind it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QWidget

from cvstudio.gui import theme
from cvstudio.gui.analyze.view import View
from cvstudio.gui.analyze.views import VIEWS, ViewInfo
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.section import Segments, link

_MEMORY = "analyze.view"


class ViewRow(QFrame):
    """One button a view, of which one is in front; at the right, what concerns them all."""

    def __init__(self, studio: Studio, infos: Sequence[ViewInfo] = VIEWS) -> None:
        super().__init__()
        theme.mark(self, panel="bar")
        self._actions = [studio.actions[info.action] for info in infos]
        self.segments = Segments([action.text() for action in self._actions])
        self.segments.setAccessibleName("View")
        for action in self._actions:
            action.changed.connect(self._name)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(16, 4, 16, 4)
        self.row.setSpacing(16)
        self.row.addWidget(self.segments)
        self.row.addStretch(1)
        self._name()

    def _name(self) -> None:
        self.segments.set_tips([action.toolTip() for action in self._actions])

    def offer(self, text: str, action: QAction) -> None:
        """One more link at the right, which does what an action does."""
        offered = link(text, action.trigger)
        offered.setToolTip(action.toolTip())
        self.row.addWidget(offered)


class ViewStack(QStackedWidget):
    """The views that were shown so far, one of them in front. `came` when another one is."""

    made = Signal(object)
    """A view was made just now: connect it."""
    came = Signal(object)

    def __init__(
        self, studio: Studio, row: ViewRow, page: QWidget, infos: Sequence[ViewInfo] = VIEWS
    ) -> None:
        """The keys of the views work anywhere on the page."""
        super().__init__()
        self._studio, self._row = studio, row
        self._infos = {info.name: info for info in infos}
        self.views: dict[str, View] = {}
        """Those that were made, by name."""
        names = list(self._infos)
        row.segments.chosen.connect(lambda place: self.show_view(names[place]))
        for info in infos:
            studio.actions.connect(info.action, partial(self.show_view, info.name), page)

    @property
    def front(self) -> View | None:
        """The view in front; None before the first was shown."""
        found = self.currentWidget()
        return found if isinstance(found, View) else None

    def view(self, name: str) -> View:
        """A view by its name; made when it was not shown before."""
        if name not in self.views:
            made = self.views[name] = self._infos[name].make(self._studio)
            self.addWidget(made)
            self.made.emit(made)
        return self.views[name]

    def show_view(self, name: str) -> None:
        """Bring a view to the front, and remember it for the project."""
        self._row.segments.choose(list(self._infos).index(name))
        view = self.view(name)
        self.setCurrentWidget(view)
        if self._studio.project is not None:
            self._studio.memory.set_for(self._studio.project.path, _MEMORY, name)
        self.came.emit(view)

    def show_remembered(self) -> None:
        """Bring the view to the front that was there when the project was open last."""
        assert self._studio.project is not None
        name = self._studio.memory.get_for(self._studio.project.path, _MEMORY, "")
        self.show_view(name if name in self._infos else next(iter(self._infos)))
