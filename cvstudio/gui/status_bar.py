"""The status bar: what the page at hand tells, its hint, and whether the project is saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.verbatim import tip

if TYPE_CHECKING:
    from cvstudio.project.project import Project


_LEAST = 160
"""Pixels up to which words are never cut, so that the pixel under the pointer stays to be read."""


class Words(QLabel):
    """Words that give way to their neighbours when they are long: cut at the end, and then whole
    in the tooltip."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._tell_rest()

    def minimumSizeHint(self) -> QSize:
        whole = super().minimumSizeHint()
        return QSize(min(whole.width(), _LEAST), whole.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_rest()

    def _tell_rest(self) -> None:
        self.setToolTip("" if self.shown() == self.text() else tip(self.text()))

    def shown(self) -> str:
        """What can be read of it now."""
        metrics = self.fontMetrics()
        return metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.shown())


class StatusBar(QStatusBar):
    """The page's words at the left, its hint and the state of the project at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setFixedHeight(theme.size("status"))
        left, right = QWidget(), QWidget()
        self._told = QHBoxLayout(left)
        self._told.setContentsMargins(12, 0, 0, 0)
        self._told.setSpacing(20)
        row = QHBoxLayout(right)
        row.setContentsMargins(0, 0, 12, 0)
        row.setSpacing(6)
        self._hint = Words()
        row.addWidget(self._hint)
        row.addSpacing(16)
        self._saved_icon = IconLabel("check", "muted", 14)
        self.saved = QLabel()
        row.addWidget(self._saved_icon)
        row.addWidget(self.saved)
        self.addWidget(left, 1)
        self.addPermanentWidget(right)

    def tell(self, told: Iterable[str], *, hint: str = "") -> None:
        """Show what a page tells; `hint` is what keys or gestures do there."""
        empty(self._told)
        for text in told:
            self._told.addWidget(Words(text))
        self._told.addStretch(1)
        self._hint.setText(hint)

    def tell_saved(self, project: Project | None, *, unsaved: str = "") -> None:
        """Say how it stands with what the person did: there is no Save button. `unsaved`: what
        waits for them to keep it."""
        self._saved_icon.setVisible(project is not None and not unsaved)
        if unsaved:
            self.saved.setText(unsaved)
        elif project is None:
            self.saved.setText("No internet needed")
        elif not project.writable:
            self.saved.setText("Open for reading only")
        else:
            self.saved.setText("All changes saved")
