"""Ctrl+K: images, classes and actions that match what is typed in the header's field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project import queries
from cvstudio.project.records import ImageFilter

_MOST_IMAGES = 8
_MOST_ACTIONS = 8


@dataclass(frozen=True)
class Hit:
    """One thing that was found, and what choosing it does."""

    text: str
    icon: str
    detail: str
    do: Callable[[], Any]


def find(studio: Studio, text: str) -> list[Hit]:
    """What matches a text, best kinds first: classes, images, then actions that can be done."""
    wanted = text.casefold().split()
    if not wanted:
        return []

    def matches(candidate: str) -> bool:
        folded = candidate.casefold()
        return all(word in folded for word in wanted)

    hits: list[Hit] = []
    project = studio.project
    if project is not None:
        with project.read() as session:
            classes = queries.classes(session)
            ids = queries.image_ids(session, ImageFilter(text=text))[:_MOST_IMAGES]
            images = queries.images(session, ids)
        for found in classes:
            if matches(found.name):
                show = partial(studio.go_to, "data", class_id=found.id)
                hits.append(Hit(found.name, "shape-outline", "class", show))
        for image in images:
            show = partial(studio.go_to, "label", image_id=image.id)
            hits.append(Hit(image.title, "image-outline", image.folder, show))
    actions = [
        Hit(info.text, info.icon, studio.actions.key_words(info.id), action.trigger)
        for info, action in studio.actions.all()
        if action.isEnabled() and not info.page and matches(f"{info.text} {info.tip}")
    ]
    return hits + actions[:_MOST_ACTIONS]


class SearchPopup(QFrame):
    """The list under the search field; it lives as long as the window."""

    def __init__(self, window: QWidget, field: QLineEdit, studio: Studio) -> None:
        super().__init__(window)
        theme.mark(self, toast=True)
        self._window, self._field, self._studio = window, field, studio
        self._hits: list[Hit] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda item: self._take(self.list.row(item)))
        column.addWidget(self.list)
        field.textEdited.connect(self._search)
        field.installEventFilter(self)
        self.hide()

    def _search(self, text: str) -> None:
        self._hits = find(self._studio, text)
        self.list.clear()
        for hit in self._hits:
            words = f"{hit.text}   {hit.detail}" if hit.detail else hit.text
            item = QListWidgetItem(icon(hit.icon), words)
            item.setToolTip(tip(words))
            self.list.addItem(item)
        if text.strip() and not self._hits:
            item = QListWidgetItem("Nothing has this name.")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.setVisible(bool(text.strip()))
        if self._hits:
            self.list.setCurrentRow(0)
        self._place()

    def _place(self) -> None:
        corner = self._field.mapTo(self._window, QPoint(0, self._field.height() + 4))
        rows = min(max(self.list.count(), 1), 12)
        width = max(self._field.width(), 360)
        left = min(corner.x(), self._window.width() - width - 8)
        self.setGeometry(left, corner.y(), width, rows * theme.row_height() + 12)
        self.raise_()

    def _take(self, row: int) -> None:
        self.close_()
        if 0 <= row < len(self._hits):
            self._hits[row].do()

    def close_(self) -> None:
        """Hide the list and empty the field."""
        self.hide()
        self._field.clear()
        self._field.clearFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and not self.underMouse():
            self.hide()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.close_()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.list.currentRow())
            return True
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(key))
        if step is not None and self._hits:
            self.list.setCurrentRow((self.list.currentRow() + step) % len(self._hits))
            return True
        return False
