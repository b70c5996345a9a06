"""A step from weak to strong: pictures in rows, one row a setting; a click takes one over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.wire import Message
from cvstudio.gui import theme
from cvstudio.gui.augment.variants import VariantPicture, paint_picture, picture_of

_PAD, _GAP, _CAPTION, _TITLE = 16, 8, 24, 22


@dataclass(frozen=True)
class LadderRow:
    """A setting from weak to strong: pictures, what taking each over sets, and which is nearest."""

    title: str
    pictures: tuple[VariantPicture, ...]
    words: tuple[str, ...]
    parameters: tuple[Mapping[str, Any], ...]
    now: int


def rows_of(
    message: Message,
    classes: Mapping[int, LabelClass],
    class_ids: Sequence[int],
    skeletons: Mapping[int, Skeleton],
) -> list[LadderRow]:
    """The rows that an answer to "ladder" holds."""
    return [
        LadderRow(
            told["title"],
            tuple(
                picture_of(
                    message.arrays[f"rung {place} {column}"], rung, classes, class_ids, skeletons,
                    labels=message.arrays.get(f"labels {place} {column}"),
                )
                for column, rung in enumerate(told["rungs"])
            ),
            tuple(rung["words"] for rung in told["rungs"]),
            tuple(rung["parameters"] for rung in told["rungs"]),
            int(told["now"]),
        )
        for place, told in enumerate(message.header["rows"])
    ]  # fmt: skip


class LadderGrid(QWidget):
    """Rows of pictures; arrows move, Enter, Space or a click takes one over."""

    taken = Signal(object)
    """The parameters of the picture that was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[LadderRow] = []
        self.current = (0, 0)
        self.boxes = self.masks = True
        self._words = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(400, 320)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("From weak to strong")

    def set_rows(self, rows: list[LadderRow]) -> None:
        """Show these rows; the place of the keys stays when it still exists."""
        self.rows = rows
        row, column = self.current
        if rows:
            row = min(row, len(rows) - 1)
            self.current = (row, min(column, len(rows[row].pictures) - 1))
        self._tell_reader()
        self.update()

    def clear(self, words: str) -> None:
        """Show nothing but words."""
        self.rows, self._words = [], words
        self.setAccessibleDescription(words)
        self.update()

    def show_shapes(self, *, boxes: bool, masks: bool) -> None:
        """Draw boxes, and masks and polygons, or not."""
        self.boxes, self.masks = boxes, masks
        self.update()

    # -- where things are

    def sizeHint(self) -> QSize:
        return QSize(760, 680)

    @property
    def cell_width(self) -> int:
        """Width of a picture, in px of the screen."""
        columns = max((len(row.pictures) for row in self.rows), default=5)
        return (self.width() - 2 * _PAD - (columns - 1) * _GAP) // columns

    def cell(self, row: int, column: int) -> QRect:
        """The rectangle of a picture with its caption."""
        count = max(len(self.rows), 1)
        width = self.cell_width
        room = (self.height() - 2 * _PAD - (count - 1) * _GAP) // count - _TITLE
        sizes = [p.image.size() for r in self.rows for p in r.pictures]
        shape = max((s.width() / s.height() for s in sizes), default=1.0)
        height = min(room, round(width / shape) + _CAPTION)
        top = _PAD + row * (height + _TITLE + _GAP) + _TITLE
        return QRect(_PAD + column * (width + _GAP), top, width, height)

    def _at(self, event: QMouseEvent | QHelpEvent) -> tuple[int, int] | None:
        point = event.pos() if isinstance(event, QHelpEvent) else event.position().toPoint()
        for row, told in enumerate(self.rows):
            for column in range(len(told.pictures)):
                if self.cell(row, column).contains(point):
                    return row, column
        return None

    # -- events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._at(event)
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self.current = found
            self._take()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if not self.rows or (key not in moves and key not in _TAKE):
            super().keyPressEvent(event)
            return
        if key in _TAKE:
            self._take()
            return
        down, right = moves[key]
        row, column = self.current[0] + down, self.current[1] + right
        if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row].pictures):
            self.current = (row, column)
            self._tell_reader()
            self.update()

    def event(self, event: QEvent) -> bool:
        kind = event.type()
        if (
            kind == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and Qt.Key(event.key()) in _TAKE
            and not event.modifiers()
        ):
            event.accept()  # Space draws new variants elsewhere on the page
            return True
        if kind == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self._at(event)
            if found is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(
                    event.globalPos(), f"{self._words_of(*found)}. Click: take it", self
                )
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _take(self) -> None:
        row, column = self.current
        self.taken.emit(dict(self.rows[row].parameters[column]))

    def _words_of(self, row: int, column: int) -> str:
        told = self.rows[row]
        now = ", nearest to the setting" if column == told.now else ""
        return f"{told.title}: {told.words[column]}{now}, {told.pictures[column].caption}"

    def _tell_reader(self) -> None:
        if self.rows:
            self.setAccessibleDescription(self._words_of(*self.current))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("window"))
        if not self.rows:
            painter.setPen(theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(40, 0, -40, 0), flags, self._words)
            return
        for row, told in enumerate(self.rows):
            first = self.cell(row, 0)
            head = QRect(first.x(), first.y() - _TITLE, self.width() - 2 * _PAD, _TITLE)
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.colour("text"))
            painter.drawText(head, Qt.AlignmentFlag.AlignVCenter, told.title)
            for column, picture in enumerate(told.pictures):
                words, now = told.words[column], told.now == column
                self._paint_cell(painter, (row, column), picture, words, now=now)

    def _paint_cell(
        self, painter: QPainter, place: tuple[int, int], picture: VariantPicture, words: str,
        *, now: bool,
    ) -> None:  # fmt: skip
        area = self.cell(*place)
        if now or (place == self.current and self.hasFocus()):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.colour("selection") if now else Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("focus" if place == self.current else "border"), 1))
            painter.drawRoundedRect(QRectF(area).adjusted(-3.5, -3.5, 3.5, 0.5), 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        room = QRectF(area.x(), area.y(), area.width(), area.height() - _CAPTION)
        paint_picture(painter, room, picture, boxes=self.boxes, masks=self.masks)
        line = QRect(area.x() + 2, area.bottom() - _CAPTION + 2, area.width() - 4, _CAPTION - 4)
        painter.setFont(theme.font("caption"))
        metrics = painter.fontMetrics()
        lost = f"{picture.lost} lost" if picture.lost else ""
        if lost:
            painter.setPen(theme.colour("selectionText" if now else "warning"))
            painter.drawText(
                line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, lost
            )
            line.setRight(line.right() - metrics.horizontalAdvance(lost) - 8)
        painter.setPen(theme.colour("selectionText" if now else "muted"))
        text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, text)


_TAKE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
