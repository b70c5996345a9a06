"""Filters that are kept under a name, as settings of the project; each change is one undo step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cvstudio.gui.data import filters
from cvstudio.project import commands, queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter

_KEY = "views"


@dataclass(frozen=True)
class SavedView:
    """A filter under a name."""

    name: str
    filter: ImageFilter


def stored(session: Any) -> list[SavedView]:
    """The saved views in the order in which they were saved."""
    found = queries.setting(session, _KEY, [])
    return [SavedView(item["name"], filters.from_json(item["filter"])) for item in found]


def put(session: Any, views: Sequence[SavedView]) -> None:
    """Keep these views and no others, as a part of somebody's transaction."""
    plain = [{"name": view.name, "filter": filters.to_json(view.filter)} for view in views]
    commands.set_setting(session, _KEY, plain)


def save(project: Project, view: SavedView, *, source: object) -> None:
    """Keep a view; one of the same name gives way."""
    _store(project, [*_without(project, view.name), view], f"Save view {view.name}", source)


def rename(project: Project, old: str, new: str, *, source: object) -> None:
    """Give a view another name, in its place; a view that had that name gives way."""
    with project.read() as session:
        kept = [view for view in stored(session) if view.name != new or view.name == old]
    named = [SavedView(new, v.filter) if v.name == old else v for v in kept]
    _store(project, named, f"Rename view {old}", source)


def renew(project: Project, view: SavedView, *, source: object) -> None:
    """Let a view, in its place, stand for another filter."""
    with project.read() as session:
        views = [view if each.name == view.name else each for each in stored(session)]
    _store(project, views, f"Update view {view.name}", source)


def remove(project: Project, name: str, *, source: object) -> None:
    """Forget a saved view; its images stay."""
    _store(project, _without(project, name), f"Remove view {name}", source)


def _without(project: Project, name: str) -> list[SavedView]:
    with project.read() as session:
        return [view for view in stored(session) if view.name != name]


def _store(project: Project, views: Sequence[SavedView], step: str, source: object) -> None:
    with project.transaction(step, source=source) as session:
        put(session, views)
