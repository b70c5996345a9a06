"""A tinted message in a page: an icon, a sentence, and the way forward as a link.

Message("warning", "2 boxes have no area and are left out.", link_text="Show", do=self._show)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import LEVEL_ICONS, icon
from cvstudio.gui.widgets.one_press import press_once
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.verbatim import face


class IconLabel(QLabel):
    """An icon of side px in the colour of a role; follows the theme."""

    def __init__(self, name: str, role: str = "muted", side: int = 16) -> None:
        super().__init__()
        self._side = side
        self.setFixedSize(side, side)
        self.set(name, role)

    def set(self, name: str, role: str = "muted") -> None:
        self._icon = icon(name, role)
        self.update()

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        mode = self._icon.Mode.Normal if self.isEnabled() else self._icon.Mode.Disabled
        self._icon.paint(painter, self.rect(), Qt.AlignmentFlag.AlignCenter, mode)


class Message(QFrame):
    """Levels: success, info, warning, danger. `set` changes level and words."""

    def __init__(
        self, level: str, text: str, *, link_text: str = "", do: Callable[[], Any] | None = None
    ) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        self._icon = IconLabel(LEVEL_ICONS[level], "muted" if level == "info" else level)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        self._words = label(text, wrap=True)
        row.addWidget(self._words, 1)
        self._do = do
        self._link = link(link_text, self._act)
        press_once(self._link)
        row.addWidget(self._link, 0, Qt.AlignmentFlag.AlignTop)
        self._link.setVisible(bool(link_text))
        self.set(level, text)

    def _place_icon(self) -> None:
        """Beside words on one line, at the top of longer ones."""
        layout = self.layout()
        assert layout is not None
        line = self._words.fontMetrics().lineSpacing()
        one = self._words.heightForWidth(self._words.width()) < 2 * line
        layout.setAlignment(
            self._icon, Qt.AlignmentFlag.AlignVCenter if one else Qt.AlignmentFlag.AlignTop
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_icon()

    def _act(self) -> None:
        if self._do is not None:
            self._do()

    def set_link(self, text: str, do: Callable[[], Any] | None = None) -> None:
        """Another way forward; "" takes it away."""
        self._link.setText(face(text))
        self._link.setVisible(bool(text))
        self._do = do

    def focus_link(self) -> None:
        """Put the focus on the way forward, for the Enter of someone who types."""
        self._link.setFocus()

    def set(self, level: str, text: str) -> None:
        """Other words, in the tint of a level."""
        theme.mark(self, level=level)
        self._icon.set(LEVEL_ICONS[level], "muted" if level == "info" else level)
        self._words.setText(text)
        self._place_icon()

    @property
    def text(self) -> str:
        return self._words.text()
