"""The picture beside the mouse: which image, or object, the point under it is."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from cvstudio.core.geometry import Box
from cvstudio.gui import theme
from cvstudio.gui.thumbnails import Thumbnails
from cvstudio.project.records import ImageRecord

_SIDE, _PAD, _AWAY = 168, 8, 16


class Peek(QFrame):
    """Hidden while no point is under the mouse."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        theme.mark(self, card=True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._thumbnails = thumbnails
        self._record: ImageRecord | None = None
        self._box: Box | None = None
        self.words = ""
        """What is said under the picture."""
        thumbnails.ready.connect(self._came)
        self.hide()

    def show_image(self, record: ImageRecord, box: Box | None, words: str, place: QPoint) -> None:
        """Show an image, and a box on it, beside a place of the parent."""
        self._record, self._box, self.words = record, box, words
        self.setFixedSize(_SIDE + 2 * _PAD, _SIDE + 2 * _PAD + 2 * self._line())
        parent = self.parentWidget()
        assert parent is not None  # it is made with one
        x = place.x() + _AWAY
        if x + self.width() > parent.width():
            x = place.x() - _AWAY - self.width()
        y = min(max(place.y() - self.height() // 2, 0), max(parent.height() - self.height(), 0))
        self.move(max(x, 0), y)
        self.show()
        self.raise_()
        self.update()

    def _line(self) -> int:
        return self.fontMetrics().height() + 2

    def _came(self, ids: list[int]) -> None:
        if self._record is not None and self._record.id in ids:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        record = self._record
        if record is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        room = QRect(_PAD, _PAD, _SIDE, _SIDE)
        picture = self._thumbnails.picture(record)
        if picture is None:
            painter.fillRect(room, theme.colour("raised"))
        else:
            size = picture.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(room.topLeft(), size)
            target.moveCenter(room.center())
            painter.drawImage(target, picture)
            self._paint_box(painter, target, record)
        words = QRect(_PAD, _PAD + _SIDE + 2, _SIDE, self._line())
        for text, role in ((record.title, "text"), (self.words, "muted")):
            painter.setPen(theme.colour(role))
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, _SIDE)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, shown)
            words.translate(0, self._line())

    def _paint_box(self, painter: QPainter, target: QRect, record: ImageRecord) -> None:
        box = self._box
        if box is None:
            return
        x, y = target.width() / record.width, target.height() / record.height
        place = QRectF(box.x * x, box.y * y, box.w * x, box.h * y).translated(target.topLeft())
        for role, width in (("canvas", 4), ("focus", 2)):
            painter.setPen(QPen(theme.colour(role), width))
            painter.drawRect(place)
