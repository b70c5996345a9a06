"""The saved views at the left of Data: chosen by a click, renamed, brought up to date, removed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.gui.data import saved_views
from cvstudio.gui.data.named_list import NamedList
from cvstudio.gui.data.saved_views import SavedView
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.gui.widgets.nav_list import NavRow
from cvstudio.project.project import Project

_PREFIX = "saved:"
_COUNTING = "…"
_WHY = "Its images are not counted yet: a run has to be compared with its labels for that. "


def key_of_view(name: str) -> str:
    """The key of a view's row."""
    return f"{_PREFIX}{name}"


class ViewList(NamedList):
    """`asked(what, name)`: "rename" by F2 or the menu, "renew" (take the filter that is set now) by
    the menu, "remove" by Del or the menu."""

    def __init__(self) -> None:
        super().__init__("Saved views", prefix=_PREFIX, removal="remove")
        self.can_renew = False
        """Whether a filter is set that a view could take over."""

    def show_views(self, views: Sequence[tuple[SavedView, int | None]]) -> None:
        """Show these, with how many images each finds; None while that is not known yet."""
        keys = "F2 renames it, right click takes over the filter, Del removes it, no images."
        rows = []
        for view, count in views:
            figure, also = (_COUNTING, _WHY) if count is None else (f"{count:,}", "")
            tip = f"{view.name}. {also}{keys}"
            rows.append(NavRow(key_of_view(view.name), view.name, "bookmark-outline", figure, tip))
        self.show_rows(rows)

    def menu(self, name: str) -> QMenu:
        """What can be done with a view."""
        menu = QMenu(self)
        menu.addAction("Rename", lambda: self.asked.emit("rename", name))
        renew = menu.addAction(
            "Update to the filter that is set", lambda: self.asked.emit("renew", name)
        )
        renew.setEnabled(self.can_renew)
        menu.addAction("Remove view", lambda: self.asked.emit("remove", name))
        return menu


def edit_view(project: Project, page: QWidget, what: str, view: SavedView) -> None:
    """What ViewList asks for, one undo step: "rename" asks for the name, "renew" lets the view
    stand for the filter that is given with it, "remove" forgets it; its images stay."""
    if what == "remove":
        saved_views.remove(project, view.name, source=page)
    elif what == "renew":
        saved_views.renew(project, view, source=page)
    elif new := ask_text(page, "Rename view", "Name", view.name, yes="Rename"):
        saved_views.rename(project, view.name, new, source=page)
