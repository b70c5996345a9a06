"""Where the image lies on the screen: a scale and a corner. No widget, nothing is painted."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize

from cvstudio.core.geometry import Box

LARGEST_SCALE = 64.0
_STEP = 1.2  # zoom of one step of the wheel
_MARGIN = 24  # px around an image that fits
_KEPT = 48  # px of the image that stay in sight


class Camera:
    """Maps between pixels of the image and pixels of a viewport, whose size `room` tells.

    Whoever changes `size`, which is that of the image, says afterwards where to look.
    """

    def __init__(self, room: Callable[[], QSize]) -> None:
        self._room = room
        self.scale = 1.0
        """Screen pixels per pixel of the image."""
        self.corner = QPointF(0, 0)
        """Where the image begins in the viewport; whole pixels."""
        self.fits = True
        """Whether the whole image is shown, and is to be when the room changes."""
        self.size = (0, 0)

    @property
    def room(self) -> QSize:
        """The size of the viewport now."""
        return self._room()

    def to_screen(self, x: float, y: float) -> QPointF:
        """A point of the image in pixels of the viewport."""
        return QPointF(self.corner.x() + x * self.scale, self.corner.y() + y * self.scale)

    def to_image(self, point: QPointF) -> tuple[float, float]:
        """A point of the viewport in pixels of the image."""
        return (
            (point.x() - self.corner.x()) / self.scale,
            (point.y() - self.corner.y()) / self.scale,
        )

    def visible(self) -> QRectF:
        """The part of the image's plane that the viewport shows."""
        x, y = self.to_image(QPointF(0, 0))
        room = self.room
        return QRectF(x, y, room.width() / self.scale, room.height() / self.scale)

    def fit(self) -> bool:
        """Show the whole image; False while there is none."""
        self.fits = True
        width, height = self.size
        if not width or not height:
            return False
        room = self.room
        across = max(room.width() - 2 * _MARGIN, 16) / width
        down = max(room.height() - 2 * _MARGIN, 16) / height
        self.scale = min(across, down, LARGEST_SCALE)
        self._centre_on(width / 2, height / 2)
        return True

    def zoom_to(self, scale: float, at: QPointF) -> None:
        """Set the scale; what lies at this point of the viewport stays there."""
        width, height = self.size
        smallest = min(16 / max(width, height, 1), 1.0)
        scale = min(max(scale, smallest), LARGEST_SCALE)
        x, y = self.to_image(at)
        self.fits = False
        self.scale = scale
        self.move_to(QPointF(at.x() - x * scale, at.y() - y * scale))

    def zoom_by(self, steps: float, at: QPointF) -> None:
        """Come closer or go away by steps of the wheel."""
        self.zoom_to(self.scale * _STEP**steps, at)

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by screen pixels."""
        self.fits = False
        self.move_to(self.corner + QPointF(dx, dy))

    def show_box(self, box: Box) -> None:
        """Zoom to an object with what is around it: it takes about a third of the viewport."""
        room = self.room
        side = max(box.w / max(room.width(), 1), box.h / max(room.height(), 1), 1e-6)
        scale = min(max(1 / (3 * side), 0.02), 8.0)
        self.fit()
        if scale <= self.scale:
            return  # it is so large that the whole image shows it better
        self.fits = False
        self.scale = scale
        self._centre_on(box.x + box.w / 2, box.y + box.h / 2)

    def _centre_on(self, x: float, y: float) -> None:
        room = self.room
        self.move_to(QPointF(room.width() / 2 - x * self.scale, room.height() / 2 - y * self.scale))

    def move_to(self, corner: QPointF) -> None:
        """Put the image's corner somewhere, on whole screen pixels, and not out of sight."""
        (width, height), room = self.size, self.room
        low_x, high_x = _KEPT - width * self.scale, room.width() - _KEPT
        low_y, high_y = _KEPT - height * self.scale, room.height() - _KEPT
        x = min(max(corner.x(), min(low_x, high_x)), max(low_x, high_x))
        y = min(max(corner.y(), min(low_y, high_y)), max(low_y, high_y))
        self.corner = QPointF(round(x), round(y))
