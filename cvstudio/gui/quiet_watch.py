"""Whether somebody works at this computer, as far as the window can tell: its input, and loads."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject

from cvstudio.project.device import Device
from cvstudio.project.idleness import Idleness

_INPUT = {
    QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.Wheel,
    QEvent.Type.TabletMove, QEvent.Type.TouchBegin,
}  # fmt: skip
"""What a person does."""


class QuietWatch(QObject):
    """Looks at input and loads only while `follow` is told that somebody wants to know."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.idleness = Idleness()
        self._watching = False

    def follow(self, device: Device | None, *, wanted: bool) -> None:
        """Look once more, or begin or stop to; called every few seconds."""
        if wanted and not self._watching:
            self.idleness = Idleness()
        self._watch(wanted)
        if wanted:
            self.idleness.look(device)

    def stop(self) -> None:
        """Look no more."""
        self._watch(wanted=False)

    def _watch(self, wanted: bool) -> None:
        application = QCoreApplication.instance()
        if wanted == self._watching or application is None:
            return
        self._watching = wanted
        if wanted:
            application.installEventFilter(self)
        else:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes note of input, and lets it through."""
        if event.type() in _INPUT:
            self.idleness.touched()
        return False
