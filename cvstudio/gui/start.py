"""What the window shows while no project is open: recent projects, a new one, three samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.clickable import Clickable
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel, Message
from cvstudio.gui.widgets.samples import SampleCards
from cvstudio.gui.widgets.section import NextButton, label, push
from cvstudio.gui.widgets.steps import Steps

COLUMN = 880

_WAYS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1}


class RecentRow(Clickable):
    """One recent project: name, folder, when it was last open."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(card=True)
        self.setFixedHeight(theme.size("row_two_lines") + 8)
        self.setAccessibleName(f"Open {name}")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(12)
        row.addWidget(IconLabel("folder-outline", "muted", 20))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(label(name, "section"))
        words.addWidget(label(str(path), "caption"))
        words.addStretch(1)
        row.addLayout(words, 1)
        database = path / "project.db"
        if database.exists():
            used = time.localtime(database.stat().st_mtime)
            row.addWidget(label(time.strftime("%d %B %Y", used), "caption"))


class StartPage(QScrollArea):
    """Shown in the place of the pages. `message` tells why a project could not be opened."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.setObjectName("start")
        self._studio = studio
        theme.mark(self, plain=True)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()
        outer = QHBoxLayout(inside)
        outer.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(8)
        outer.addLayout(column)
        outer.addStretch(1)
        self.setWidget(inside)
        column.addStretch(2)
        head = label("Label images, train a network, take it home", "page")
        head.setMinimumWidth(COLUMN)
        column.addWidget(head)
        column.addWidget(
            label(
                "A project is one folder on this computer. Nothing is ever sent anywhere.", "muted"
            )
        )
        column.addSpacing(8)
        self.message = Message("danger", "")
        self.message.hide()
        column.addWidget(self.message)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.new = NextButton(studio.actions["project.new"])
        self.open = push("Open project", lambda: studio.actions.trigger("project.open"), tall=True)
        self.open.setIcon(icon("folder-open-outline", "text"))
        self.open.setIconSize(QSize(20, 16))
        buttons.addWidget(self.new)
        buttons.addWidget(self.open)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addSpacing(16)
        self._recent_title = label("Recent projects", "section")
        column.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(4)
        column.addLayout(self._recent)
        column.addSpacing(16)
        column.addWidget(label("Or learn on a sample", "section"))
        self.samples = SampleCards(studio.tasks)
        self.samples.chosen.connect(lambda key: studio.go_to("sample", key=key))
        column.addWidget(self.samples)
        column.addSpacing(16)
        column.addWidget(Steps(0))
        column.addStretch(3)
        self.refresh()

    def refresh(self) -> None:
        """Show the recent projects as they are now."""
        empty(self._recent)
        paths = self._studio.memory.recent()[:4]
        self._recent_title.setVisible(bool(paths))
        for path in paths:
            row = RecentRow(path, self._studio.memory.name_of(path))
            row.pressed.connect(lambda p=path: self._studio.go_to("open", path=p))
            self._recent.addWidget(row)
        self._order_focus()

    def stops(self) -> list[QWidget]:
        """What Tab and the arrows come to, in order."""
        items = (self._recent.itemAt(place) for place in range(self._recent.count()))
        rows = [item.widget() for item in items if item is not None]
        cards = [card.open for card in self.samples.cards]
        return [self.new, self.open, *(row for row in rows if row is not None), *cards]

    def _order_focus(self) -> None:
        """The rows are made after the samples, and stand before them."""
        for before, after in pairwise(self.stops()):
            QWidget.setTabOrder(before, after)
        for stop in self.stops():
            stop.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows walk over everything that can be chosen, as Tab does, but stay on the page."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            way = _WAYS.get(Qt.Key(event.key()))
            stops = self.stops()
            if way is not None and watched in stops:
                place = min(max(stops.index(watched) + way, 0), len(stops) - 1)
                back = Qt.FocusReason.BacktabFocusReason
                stops[place].setFocus(Qt.FocusReason.TabFocusReason if way > 0 else back)
                self.ensureWidgetVisible(stops[place])
                return True
        return super().eventFilter(watched, event)

    def tell(self, text: str, link: str = "", do: Callable[[], Any] | None = None) -> None:
        """Say why a project could not be opened, with a way forward; "" takes the words away."""
        self.message.set("danger", text)
        self.message.set_link(link, do)
        self.message.setVisible(bool(text))
