"""The classes of the class manager as a tree, moved by drag or by Alt with the arrows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragLeaveEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.project.reach import Reach

_ID = Qt.ItemDataRole.UserRole
_MOVES = {
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Right: "in",
    Qt.Key.Key_Left: "out",
}

Arrangement = Sequence[tuple[int, int | None]]
"""Every class with its parent, from above to below."""


class ClassTree(QTreeWidget):
    """The classes. `arranged` after a drag has moved rows, or with what a key wants."""

    arranged = Signal(object)
    over = Signal(object)
    """While a drag goes on: the parent that the dragged classes would have (None: the top), or
    False when the drag has left."""

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(5)
        self.setHeaderLabels(["Class", "Key", "Objects", "Images", "Suggested"])
        self.setAccessibleName("Classes")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3, 4):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def show_classes(
        self, classes: Sequence[LabelClass], parents: Mapping[int, int | None],
        reach: Mapping[int, Reach],
    ) -> None:  # fmt: skip
        """Show the tree; who was selected stays so."""
        chosen, current = set(self.chosen()), self._id(self.currentItem())
        self.clear()
        self.setColumnHidden(4, not any(figures.suggested for figures in reach.values()))
        items: dict[int, QTreeWidgetItem] = {}
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for found in classes:
            figures = reach[found.id]
            words = [found.name, found.hotkey, f"{figures.objects:,}", f"{figures.images:,}"]
            words.append(f"{figures.suggested:,}" if figures.suggested else "")
            item = QTreeWidgetItem(words)
            item.setData(0, _ID, found.id)
            item.setIcon(0, swatch_icon(found.colour))
            for column in (2, 3, 4):
                item.setTextAlignment(column, right)
            items[found.id] = item
        for id, item in items.items():
            above = items.get(parents.get(id) or 0)
            if above is None:
                self.addTopLevelItem(item)
            else:
                above.addChild(item)
        self.expandAll()
        if current in items:
            self.setCurrentItem(items[current])
        for id, item in items.items():
            item.setSelected(id in chosen)

    @staticmethod
    def _id(item: QTreeWidgetItem | None) -> int:
        return 0 if item is None else int(item.data(0, _ID))

    def chosen(self) -> list[int]:
        """The ids of the selected classes, from above to below."""
        selected = {self._id(item) for item in self.selectedItems()}
        return [id for id, _ in self.arrangement() if id in selected]

    def arrangement(self) -> list[tuple[int, int | None]]:
        """Every class with its parent, as the rows stand."""
        found: list[tuple[int, int | None]] = []

        def walk(item: QTreeWidgetItem, parent: int | None) -> None:
            for place in range(item.childCount()):
                child = item.child(place)
                assert child is not None
                found.append((self._id(child), parent))
                walk(child, self._id(child))

        root = self.invisibleRootItem()
        assert root is not None
        walk(root, None)
        return found

    def select_class(self, class_id: int) -> None:
        """Select one class."""
        rows = QTreeWidgetItemIterator(self)
        while (item := rows.value()) is not None:
            if self._id(item) == class_id:
                self.setCurrentItem(item)
            item.setSelected(self._id(item) == class_id)
            rows += 1

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Alt with an arrow moves the selected class."""
        move = _MOVES.get(Qt.Key(event.key()))
        chosen = self.chosen()
        if move and event.modifiers() & Qt.KeyboardModifier.AltModifier and len(chosen) == 1:
            wanted = moved(self.arrangement(), chosen[0], move)
            if wanted is not None and self.dragEnabled():
                self.arranged.emit(wanted)
            return
        super().keyPressEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        super().dragMoveEvent(event)
        self.over.emit(self._parent_at(event))

    def _parent_at(self, event: QDragMoveEvent) -> int | None:
        """What a drop here would make the dragged classes a kind of."""
        item = self.itemAt(event.position().toPoint())
        where = self.dropIndicatorPosition()
        if item is None or where == QAbstractItemView.DropIndicatorPosition.OnViewport:
            return None
        on = where == QAbstractItemView.DropIndicatorPosition.OnItem
        return self._id(item if on else item.parent()) or None

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        super().dragLeaveEvent(event)
        self.over.emit(False)

    def dropEvent(self, event: QDropEvent) -> None:
        super().dropEvent(event)
        self.arranged.emit(self.arrangement())


def moved(tree: Arrangement, id: int, move: str) -> list[tuple[int, int | None]] | None:
    """The tree with one class moved "up" or "down" among its like, "in" (a kind of the one above
    it) or "out" (beside what it was a kind of); None when it cannot."""
    kinds: dict[int | None, list[int]] = {}
    for each, above in tree:
        kinds.setdefault(above, []).append(each)
    parent = dict(tree)[id]
    like = kinds[parent]
    place = like.index(id)
    if move in ("up", "down"):
        to = place + (1 if move == "down" else -1)
        if not 0 <= to < len(like):
            return None
        like[place], like[to] = like[to], like[place]
    elif move == "in":
        if place == 0:
            return None
        like.remove(id)
        kinds.setdefault(like[place - 1], []).append(id)
    else:
        if parent is None:
            return None
        like.remove(id)
        beside = kinds[dict(tree)[parent]]
        beside.insert(beside.index(parent) + 1, id)
    return _flat(kinds, None)


def _flat(
    kinds: Mapping[int | None, Sequence[int]], parent: int | None
) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for id in kinds.get(parent, ()):
        found.append((id, parent))
        found += _flat(kinds, id)
    return found
