"""Ctrl+K: images, classes and actions of all pages that match what is typed in the header's field.

An action of another page is done there. One that is not possible now stands in grey, with the
reason: who searches for it learns that it exists and what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from cvstudio.gui import theme
from cvstudio.gui.action_table import ActionInfo
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.told_rows import ABOUT, AT_RIGHT, GREY, ToldRows
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project import queries
from cvstudio.project.records import ImageFilter

_MOST_IMAGES = 8
_MOST_ACTIONS = 24
_MOST_ROWS = 12
_LEAST_WIDTH = 680
_NAMES = 176
"""Pixels of the names: what they mean begins at one line."""


@dataclass(frozen=True)
class Hit:
    """One thing that was found, and what choosing it does."""

    text: str
    icon: str
    about: str
    """What it is or does; for what is not possible now, why."""
    do: Callable[[], Any]
    at_right: str = ""
    """The page where it is done, and its key."""
    possible: bool = True

    @property
    def words(self) -> str:
        """All of it, as it is read out."""
        return " · ".join(filter(None, (self.text, self.about, self.at_right)))


def find(studio: Studio, text: str, here: str = "") -> list[Hit]:
    """What matches a text: classes, actions by their name, images, actions by what they do.

    `here`: the page in front, whose actions come first. Without a text: every action.
    """
    words = text.casefold().split()
    actions = _actions(studio, words, here)
    if not words:
        return [hit for _rank, hit in actions]
    named = [hit for rank, hit in actions if rank < _BY_TIP]
    others = [hit for rank, hit in actions if rank >= _BY_TIP]
    room = max(_MOST_ACTIONS - len(named), 0)
    classes, images = _of_project(studio, text, words)
    return [*classes, *named[:_MOST_ACTIONS], *images, *others[:room]]


def _of_project(studio: Studio, text: str, words: list[str]) -> tuple[list[Hit], list[Hit]]:
    """Classes and images."""
    project = studio.project
    if project is None:
        return [], []
    with project.read() as session:
        known = queries.classes(session)
        ids = queries.image_ids(session, ImageFilter(text=text))[:_MOST_IMAGES]
        images = queries.images(session, ids)
    classes = [
        Hit(c.name, "shape-outline", "class", partial(studio.go_to, "data", class_id=c.id))
        for c in known
        if all(word in c.name.casefold() for word in words)
    ]
    return classes, [
        Hit(i.title, "image-outline", i.folder, partial(studio.go_to, "label", image_id=i.id))
        for i in images
    ]


_BY_TIP = 3


def _rank(info: ActionInfo, keys: str, words: list[str]) -> int | None:
    """How well an action fits: its name begins so, a word of it does, it holds it; else its tip."""
    name = info.text.casefold()
    if not all(word in f"{name} {info.tip} {info.page} {keys}".casefold() for word in words):
        return None
    typed = " ".join(words)
    if name.startswith(typed):
        return 0
    if any(part.startswith(typed) for part in name.split()):
        return 1
    return 2 if all(word in name for word in words) else _BY_TIP


def _actions(studio: Studio, words: list[str], here: str) -> list[tuple[int, Hit]]:
    """Ranked actions; of several with the same words only that of the page in front."""
    found: list[tuple[tuple[int, bool, int], Hit]] = []
    for info, _action in studio.actions.all():
        rank = _rank(info, studio.actions.key_words(info.id), words)
        if rank is None or info.id == "app.search":
            continue
        away = 0 if info.page == here else 1 if not info.page else 2
        hit = _hit(studio, info, here)
        found.append(((rank, not hit.possible, away), hit))
    found.sort(key=lambda pair: pair[0])
    seen: set[str] = set()
    return [(rank[0], hit) for rank, hit in found if not _known(seen, hit)]


def _known(seen: set[str], hit: Hit) -> bool:
    same = f"{hit.text} {hit.icon}"
    if same in seen:
        return True
    seen.add(same)
    return False


def _hit(studio: Studio, info: ActionInfo, here: str) -> Hit:
    actions = studio.actions
    there = info.page.capitalize() if info.page != here else ""
    reason = actions.reason(info.id)
    place = " · ".join(filter(None, (there, actions.key_words(info.id))))
    do = partial(_do, studio, info, here)
    return Hit(info.text, info.icon, reason or info.tip, do, place, possible=not reason)


def _do(studio: Studio, info: ActionInfo, here: str) -> None:
    """Do an action where it works; say why when it turns out there that it does not."""
    actions = studio.actions
    if info.page and info.page != here and studio.project is not None:
        studio.go_to(info.page)
    if actions.works(info.id) and actions.trigger(info.id):
        return
    reason = actions.reason(info.id) or "There is nothing to use it on in this project"
    studio.toast(f"{info.text}: {reason[:1].lower()}{reason[1:]}.")


class SearchPopup(QFrame):
    """The list under the search field; it lives as long as the window."""

    def __init__(
        self, window: QWidget, field: QLineEdit, studio: Studio, here: Callable[[], str]
    ) -> None:
        """`here` tells which page is in front."""
        super().__init__(window)
        theme.mark(self, toast=True)
        self._window, self._field, self._studio, self._here = window, field, studio, here
        self._hits: list[Hit] = []
        self._before: QWidget | None = None
        """What had the keys before."""
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        self.list = QListWidget()
        self.list.setItemDelegate(ToldRows(self.list, _NAMES))
        self.list.setAccessibleName("What is found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda item: self._take(self.list.row(item)))
        column.addWidget(self.list)
        field.textEdited.connect(self._search)
        field.installEventFilter(self)
        self.hide()

    def _search(self, text: str, *, everything: bool = False) -> None:
        """Show what matches; `everything`: all actions, where nothing is typed."""
        asked = bool(text.strip()) or everything
        self._hits = find(self._studio, text, self._here()) if asked else []
        self.list.clear()
        for hit in self._hits:
            role = "muted" if hit.possible else "disabled"
            item = QListWidgetItem(icon(hit.icon, role), hit.text)
            item.setData(ABOUT, hit.about)
            item.setData(AT_RIGHT, hit.at_right)
            item.setData(GREY, not hit.possible)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, hit.words)
            item.setToolTip(tip(hit.words))
            self.list.addItem(item)
        if asked and not self._hits:
            item = QListWidgetItem("Nothing has this name.")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            item.setData(GREY, True)
            self.list.addItem(item)
        self.setVisible(asked)
        if self._hits:
            self.list.setCurrentRow(0)
        self._place()

    def _place(self) -> None:
        corner = self._field.mapTo(self._window, QPoint(0, self._field.height() + 4))
        rows = min(max(self.list.count(), 1), _MOST_ROWS)
        width = max(self._field.width(), _LEAST_WIDTH)
        width = min(width, self._window.width() - 16)
        left = min(corner.x(), self._window.width() - width - 8)
        self.setGeometry(left, corner.y(), width, rows * theme.row_height() + 12)
        self.raise_()

    def _take(self, row: int) -> None:
        self.close_()
        if 0 <= row < len(self._hits):
            self._hits[row].do()

    def open(self) -> None:
        """Let the person type; what has the keys now gets them back."""
        focused = QApplication.focusWidget()
        self._before = focused if focused is not self._field else self._before
        self._field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._field.selectAll()

    def close_(self) -> None:
        """Hide the list and empty the field; the page's keys work again."""
        self.hide()
        self._field.clear()
        self._field.clearFocus()
        before, self._before = self._before, None
        if before is not None and isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.OtherFocusReason)

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
        if step is not None and not self._hits and not self._field.text():
            self._search("", everything=True)
            return True
        if step is not None and self._hits:
            self.list.setCurrentRow((self.list.currentRow() + step) % len(self._hits))
            return True
        return False
