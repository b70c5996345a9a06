"""The box that chooses a network: the box names it, its list tells how large each one is."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from cvstudio.core.annotation import Task
from cvstudio.core.networks import network, networks_for
from cvstudio.gui.widgets.names import elided
from cvstudio.gui.widgets.verbatim import tip

_AROUND = 48
"""Pixels of the list beside its words: margins, and a bar that scrolls."""


class NetworkBox(QComboBox):
    """The networks for a task; the data of an entry is the network's name."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        for info in networks_for(task):
            self.addItem(f"{info.title}, {info.parameters:.1f} M weights", info.name)
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def event(self, event: QEvent) -> bool:
        """The tooltip has the whole of what the box may cut, also after a silent change."""
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(tip(self.currentText()))
        return super().event(event)

    def showPopup(self) -> None:
        """Make the list as wide as its words: the box beside it may be narrower."""
        metrics = self.fontMetrics()
        words = (self.itemText(row) for row in range(self.count()))
        self.view().setMinimumWidth(max(map(metrics.horizontalAdvance, words)) + _AROUND)
        super().showPopup()

    def shown_in(self, room: int) -> str:
        """What stands in the box in `room` pixels: titles differ at both ends."""
        return elided(network(self.currentData()).title, self.fontMetrics(), room, front=0.4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        option.currentText = self.shown_in(room.width())
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
