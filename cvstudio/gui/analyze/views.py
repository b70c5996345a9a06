"""The views of the Analyze page, in the order of their row; each is imported when first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cvstudio.gui.analyze.view import View
from cvstudio.gui.studio import Studio


def _errors(studio: Studio) -> View:
    from cvstudio.gui.analyze.errors_view import ErrorsView

    return ErrorsView(studio)


def _figures(studio: Studio) -> View:
    from cvstudio.gui.analyze.figures_view.view import FiguresView

    return FiguresView(studio)


def _slices(studio: Studio) -> View:
    from cvstudio.gui.analyze.slices_view.view import SlicesView

    return SlicesView(studio)


def _suspects(studio: Studio) -> View:
    from cvstudio.gui.analyze.suspects.view import SuspectsView

    return SuspectsView(studio)


def _map(studio: Studio) -> View:
    from cvstudio.gui.analyze.map_view.view import MapView

    return MapView(studio)


def _new(studio: Studio) -> View:
    from cvstudio.gui.analyze.drift_view.view import DriftView

    return DriftView(studio)


@dataclass(frozen=True)
class ViewInfo:
    """A view of the row; its word, its key and its tooltip are those of analyze.view_NAME."""

    name: str
    make: Callable[[Studio], View]

    @property
    def action(self) -> str:
        """The id of the action that shows it."""
        return f"analyze.view_{self.name}"


VIEWS = (
    ViewInfo("errors", _errors),
    ViewInfo("figures", _figures),
    ViewInfo("slices", _slices),
    ViewInfo("suspects", _suspects),
    ViewInfo("map", _map),
    ViewInfo("new", _new),
)
