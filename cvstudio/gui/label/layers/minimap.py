"""The whole image in a corner while only a part of it is in sight; a click goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from cvstudio.gui import theme

if TYPE_CHECKING:
    from cvstudio.gui.label.canvas import Canvas

LONGEST = 168  # px of its longer side
_MARGIN = 12
_SHADE = QColor(0, 0, 0, 110)


class Minimap(QWidget):
    """Lies in the lower right corner of the canvas. `wanted` is the person's choice; besides, it
    is away while the whole image is in sight."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.wanted = True
        self._picture: QImage | None = None
        self._of: object = None
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Minimap")
        self.setToolTip("Click or drag to move the view")
        self.hide()

    def follow(self) -> None:
        """The view, the image or the picture of it is another one."""
        size = self.fitting()
        visible = self.wanted and not size.isEmpty() and not self._all_in_sight()
        if not visible:
            self.hide()
            return
        room = self._canvas.viewport().size()
        x, y = room.width() - size.width() - _MARGIN, room.height() - size.height() - _MARGIN
        self.setGeometry(x, y, size.width(), size.height())
        self.show()
        self.update()

    def fitting(self) -> QSize:
        """Its size for the open image; empty without one, or where there is no room for it."""
        width, height = self._canvas.document.size
        room = self._canvas.viewport().size()
        if not width or not height or min(room.width(), room.height()) < 2 * LONGEST:
            return QSize()
        share = LONGEST / max(width, height)
        return QSize(max(round(width * share), 8), max(round(height * share), 8))

    def frame(self) -> QRectF:
        """What of the minimap is in sight on the canvas."""
        width, height = self._canvas.document.size
        across, down = self.width() / max(width, 1), self.height() / max(height, 1)
        seen = self._canvas.visible() & QRectF(0, 0, width, height)
        return QRectF(
            seen.x() * across, seen.y() * down, seen.width() * across, seen.height() * down
        )

    def _all_in_sight(self) -> bool:
        width, height = self._canvas.document.size
        return self._canvas.visible().adjusted(-1, -1, 1, 1).contains(QRectF(0, 0, width, height))

    def forget(self) -> None:
        """The picture looks different now."""
        self._of = None
        self.update()

    def _thumbnail(self) -> QImage | None:
        """The image, small, as the canvas shows it; made once for a picture and a display."""
        tiles = self._canvas.tiles
        key = (id(tiles.pyramid), tiles.display, self.size(), tiles.preview)
        if key != self._of:
            whole = tiles.whole() or tiles.preview
            self._of = key
            self._picture = whole and whole.scaled(
                self.size(),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        return self._picture

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("raised"))
        picture = self._thumbnail()
        if picture is not None:
            painter.drawImage(0, 0, picture)
        frame = self.frame()
        painter.setClipRegion(self.rect())
        for shade in _around(QRectF(self.rect()), frame):
            painter.fillRect(shade, _SHADE)
        inner = frame.adjusted(0, 0, -1, -1).toRect()
        painter.setPen(QPen(QColor(0, 0, 0, 160), 1))
        painter.drawRect(inner.adjusted(-1, -1, 1, 1))
        painter.setPen(QPen(QColor("white"), 1))
        painter.drawRect(inner)
        painter.setPen(theme.colour("borderControl"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())

    def _go(self, place: QPointF) -> None:
        """Put a place of the minimap into the middle of the canvas."""
        width, height = self._canvas.document.size
        x = min(max(place.x() / self.width(), 0.0), 1.0) * width
        y = min(max(place.y() / self.height(), 0.0), 1.0) * height
        middle = QPointF(self._canvas.viewport().rect().center())
        now = self._canvas.to_screen(x, y)
        self._canvas.pan(middle.x() - now.x(), middle.y() - now.y())


def _around(whole: QRectF, hole: QRectF) -> list[QRectF]:
    """The four pieces of a rectangle around a hole."""
    return [
        QRectF(whole.left(), whole.top(), whole.width(), hole.top() - whole.top()),
        QRectF(whole.left(), hole.bottom(), whole.width(), whole.bottom() - hole.bottom()),
        QRectF(whole.left(), hole.top(), hole.left() - whole.left(), hole.height()),
        QRectF(hole.right(), hole.top(), whole.right() - hole.right(), hole.height()),
    ]
