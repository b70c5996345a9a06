"""The saved views at the left of Data: chosen by a click, renamed, brought up to date, removed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.gui.data import saved_views
from cvstudio.gui.data.saved_views import SavedView
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.gui.widgets.nav_list import NavList, NavRow
from cvstudio.project.project import Project

_PREFIX = "saved:"


def key_of_view(name: str) -> str:
    """The key of a view's row."""
    return f"{_PREFIX}{name}"


class ViewList(NavList):
    """`asked(what, name)`: "rename" by F2 or the menu, "renew" (take the filter that is set now) by
    the menu, "remove" by Del or the menu."""

    asked = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Saved views")
        self.can_renew = False
        """Whether a filter is set that a view could take over."""
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.removed.connect(lambda key: self.asked.emit("remove", key.removeprefix(_PREFIX)))

    def show_views(self, views: Sequence[tuple[SavedView, int]]) -> None:
        """Show these, with how many images each finds."""
        tip = "{}. F2 renames it, right click takes over the filter, Del removes it, no images."
        rows = [
            NavRow(key_of_view(v.name), v.name, "bookmark-outline", f"{n:,}", tip.format(v.name))
            for v, n in views
        ]
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

    def _open_menu(self, place: QPoint) -> None:
        item = self.itemAt(place)
        if item is None:
            return
        key: str = item.data(Qt.ItemDataRole.UserRole).key
        menu = self.menu(key.removeprefix(_PREFIX))
        menu.exec(self.viewport().mapToGlobal(place))
        menu.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F2 and self.key:
            self.asked.emit("rename", self.key.removeprefix(_PREFIX))
            return
        super().keyPressEvent(event)


def edit_view(project: Project, page: QWidget, what: str, view: SavedView) -> None:
    """What ViewList asks for, one undo step: "rename" asks for the name, "renew" lets the view
    stand for the filter that is given with it, "remove" forgets it; its images stay."""
    if what == "remove":
        saved_views.remove(project, view.name, source=page)
    elif what == "renew":
        saved_views.renew(project, view, source=page)
    elif new := ask_text(page, "Rename view", "Name", view.name, yes="Rename"):
        saved_views.rename(project, view.name, new, source=page)
