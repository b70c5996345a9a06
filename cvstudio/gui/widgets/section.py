"""The small parts of panels: section headers, rows, tabs, key caps, pills, lines, the next step.

SectionHeader("Views", figure="364", link="Reset", do=self._reset)   # 36 px high
FoldSection("Display", widget)                                       # header with an arrow
tabs = tab_bar("Project", "Selection")                               # QTabBar of look.md
NextStep(action, text="Review 66 images", caption="Reviewed", figure="298 of 364", share=0.8)
label("Annotations", "section"), link("Show", f), line(), Pill("To review", "circle-half-full")
Segments(("Add", "Erase")).chosen.connect(f)                         # exclusive choice
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.words import percent
from cvstudio.gui import keys, theme
from cvstudio.gui.widgets.icons import draw, icon
from cvstudio.gui.widgets.verbatim import face
from cvstudio.gui.widgets.verbatim import tip as plain_tip


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A label in a role of window.qss; its text is plain, never markup."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        theme.mark(result, role=role)
    if wrap:
        result.setWordWrap(True)
        policy = result.sizePolicy()
        policy.setHeightForWidth(True)
        result.setSizePolicy(policy)
    return result


def link(text: str, do: Callable[[], Any] | None = None, *, tip: str = "") -> QPushButton:
    """Words that act: Show, Reset, Undo."""
    button = QPushButton(face(text))
    theme.mark(button, link=True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAutoDefault(True)  # Enter presses it as Space does, outside of dialogs too
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    if tip:
        button.setToolTip(plain_tip(tip))
    if do is not None:
        button.clicked.connect(lambda _checked=False: do())
    return button


def push(
    text: str, do: Callable[[], Any] | None = None, *, icon_name: str = "", **marks: Any
) -> QPushButton:
    """A push button; marks: next, danger, flat, small, tall (see theme.py)."""
    button = QPushButton(face(text))
    if marks:
        theme.mark(button, **marks)
    if icon_name:
        role = (
            "accentText" if marks.get("next") else "dangerText" if marks.get("danger") else "text"
        )
        button.setIcon(icon(icon_name, role))
        button.setIconSize(QSize(20, 16))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAutoDefault(True)
    if do is not None:
        button.clicked.connect(lambda _checked=False: do())
    return button


def tool(
    action: QAction | None = None, *, icon_name: str = "", tip: str = "", side: int = 28,
    icon_side: int = 18, do: Callable[[], Any] | None = None,
) -> QToolButton:  # fmt: skip
    """A square tool button, from an action of the table or from an icon and a tooltip."""
    button = QToolButton()
    button.setFixedSize(side, side)
    button.setIconSize(QSize(icon_side, icon_side))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if action is not None:
        button.setDefaultAction(action)
    else:
        button.setIcon(icon(icon_name))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
    if do is not None:
        button.clicked.connect(lambda _checked=False: do())
    return button


def line(*, upright: bool = False) -> QFrame:
    """A 1-px line between regions."""
    result = QFrame()
    theme.mark(result, line="upright" if upright else True)
    return result


class Pill(QFrame):
    """A small rounded word with an icon before it; `set` changes both."""

    def __init__(self, text: str = "", icon_name: str = "", role: str = "muted") -> None:
        super().__init__()
        self._text, self._icon, self._role = text, icon_name, role
        self.setFixedHeight(theme.size("pill"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set(self, text: str, icon_name: str = "", role: str = "muted") -> None:
        """Show other words; role "success", "warning" and "danger" tint the ground."""
        self._text, self._icon, self._role = text, icon_name, role
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        words = QFontMetrics(theme.font("small")).horizontalAdvance(self._text)
        return QSize(words + 18 + (16 if self._icon else 0), theme.size("pill"))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tinted = self._role in ("success", "warning", "danger")
        painter.setBrush(theme.colour(f"{self._role}Tint" if tinted else "raised"))
        painter.setPen(Qt.PenStyle.NoPen if tinted else theme.colour("border"))
        area = self.rect().adjusted(0, 0, -1, -1)
        painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        x = 8
        if self._icon:
            ratio = self.devicePixelRatioF()
            painter.drawPixmap(
                x, (self.height() - 12) // 2, draw(self._icon, self._role, 12, ratio)
            )
            x += 16
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour(self._role))
        area.setLeft(x)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self._text)


def tab_bar(*titles: str) -> QTabBar:
    """Tabs of look.md: 36 px high, no base line, as wide as their words."""
    bar = QTabBar()
    bar.setDrawBase(False)
    bar.setExpanding(False)
    bar.setFixedHeight(theme.size("tab_bar"))
    for title in titles:
        bar.addTab(title)
    return bar


class SectionHeader(QWidget):
    """A heading 36 px high, with a figure, a link or a button at its right."""

    def __init__(
        self, title: str, *, figure: str = "", link_text: str = "",
        do: Callable[[], Any] | None = None, padded: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.setFixedHeight(theme.size("section_header"))
        self.row = QHBoxLayout(self)
        padding = theme.size("panel_padding") if padded else 0
        self.row.setContentsMargins(padding, 0, padding, 0)
        self.row.setSpacing(8)
        self.title = label(title, "section")
        self.row.addWidget(self.title)
        self.row.addStretch(1)
        self.figure = label(figure, "muted")
        self.row.addWidget(self.figure)
        self.link: QPushButton | None = None
        if link_text:
            self.link = link(link_text, do)
            self.row.addWidget(self.link)

    def add(self, widget: QWidget) -> None:
        """Add a widget at the right end."""
        self.row.addWidget(widget)


class FoldSection(QWidget):
    """A section header with an arrow that shows and hides a widget below it."""

    toggled = Signal(bool)

    def __init__(
        self, title: str, content: QWidget, *, open_: bool = True, figure: str = "",
        link_text: str = "", do: Callable[[], Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._content = content
        self.header = SectionHeader(title, figure=figure, link_text=link_text, do=do)
        self.arrow = QToolButton()
        self.arrow.setFixedSize(20, 28)
        self.arrow.setIconSize(QSize(16, 16))
        self.arrow.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.arrow.setAccessibleName(title)
        self.arrow.clicked.connect(lambda _checked=False: self.set_open(self._content.isHidden()))
        self.header.row.insertWidget(0, self.arrow)
        self.header.row.setContentsMargins(12, 0, theme.size("panel_padding"), 0)
        self.header.title.mousePressEvent = lambda _event: self.set_open(  # type: ignore[method-assign]
            self._content.isHidden()
        )
        column.addWidget(self.header)
        column.addWidget(content)
        self.set_open(open_)

    def set_open(self, open_: bool) -> None:
        """Show or hide the content."""
        self._content.setVisible(open_)
        self.arrow.setIcon(icon("chevron-down" if open_ else "chevron-right"))
        self.arrow.setToolTip("Fold" if open_ else "Unfold")
        self.toggled.emit(open_)


class Segments(QFrame):
    """Exclusive choice: small buttons in one frame. `chosen(int)` tells the index."""

    chosen = Signal(int)

    def __init__(self, words: Sequence[str], *, tips: Sequence[str] = ()) -> None:
        super().__init__()
        theme.mark(self, segment=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        for index, word in enumerate(words):
            button = QToolButton()
            button.setText(word)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if index < len(tips):
                button.setToolTip(tips[index])
            self._group.addButton(button, index)
            row.addWidget(button)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self.chosen)

    def set_tips(self, tips: Sequence[str]) -> None:
        """Other tooltips, in the order of the words."""
        for index, words in enumerate(tips):
            self._group.button(index).setToolTip(words)

    @property
    def buttons(self) -> tuple[QAbstractButton, ...]:
        """The buttons in the order of the words."""
        return tuple(self._group.buttons())

    @property
    def index(self) -> int:
        return self._group.checkedId()

    def choose(self, index: int) -> None:
        """Show a choice without telling."""
        self._group.button(index).setChecked(True)


class NextButton(QPushButton):
    """The accent button: icon, words, and its key in smaller letters. Bound to an action.

    The words are the action's unless `set_text` gave others; it is enabled when the action is.
    """

    def __init__(self, action: QAction, text: str = "") -> None:
        super().__init__(text or action.text())
        theme.mark(self, next=True)
        self._action, self._own_text = action, text
        self._had_focus = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(True)
        action.changed.connect(self._follow)
        self.clicked.connect(lambda _checked=False: action.trigger())
        self._follow()

    def set_text(self, text: str) -> None:
        """Other words than the action's: "Review 66 images"."""
        self._own_text = text
        self._follow()

    def _follow(self) -> None:
        allowed = self._action.isEnabled()
        if not allowed and self.hasFocus():
            # Qt would pass it on to the next widget, where Enter does something else.
            self._had_focus = True
            self.clearFocus()
        self.setEnabled(allowed)
        if allowed and self._had_focus:
            self._had_focus = False
            if QApplication.focusWidget() is None and self.isActiveWindow():
                self.setFocus()
        self.setText(self._own_text or self._action.text())
        self.setToolTip(self._action.toolTip())
        self.setAccessibleDescription("" if allowed else self._action.toolTip())
        self.updateGeometry()

    def _key(self) -> str:
        return keys.words(self._action.shortcut())

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width() + 24 + 8 * len(self._key()), theme.size("button_next_step"))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange:
            self.update()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QPainter(self)
        self.style().drawControl(QStyle.ControlElement.CE_PushButton, option, painter, self)
        role = "disabled" if not self.isEnabled() else (
            "accentText" if self.isActiveWindow() else "text"
        )  # fmt: skip
        words = theme.font("control")
        words.setWeight(words.Weight.DemiBold)
        small = theme.font("caption")
        text, key = self.text(), self._key()
        text_width = QFontMetrics(words).horizontalAdvance(text)
        key_width = QFontMetrics(small).horizontalAdvance(key) + 8 if key else 0
        if 24 + text_width + key_width > self.width() - 16:
            key, key_width = "", 0
        mark = 24 if 24 + text_width <= self.width() - 16 else 0  # the words need the room more
        x = max((self.width() - mark - text_width - key_width) // 2, 8)
        if mark:
            name = self._action.property("iconName") or "arrow-right"
            painter.drawPixmap(
                x, (self.height() - 16) // 2, draw(name, role, 16, self.devicePixelRatioF())
            )
        painter.setPen(theme.colour(role))
        painter.setFont(words)
        area = QRect(x + mark, 0, self.width() - x - mark - 4, self.height())
        text = QFontMetrics(words).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
        if key:
            painter.setFont(small)
            area.setLeft(x + mark + text_width + 8)
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, key)


