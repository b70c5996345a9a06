"""Shift and the right button over the canvas drag the window: wider to the right, brighter up."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent

from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.display_panel import DisplayPanel

HINT = "Shift + right-drag sets the window"


class Levelling(QObject):
    """Takes the gesture before the canvas does; no tool and no menu sees it."""

    said = Signal(str)

    def __init__(self, canvas: Canvas, panel: DisplayPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas, self._panel = canvas, panel
        self._start: QPointF | None = None
        canvas.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QContextMenuEvent):
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            return event.reason() == QContextMenuEvent.Reason.Mouse and (
                shift or self._start is not None
            )
        if not isinstance(event, QMouseEvent):
            return False
        right = event.button() == Qt.MouseButton.RightButton
        if event.type() == QEvent.Type.MouseButtonPress and right:
            return self._press(event)
        if self._start is None:
            return False
        if event.type() == QEvent.Type.MouseMove:
            moved = event.position() - self._start
            self.said.emit(self._panel.drag_window(moved.x(), moved.y()))
        elif event.type() == QEvent.Type.MouseButtonRelease and right:
            self._start = None
            self._panel.end_drag()
            self.said.emit("")
        return True

    def _press(self, event: QMouseEvent) -> bool:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not shift or self._canvas.tiles.pyramid is None or self._canvas.tool.busy:
            return False
        self._start = event.position()
        return True
