"""The pen of a tablet: how hard it is pressed, for the brush."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QWidget

from cvstudio.gui.label.tools.brush_settings import BrushSettings

_PRESSES = (QEvent.Type.TabletPress, QEvent.Type.TabletMove)


class PenPressure(QObject):
    """Notes the pressure of the pen over a widget.

    The event itself is left alone: Qt turns it into the mouse event that the tools get, right
    after the pressure has been noted.
    """

    def __init__(self, settings: BrushSettings, widget: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QTabletEvent):
            is_pen = event.pointerType() != QPointingDevice.PointerType.Cursor
            pressed = event.type() in _PRESSES and is_pen and event.pressure() > 0
            self._settings.pressure = event.pressure() if pressed else 1.0
            event.ignore()
        return False


def has_pen() -> bool:
    """Whether a tablet is connected to this computer."""
    return any(d.type() == QInputDevice.DeviceType.Stylus for d in QInputDevice.devices())
