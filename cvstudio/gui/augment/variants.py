"""The grid of variants: pictures with their shapes, what was drawn, and what became of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cvstudio.core.annotation import BOXES, LabelClass, Shape, kind_of
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import shape_from_json
from cvstudio.core.wire import Message
from cvstudio.gui import theme
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.gui.widgets.overlay import FILL, OverlayItem, edges_of, mask_layer, paint_items
from cvstudio.gui.widgets.pixels import to_image

COLUMNS = ROWS = 3
_PAD, _GAP, _CAPTION = 16, 12, 26
_IGNORED = 255


@dataclass(frozen=True)
class VariantPicture:
    """One cell: a picture of `size` px, its shapes in those pixels, and words.

    `layer` shows masks or the label map; `kept`, `lost` count objects, `counted` is False where
    nothing is counted (classify).
    """

    image: QImage
    items: tuple[OverlayItem, ...]
    layer: QImage | None
    caption: str
    kept: int = 0
    lost: int = 0
    counted: bool = True


def pictures_of(
    message: Message,
    classes: Mapping[int, LabelClass],
    class_ids: Sequence[int],
    skeletons: Mapping[int, Skeleton],
) -> list[VariantPicture]:
    """The cells that an answer to "augment" holds; `class_ids` are those of its shapes."""
    return [
        picture_of(
            message.arrays[f"variant {number}"], told, classes, class_ids, skeletons,
            labels=message.arrays.get(f"labels {number}"),
        )
        for number, told in enumerate(message.header["variants"])
    ]  # fmt: skip


def picture_of(
    rgb: NDArray[np.uint8],
    told: Mapping[str, Any],
    classes: Mapping[int, LabelClass],
    class_ids: Sequence[int],
    skeletons: Mapping[int, Skeleton],
    *,
    labels: NDArray[np.uint8] | None,
) -> VariantPicture:
    """One cell: a variant's pixels, what was told of it, and its label map where it has one."""
    shapes = [shape_from_json(item) for item in told["shapes"]]
    items = items_of(shapes, class_ids, classes, skeletons) if labels is None else ()
    lost = sum(outcome in ("lost", "degenerate") for outcome in told["outcomes"])
    return VariantPicture(
        image=to_image(rgb),
        items=items,
        layer=label_layer(labels, [c.colour for c in classes.values()])
        if labels is not None
        else mask_layer(items, rgb.shape[1], rgb.shape[0], longest=max(rgb.shape)),
        caption=told["caption"],
        kept=len(shapes) - lost,
        lost=lost,
        counted=bool(shapes),
    )


def items_of(
    shapes: Sequence[Shape],
    class_ids: Sequence[int],
    classes: Mapping[int, LabelClass],
    skeletons: Mapping[int, Skeleton],
) -> tuple[OverlayItem, ...]:
    """Shapes in the colours of their classes, keypoints joined; lost ones are left out."""
    return tuple(
        OverlayItem(shape, classes[class_id].colour, edges=edges_of(shape, skeletons.get(class_id)))
        for shape, class_id in zip(shapes, class_ids, strict=True)
        if shape is not None and class_id in classes
    )


def label_layer(labels: NDArray[np.uint8], colours: Sequence[str]) -> QImage:
    """A label map (0 background, then classes in their order) as tints with outlines."""
    table = np.zeros((256, 4), np.uint8)
    for index, colour in enumerate(colours[:_IGNORED], start=1):
        table[index, :3] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        table[index, 3] = round(255 * FILL)
    layer = table[labels]
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    layer[edge & (labels > 0) & (labels != _IGNORED), 3] = 255
    return to_image(layer)


