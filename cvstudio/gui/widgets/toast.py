"""Sentences that appear in the middle of the page for six seconds, one above the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QRect, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget
from shiboken6 import isValid

from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import LEVEL_ICONS
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, link, tool

_MOST = 3


class ToastFrame(QFrame):
    """One sentence with an icon, at most one link, and a cross."""

    def __init__(
        self, parent: QWidget, text: str, level: str, link_text: str, do: Callable[[], Any] | None
    ) -> None:
        super().__init__(parent)
        theme.mark(self, toast=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(8)
        row.addWidget(IconLabel(LEVEL_ICONS[level], "muted" if level == "info" else level))
        self.origin: tuple[str, Callable[[], Any] | None] = (text, do)
        self.passing = False
        """Whether it is about the image at hand alone, and goes with it."""
        self.words = label(text)
        row.addWidget(self.words)
        if link_text and do is not None:
            row.addWidget(link(link_text, lambda: self._act(do)))
        row.addWidget(tool(icon_name="close", tip="Dismiss", icon_side=16, do=self.deleteLater))
        self.setAccessibleName(text)

    def fit(self, room: int) -> None:
        """Words in more lines where `room` pixels are too few for one."""
        self.words.setWordWrap(False)
        around = self.sizeHint().width() - self.words.sizeHint().width()
        self.words.setWordWrap(True)
        one_line = self.words.fontMetrics().horizontalAdvance(self.words.text()) + 4
        width = max(min(one_line, room - around), 120)
        self.words.setFixedWidth(width)
        self.words.setFixedHeight(self.words.heightForWidth(width))
        self.adjustSize()

    def _act(self, do: Callable[[], Any]) -> None:
        self.deleteLater()
        do()


class Toasts(QObject):
    """Places toasts over a widget, at the bottom of the part of it that `area` names.

    That part holds no buttons at its bottom edge, such as the middle of a page.
    """

    def __init__(self, over: QWidget, area: Callable[[], QRect] | None = None) -> None:
        super().__init__(over)
        self._over = over
        self._area = area or over.rect
        self._shown: list[ToastFrame] = []
        over.installEventFilter(self)

    def show(
        self, text: str, level: str = "info", link_text: str = "",
        do: Callable[[], Any] | None = None, *, about: str = "", passing: bool = False,
    ) -> ToastFrame:  # fmt: skip
        """Show a sentence; the oldest goes when there are too many.

        It replaces what came from the same origin: what is `about` the same, and without that what
        has the same words or the same link. `passing`: see `forget_passing`.
        """
        frame = ToastFrame(self._over, text, level, link_text, do)
        frame.origin, frame.passing = (about or text, do), passing
        self._take_away([other for other in self._shown if _same(other, frame)])
        frame.destroyed.connect(self._gone)
        self._shown.append(frame)
        while len(self._shown) > _MOST:
            self._shown.pop(0).deleteLater()
        timer = QTimer(frame)
        timer.setSingleShot(True)
        timer.timeout.connect(frame.deleteLater)
        timer.start(theme.tokens()["motion"]["toast_stays"])
        frame.show()
        self.place()
        return frame

    def texts(self) -> list[str]:
        """The sentences that can be read now."""
        return [frame.words.text() for frame in self._shown]

    def clear(self) -> None:
        """Take all away."""
        self._take_away(list(self._shown))

    def forget_passing(self) -> None:
        """Another image is at hand: what was about the one before would be read as about it."""
        self._take_away([frame for frame in self._shown if frame.passing])

    def _take_away(self, frames: list[ToastFrame]) -> None:
        for frame in frames:
            self._shown.remove(frame)
            frame.hide()
            frame.deleteLater()

    def _gone(self, frame: QObject | None = None) -> None:
        if isValid(self):
            self._shown = [f for f in self._shown if isValid(f) and f is not frame]
            self.place()

    def place(self) -> None:
        """Another page is in front, or there is more or less room."""
        area = self._area()
        bottom = area.bottom() - 12
        for frame in reversed(self._shown):
            frame.fit(area.width() - 32)
            frame.move(area.center().x() - frame.width() // 2, bottom - frame.height())
            frame.raise_()
            bottom -= frame.height() + 8

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False


def _same(one: ToastFrame, other: ToastFrame) -> bool:
    """Whether the second toast takes the place of the first."""
    (about, do), (also_about, also_do) = one.origin, other.origin
    return about == also_about or (do is not None and do == also_do)
