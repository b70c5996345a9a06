"""The checks before the start: a line each, with its icon and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import SectionHeader, label, link
from cvstudio.project.preflight import Action, Check, Level

_ICONS = {
    Level.BLOCKING: ("alert-circle-outline", "danger"),
    Level.ADVICE: ("alert-outline", "warning"),
    Level.OK: ("check", "muted"),
}


_HEADINGS = {
    Level.BLOCKING: "To settle before the start",
    Level.ADVICE: "Worth a look, stops nothing",
    Level.OK: "In order",
}


def _below(check: Check) -> bool:
    """Whether what can be done stands on a line of its own: there is a choice, or it is urgent."""
    return bool(check.actions) and (check.level is Level.BLOCKING or len(check.actions) > 1)


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

    def show_checks(self, lines: Sequence[Check]) -> None:
        """Show these checks; the header counts those that are not fine."""
        if list(lines) == self.shown:
            return
        self.shown = list(lines)
        empty(self._rows)
        blocked = any(check.level is Level.BLOCKING for check in lines)
        level = None
        for check in lines:
            if check.level is not level:
                level = check.level
                if blocked or level is Level.OK:
                    heading = label(_HEADINGS[level], "caption")
                    heading.setContentsMargins(0, 8, 0, 0)
                    self._rows.addWidget(heading)
            self._rows.addWidget(self._row(check))
            if _below(check):
                self._rows.addWidget(self._ways(check))
                if check.ways:
                    why = label(check.ways, "caption", wrap=True)
                    why.setContentsMargins(24, 2, 0, 6)
                    self._rows.addWidget(why)
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

    def _row(self, check: Check) -> QWidget:
        row = QWidget()
        row.setMinimumHeight(27)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 4, 0, 4)  # lines that wrap must not run together
        layout.setSpacing(8)
        layout.addWidget(IconLabel(*_ICONS[check.level]))
        words = label(check.text, wrap=True)
        words.setToolTip(check.detail or check.text)
        layout.addWidget(words, 1)
        if not _below(check):
            for action in check.actions:
                layout.addWidget(self._link(action))
        row.setToolTip(check.detail)
        return row

    def _ways(self, check: Check) -> QWidget:
        """What can be done about a check that blocks, on a line of its own."""
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(24, 0, 0, 0)
        layout.setSpacing(12)
        for action in check.actions:
            layout.addWidget(self._link(action))
        layout.addStretch(1)
        return row

    def _link(self, action: Action) -> QWidget:
        return link(action.title, lambda: self.acted.emit(action))
