"""The tools at the left of the canvas; groups fold into one button each in a low window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QMenu, QToolButton, QToolTip, QVBoxLayout, QWidget

from cvstudio.gui import keys, theme
from cvstudio.gui.actions import Actions
from cvstudio.gui.widgets.section import line

_HOLD = 350  # ms of a press that opens the other tools of a group
_BESIDE = 4  # px between the palette's button and the menu of its group
_OFFERS = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Menu)
_CORNER = 5.0  # px of the mark of a group
_TIP = QPoint(8, -14)  # from a tool to its tooltip, which Qt lays some pixels lower


@dataclass(frozen=True)
class _Spacing:
    """Pixels: between two tools, around the line between two groups, and at both ends."""

    gap: int
    around: int
    above: int
    under: int


_AIRY = _Spacing(gap=4, around=8, above=12, under=8)
_TIGHT = _Spacing(gap=2, around=3, above=6, under=6)
"""Before a group folds, all stands closer together."""


class _ToolButton(QToolButton):
    """One place of the palette. Its tooltip lies beside the palette, not over the next tool."""

    def __init__(self) -> None:
        super().__init__()
        side, icon = theme.size("tool_button"), theme.tokens()["icon"]["tool"]
        self.setFixedSize(side, side)
        self.setIconSize(QSize(icon, icon))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.mapToGlobal(QPoint(self.width(), 0)) + _TIP
            QToolTip.showText(place, self.toolTip(), self, self.rect())
            return True
        return super().event(event)


class GroupButton(_ToolButton):
    """A group of tools in the place of one. It shows the one that was used last.

    A click takes that one; when it is in hand already, or with the right button, by holding the
    button, or by Right and Down on the keys, all of the group are offered.
    """

    def __init__(self, actions: Sequence[QAction]) -> None:
        super().__init__()
        self._actions = list(actions)
        self._shown = self._actions[0]
        self._offered = False
        self.setCheckable(True)
        self.menu_of_group = QMenu(self)
        self.menu_of_group.addActions(self._actions)
        self._hold = QTimer(self)
        self._hold.setSingleShot(True)
        self._hold.setInterval(_HOLD)
        self._hold.timeout.connect(self._offer)
        self.clicked.connect(lambda _checked=False: self._take())
        for action in self._actions:
            action.changed.connect(self._follow)
        self._follow()

    @property
    def shown(self) -> QAction:
        """The tool that a click takes."""
        return self._shown

    def nextCheckState(self) -> None:
        """It is the tool in hand that says whether the button is pressed in."""

    def _follow(self) -> None:
        """Another tool is in hand, or has other words or keys."""
        self._shown = next((a for a in self._actions if a.isChecked()), self._shown)
        self.setChecked(self._shown.isChecked())
        self.setEnabled(self._shown.isEnabled())
        self.setIcon(self._shown.icon())
        self.setToolTip(f"{self._shown.toolTip()}<p>Hold or right click: more tools</p>")
        others = ", ".join(a.iconText() for a in self._actions if a is not self._shown)
        self.setAccessibleName(f"{self._shown.iconText()}, and {others}")

    def _take(self) -> None:
        if self._offered:
            self._offered = False
        elif self._shown.isChecked():
            self._offer()
        else:
            self._shown.trigger()

    def _offer(self) -> None:
        """Show all of the group beside the button."""
        self._offered = self.isDown()
        self.setDown(False)
        QToolTip.hideText()
        self.menu_of_group.popup(self.mapToGlobal(QPoint(self.width() + _BESIDE, 0)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self._offered = False
        if event.button() == Qt.MouseButton.LeftButton:
            self._hold.start()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._hold.stop()
        super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._offer()

    def event(self, event: QEvent) -> bool:
        """The keys that offer the group come before the shortcuts of the page."""
        return keys.claimed(event, _OFFERS) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _OFFERS:
            self._offer()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A small corner says that there is more."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("selectionText" if self.isChecked() else "muted"))
        x, y = self.width() - 3.0, self.height() - 3.0
        painter.drawPolygon(
            QPolygonF([QPointF(x, y), QPointF(x - _CORNER, y), QPointF(x, y - _CORNER)])
        )


class _Group(QWidget):
    """Tools that stand together, as themselves or as one button."""

    def __init__(self, actions: Actions, ids: Sequence[str]) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.buttons: dict[str, QToolButton] = {}
        for id in ids:
            button = _ToolButton()
            button.setDefaultAction(actions[id])
            self.buttons[id] = button
            self.column.addWidget(button)
        self.one = GroupButton([actions[id] for id in ids])
        self.column.addWidget(self.one)
        self.fold(on=False)

    @property
    def folded(self) -> bool:
        """Whether one button stands for all."""
        return not self.one.isHidden()

    def fold(self, *, on: bool) -> None:
        """Show one button for all, or each of them."""
        self.one.setVisible(on)
        for button in self.buttons.values():
            button.setVisible(not on)

    def height_of(self, gap: int, *, folded: bool) -> int:
        """Pixels that it takes."""
        count = 1 if folded else len(self.buttons)
        return count * theme.size("tool_button") + (count - 1) * gap


class Palette(QFrame):
    """The tools, one below the other; each button is the action of the table."""

    def __init__(self, actions: Actions, groups: tuple[tuple[str, ...], ...]) -> None:
        super().__init__()
        theme.mark(self, panel="left")
        self.setFixedWidth(theme.size("tool_palette_width"))
        self._column = QVBoxLayout(self)
        self.buttons: dict[str, QToolButton] = {}
        """Each tool's own button, which is hidden while its group is folded."""
        self._groups: list[_Group] = []
        for ids in groups:
            if self._groups:
                self._column.addWidget(line())
            group = _Group(actions, ids)
            self._groups.append(group)
            self.buttons.update(group.buttons)
            self._column.addWidget(group)
        self._column.addStretch(1)
        self._space(_AIRY)

    @property
    def folded(self) -> list[GroupButton]:
        """The buttons that stand for a whole group now."""
        return [group.one for group in self._groups if group.folded]

    def minimumSizeHint(self) -> QSize:
        """The window may be lower than the tools: groups fold then."""
        return QSize(self.width(), 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit(self.height())

    def _fit(self, height: int) -> None:
        """Move together, then fold as few groups as it takes: the one of most tools first, that
        of Select last."""
        spacing = _AIRY if self._needed(_AIRY, set()) <= height else _TIGHT
        first, *others = self._groups
        folded: set[_Group] = set()
        for group in [*sorted(others, key=lambda g: -len(g.buttons)), first]:
            if self._needed(spacing, folded) > height and len(group.buttons) > 1:
                folded.add(group)
        self._space(spacing)
        for group in self._groups:
            if group.folded != (group in folded):
                group.fold(on=group in folded)

    def _needed(self, spacing: _Spacing, folded: set[_Group]) -> int:
        """Pixels for all, with these groups folded."""
        lines = (len(self._groups) - 1) * (2 * spacing.around + 1)
        tools = sum(g.height_of(spacing.gap, folded=g in folded) for g in self._groups)
        return spacing.above + tools + lines + spacing.under

    def _space(self, spacing: _Spacing) -> None:
        self._column.setContentsMargins(8, spacing.above, 8, spacing.under)
        self._column.setSpacing(spacing.around)
        for group in self._groups:
            group.column.setSpacing(spacing.gap)
