"""The base of the seven pages: left panel, centre and right panel in one splitter, and the footer.

A page
    class LabelPage(Workspace):
        name, title, icon = "label", "Label", "vector-square-edit"

        def __init__(self, studio: Studio) -> None:
            super().__init__(studio)
            left = self.panel("left", 248)         # SidePanel: .body is a QVBoxLayout
            right = self.panel("right", 300)
            left.add(SectionHeader("Views"))       # rows without padding
            left.body.addWidget(...)
            centre = QWidget()
            self.assemble(left=left, centre=centre, right=right)   # any side may be None
            self.next_step = NextStep(studio.actions["label.approve"], caption="5 of 66 reviewed")
            right.set_footer(self.next_step)       # the one accent button of the page

        def arrive(self, **what): ...   # go_to("label", image_id=7): called before shown()
        def shown(self): ...            # the page is in front now: refresh what changed meanwhile
        def hidden(self): ...
Status texts: self.set_status("x 331, y 384", "1 selected", right="Space + drag pans").
Pages are made the first time they are shown and thrown away when the project closes: `release()`
is called then, to stop timers and let go of signals of objects that live longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from cvstudio.gui import theme
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.layouts import scrolling
from cvstudio.gui.widgets.section import SectionHeader, tool
from cvstudio.project.changes import ChangeSet

FOLD_RIGHT_BELOW = 1281
FOLD_LEFT_BELOW = 1200
"""Widths of the window in px under which a side panel folds to its tab, unless it holds the next
step: what one works with is never out of sight because a window is narrow."""


_OTHER = {"left": "right", "right": "left"}


class SidePanel(QFrame):
    """A panel at the side of a page: a column that may scroll, and a footer that does not."""

    def __init__(self, side: str, width: int) -> None:
        super().__init__()
        theme.mark(self, panel=side)
        self.side, self.wanted_width = side, width
        low, high = theme.tokens()["size"][f"side_panel_{side}"]
        self.setMinimumWidth(min(low, width))
        self.setMaximumWidth(max(high, width))
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(0, 0, 0, 0)
        self._outer.setSpacing(0)
        self._column = QWidget()
        self.body = QVBoxLayout(self._column)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self._outer.addWidget(self._column, 1)
        self.footer: QWidget | None = None
        self.heading = ""
        """What the strip says while the panel is folded; else the panel's first heading."""

    def add(self, widget: QWidget, stretch: int = 0) -> None:
        """Add a widget over the whole width of the panel."""
        self.body.addWidget(widget, stretch)

    def add_padded(self, widget: QWidget, *, top: int = 0, bottom: int = 0) -> None:
        """Add a widget with the panel's padding at both sides."""
        row = QHBoxLayout()
        padding = theme.size("panel_padding")
        row.setContentsMargins(padding, top, padding, bottom)
        fixed = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Fixed
        row.addWidget(widget, 0 if fixed else 1)
        if fixed:
            row.addStretch(1)
        self.body.addLayout(row)

    def make_scrollable(self) -> None:
        """Let the column scroll when it is higher than the panel. Call once, best before it is
        filled."""
        place = self._outer.indexOf(self._column)
        self._outer.removeWidget(self._column)
        area = scrolling(self._column)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._outer.insertWidget(place, area, 1)

    def set_footer(self, footer: QWidget) -> None:
        """Put a widget under the column, with a line above: the home of the next step."""
        frame = QFrame()
        theme.mark(frame, panel="footer")
        layout = QVBoxLayout(frame)
        padding = theme.size("panel_padding")
        layout.setContentsMargins(padding, 12, padding, 12)
        layout.addWidget(footer)
        self._outer.addWidget(frame)
        self.footer = footer
        self._footer_frame = frame

    def show_footer(self, on: bool) -> None:
        """Show or hide the footer with its line."""
        if self.footer is not None:
            self._footer_frame.setVisible(on)


