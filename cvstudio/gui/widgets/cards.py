"""Cards that are a choice: presets, tasks, ways out of a failure.

    cards = ChoiceCards([("detect", "Boxes", "Find and count objects", "")])
    cards.chosen.connect(f)          # f("detect")
    cards.choose("detect")
The arrow keys move between the cards of one set, as between radio buttons.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import show_or_hide
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label


class ChoiceCard(QFrame):
    """One card: title, a figure at its right, a caption below, an icon if given."""

    pressed = Signal()

    def __init__(self, title: str, text: str = "", figure: str = "", icon_name: str = "") -> None:
        super().__init__()
        theme.mark(self, card=True, choice=True, selected=False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(title)
        row = QHBoxLayout(self)
        padding = theme.size("card_padding")
        row.setContentsMargins(padding, 8, padding, 8)
        row.setSpacing(12)
        if icon_name:
            row.addWidget(IconLabel(icon_name, "muted", 20), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(0)
        top = QHBoxLayout()
        self.title = label(title, "section")
        self.figure = label(figure)
        top.addWidget(self.title, 1)
        top.addWidget(self.figure)
        column.addLayout(top)
        self.text = label(text, "caption", wrap=True)
        show_or_hide(self.text, bool(text))
        column.addWidget(self.text)
        row.addLayout(column, 1)

    @property
    def selected(self) -> bool:
        return bool(self.property("selected"))

    def select(self, on: bool) -> None:
        """Show the card as the chosen one."""
        theme.mark(self, selected=on)
        for part in (self.title, self.figure, self.text):
            part.style().unpolish(part)
            part.style().polish(part)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return):
            self.pressed.emit()
        else:
            super().keyPressEvent(event)


class ChoiceCards(QWidget):
    """Cards of which one is chosen. Entries are (key, title, text, figure)."""

    chosen = Signal(str)

    def __init__(
        self,
        entries: Sequence[tuple[str, str, str, str]],
        *,
        columns: int = 1,
        icons: Sequence[str] = (),
    ) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        self.cards: dict[str, ChoiceCard] = {}
        for place, (key, title, text, figure) in enumerate(entries):
            icon_name = icons[place] if place < len(icons) else ""
            card = ChoiceCard(title, text, figure, icon_name)
            card.pressed.connect(lambda k=key: self._press(k))
            card.installEventFilter(self)
            grid.addWidget(card, place // columns, place % columns)
            self.cards[key] = card
        self._key = ""
        if entries:
            self.choose(entries[0][0])

    @property
    def key(self) -> str:
        """The chosen entry's key."""
        return self._key

    def choose(self, key: str) -> None:
        """Show a choice without telling. Raises KeyError for an unknown one."""
        self.cards[key].select(True)
        for other, card in self.cards.items():
            if other != key:
                card.select(False)
        self._key = key

    def _press(self, key: str) -> None:
        if key != self._key:
            self.choose(key)
            self.chosen.emit(key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Right: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_Left: -1,
            }.get(Qt.Key(event.key()))
            if step is not None:
                keys = list(self.cards)
                key = keys[(keys.index(self._key) + step) % len(keys)]
                self._press(key)
                self.cards[key].setFocus(Qt.FocusReason.TabFocusReason)
                return True
        return super().eventFilter(watched, event)