class NextStep(QWidget):
    """The footer of a panel: what is done so far, and the one accent button of the page."""

    def __init__(
        self, action: QAction, *, text: str = "", caption: str = "", figure: str = "",
        share: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._words = QWidget()
        self._row = row = QHBoxLayout(self._words)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._caption = label("", "section")
        self._figure = label("", "muted")
        self._figure.setMinimumWidth(1)  # it says less where there is less room
        self._tools: list[QWidget] = []
        self._whole = self._part = ""
        row.addWidget(self._caption)
        row.addStretch(1)
        row.addWidget(self._figure)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self.button = NextButton(action, text)
        column.addWidget(self._words)
        column.addWidget(self._bar)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._buttons.addWidget(self.button, 1)
        column.addLayout(self._buttons)
        self.set_progress(caption, figure, share)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._say_figure()

    def _say_figure(self) -> None:
        """What is done of how much; where that would be cut, the share instead."""
        beside = (self._caption, *self._tools)
        taken = sum(each.sizeHint().width() + self._row.spacing() for each in beside)
        room = self.width() - taken
        fits = self._figure.fontMetrics().horizontalAdvance(self._whole) <= room
        self._figure.setText(self._whole if fits or not self._part else self._part)
        self._figure.setToolTip("" if fits else plain_tip(self._whole))

    def add_beside(self, button: QPushButton) -> None:
        """Put another button, as tall, right of the accent button."""
        button.setFixedHeight(theme.size("button_next_step"))
        self._buttons.addWidget(button)

    def add_tool(self, button: QWidget) -> None:
        """Put a small button beside the figure of what is done."""
        self._row.addWidget(button)
        self._tools.append(button)
        self._say_figure()

    def set_progress(self, caption: str = "", figure: str = "", share: float | None = None) -> None:
        """The words and the bar above the button; empty ones take no room."""
        self._caption.setText(caption)
        self._whole = figure
        self._part = "" if share is None else percent(math.floor(100 * share) / 100)
        self._say_figure()
        self._words.setVisible(bool(caption or figure))
        self._bar.setVisible(share is not None)
        if share is not None:
            self._bar.setValue(round(share * 1000))
