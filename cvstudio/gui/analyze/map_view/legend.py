"""The legend of the map: what each colour means, how many points have it, and which are shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from cvstudio.gui import theme
from cvstudio.gui.analyze.map_view.colours import Group
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.verbatim import tip

_MOST_ROWS = 7
_EDGE = 12
"""With the 4 px of a row's own, what stands beside it is 16 px from the edge."""


class Legend(QListWidget):
    """A check box shows or hides a group; Enter or a double click chooses all of it."""

    toggled = Signal()
    wanted = Signal(int)
    """Choose the points of this group."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Legend")
        self.setAccessibleDescription("Space shows or hides a group, Enter chooses its points.")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setUniformItemSizes(True)
        self.setViewportMargins(_EDGE, 0, _EDGE, 0)
        self.itemChanged.connect(lambda _item: self.toggled.emit())
        self.itemDoubleClicked.connect(lambda item: self.wanted.emit(self.row(item)))

    def show_groups(self, groups: Sequence[Group]) -> None:
        """Show these, all of them checked."""
        self.blockSignals(True)
        self.clear()
        for group in groups:
            item = QListWidgetItem(
                swatch_icon(group.colour, 12), f"{group.name} · {group.count:,}", self
            )
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setToolTip(tip(f"{group.name}: double click chooses its points"))
        self.blockSignals(False)
        rows = min(max(len(groups), 1), _MOST_ROWS)
        height = max(self.sizeHintForRow(0), theme.size("row_compact"))
        self.setFixedHeight(rows * height + 2 * self.frameWidth() + 4)

    def checked(self) -> list[bool]:
        """Which groups are shown, in their order."""
        return [self.item(row).checkState() == Qt.CheckState.Checked for row in range(self.count())]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.wanted.emit(self.currentRow())
        else:
            super().keyPressEvent(event)