class VariantGrid(QWidget):
    """Three by three variants; arrow keys and clicks choose one."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._pictures: list[VariantPicture] = []
        self._original: VariantPicture | None = None
        self._show_original = False
        self._words = ""
        self.selected = -1
        self.boxes = self.masks = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(400, 320)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Variants")

    @property
    def pictures(self) -> list[VariantPicture]:
        return self._pictures

    def set_pictures(self, pictures: list[VariantPicture], original: VariantPicture | None) -> None:
        """Show these variants; the chosen place stays chosen."""
        self._pictures, self._original, self._words = pictures, original, ""
        if self.selected >= len(pictures):
            self.selected = -1
        self.update()

    def set_words(self, words: str) -> None:
        """Say why there is nothing (new) to see; shown only while the grid is empty."""
        self._words = words
        self.update()

    def clear(self, words: str = "") -> None:
        """Show nothing but words."""
        self._pictures, self._original, self._words, self.selected = [], None, words, -1
        self.update()

    def show_shapes(self, *, boxes: bool, masks: bool) -> None:
        """Draw boxes, and masks and polygons, or not."""
        self.boxes, self.masks = boxes, masks
        self.update()

    def show_original(self, on: bool) -> None:
        """Show the untouched image in every cell, to compare."""
        if on != self._show_original:
            self._show_original = on
            self.update()

    def select(self, number: int) -> None:
        """Choose a variant by its place; -1 none."""
        if number != self.selected:
            self.selected = number
            self.update()
            self.chosen.emit(number)

    # -- where things are

    def sizeHint(self) -> QSize:
        return QSize(760, 680)

    def cell(self, number: int) -> QRect:
        """The rectangle of a cell, with its caption."""
        width = (self.width() - 2 * _PAD - (COLUMNS - 1) * _GAP) // COLUMNS
        height = (self.height() - 2 * _PAD - (ROWS - 1) * _GAP) // ROWS
        # Cells are as high as the pictures need, so that captions stay with them.
        shape = self._shape()
        if shape is not None:
            height = min(height, round(width / shape) + _CAPTION)
        row, column = divmod(number, COLUMNS)
        return QRect(_PAD + column * (width + _GAP), _PAD + row * (height + _GAP), width, height)

    def _shape(self) -> float | None:
        """Width over height of the widest picture."""
        sizes = [p.image.size() for p in self._pictures]
        return max((s.width() / s.height() for s in sizes), default=None)

    def _at(self, event: QMouseEvent | QHelpEvent) -> int:
        point = event.pos() if isinstance(event, QHelpEvent) else event.position().toPoint()
        for number in range(len(self._pictures)):
            if self.cell(number).contains(point):
                return number
        return -1

    # -- events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            number = self._at(event)
            self.select(-1 if number == self.selected else number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -COLUMNS, Qt.Key.Key_Down: COLUMNS,
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None or not self._pictures:
            super().keyPressEvent(event)
            return
        wanted = max(self.selected, 0) + (step if self.selected >= 0 else 0)
        if 0 <= wanted < len(self._pictures):
            self.select(wanted)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self._at(event)
            if number >= 0:
                caption = self._pictures[number].caption
                QToolTip.showText(event.globalPos(), f"Variant {number + 1}: {caption}", self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("window"))
        if not self._pictures:
            painter.setPen(theme.colour("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._words)
            return
        for number, picture in enumerate(self._pictures):
            self._paint_cell(painter, number, picture)

    def _paint_cell(self, painter: QPainter, number: int, picture: VariantPicture) -> None:
        area = self.cell(number)
        chosen = number == self.selected
        if chosen:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.colour("selection"))
            painter.setPen(QPen(theme.colour("focus"), 1))
            frame = QRectF(area).adjusted(-3.5, -3.5, 3.5, 1.5)
            painter.drawRoundedRect(frame, 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        shown = self._original if self._show_original and self._original else picture
        room = QRectF(area.x(), area.y(), area.width(), area.height() - _CAPTION)
        paint_picture(painter, room, shown, boxes=self.boxes, masks=self.masks)
        self._paint_words(painter, area, picture, chosen)

    def _paint_words(
        self, painter: QPainter, area: QRect, picture: VariantPicture, chosen: bool
    ) -> None:
        line = QRect(area.x(), area.bottom() - _CAPTION + 3, area.width(), _CAPTION - 4)
        painter.setFont(theme.font("caption"))
        metrics = painter.fontMetrics()
        upright = Qt.AlignmentFlag.AlignVCenter
        used = 0
        if picture.counted:
            bad = picture.lost > 0
            text = f"{picture.lost} lost" if bad else f"{picture.kept} kept"
            role = "warning" if bad else "selectionText" if chosen else "muted"
            painter.setPen(theme.colour(role if not (bad and chosen) else "selectionText"))
            painter.drawText(
                line.adjusted(0, 0, -2, 0), Qt.AlignmentFlag.AlignRight | upright, text
            )
            used = metrics.horizontalAdvance(text) + 10
            if bad:
                x = line.right() - used - 10
                paint_icon(painter, "alert-outline", QRect(x, line.y(), 16, line.height()), role)
                used += 22
        painter.setPen(theme.colour("selectionText" if chosen else "muted"))
        words = line.adjusted(2, 0, -used - 4, 0)
        text = metrics.elidedText(picture.caption, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, upright, text)


def paint_picture(
    painter: QPainter, room: QRectF, picture: VariantPicture, *, boxes: bool, masks: bool
) -> None:
    """A picture in the middle of the room, with its shapes."""
    size = QSizeF(picture.image.size())
    fitted = size.scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRectF(
        round(room.center().x() - fitted.width() / 2),
        round(room.y()),
        round(fitted.width()),
        round(fitted.height()),
    )
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(target, picture.image)
    if masks and picture.layer is not None:
        painter.drawImage(target, picture.layer)
    items = [i for i in picture.items if (boxes if kind_of(i.shape) in BOXES else masks)]
    paint_items(painter, target, size, items)