class FoldTab(QFrame):
    """What is left of a folded panel: a strip with an arrow that unfolds it."""

    pressed = Signal()

    def __init__(self, side: str) -> None:
        super().__init__()
        theme.mark(self, panel=side)
        self.setFixedWidth(28)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        name = "chevron-right" if side == "left" else "chevron-left"
        self._side = side
        self._folded = False
        self.panel: SidePanel | None = None
        """What is folded; its first heading is read on the strip."""
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button = tool(icon_name=name, tip=f"Unfold the {side} panel", do=self.pressed.emit)
        column.addWidget(self.button)
        column.addStretch(1)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._folded or self.panel is None:
            return
        painter = QPainter(self)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("muted"))
        painter.translate(self.width(), 0)
        painter.rotate(90)
        area = QRect(44, 0, self.height() - 52, self.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.words)

    @property
    def words(self) -> str:
        """What is read on the strip."""
        if self.panel is None or self.panel.heading:
            return self.panel.heading if self.panel is not None else ""
        heads = self.panel.findChildren(SectionHeader)
        first = next((head for head in heads if head.isVisibleTo(self.panel)), None)
        return first.title.text() if first is not None else ""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The words are as good a place to press as the arrow."""
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside:
            self.pressed.emit()

    def show_folded(self, folded: bool) -> None:
        """The arrow points to where the panel would go."""
        self._folded = folded
        self.update()
        inward = "right" if self._side == "left" else "left"
        words = f"{'Unfold' if folded else 'Fold'} the {self._side} panel"
        self.button.setIcon(icon(f"chevron-{inward if folded else self._side}"))
        self.button.setToolTip(words)
        self.setToolTip(words)
        self.button.setAccessibleName(words)


class Workspace(QWidget):
    """One page of the window."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""

    hearts: tuple[QWidget, ...] = ()
    """The controls that have the keys first when F6 comes to their panel or the middle."""

    centre_needs: ClassVar[int] = 0
    """Pixels under which the middle would be cut: then one side panel at a time."""

    status_changed = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio.ground)
        self.studio = studio
        self.setObjectName(self.name)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._tabs = {side: FoldTab(side) for side in ("left", "right")}
        for side, tab in self._tabs.items():
            tab.pressed.connect(partial(self.toggle_fold, side))
        layout.addWidget(self._tabs["left"])
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self._tabs["right"])
        self.left: SidePanel | None = None
        self.right: SidePanel | None = None
        self._middle: QWidget | None = None
        self.status_left: tuple[str, ...] = ()
        self.unsaved = ""
        self.status_right = ""
        self._folded: dict[str, bool] = {}
        self._narrow: dict[str, bool] = {}
        self._was_narrow: dict[str, bool] = {}
        self._unused: set[str] = set()
        self._lent = ""
        """The side that gave its room to the other one."""

    # -- for pages

    @property
    def project(self) -> Any:
        """The open project. A page exists only while there is one."""
        assert self.studio.project is not None
        return self.studio.project

    def panel(self, side: str, width: int) -> SidePanel:
        """A new side panel ("left" or "right"), `width` px wide unless the person changed it.

        It is where it will stay before it is filled: what gets another parent is styled once more
        with all that is in it.
        """
        panel = SidePanel(side, width)
        self.splitter.addWidget(panel)
        return panel

    def assemble(
        self, *, centre: QWidget, left: SidePanel | None = None, right: SidePanel | None = None
    ) -> None:
        """Put the three parts into the splitter, with the widths of last time. Call once."""
        self.left, self.right, self._middle = left, right, centre
        self._tabs["left"].panel, self._tabs["right"].panel = left, right
        widths: dict[str, int] = self.studio.memory.get(f"widths.{self.name}", {})
        sizes = []
        shown = [part for part in (left, centre, right) if part is not None]
        for index, part in enumerate(shown):
            self.splitter.insertWidget(index, part)
            self.splitter.setStretchFactor(index, 1 if part is centre else 0)
            if isinstance(part, SidePanel):
                sizes.append(widths.get(part.side, part.wanted_width))
            else:
                sizes.append(4000)
        self.splitter.setSizes(sizes)
        self.splitter.splitterMoved.connect(self._remember)
        for side in ("left", "right"):
            self._folded[side] = bool(self.studio.memory.get(f"folded.{self.name}.{side}", False))
        self._apply_folds()

    def set_status(self, *texts: str, right: str = "") -> None:
        """The words at the left and right of the status bar while this page is in front."""
        new = tuple(text for text in texts if text)
        if (new, right) != (self.status_left, self.status_right):
            self.status_left, self.status_right = new, right
            self.status_changed.emit()

    def set_unsaved(self, text: str) -> None:
        """What waits and is not stored, in place of "All changes saved"; "" ends it."""
        if text != self.unsaved:
            self.unsaved = text
            self.status_changed.emit()

    # -- hooks that pages override

    def arrive(self, **what: Any) -> None:
        """Somebody said studio.go_to(name, **what)."""

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """Another page came to the front."""

    def settled(self) -> bool:
        """The window is about to close: store what is unfinished. False when that failed."""
        return True

    def release(self) -> None:
        """The project closes; the page will be deleted."""

    def shows(self, changes: ChangeSet) -> bool:
        """Whether the page itself makes plain what was undone or done again; else a toast does."""
        return False

    def agrees(self, *, redo: bool = False) -> bool:
        """Asked before undo and redo by key: whether the person means the step that comes next."""
        return True

    def free_area(self) -> QRect:
        """Where words may lie for some seconds over the page, in its own pixels."""
        if self._middle is None:
            return self.rect()
        return QRect(self._middle.mapTo(self, QPoint(0, 0)), self._middle.size())

    @property
    def parts(self) -> list[QWidget]:
        """The panels and the middle, from left to right, as far as they are shown."""
        found = (self.left, self._middle, self.right)
        return [part for part in found if part is not None and part.isVisible()]

    # -- folding

    def toggle_fold(self, side: str) -> None:
        """Fold or unfold a side panel, as the person asked; it is remembered."""
        panel = self._side(side)
        if panel is None:
            return
        fold = not (self._folded.get(side) or self._narrow.get(side))
        if fold and self._was_narrow.get(side):
            self._narrow[side] = True  # for want of room: in a wide window it comes back
            self._give_room_back()
            self._apply_folds()
            return
        self._folded[side] = fold
        self._narrow[side] = False
        if not fold and self._was_narrow.get(side):
            self._lend_room(_OTHER[side])
        self.studio.memory.set(f"folded.{self.name}.{side}", fold)
        self._apply_folds()

    def fit_width(self, width: int) -> None:
        """Fold panels for which a window of that width has no room, and unfold them again."""
        if width >= FOLD_RIGHT_BELOW:
            self._lent = ""
        for side, limit in (("right", FOLD_RIGHT_BELOW), ("left", FOLD_LEFT_BELOW)):
            panel = self._side(side)
            narrow = width < limit and (panel is None or panel.footer is None)
            if self._lent == side:
                continue  # as long as the window stays narrow
            if narrow != self._was_narrow.get(side, False):
                self._was_narrow[side] = self._narrow[side] = narrow
        self._apply_folds()

    def _lend_room(self, other: str) -> None:
        """Fold the other side when the middle has not enough room beside both."""
        if self._lent == other or self.left is None or self.right is None:
            return
        taken = self.left.wanted_width + self.right.wanted_width
        if self.width() - taken >= self.centre_needs:
            return
        self._give_room_back()
        self._lent = other
        self._narrow[other] = self._was_narrow[other] = True

    def _give_room_back(self) -> None:
        if self._lent:
            self._narrow[self._lent] = False
            self._lent = ""

    def use_side(self, side: str, used: bool) -> None:
        """Take a side panel away altogether while it has nothing to say."""
        (self._unused.discard if used else self._unused.add)(side)
        self._apply_folds()

    def _side(self, side: str) -> SidePanel | None:
        return self.left if side == "left" else self.right

    def _apply_folds(self) -> None:
        for side in ("left", "right"):
            panel = self._side(side)
            if panel is not None:
                folded = bool(self._folded.get(side) or self._narrow.get(side))
                used = side not in self._unused
                panel.setVisible(used and not folded)
                # In a narrow window the tab stays, to fold the panel again that it unfolded.
                narrow = self._was_narrow.get(side, False)
                self._tabs[side].setVisible(used and (folded or narrow))
                self._tabs[side].show_folded(folded)

    def _remember(self, _position: int = 0, _index: int = 0) -> None:
        panels: Sequence[SidePanel | None] = (self.left, self.right)
        widths = {p.side: p.width() for p in panels if p is not None and p.isVisible()}
        old = self.studio.memory.get(f"widths.{self.name}", {})
        self.studio.memory.set(f"widths.{self.name}", {**old, **widths})
