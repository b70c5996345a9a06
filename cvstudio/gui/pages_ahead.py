"""Modules that the window imports in threads once it is up: those of jobs, pages and their views.

A page is made when it is first shown, on the window's thread: nothing else may make widgets. What
it is made of is some hundred modules, and to find, read and run them takes longer than making it.
"""

from __future__ import annotations

import logging
from importlib import import_module

from cvstudio.core.collector import collector_at_rest
from cvstudio.gui.pages import PAGES
from cvstudio.gui.tasks import Control

log = logging.getLogger(__name__)

_VIEWS = (
    "errors_view", "figures_view.view", "slices_view.view", "suspects.view", "map_view.view",
    "drift_view.view",
)  # fmt: skip
_PAGES = tuple(f"cvstudio.gui.{page.name}.page" for page in PAGES)


def import_jobs(_control: Control) -> None:
    """What watches jobs and the device."""
    _import("cvstudio.gui.jobs")


def import_pages(control: Control) -> None:
    """Every page in the order of the rail, then what stands on them."""
    views = tuple(f"cvstudio.gui.analyze.{view}" for view in _VIEWS)
    for name in (*_PAGES, *views):
        control.check()
        _import(name)


def not_imported(error: BaseException) -> None:
    """It is tried again when the page is shown, and then the person is told."""
    log.warning("pages were not imported ahead", exc_info=error)


def _import(name: str) -> None:
    """What a module is made of stays as long as the window: searches for garbage leave it out."""
    with collector_at_rest(aside=True):
        import_module(name)
