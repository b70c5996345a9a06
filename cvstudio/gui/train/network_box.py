"""The box that chooses a network: its keys go through proven choices, its list has them all."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from cvstudio.core.annotation import Task
from cvstudio.core.forms import ALWAYS, Answers
from cvstudio.core.network_info import NetworkInfo
from cvstudio.core.networks import network, networks_for
from cvstudio.gui.train.network_chooser import NetworkChooser, SizeAndBatch
from cvstudio.gui.widgets.names import elided
from cvstudio.gui.widgets.verbatim import tip


class NetworkBox(QComboBox):
    """The networks for a task; the data of an entry is the network's name.

    `asked` gives the image size and the batch that the list tells the memory for.
    """

    def __init__(self, task: Task, asked: SizeAndBatch = lambda: (224, 16)) -> None:
        super().__init__()
        self._task, self._asked = task, asked
        self.chooser: NetworkChooser | None = None
        self._offered: frozenset[Answers] = ALWAYS
        for info in networks_for(task):
            if info.answers in ALWAYS:
                self._add(info)
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def offer(self, answers: frozenset[Answers]) -> None:
        """Have the networks among the choices that answer with one of these: what is labelled
        decides that. The chosen one stays."""
        if answers == self._offered:
            return
        self._offered = answers
        chosen = str(self.currentData())
        with QSignalBlocker(self):
            self.clear()
            for info in networks_for(self._task):
                if info.answers in answers:
                    self._add(info)
            self.show_network(chosen)
        if self.chooser is not None:
            self.chooser.model.offer(answers)

    def event(self, event: QEvent) -> bool:
        """The tooltip has the whole of what the box may cut, also after a silent change."""
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(tip(self.currentText()))
        return super().event(event)

    def showPopup(self) -> None:
        """All networks in a list of their own, with a field to search in."""
        if self.chooser is None:
            self.chooser = NetworkChooser(self._task, self._asked, self.parentWidget())
            self.chooser.chosen.connect(self.show_network)
            self.chooser.model.offer(self._offered)
        self.chooser.open_at(self, str(self.currentData()))

    def show_network(self, name: str) -> None:
        """Choose a network, also one that is not among the proven choices: it is added to them."""
        if self.findData(name) < 0:
            self._add(network(name))
        self.setCurrentIndex(self.findData(name))

    def _add(self, info: NetworkInfo) -> None:
        self.addItem(f"{info.title}, {info.parameters:.1f} M weights", info.name)

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
