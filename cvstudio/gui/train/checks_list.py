"""The checks before the start: a line each, with its icon and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import show_or_hide
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import SectionHeader, label, link
from cvstudio.gui.widgets.verbatim import face
from cvstudio.gui.widgets.verbatim import tip as plain_tip
from cvstudio.project.check import HEADINGS, Action, Check, Level

_ICONS = {
    Level.BLOCKING: ("alert-circle-outline", "danger"),
    Level.ADVICE: ("alert-outline", "warning"),
    Level.OK: ("check", "muted"),
}

_FIGURES = re.compile(r"\d[\d.,]*")

_Key = tuple[Level, str, int]
"""A line that is shown: its level, its words without figures, and how many ways it offers."""


class ChecksList(QWidget):
    """`acted(Action)` is emitted when the person takes one of the ways offered."""

    acted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self.header = SectionHeader("Checks before the start")
        column.addWidget(self.header)
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(theme.size("panel_padding"), 0, 12, 0)
        self._rows.setSpacing(0)
        column.addLayout(self._rows)
        self.shown: list[Check] = []
        self._kept: list[tuple[_Key, QWidget]] = []
        """What stands below the header, from above."""

    def show_checks(self, lines: Sequence[Check]) -> None:
        """Show these checks; the header counts those that are not fine."""
        if list(lines) == self.shown:
            return
        self.shown = list(lines)
        self._place(list(self._wanted(lines)))
        stopping = sum(check.level is Level.BLOCKING for check in lines)
        open_ = sum(check.level is not Level.OK for check in lines)
        words = (
            f"{stopping} to settle first" if stopping else f"{open_} to look at" if open_ else ""
        )
        self.header.figure.setText(words)
        theme.mark(self.header.figure, role="danger" if stopping else "warning")

    @property
    def texts(self) -> list[str]:
        """What the lines say."""
        return [check.text for check in self.shown]

    def _wanted(self, lines: Sequence[Check]) -> Iterator[tuple[_Key, Check | None]]:
        """What stands below each other: headings, and lines by what stays of them as figures
        change."""
        blocked = any(check.level is Level.BLOCKING for check in lines)
        level = None
        for check in lines:
            if check.level is not level:
                level = check.level
                if blocked or level is Level.OK:
                    yield (level, "heading", 0), None
            yield (level, _FIGURES.sub("", check.text), len(check.actions)), check

    def _place(self, wanted: list[tuple[_Key, Check | None]]) -> None:
        """Make the column what is wanted. What stays is not made anew: it keeps focus and place."""
        kept, self._kept = self._kept, []
        for key, check in wanted:
            old = next((entry for entry in kept if entry[0] == key), None)
            if old is not None:
                kept.remove(old)
            part = old[1] if old is not None else self._made(key[0], check)
            if check is not None:
                assert isinstance(part, CheckRow)
                part.show_check(check)
            self._kept.append((key, part))
        for _, part in kept:
            self._rows.removeWidget(part)
            part.hide()
            part.deleteLater()
        if all(self._rows.indexOf(part) == place for place, (_, part) in enumerate(self._kept)):
            return
        for place, (_, part) in enumerate(self._kept):
            self._rows.insertWidget(place, part)
            part.raise_()  # those who hear the window are told its parts in this order
        links = [
            each for _, part in self._kept if isinstance(part, CheckRow) for each in part.links
        ]
        for one, following in pairwise(links):
            QWidget.setTabOrder(one, following)

    def _made(self, level: Level, check: Check | None) -> QWidget:
        if check is not None:
            return CheckRow(check, self.acted.emit)
        heading = label(HEADINGS[level], "caption")
        heading.setContentsMargins(0, 8, 0, 0)
        return heading


class CheckRow(QWidget):
    """One line: its icon, its words, and links for what can be done.

    There are as many links as there were at first; `show_check` changes what they and the line say.
    """

    def __init__(self, check: Check, act: Callable[[Action], object]) -> None:
        super().__init__()
        self._act, self._actions = act, check.actions
        below = bool(check.actions) and (check.level is Level.BLOCKING or len(check.actions) > 1)
        self._icon = IconLabel(*_ICONS[check.level])
        self._words = label(wrap=True)
        self.links = [link("", partial(self._take, place)) for place in range(len(check.actions))]
        self._why = label("", "caption", wrap=True)
        self._why.setContentsMargins(24, 2, 0, 6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._line = QWidget()
        self._line.setMinimumHeight(27)
        line = QHBoxLayout(self._line)
        line.setContentsMargins(0, 4, 0, 4)  # lines that wrap must not run together
        line.setSpacing(8)
        line.addWidget(self._icon)
        line.addWidget(self._words, 1)
        column.addWidget(self._line)
        if below:  # there is a choice, or it is urgent
            ways = QHBoxLayout()
            ways.setContentsMargins(24, 0, 0, 0)
            ways.setSpacing(12)
            column.addLayout(ways)
        for each in self.links:
            (ways if below else line).addWidget(each)
        if below:
            ways.addStretch(1)
        column.addWidget(self._why)

    def show_check(self, check: Check) -> None:
        """Say this check, which has as many ways as the one before."""
        self._actions = check.actions
        self._words.setText(check.text)
        self._words.setToolTip(plain_tip(check.detail or check.text))
        self._line.setToolTip(plain_tip(check.detail))
        for each, action in zip(self.links, check.actions, strict=True):
            each.setText(face(action.title))
        self._why.setText(check.ways)
        show_or_hide(self._why, bool(check.ways))

    def _take(self, place: int) -> None:
        self._act(self._actions[place])
