"""F1: every action of the window with its keys, and every word that a newcomer meets, explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.meanings import Word, meaning, words
from cvstudio.gui import keys, theme
from cvstudio.gui.action_table import ACTIONS, PAGES, ActionInfo
from cvstudio.gui.shortcuts.dialog import edit_keys
from cvstudio.gui.shortcuts.held import HELD, Held
from cvstudio.gui.shortcuts.keymap import KeyBook
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import SectionHeader, label, tab_bar
from cvstudio.project.query_language import GRAMMAR, KEYS, Key

_WIDTH, _HEIGHT, _AROUND = 760, 720, 72
_ACTION = 150
"""Width of the names of actions: what they do begins at one line."""
_KEYS, _WORDS, _QUERIES = range(3)
_FIND = ("Find an action or a key", "Find a word", "Find a word of queries")
_EXAMPLE = 200
"""Width of the examples of queries."""


class HelpDialog(StudioDialog):
    """Three lists that can be searched; `page` is the group of keys that stands first.

    `word`: open at the explanation of this word; "" at the first one, None at the keys.
    `queries`: open at the words of queries.
    `book`: which keys are in force; without it, those of the table.
    """

    def __init__(
        self, parent: QWidget | None, page: str = "", *, word: str | None = None,
        book: KeyBook | None = None, queries: bool = False,
    ) -> None:  # fmt: skip
        room = parent.height() - _AROUND if parent is not None else _HEIGHT
        super().__init__(parent, "Help", width=_WIDTH, height=min(_HEIGHT, room))
        self.setObjectName("help")
        self.content.setSpacing(8)
        self.tabs = tab_bar("Keys", "Words", "Queries")
        self.field = QLineEdit()
        self.field.addAction(icon("magnify"), QLineEdit.ActionPosition.LeadingPosition).setText(
            "Find"
        )
        self.field.textChanged.connect(self._filter)
        self._page, self._book = page, book
        self.keys, self.words, self.queries = _keys_list(page, book), _words_list(), _queries_list()
        self.lists = QStackedWidget()
        self.lists.addWidget(self.keys)
        self.lists.addWidget(self.words)
        self.lists.addWidget(self.queries)
        for part in (self.tabs, self.field):
            self.content.addWidget(part)
        self.content.addWidget(self.lists, 1)
        self.tabs.currentChanged.connect(self._choose)
        if book is not None:
            self.add_button("Change keys", self._change_keys)
        self.add_button("Close", self.accept)
        self._choose(_KEYS)
        if word is not None:
            self.show_word(word)
        if queries:
            self.tabs.setCurrentIndex(_QUERIES)

    def show_word(self, name: str) -> None:
        """Bring the explanation of a word into view and mark it."""
        self.tabs.setCurrentIndex(_WORDS)
        self.field.clear()
        known = meaning(name)
        if known is not None:
            self.words.point_at(words().index(known))

    def _change_keys(self) -> None:
        assert self._book is not None
        edit_keys(self, self._book, self._page)
        old, self.keys = self.keys, _keys_list(self._page, self._book)
        self.lists.insertWidget(_KEYS, self.keys)
        self.lists.removeWidget(old)
        old.deleteLater()
        self.tabs.setCurrentIndex(_KEYS)
        self._choose(_KEYS)
        self._filter(self.field.text())

    def _choose(self, index: int) -> None:
        self.lists.setCurrentIndex(index)
        self.field.setPlaceholderText(_FIND[index])
        self.field.setAccessibleName(_FIND[index])
        self.field.setFocus()

    def _filter(self, text: str) -> None:
        for each in (self.keys, self.words, self.queries):
            each.filter(text)


class FoundList(QWidget):
    """Rows under headings; `filter` leaves those that hold every part of a text."""

    def __init__(self, groups: Iterable[tuple[str, Sequence[tuple[QWidget, str]]]]) -> None:
        super().__init__()
        self.rows: list[tuple[QWidget, str]] = []
        self._heads: list[tuple[QWidget, list[QWidget]]] = []
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(0)
        for title, rows in groups:
            head = SectionHeader(title, padded=False)
            column.addWidget(head)
            for row, _words in rows:
                column.addWidget(row)
            self.rows += rows
            self._heads.append((head, [row for row, _words in rows]))
        self.none = label("Nothing here is called so.", "muted")
        self.none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.none.hide()
        column.addWidget(self.none)
        column.addStretch(1)
        self.area: QScrollArea = scrolling(inside)
        self.area.setAccessibleName("What is found")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.area)

    def filter(self, text: str) -> None:
        """Show the rows that hold every part of a text."""
        wanted = text.casefold().split()
        for row, said in self.rows:
            row.setVisible(all(part in said for part in wanted))
        for head, rows in self._heads:
            head.setVisible(any(not row.isHidden() for row in rows))
        self.none.setVisible(all(row.isHidden() for row, _said in self.rows))

    def point_at(self, place: int) -> None:
        """Bring a row into view and mark it."""
        for number, (row, _said) in enumerate(self.rows):
            theme.mark(row, card=True if number == place else None, selected=number == place)
        row = self.rows[place][0]
        # Words that wrap have their height only when the list has been laid out.
        QTimer.singleShot(0, row, lambda: self.area.ensureWidgetVisible(row, 0, 120))


def _keys_list(page: str, book: KeyBook | None) -> FoundList:
    def held(info: ActionInfo) -> tuple[str, ...]:
        return book.keys(info.id) if book is not None else info.keys

    order = sorted(["", *PAGES], key=lambda group: group != page) if page in PAGES else ["", *PAGES]
    return FoundList(
        (
            group.capitalize() or "Everywhere",
            [
                *((_key_row(i, held(i)), _said(i, held(i))) for i in ACTIONS if i.page == group),
                *((_row(h.text, h.tip, (h.keys,)), _words(h)) for h in HELD if h.page == group),
            ],
        )
        for group in order
    )


def _said(info: ActionInfo, held: Sequence[str]) -> str:
    return f"{info.text} {info.tip} {' '.join(keys.words(key) for key in held)}".casefold()


def _words(held: Held) -> str:
    return f"{held.text} {held.tip} {held.keys}".casefold()


def _key_row(info: ActionInfo, held: Sequence[str]) -> QWidget:
    return _row(info.text, info.tip, [keys.words(key) for key in held])


def _row(text: str, tip: str, caps: Sequence[str]) -> QWidget:
    row = QWidget()
    row.setMinimumHeight(28)
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 2, 0, 2)
    line.setSpacing(8)
    name = label(text, wrap=True)
    name.setFixedWidth(_ACTION)
    line.addWidget(name)
    line.addWidget(label(tip, "muted", wrap=True), 1)
    for cap in caps:
        line.addWidget(label(cap, "key"), 0, Qt.AlignmentFlag.AlignVCenter)
    return row


def _queries_list() -> FoundList:
    keys_rows = [
        _query_row(each.example, f"{name}: {each.about}{_values(each)}")
        for name, each in KEYS.items()
    ]
    return FoundList(
        (
            ("How it is written", [_query_row(*row) for row in GRAMMAR]),
            ("What can be asked", keys_rows),
        )
    )


def _values(key: Key) -> str:
    """The values that a key may have, where they are few and fixed."""
    return f" ({', '.join(key.values)})" if key.values else ""


def _query_row(example: str, about: str) -> tuple[QWidget, str]:
    row = QWidget()
    row.setMinimumHeight(28)
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 2, 0, 2)
    line.setSpacing(8)
    shown = label(example, wrap=True)
    shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    shown.setFixedWidth(_EXAMPLE)
    line.addWidget(shown)
    line.addWidget(label(about, "muted", wrap=True), 1)
    return row, f"{example} {about}".casefold()


def _words_list() -> FoundList:
    groups: dict[str, list[tuple[QWidget, str]]] = {}
    for word in words():
        said = f"{word.name} {' '.join(word.also)} {word.text}".casefold()
        groups.setdefault(word.group, []).append((_word_row(word), said))
    return FoundList(groups.items())


def _word_row(word: Word) -> QWidget:
    row = QFrame()
    column = QVBoxLayout(row)
    column.setContentsMargins(12, 6, 12, 8)
    column.setSpacing(2)
    head = QHBoxLayout()
    head.setSpacing(8)
    head.addWidget(label(word.name, "section"))
    head.addWidget(label(", ".join(word.also), "caption"), 1)
    column.addLayout(head)
    column.addWidget(label(word.text, wrap=True))
    return row
