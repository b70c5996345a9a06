"""Where the window was and how large, so that it comes back just there.

QWidget.restoreGeometry is of no use for that: it makes a window that fills the screen some pixels
smaller, each time that it is made to fill it again.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from cvstudio.core.settings import Memory

_KEY = "window"
_FIRST = QSize(1440, 900)
_TITLE = 32  # px for the frame of a window that was never shown


def remember(window: QWidget, memory: Memory) -> None:
    """Keep the place of a window; of a maximised one that to which it goes back."""
    inside = window.normalGeometry() if window.isMaximized() else window.geometry()
    offset = window.geometry().topLeft() - window.frameGeometry().topLeft()
    around = window.frameGeometry().size() - window.geometry().size()
    corner = inside.topLeft() if window.isMaximized() else inside.topLeft() - offset
    memory.set(
        _KEY,
        {
            "corner": [corner.x(), corner.y()],
            "size": [inside.width(), inside.height()],
            "frame": [around.width(), around.height()],
            "maximized": window.isMaximized(),
        },
    )


def restore(window: QWidget, memory: Memory) -> None:
    """Put a window that is not shown yet where it was, as far as the screens of today allow."""
    kept = memory.get(_KEY)
    if not isinstance(kept, dict):
        free = window.screen().availableSize()
        window.resize(_FIRST.boundedTo(QSize(free.width(), free.height() - _TITLE)))
        return
    corner, size, around = QPoint(*kept["corner"]), QSize(*kept["size"]), QSize(*kept["frame"])
    middle = QRect(corner, size).center()
    screen = QGuiApplication.screenAt(middle) or window.screen()
    room = screen.availableGeometry()
    if size.width() > room.width() or size.height() > room.height():
        size = size.boundedTo(room.size() - around)
    window.resize(size)
    last = QPoint(
        room.right() - size.width() - around.width() + 1,
        room.bottom() - size.height() - around.height() + 1,
    )
    window.move(max(min(corner.x(), last.x()), room.x()), max(min(corner.y(), last.y()), room.y()))
    if kept["maximized"]:
        window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)
