"""What a page says when it has nothing to show: one sentence, and the button that fills it.

EmptyState("vector-square-edit", "Variants are made from your labelled images. Label one first.",
           button="Label an image", do=lambda: studio.go_to("label"))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import show_or_hide
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.one_press import press_once
from cvstudio.gui.widgets.section import label, link, push

_WIDEST = 480


class EmptyState(QWidget):
    """Centred in whatever room it gets. `next_` makes the button the page's accent button."""

    def __init__(
        self, icon_name: str, text: str, *, button: str = "", do: Callable[[], Any] | None = None,
        title: str = "", next_: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        self._icon = IconLabel(icon_name, "muted", theme.size("empty_page"))
        column.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        self.title = label(title, "title")
        show_or_hide(self.title, bool(title))
        column.addWidget(self.title, 0, Qt.AlignmentFlag.AlignHCenter)
        self.words = label(text, "muted", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.words, 0, Qt.AlignmentFlag.AlignHCenter)
        self._next = next_
        self.button = push(button, self._press, next=next_)
        press_once(self.button)
        self._do = do
        show_or_hide(self.button, bool(button))
        column.addSpacing(4)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.also = link("", self._press_also)
        self._do_also: Callable[[], Any] | None = None
        self.also.hide()
        column.addWidget(self.also, 0, Qt.AlignmentFlag.AlignHCenter)
        self.pointer = link("", self._press_pointer)
        self._do_pointer: Callable[[], Any] | None = None
        self.pointer.hide()
        column.addWidget(self.pointer, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self._fit()

    def set(
        self, text: str, *, button: str | None = None, do: Callable[[], Any] | None = None,
        icon_name: str = "", title: str | None = None, ends: bool = False,
    ) -> None:  # fmt: skip
        """Other words, and another button when one is given ("" hides it). `ends`: it ends what is
        at work, which is no next step."""
        self.words.setText(text)
        self._fit()
        if icon_name:
            self._icon.set(icon_name)
        if title is not None:
            self.title.setText(title)
            self.title.setVisible(bool(title))
        if button is not None:
            self.button.setText(button)
            self.button.setVisible(bool(button))
            theme.mark(self.button, next=self._next and not ends)
        if do is not None:
            self._do = do

    def offer_also(self, words: str, do: Callable[[], Any] | None = None) -> None:
        """A second way forward under the button; "" takes it away."""
        self.also.setText(words)
        self.also.setVisible(bool(words))
        self._do_also = do

    def point_to(self, words: str, do: Callable[[], Any]) -> None:
        """Where help is found, in a last line; it shows when `pointer` is shown."""
        self.pointer.setText(words)
        self._do_pointer = do

    def _fit(self) -> None:
        """A label that wraps gives a layout no good hint; its size is known here."""
        font = theme.font()
        needed = QFontMetrics(font).horizontalAdvance(self.words.text()) + 8
        lines = -(-needed // _WIDEST)
        # Lines about as long as each other: a last word alone looks like a mistake.
        width = needed if lines == 1 else min(_WIDEST, round(1.2 * needed / lines))
        self.words.setFixedWidth(width)
        self.words.setFixedHeight(max(self.words.heightForWidth(width), 20))

    def _press_also(self) -> None:
        if self._do_also is not None:
            self._do_also()

    def _press_pointer(self) -> None:
        if self._do_pointer is not None:
            self._do_pointer()

    def _press(self) -> None:
        if self._do is not None:
            self._do()
