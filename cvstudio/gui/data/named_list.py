"""Rows at the left of Data that a person has named, and can rename, remove or open a menu on."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QMenu

from cvstudio.gui.widgets.nav_list import NavList


class NamedList(NavList):
    """`asked(what, name)`: "rename" by F2, `removal` by Del, and all that `menu` offers.

    The key of a row is `prefix` and its name.
    """

    asked = Signal(str, str)

    def __init__(self, title: str, *, prefix: str, removal: str) -> None:
        super().__init__()
        self._prefix = prefix
        self.setAccessibleName(title)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.removed.connect(lambda key: self.asked.emit(removal, key.removeprefix(prefix)))

    def menu(self, name: str) -> QMenu:
        """What can be done with a row of that name."""
        raise NotImplementedError

    def _open_menu(self, place: QPoint) -> None:
        item = self.itemAt(place)
        if item is None:
            return
        key: str = item.data(Qt.ItemDataRole.UserRole).key
        menu = self.menu(key.removeprefix(self._prefix))
        menu.exec(self.viewport().mapToGlobal(place))
        menu.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F2 and self.key:
            self.asked.emit("rename", self.key.removeprefix(self._prefix))
            return
        super().keyPressEvent(event)
